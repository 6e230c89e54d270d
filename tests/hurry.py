"""Time that goes by faster than it does, for everybody alike: what takes a day's pace is too long for a test."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any

SPEED = 2
"""How much faster."""


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop on real sockets whose seconds are short."""

    class _Selector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> Any:
            return super().select(timeout / SPEED if timeout else timeout)

    def __init__(self) -> None:
        super().__init__(self._Selector())

    def time(self) -> float:
        return super().time() * SPEED


def hurried_clock() -> Callable[[], float]:
    """Seconds since 1970 that are as short."""
    began, since = time.time(), time.monotonic()
    return lambda: began + (time.monotonic() - since) * SPEED
