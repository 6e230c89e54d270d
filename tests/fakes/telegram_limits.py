"""How fast a bot may speak, by Telegram's FAQ: 30 messages a second, one in a private chat, 20 a minute in a group.

A pause that was asked for (`retry_after`) holds until it is over: whoever comes before is refused again, and noted.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from fakes.telegram_schema import Refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """Each as (messages, seconds). *scale* 10 allows ten times as much: for runs that have no hours."""

    overall: tuple[int, float] = (30, 1.0)
    private: tuple[int, float] = (3, 3.0)  # one a second, and a little burst
    group: tuple[int, float] = (20, 60.0)
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A call that came *early* seconds before the pause of *where* was over."""

    method: str
    where: str
    early: float


def too_many(retry_after: int) -> Refusal:
    return Refusal(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


class Flood:
    """Who said how much lately, and who has to wait. *limits* None: no limits, only pauses."""

    def __init__(self, clock: Callable[[], float], limits: Limits | None) -> None:
        self.limits = limits
        self.violations: list[Violation] = []
        self._clock = clock
        self._spoken: dict[int | None, deque[float]] = defaultdict(deque)
        self._pauses: dict[str, float] = {}

    def pause(self, method: str, chat: int | None, seconds: float) -> None:
        """From now on calls for *chat*, or without one those of *method*, have to wait."""
        self._pauses[_place(method, chat)] = self._clock() + seconds

    def check(self, method: str, chat: int | None) -> None:
        """Whether this call must wait. Raises :class:`~fakes.telegram_schema.Refusal` 429."""
        where = _place(method, chat)
        left = self._pauses.get(where, 0.0) - self._clock()
        if left > 0:
            self.violations.append(Violation(method, where, left))
            raise too_many(math.ceil(left))

    def count(self, chat: int) -> None:
        """A message for *chat*. Raises :class:`~fakes.telegram_schema.Refusal` 429 where there were enough."""
        if self.limits is None:
            return
        own = self.limits.private if chat > 0 else self.limits.group
        now = self._clock()
        for key, (number, seconds) in ((chat, own), (None, self.limits.overall)):
            window = seconds / self.limits.scale
            spoken = self._spoken[key]
            while spoken and spoken[0] <= now - window:
                spoken.popleft()
            if len(spoken) >= number:
                wait = max(1, math.ceil(spoken[0] + window - now))
                self.pause("", chat, wait)
                raise too_many(wait)
        for key in (chat, None):
            self._spoken[key].append(now)


def _place(method: str, chat: int | None) -> str:
    return method if chat is None else str(chat)
