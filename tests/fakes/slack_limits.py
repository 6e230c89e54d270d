"""How fast a bot may speak, by Slack's documentation: a message a second in each channel, and a tier for each method.

Short bursts pass, says Slack, and not how long; here it is *burst* messages. A pause that was asked for (`Retry-After`)
holds until it is over: whoever comes before is refused again, and noted.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from fakes.slack_schema import METHODS, Refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """*burst* messages in as many seconds in a channel. *scale* 10 allows ten times as much, for runs without hours.

    *tiers*: whether the calls of each method are counted too.
    """

    burst: int = 3
    tiers: bool = True
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A call that came *early* seconds before the pause of *where* was over."""

    method: str
    where: str
    early: float


def too_many(retry_after: int) -> Refusal:
    return Refusal("ratelimited", status=429, retry_after=retry_after)


class Flood:
    """Who said how much lately, and who has to wait. *limits* None: no limits, only pauses."""

    def __init__(self, clock: Callable[[], float], limits: Limits | None) -> None:
        self.limits = limits
        self.violations: list[Violation] = []
        self._clock = clock
        self._lately: dict[str, deque[float]] = defaultdict(deque)
        self._pauses: dict[str, float] = {}

    def pause(self, method: str, channel: str, seconds: float) -> None:
        """From now on the calls of *method*, or where it speaks those for *channel*, have to wait."""
        self._pauses[_place(method, channel)] = self._clock() + seconds

    def check(self, method: str, channel: str) -> None:
        """Whether this call must wait. Raises :class:`~fakes.slack_schema.Refusal` 429."""
        where = _place(method, channel)
        left = self._pauses.get(where, 0.0) - self._clock()
        if left > 0:
            self.violations.append(Violation(method, where, left))
            raise too_many(math.ceil(left))

    def count(self, method: str, team: str, channel: str) -> None:
        """A call of *team*'s bot. Raises :class:`~fakes.slack_schema.Refusal` 429 where there were enough."""
        if self.limits is None:
            return
        if method == "chat.postMessage":
            self._count(method, channel, _place(method, channel), self.limits.burst, float(self.limits.burst))
        elif self.limits.tiers and method in METHODS:
            self._count(method, channel, f"{team} {method}", METHODS[method].tier, 60.0)

    def _count(self, method: str, channel: str, key: str, most: int, seconds: float) -> None:
        assert self.limits is not None
        now, window, lately = self._clock(), seconds / self.limits.scale, self._lately[key]
        while lately and lately[0] <= now - window:
            lately.popleft()
        if len(lately) >= most:
            wait = max(1, math.ceil(lately[0] + window - now))
            self.pause(method, channel, wait)
            raise too_many(wait)
        lately.append(now)


def _place(method: str, channel: str) -> str:
    return channel if method == "chat.postMessage" and channel else method
