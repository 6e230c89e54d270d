"""Wait for a database no longer than a reader does for an answer. What hangs is left behind, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from bot.errors import StoreUnreachable

T = TypeVar("T")

MOST_HANGING = 4
"""Calls that are waited for in vain before nobody tries any more: each holds a connection until it gives up."""


def in_thread(call: Callable[[], T]) -> Future[T]:
    """What *call* will give. Its thread is a daemon: what waits for a database must not keep a program from ending."""
    future: Future[T] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, daemon=True, name="store").start()
    return future


class Patience:
    """Waits for calls to a store for up to *seconds* each. Safe to use from several threads."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._hanging: set[Future[Any]] = set()

    def wait(self, call: Callable[[], T]) -> T:
        """What *call* gives. Raises StoreUnreachable where that takes longer; what it writes after that stays written.

        So it suits what only reads, and what may happen late.
        """
        if len(self._hanging) >= MOST_HANGING:
            raise StoreUnreachable("it answers nobody")
        future = in_thread(call)
        try:
            return future.result(self.seconds)
        except TimeoutError:
            if future.done():  # just now, or with a time-out of its own
                return future.result()
            self._hanging.add(future)
            future.add_done_callback(self._hanging.discard)
            raise StoreUnreachable(f"no answer within {self.seconds:g} s") from None
