"""The tick: APScheduler as a clock and nothing more. The database knows what is due, so no tick can be missed."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from apscheduler.schedulers.asyncio import AsyncIOScheduler

logger = logging.getLogger(__name__)

TICK = 30.0
PRUNE = 6 * 3600.0

Job: TypeAlias = Callable[[], Awaitable[object]]


class Clock:
    """Recurring work in one process: any number of processes may tick, none leads.

    Nothing is kept on disk, nothing is made up for: a job that is late runs once, and never beside itself.
    """

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=dt.UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(self, seconds: float, job: Job, name: str) -> None:
        """Run *job* now and every *seconds* from then on. What it raises is logged; the next time it runs again."""

        async def guarded() -> None:
            try:
                await job()
            except Exception:
                logger.exception("job failed name=%s", name)

        self._scheduler.add_job(guarded, "interval", seconds=seconds, name=name, next_run_time=dt.datetime.now(dt.UTC))

    def start(self) -> None:
        """Begin to tick, in the running event loop."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # what holds a job up is told by who does it
        self._scheduler.start()

    async def stop(self) -> None:
        """Tick no more. A job that runs is cancelled where it waits."""
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        for _ in range(2):
            await asyncio.sleep(0)  # one that is about to begin begins: else it is logged as an error
        self._scheduler.shutdown(wait=False)
