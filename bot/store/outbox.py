"""The outbox as rows: claim, begin, settle. Each is one transaction over many messages, and fenced by its owner.

    pending ──claim──▶ claimed ──begin──▶ sending ──settle──▶ sent | retry | uncertain | dead
       ▲                  │ lease ran out     │ lease ran out
       └──────────────────┘                   └──▶ retry, marked doubtful, once; else uncertain

What a platform's answer means is not decided here: a `Settlement` says what to write down (`bot.delivery.verdict`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from bot.store import buckets, claiming, settling
from bot.store.buckets import Rate
from bot.store.database import Database
from bot.store.settlement import Claim, OnUncertain, Rescued, Settlement


class OutboxRows:
    """The deliveries' rows, for one process called *owner*."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = database.now
        self._claims = count(1)

    def claim(
        self, owner: str, platform: str, rate: Rate, wanted: int, clock: Callable[[], float] = time.monotonic
    ) -> tuple[Claim, ...]:
        """Up to *wanted* messages of a platform, the longest waiting first: one a chat, at their pace by *clock*."""
        if not self._database.read(lambda c: claiming.waits(c, platform, self._now(c))):
            return ()
        # Each claim has an owner of its own: what a process lost and got back is not taken for what it lost.
        token = f"{owner}/{next(self._claims)}"
        try:
            return self._database.write(
                lambda c: claiming.claim(c, token, platform, rate, wanted, *self._both(c, clock))
            )
        except IntegrityError:  # a second message of one chat: another process was quicker; next time, then
            return ()

    def begin(self, claims: Sequence[Claim]) -> frozenset[int]:
        """Write down that these are being sent, before they are; the ids of those that may be.

        What another process took over meanwhile is not among them, nor what is blocked by now: that is given back.
        """
        return self._database.write(lambda c: claiming.begin(c, claims, self._now(c)))

    def settle(self, settlements: Sequence[Settlement]) -> frozenset[int]:
        """Write down what happened; the ids of those that were still ours to settle."""
        return self._database.write(lambda c: settling.settle(c, settlements, self._now(c)))

    def release(self, claims: Sequence[Claim]) -> int:
        """Give back what was claimed and not begun."""
        return self._database.write(lambda c: claiming.release(c, claims)) if claims else 0

    def write(
        self, begins: Sequence[Claim], settlements: Sequence[Settlement]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """`begin` and `settle` together: one commit for what several messages wait for."""

        def both(c: Connection) -> tuple[frozenset[int], frozenset[int]]:
            now = self._now(c)
            return claiming.begin(c, begins, now), settling.settle(c, settlements, now)

        return self._database.write(both)

    def rescue(self, policy: OnUncertain) -> Rescued:
        """Free what processes held that are no more."""
        if not self._database.read(lambda c: settling.strays(c, self._now(c))):
            return Rescued()
        return self._database.write(lambda c: settling.rescue(c, policy, self._now(c)))

    def resolve(self, how: Literal["sent", "resend"], ids: Collection[int] | None = None) -> int:
        """Settle uncertain deliveries, all or those of *ids*, as somebody found out; how many."""
        return self._database.write(lambda c: settling.resolve(c, how, ids, self._now(c)))

    def start(self, bucket: str) -> bool:
        """A good token is here: what was stopped goes on. Whether it was."""
        return self._database.write(lambda c: buckets.start(c, bucket))

    def closed(self) -> dict[str, str]:
        """Bots and workspaces that may send nothing now, and why."""
        return self._database.read(lambda c: buckets.closed(c, self._now(c)))

    def _both(self, c: Connection, clock: Callable[[], float]) -> tuple[float, float]:
        """What the database's clock and *clock* show at one moment, however long the transaction takes besides."""
        before = clock()
        now = self._now(c)
        return now, (before + clock()) / 2
