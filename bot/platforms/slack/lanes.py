"""Order: one thing after the other for a person, people beside each other, and no more at once than can be carried."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

WIDTH = 64
"""People who are answered at once."""

ROOM = 2000
"""Things that wait, over all lanes; what comes then has to come again."""

logger = logging.getLogger(__name__)


class Lanes:
    """Does what is put in, each in its lane."""

    def __init__(self, *, width: int = WIDTH, room: int = ROOM) -> None:
        self._width = asyncio.Semaphore(width)
        self._room = room
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        """Whether there is no room for anything."""
        return len(self._tasks) >= self._room

    def put(self, lane: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work*, which raises nothing, after what was put into *lane* before."""
        task = asyncio.create_task(self._do(lane, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way, and break off what takes longer."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in (left := set(self._tasks)):
            task.cancel()
        if left:
            logger.warning("answers broken off at the end n=%s", len(left))
            await asyncio.wait(left, timeout=1.0)

    async def _do(self, lane: str, work: Callable[[], Awaitable[None]]) -> None:
        if (lock := self._locks.get(lane)) is None:
            lock = self._locks[lane] = asyncio.Lock()  # lives as long as somebody waits for it
        async with lock, self._width:
            await work()
