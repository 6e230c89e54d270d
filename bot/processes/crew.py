"""What runs beside each other in one process, and ends together."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Part(Protocol):
    """What runs until it is stopped, which may be before it runs."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class Crew:
    """Parts at work, each from when it is taken on until all are stopped or one of them breaks."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._working: list[asyncio.Task[None]] = []
        self._stopped = False

    def take_on(self, *parts: Part) -> None:
        """Run *parts* from now on; where all were stopped already, they only say goodbye."""
        for part in parts:
            self._parts.append(part)
            if self._stopped:
                part.stop()
            self._working.append(asyncio.create_task(part.run()))

    def stop(self) -> None:
        """Stop all of them; each finishes what it has in hand."""
        self._stopped = True
        for part in self._parts:
            part.stop()

    async def finish(self) -> None:
        """Wait until all have ended. When one breaks, the others are stopped, and its error is raised."""
        await asyncio.wait(self._working, return_when=asyncio.FIRST_EXCEPTION)
        self.stop()
        await asyncio.gather(*self._working)
