"""Send what is due; write down what happened. Decides nothing about content.

    claim ──▶ wait for its slot ──▶ begin ──▶ send, once ──▶ verdict ──▶ settle
      ▲         (pace)              committed   (platform)                committed
      └── every POLL seconds, and at once when something was planned

Any number of these, in any number of processes, work on one database. What one of them held when it was killed comes
back when its lease runs out: unsent if it was only claimed, else as DELIVERY_ON_UNCERTAIN says.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from bot.delivery.pace import TOLERANCE, rates
from bot.delivery.scribe import Call, Scribe
from bot.delivery.verdict import verdict
from bot.errors import StoreError
from bot.platforms.base import Outcome, Payload, Platform, Uncertain
from bot.store.buckets import HORIZON, UNLIMITED, Rate
from bot.store.planning import PARENT
from bot.store.settlement import Claim, OnUncertain, Settlement
from bot.store.store import Store

logger = logging.getLogger(__name__)

SEND_TIMEOUT = 10.0
GRACE = 8.0
"""Seconds that calls in flight are given when the outbox is to stop: with what follows, less than ten."""

BATCH = 200
POLL = 0.25
"""Seconds between two claims while messages are under way: often enough that no slot is left empty."""

IDLE = 1.0
"""Seconds between two looks at an outbox that has nothing to do: what another process planned is seen this soon."""

FADING = 0.98
"""A begin is asked for ahead of its slot by what the slowest of late took; how fast that is forgotten, a begin."""

TURNS = 3
"""How often a message gives way because it missed its slot. After that this process alone keeps it from bursting."""

RESCUE = 1.0
"""With IDLE: what a killed process held is under way again two seconds after its lease at the latest."""


def nowhere(_: str) -> None:
    """The fail-point of production: nothing fails on purpose."""


def threads() -> Call[Any]:
    """Make a store's calls where they hold up nobody: in threads of their own, never queued behind a platform's."""
    pool = ThreadPoolExecutor(2, "store")

    async def call(work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    return call


class Outbox:
    """The drain of one process. *platforms* are those it can send to; what is for others it leaves alone.

    *fail_point* is called with `claimed`, `begun`, `answered` and `settled`, between every two states, so that tests
    can die there. *call* and *random* can be replaced for them as well.
    """

    def __init__(
        self,
        store: Store,
        platforms: Iterable[Platform],
        *,
        rates: Mapping[str, Rate] = rates(),
        policy: OnUncertain = "resend",
        owner: str | None = None,
        random: Random | None = None,
        idle: float = IDLE,
        call: Call[Any] | None = None,
        fail_point: Callable[[str], None] = nowhere,
    ) -> None:
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.counts: Counter[str] = Counter()
        self._rows = store.outbox
        self._ledger = store.ledger
        self._platforms = {platform.name: platform for platform in platforms}
        self._rates = rates
        self._policy: OnUncertain = policy
        self._random = random or Random()
        self._idle = idle
        self._call = call = call or threads()
        self._at = fail_point
        self._scribe = Scribe(store.outbox, call)
        self._waiting: dict[asyncio.Task[None], Claim] = {}
        self._sending: dict[asyncio.Task[None], Claim] = {}
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._rescued_at = float("-inf")
        self._lead = TOLERANCE
        self._last_turn = float("-inf")

    def wake(self) -> None:
        """Something was planned: look at once."""
        self._woken.set()

    def stop(self) -> None:
        """Take nothing new; `run` then finishes what is in flight, gives the rest back and returns."""
        self._stopping = True
        self._woken.set()

    async def drain(self) -> Counter[str]:
        """Work until nothing is left that can be sent; how often each state was the end."""
        await self.run(until_empty=True)
        return self.counts

    async def run(self, *, until_empty: bool = False) -> None:
        """Work until `stop`. A database that is away for a while stops nothing for good."""
        writing = asyncio.create_task(self._scribe.run())
        try:
            while not self._stopping:
                try:
                    await self._rescue()
                    took = await self._take()
                    if until_empty and not (took or self._waiting or self._sending) and await self._is_empty():
                        break
                except StoreError as error:
                    logger.warning("outbox waits for the database: %s", error)
                    took = 0
                await self._rest(took)
            await self._finish()
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    # Taking -------------------------------------------------------------------------------------------------------

    async def _take(self) -> int:
        took = 0
        for name in self._platforms:
            took += await self._take_from(name)
        return took

    async def _take_from(self, name: str) -> int:
        loop, rate = asyncio.get_running_loop(), self._rates.get(name, UNLIMITED)
        # Behind a gate no more than two rounds of calls: the last of them have to begin before their leases lapse.
        batch = BATCH if rate.at_once is None else min(BATCH, 2 * rate.at_once)
        held = sum(claim.chat.platform == name for claim in (*self._waiting.values(), *self._sending.values()))
        if held > batch // 2:
            return 0
        claims = await self._call(lambda: self._rows.claim(self.owner, name, rate, batch, loop.time))
        for claim in claims:
            task = asyncio.create_task(self._pass(claim, rate))
            self._waiting[task] = claim
            task.add_done_callback(self._done)
        if claims:
            self._at("claimed")
        return len(claims)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._waiting.pop(task, None)
        self._sending.pop(task, None)
        self._woken.set()
        if not task.cancelled() and (error := task.exception()):
            logger.error("delivery broke off", exc_info=error)

    async def _rest(self, took: int) -> None:
        """Until there may be something to take: at once where there was, else when woken, else after a while."""
        if took and len(self._waiting) + len(self._sending) <= BATCH // 2:
            await asyncio.sleep(0)
            return
        self._woken.clear()
        try:
            async with asyncio.timeout(POLL if self._waiting or self._sending else self._idle):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _rescue(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._rescued_at + RESCUE:
            return
        self._rescued_at = now
        found = await self._call(lambda: self._rows.rescue(self._policy))
        if found.free or found.resent or found.held:
            logger.warning("leases lapsed free=%s resent=%s held=%s", found.free, found.resent, found.held)

    async def _is_empty(self) -> bool:
        return not await self._call(lambda: self._ledger.anything_to_send(self._platforms))

    # One message --------------------------------------------------------------------------------------------------

    async def _pass(self, claim: Claim, rate: Rate) -> None:
        """Deliver *claim* when it is let through: until that is settled, for what it settles may shut the bucket."""
        if rate.at_once is None:
            await self._deliver(claim, rate, claim.slot)
            return
        async with self._gates.setdefault(claim.chat.bucket, asyncio.Semaphore(rate.at_once)):
            await self._deliver(claim, rate, claim.slot)

    async def _deliver(self, claim: Claim, rate: Rate, slot: float) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        await _until(slot - self._lead)
        self._sending[task] = self._waiting.pop(task)  # from here on it is finished, not given back
        asked = loop.time()
        if not await self._scribe.begin(claim):
            return
        self._lead = min(max(loop.time() - asked, self._lead * FADING), HORIZON)
        self._at("begun")
        await _until(slot)
        if rate.overall is not None and loop.time() > slot + TOLERANCE:
            # Not to burst. Asking for another slot here, one message after the other, would make all of them late.
            if claim.attempt <= TURNS:
                await self._settle(Settlement(claim, "retry", "its turn went by"))
                return
            await _until(self._turn(rate.overall))
        outcome = await self._send(claim)
        self._at("answered")
        await self._settle(verdict(claim, outcome, policy=self._policy, random=self._random))
        self._at("settled")

    def _turn(self, rate: float) -> float:
        """A moment for what is late again and again: a slow database must not stop everything."""
        self._last_turn = max(asyncio.get_running_loop().time(), self._last_turn + 1 / rate)
        return self._last_turn

    async def _send(self, claim: Claim) -> Outcome:
        platform = self._platforms[claim.chat.platform]
        try:
            payload = addressed(claim.payload, claim.parent)
            if claim.plain:
                payload = platform.plain(payload)
            async with asyncio.timeout(SEND_TIMEOUT):
                return await platform.send(payload, str(claim.chat))
        except TimeoutError:
            return Uncertain(f"no answer within {SEND_TIMEOUT:.0f} s")
        except asyncio.CancelledError:
            return Uncertain("it was broken off, for the program ended")
        except Exception as error:  # the platform's door: a bug there must not lose the message
            logger.exception("platform broke platform=%s", platform.name)
            return Uncertain(f"the adapter broke: {type(error).__name__}")

    async def _settle(self, settlement: Settlement) -> None:
        ours = await self._scribe.settle(settlement)
        claim = settlement.claim
        self.counts[settlement.state if ours else "fenced"] += 1
        level = logging.WARNING if settlement.state in ("dead", "uncertain") else logging.INFO
        logger.log(
            level,
            "delivery %s edition=%s chat=%s part=%s attempt=%s reason=%s",
            settlement.state if ours else "fenced",
            claim.edition,
            claim.chat,
            claim.part,
            claim.attempt,
            settlement.reason or "-",
        )

    # The end ------------------------------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Give back what only waited, wait for what is in flight, and write down that the rest is uncertain."""
        unsent = list(self._waiting.values())
        for task in list(self._waiting):
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending, timeout=GRACE)
        for task in list(self._sending):
            task.cancel()  # the call gives up, its outcome is settled all the same
        if self._sending:
            await asyncio.wait(self._sending, timeout=1.0)
        try:
            await self._call(lambda: self._rows.release(unsent))
        except StoreError as error:
            logger.warning("claims not given back, their leases will lapse: %s", error)


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))


def addressed(payload: Mapping[str, Any], parent: str | None) -> Payload:
    """*payload* with the first part's message in the place of `@parent`; where nobody knows it, without that key."""
    return {key: _addressed(value, parent) for key, value in payload.items() if value != PARENT or parent is not None}


def _addressed(value: Any, parent: str | None) -> Any:
    if isinstance(value, Mapping):
        return addressed(value, parent)
    if isinstance(value, list):
        return [_addressed(one, parent) for one in value]
    return parent if value == PARENT else value
