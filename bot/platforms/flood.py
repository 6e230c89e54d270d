"""Whoever asks too fast is told so once, then not answered for a while. Each process counts what comes to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cachetools import LRUCache, TTLCache

Verdict = Literal["answer", "slow-down", "silence"]

BUTTON = 0.25
"""A button counts a quarter of a command: paging is quick."""

KEPT = 50_000
"""Buckets that are remembered, the least used forgotten first: what strangers can make us keep has a limit."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many commands in so many seconds."""

    commands: float
    seconds: float


USER = Rate(30, 10)
CHAT = Rate(60, 60)
TOLD_EVERY = 60.0


class Flood:
    """Token buckets per user and per chat. *clock* counts seconds."""

    def __init__(
        self, *, user: Rate = USER, chat: Rate = CHAT, kept: int = KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = {"user": user, "chat": chat}
        self._clock = clock
        # Name of a bucket -> (what was in it, when).
        self._buckets: LRUCache[str, tuple[float, float]] = LRUCache(kept)
        self._told: TTLCache[str, bool] = TTLCache(kept, TOLD_EVERY, timer=clock)

    def judge(self, user: str, chat: str, cost: float = 1.0) -> Verdict:
        """What to do about one command of *user* in *chat*; an empty name has no bucket. A refusal costs nothing."""
        now = self._clock()
        asked = {f"{kind} {name}": self._rates[kind] for kind, name in (("user", user), ("chat", chat)) if name}
        held = {name: self._held(name, rate, now) for name, rate in asked.items()}
        short = [name for name, there in held.items() if there < cost]
        if not short:
            for name, there in held.items():
                self._buckets[name] = (there - cost, now)
            return "answer"
        if any(name in self._told for name in short):
            return "silence"
        self._told.update(dict.fromkeys(short, True))
        return "slow-down"

    def _held(self, name: str, rate: Rate, now: float) -> float:
        there, since = self._buckets.get(name, (rate.commands, now))
        return min(rate.commands, there + (now - since) * rate.commands / rate.seconds)
