"""One process at work: ticks, plans and delivers until it is told to stop. Any number of them share a database.

store opened ──▶ every 30 s: content refreshed, due editions planned ──▶ outbox ──▶ platforms
 (for as long as it takes)   every 10 s: is the database there?   every 6 h: what is old pruned
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from bot.app import App
from bot.delivery.clock import PRUNE, TICK, Clock
from bot.delivery.outbox import Outbox
from bot.delivery.pace import rates
from bot.errors import StoreError
from bot.platforms.base import Platform, Status
from bot.settings import Settings
from bot.store import pulse
from bot.store.pulse import Pulse
from bot.store.store import Store
from bot.web.health import Signs

logger = logging.getLogger(__name__)
T = TypeVar("T")

REOPEN = 5.0
"""Seconds between two tries at a database that is not there."""

FEEL = 10.0
"""Seconds between two looks at whether the database is there, and those that it may take to show that it is."""

LAST_JOB = 0.5
"""Seconds that a job under way is waited for at the end. A planning that is cut off has planned nothing."""

LAST_CALL = 9.0
"""Seconds that the outbox is given at the end. Where a database hangs longer, leases lapse and say the rest."""


def outbox(settings: Settings, store: Store, platforms: Iterable[Platform]) -> Outbox:
    """The outbox, as the environment wants it."""
    paces = rates(telegram=settings.telegram_rate, slack=settings.slack_rate)
    return Outbox(store, platforms, rates=paces, policy=settings.delivery_on_uncertain)


class Service:
    """Runs *app* over the store that *opened* gives. *platforms* are those it sends to; None: others do that."""

    def __init__(self, app: App, opened: Callable[[], Store], platforms: Iterable[Platform] | None) -> None:
        self._app = app
        self._opened = opened
        self._platforms = None if platforms is None else tuple(platforms)
        self._outbox: Outbox | None = None
        self._stopped = asyncio.Event()
        self._threads = ThreadPoolExecutor(3, "service")  # a tick, a pruning, and a look
        self._ticked: dt.datetime | None = None
        self._answers: bool | None = None  # the database, when it was last looked for
        self._planned: bool | None = None  # the last tick went through
        self._pulse: Pulse | None = None
        self._jobs: set[Future[Any]] = set()
        self._hanging = False

    @property
    def busy(self) -> bool:
        """Whether something is still under way in a thread, which nobody need wait for."""
        return bool(self._jobs) or self._hanging

    def signs(self, statuses: Mapping[str, Status]) -> Signs:
        """What there is to say of how it is; *statuses* are those of the networks."""
        known = [one for one in (self._answers, self._planned) if one is not None]
        found = self._pulse or Pulse()
        return Signs(
            started=self._app.started,
            database=all(known) if known else None,
            ticked=self._ticked,
            platforms=statuses,
            counts=found.counts,
            due=found.due,
            editions=found.editions,
            settled=dict(self._outbox.counts) if self._outbox else {},
        )

    def stop(self) -> None:
        """Take nothing new; `run` finishes what is in flight and returns."""
        self._stopped.set()
        if self._outbox is not None:
            self._outbox.stop()

    async def run(self) -> None:
        """Work until `stop`. A database that cannot be used is said aloud and tried again."""
        if (store := self._app.store or await self._open()) is None:
            return
        clock = Clock()
        clock.every(TICK, self._tick, "tick")
        clock.every(FEEL, partial(self._feel, store), "feel")
        if self._platforms is not None:
            await self._reopened(store)
            clock.every(PRUNE, partial(self._prune, store), "prune")
            self._outbox = outbox(self._app.settings, store, self._platforms)
        clock.start()
        try:
            if self._outbox is not None and not self._stopped.is_set():
                await self._drain(self._outbox)
            await self._stopped.wait()
        finally:
            await clock.stop()
            if self._jobs and not self._hanging:
                await asyncio.wait([asyncio.wrap_future(job) for job in self._jobs], timeout=LAST_JOB)

    async def _drain(self, outbox: Outbox) -> None:
        """Work the outbox until `stop`, whose end a store that hangs does not hold up. What it raises is raised."""
        draining = asyncio.create_task(outbox.run())
        try:
            await self._done_or_stopped(draining)
            await asyncio.wait([draining], timeout=LAST_CALL)
            self._hanging = not draining.done()
            if self._hanging:
                logger.warning("stopped while the database hangs: what was under way there shows when leases lapse")
            else:
                draining.result()
        finally:
            draining.cancel()

    async def _done_or_stopped(self, work: asyncio.Future[Any]) -> bool:
        """Wait for *work* or for `stop`; whether the former is done."""
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        return work.done()

    async def _open(self) -> Store | None:
        while not self._stopped.is_set():
            try:
                opening = asyncio.ensure_future(self._call(self._opened))
                if await self._done_or_stopped(opening):
                    self._app.attach(opening.result())
                    return self._app.store
            except StoreError as error:
                self._app.trouble, self._answers = error, False
                logger.error("database not opened, tried again in %.0f s: %s", REOPEN, error)
            try:
                await asyncio.wait_for(self._stopped.wait(), REOPEN)
            except TimeoutError:
                continue
        return None

    async def _reopened(self, store: Store) -> None:
        """What a bad token stopped is tried once more: this process may have been started with a good one."""
        for platform in self._platforms or ():
            try:
                await self._at_work(partial(store.outbox.start, platform.name))
            except StoreError as error:
                logger.warning("not tried again platform=%s: %s", platform.name, error)

    async def _prune(self, store: Store) -> None:
        try:
            await self._at_work(store.ledger.prune)
        except StoreError as error:
            logger.warning("nothing pruned, tried again in %.0f h: %s", PRUNE / 3600, error)

    async def _feel(self, store: Store) -> None:
        """Note whether the database is there. One that does not even say no is not, until it does."""
        silence = asyncio.get_running_loop().call_later(FEEL, self._missed, f"no answer within {FEEL:.0f} s")
        try:
            await self._at_work(store.now)
            if self._answers is False:
                logger.info("database found again")
            self._answers = True
        except StoreError as error:
            self._missed(str(error))
        finally:
            silence.cancel()

    def _missed(self, why: str) -> None:
        if self._answers is not False:
            logger.error("database missed: %s", why)
        self._answers = False

    async def _tick(self) -> None:
        """Look, plan, and note how it went. A tick that cannot use the database is one that happened all the same."""
        self._ticked = self._app.clock()  # a planning for very many chats takes longer than from one tick to the next
        try:
            planned = await self._at_work(self._app.tick if self._platforms is not None else self._app.look)
            if (store := self._app.store) is not None and not self._stopped.is_set():
                self._pulse = await self._at_work(partial(pulse.take, store)) or self._pulse
            self._planned = True
        except StoreError as error:
            self._planned = False
            logger.error("nothing planned, tried again in %.0f s: %s", TICK, error)
            return
        finally:
            self._ticked = self._app.clock()
        if planned and self._outbox is not None:
            self._outbox.wake()

    async def _call(self, work: Callable[[], T]) -> T:
        """Run *work* in a thread of the service's own, so that nothing else waits for it, the end included."""
        job = self._threads.submit(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return await asyncio.wrap_future(job)

    async def _at_work(self, work: Callable[[], T]) -> T | None:
        """The same for a job of the clock's, which may be left behind at the end."""
        try:
            return await self._call(work)
        except asyncio.CancelledError:
            if not self._stopped.is_set():
                raise
            return None
