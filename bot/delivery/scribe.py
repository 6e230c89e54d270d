"""Write down, in one commit, what several messages wait for: that they are being sent, and what came of it.

Each message still has its own `sending` before its call and its own outcome after it; a disk that can sync a thousand
times a second just serves more of them at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from bot.errors import StoreError
from bot.store.outbox import OutboxRows
from bot.store.settlement import LEASE, Claim, Settlement

logger = logging.getLogger(__name__)
T = TypeVar("T")

BATCH = 200
PAUSE = 0.5
"""Seconds between two tries while the database cannot be reached."""

Call: TypeAlias = Callable[[Callable[[], T]], Awaitable[T]]
"""How a synchronous call is made without holding up the others: `asyncio.to_thread`."""


class Scribe:
    """Collects begins and settlements; whoever asked waits until theirs is committed."""

    def __init__(self, rows: OutboxRows, call: Call) -> None:  # type: ignore[type-arg]
        self._rows = rows
        self._call = call
        self._begins: list[tuple[Claim, asyncio.Future[bool], float]] = []
        self._settlements: list[tuple[Settlement, asyncio.Future[bool]]] = []
        self._work = asyncio.Event()

    async def begin(self, claim: Claim) -> bool:
        """Whether it is written down that this one is being sent, so that it may be."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._begins.append((claim, future, loop.time()))
        self._work.set()
        return await future

    async def settle(self, settlement: Settlement) -> bool:
        """Returns once the outcome is written down, however long the database is away; whether it was still ours."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._settlements.append((settlement, future))
        self._work.set()
        return await future

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._begins or self._settlements:
                if not await self._write():
                    await asyncio.sleep(PAUSE)

    async def _write(self) -> bool:
        self._give_up_old_begins()
        begins, settlements = self._begins[:BATCH], self._settlements[:BATCH]
        claims, outcomes = [claim for claim, *_ in begins], [one for one, _ in settlements]
        try:
            begun, settled = await self._call(lambda: self._rows.write(claims, outcomes))
        except StoreError as error:
            logger.warning("outcomes not written: %s; kept=%s", error, len(settlements))
            return False
        del self._begins[: len(begins)], self._settlements[: len(settlements)]
        for claim, future, _ in begins:
            _answer(future, claim.id in begun)
        for settlement, future in settlements:
            _answer(future, settlement.claim.id in settled)
        return True

    def _give_up_old_begins(self) -> None:
        """Another process may have taken what could not be begun for half a lease; an outcome is never given up."""
        oldest = asyncio.get_running_loop().time() - LEASE / 2
        for _, future, asked in self._begins:
            if asked < oldest:
                _answer(future, False)
        self._begins = [entry for entry in self._begins if entry[2] >= oldest]


def _answer(future: asyncio.Future[bool], answer: bool) -> None:
    if not future.done():
        future.set_result(answer)
