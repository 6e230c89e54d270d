"""Order: one update after the other in a chat, chats beside each other, and no more at once than can be carried."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from bot.platforms.telegram.wire import Update

WIDTH = 64
"""Chats that are answered at once."""

ROOM = 2000
"""Updates that wait, over all chats; who brings more has to come again."""

logger = logging.getLogger(__name__)


class Lanes:
    """Does *work* for every update that is put in. *work* raises nothing."""

    def __init__(self, work: Callable[[Update], Awaitable[None]], *, width: int = WIDTH, room: int = ROOM) -> None:
        self._work = work
        self._width = asyncio.Semaphore(width)
        self._room = room
        self._held = 0
        self._lanes: dict[int, deque[Update]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()

    def put(self, update: Update) -> bool:
        """Take *update*, unless there is no room for it."""
        if self._held >= self._room:
            return False
        self._held += 1
        if (lane := self._lanes.get(update.lane)) is not None:
            lane.append(update)
            return True
        self._lanes[update.lane] = deque((update,))
        task = asyncio.create_task(self._drive(update.lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def take(self, update: Update) -> None:
        """Take *update* as soon as there is room."""
        while not self.put(update):
            self._moved.clear()
            await self._moved.wait()

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way, and break off what takes longer."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in (left := set(self._tasks)):
            task.cancel()
        if left:
            logger.warning("updates broken off at the end n=%s", self._held)
            await asyncio.wait(left, timeout=1.0)

    async def _drive(self, number: int) -> None:
        lane = self._lanes[number]
        while lane:
            async with self._width:
                try:
                    await self._work(lane[0])
                finally:
                    lane.popleft()
                    self._held -= 1
                    self._moved.set()
        del self._lanes[number]
