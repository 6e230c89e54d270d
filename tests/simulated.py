"""Time that passes when everybody waits: hours of delivery in a moment, and always the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_dead: list[Any] = []  # held, because a task that is collected cleans up after itself


class Clock:
    """Seconds since 1970 for a store, moved by a simulated event loop or by hand."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class _Selector(selectors.DefaultSelector):
    """Where a loop would wait for *timeout*, this moves the clock on."""

    clock: Clock

    def select(self, timeout: float | None = None) -> Any:
        if found := super().select(0):
            return found
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.clock.now += timeout
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop on simulated time."""

    def __init__(self, clock: Clock) -> None:
        selector = _Selector()
        selector.clock = clock
        self._simulated = clock
        super().__init__(selector)
        # Seconds since 1970 leave a float no nanoseconds: a timer that is nearer than it can tell is due.
        self._clock_resolution = 1e-6
        self.held: set[asyncio.Task[Any]] = set()
        self.set_task_factory(_hold)

    def time(self) -> float:
        return self._simulated.now


def _hold(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """asyncio forgets a task that waits for nothing that anybody else knows; a dead process does just that."""
    assert isinstance(loop, Loop)
    task = asyncio.Task(work, loop=loop, **options)
    loop.held.add(task)
    task.add_done_callback(loop.held.discard)
    return task


def run(clock: Clock, work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end on *clock*. Tasks that it leaves are dead where they stand, as after `kill -9`."""
    loop = Loop(clock)
    try:
        return loop.run_until_complete(work)
    finally:
        _dead.extend(loop.held)
        loop.close()


async def at_once(work: Callable[[], T]) -> T:
    """A store's call without a thread: simulated time cannot wait for one."""
    return work()


Call = Callable[[Callable[[], Any]], Awaitable[Any]]
