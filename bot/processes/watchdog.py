"""Notices when the event loop is held: as long as one call does not return, nobody is heard, answered or sent to."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType

BEAT = 0.25
"""Seconds between two beats of a loop that is free."""

HELD = 1.0
"""Seconds for which a loop may be held before that is told."""

LATELY = 60.0
"""Seconds for which the longest hold is remembered."""

OURS = Path(__file__).parent.parent
DEPTH = 12
"""Calls that are told of what holds the loop, where none of ours is among them."""

logger = logging.getLogger(__name__)


class Watchdog:
    """Measures in the loop how late it is, and looks on from a thread what is holding it."""

    def __init__(self, *, held: float = HELD, beat: float = BEAT) -> None:
        self._held = held
        self._pause = beat
        self._beat: float | None = None
        self._holds: deque[tuple[float, float]] = deque()  # when it ended, and how long it was
        self._where = ""
        self._stopped = asyncio.Event()
        self._ended = threading.Event()

    def lag(self) -> float:
        """For how many seconds the loop was held at the longest in the last minute. Asked in the loop."""
        now = asyncio.get_running_loop().time()
        while self._holds and self._holds[0][0] < now - LATELY:
            self._holds.popleft()
        return max((seconds for _, seconds in self._holds), default=0.0)

    def stop(self) -> None:
        """Look no longer."""
        self._stopped.set()

    async def run(self) -> None:
        """Watch until `stop`."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()
        self._beat = loop.time()
        looking = threading.Thread(target=self._look, args=(loop.time, thread), name="watchdog", daemon=True)
        looking.start()
        try:
            while not self._stopped.is_set():
                try:
                    await asyncio.wait_for(self._stopped.wait(), self._pause)
                except TimeoutError:
                    self._measure(loop.time())
        finally:
            self._ended.set()

    def _measure(self, now: float) -> None:
        assert self._beat is not None
        late = max(0.0, now - self._beat - self._pause)
        self._holds.append((now, late))
        if late > self._held:
            logger.warning("event loop held seconds=%.1f in=%s", late, self._where or "?")
        self._beat, self._where = now, ""

    def _look(self, time: Callable[[], float], thread: int) -> None:
        """Note where the loop's *thread* is while it is held: when it is free again, nobody can tell."""
        while not self._ended.wait(self._pause):
            if self._beat is None or self._where or time() - self._beat < self._pause + self._held:
                continue
            if (frame := sys._current_frames().get(thread)) is not None:  # noqa: SLF001 - documented
                self._where = _shown(frame)


def _shown(frame: FrameType) -> str:
    """Where *frame* is, and who called it, as far as the first of ours: ``re.py:7 findall, search.py:120 build``."""
    found: list[str] = []
    at: FrameType | None = frame
    while at is not None and len(found) < DEPTH:
        file = Path(at.f_code.co_filename)
        found.append(f"{file.name}:{at.f_lineno} {at.f_code.co_name}")
        if file.is_relative_to(OURS):
            break
        at = at.f_back
    return ", ".join(found)
