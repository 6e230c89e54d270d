"""How updates come in: by polling, or through a webhook where the world reaches us; and that they go on coming.

    getMe ──▶ menus ──▶ webhook set, looked after  ─┐
    (till it works)     or: lease ──▶ getUpdates  ──┴─▶ Lanes ──▶ Responder

Whatever fails is said in `status`, waited for and tried again: nothing here needs a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, TypeVar

from cachetools import LRUCache
from telegram.error import InvalidToken, TelegramError

from bot.platforms.base import House
from bot.platforms.health import Health, Status
from bot.platforms.telegram import menus
from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.lanes import Lanes
from bot.platforms.telegram.members import Members
from bot.platforms.telegram.reading import Me
from bot.platforms.telegram.responding import Responder
from bot.platforms.telegram.transport import NoAnswer, NotSent, Reply
from bot.platforms.telegram.webhook import Door, Registration, Taken
from bot.platforms.telegram.wire import ALLOWED_UPDATES, Malformed, Update, fitting

LONG_POLL = 25
"""Seconds that Telegram holds a question for updates."""

LEASE = 60.0
"""Seconds for which a process polls alone: longer than one question and what may go wrong with it."""

WATCH = 30.0
"""Seconds between two looks at whether the webhook still is ours and the token good."""

LONGEST_WAIT = 30.0
"""Seconds between two tries, at most: whoever mended what was wrong sits there and waits."""

FINISH = 5.0
"""Seconds that answers under way are given at the end."""

SEEN = 10_000
TASK = "telegram-poll"

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Receiver:
    """Receives what is said to *telegram*, and has it answered by *house*.

    With a *public_url* updates come to `webhook`, which somebody else serves; without, they are polled for, by one
    process at a time. *token_good* is called, in a worker thread, each time that the token proves good; nobody waits.
    """

    def __init__(
        self,
        telegram: Telegram,
        house: House,
        *,
        secret: str,
        curators: Iterable[str] = (),
        public_url: str | None = None,
        language: str | None = None,
        token_good: Callable[[], None] = lambda: None,
        random: Random | None = None,
    ) -> None:
        self._telegram = telegram
        self._house = house
        self._curators = frozenset(curators)
        self._registration = Registration(public_url, secret) if public_url else None
        self._language = language or "en"
        self._token_good = token_good
        self._random = random or Random()
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._health = Health("Telegram", "receiving from telegram")
        self._threads = ThreadPoolExecutor(8, "telegram")
        self._seen: LRUCache[int, None] = LRUCache(SEEN)
        self._lanes: Lanes | None = None
        self._offset = 0
        self._bad = True
        self._good = asyncio.Event()
        self._stopped = asyncio.Event()
        self.listening = asyncio.Event()
        self.webhook = Door(secret, self._take) if public_url else None

    @property
    def status(self) -> Status:
        """How it stands with Telegram, and with hearing from it."""
        reached, heard = self._telegram.status, self._health.status
        return heard if reached.ok and not heard.ok else reached

    def stop(self) -> None:
        """Take nothing new; `run` finishes what is under way and returns."""
        self._stopped.set()

    async def run(self) -> None:
        """Receive until `stop`."""
        receiving = asyncio.create_task(self._receive())
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait((receiving, stopped), return_when=asyncio.FIRST_COMPLETED)
        receiving.cancel()
        stopped.cancel()
        await asyncio.gather(receiving, stopped, return_exceptions=True)
        lanes, self._lanes = self._lanes, None
        if lanes is not None:
            await lanes.finish(FINISH)
        await self._leave()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # The way in ---------------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        me = await self._persist(self._introduced)
        members = Members(self._telegram.bot, self._curators)
        responder = Responder(self._telegram, self._house, members, me, self._threads, self._language)
        self._lanes = Lanes(responder.respond)
        way_in = self._watch if self._registration else self._poll
        await asyncio.gather(self._persist(way_in), self._show(), self._persist(self._reopen))

    async def _introduced(self) -> Me:
        """Who the bot is: the first thing that is asked, and the first to fail."""
        found = await self._telegram.bot.get_me()
        self._accepted()
        logger.info("telegram speaks as @%s", found.username)
        return Me(found.id, found.username or "")

    async def _show(self) -> None:
        """Menus and descriptions. Nobody waits for them, so they wait until the bot hears what is said and answers."""
        await self.listening.wait()
        await self._house.opened.wait()
        try:
            changed = await menus.set_up(self._telegram.bot, self._curators, default=self._language)
        except TelegramError as error:
            logger.warning("menus not set, the next start tries again: %s", _reason(error))
        except Exception:  # PTB on a server that answers what no Bot API would
            logger.exception("menus not set, the next start tries again")
        else:
            if changed:
                logger.info("telegram was told: %s", ", ".join(changed))

    def _take(self, update: Update) -> Taken:
        """One update from the webhook. One that came before is taken as well, and not looked at."""
        if self._lanes is None:
            return "busy"
        if update.update_id in self._seen:
            return "taken"
        if not self._lanes.put(update):
            return "busy"
        self._seen[update.update_id] = None
        return "taken"

    # By webhook ---------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """See to it that Telegram posts to us, for as long as we run."""
        assert self._registration is not None
        while True:
            there = await self._telegram.bot.get_webhook_info()
            self._accepted()
            if self._registration.differs(there):
                await self._registration.make(self._telegram.bot)
                logger.info("webhook set url=%s", self._registration.url)
            self.listening.set()
            if trouble := self._registration.trouble(there):
                self._health.failed(trouble)
            else:
                self._health.succeeded()
            await asyncio.sleep(WATCH)

    # By polling ---------------------------------------------------------------------------------------------------

    async def _poll(self) -> None:
        await self._webhook_gone()
        failures = 0
        while True:
            leads = await self._call(lambda: self._house.leads(TASK, self._owner, LEASE))
            self.listening.set()
            if not leads:
                self._health.succeeded()  # another process listens
                await asyncio.sleep(self._random.uniform(LEASE / 6, LEASE / 3))
                continue
            try:
                reply = await self._updates(LONG_POLL)
                failures = 0 if reply.ok else failures + 1
                if reply.ok:
                    await self._hand_on(reply.result)
                else:
                    await self._refused(reply)
            except (NotSent, NoAnswer):  # the transport has noted it
                failures += 1
            if failures:
                await asyncio.sleep(self._wait(failures))

    async def _updates(self, seconds: int, *, limit: int = 100) -> Reply:
        params = {"offset": self._offset, "limit": limit, "timeout": seconds, "allowed_updates": ALLOWED_UPDATES}
        return await self._telegram.transport.call("getUpdates", params, patience=seconds + 10.0)

    async def _hand_on(self, found: Any) -> None:
        """Updates to their lanes; what is none of ours, or fits nothing we know, is passed over."""
        self._health.succeeded()
        self._accepted()
        assert self._lanes is not None
        for one in found if isinstance(found, list) else ():
            if not isinstance(one, Mapping) or not isinstance(number := one.get("update_id"), int):
                continue
            try:
                update = fitting(one)
            except Malformed:
                logger.warning("update passed over, it has another shape than documented update=%s", number)
            else:
                await self._lanes.take(update)
            self._offset = number + 1

    async def _refused(self, reply: Reply) -> None:
        """Why there are no updates. Two programs that poll for one bot take turns at being thrown out."""
        if reply.status == 409 and "webhook" in reply.description.casefold():
            with contextlib.suppress(TelegramError):
                await self._webhook_gone()
        elif reply.status == 409:
            self._health.failed("another program polls with the same token: stop it, or get it a bot of its own")
        elif reply.refuses_token:
            self._bad = True  # the transport has noted it
        elif not self._telegram.health.trouble:
            self._health.failed(f"Telegram gives no updates: {reply.status} {reply.description}")

    async def _webhook_gone(self) -> None:
        """Nobody can poll as long as a webhook is set. What waits there is kept for us."""
        if (await self._telegram.bot.get_webhook_info()).url:
            await self._telegram.bot.delete_webhook(drop_pending_updates=False)
            logger.warning("webhook removed: without PUBLIC_URL updates are polled for")

    async def _leave(self) -> None:
        """Tell Telegram what was handled, and whoever else polls that they may."""
        if self._registration is not None:
            return
        if self._offset:
            with contextlib.suppress(NotSent, NoAnswer, TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._updates(0, limit=1)
        await self._call(lambda: self._house.leads(TASK, self._owner, 0.0))

    def _accepted(self) -> None:
        """Telegram took the token."""
        if self._bad:
            self._bad = False
            self._good.set()

    async def _reopen(self) -> None:
        """Tell of a token that Telegram took, once the house is open to hear it."""
        await self._house.opened.wait()
        while True:
            await self._good.wait()
            self._good.clear()
            await self._call(self._token_good)

    # Trying again -------------------------------------------------------------------------------------------------

    async def _persist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do *work* until it is done."""
        failures, loop = 0, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                return await work()
            except TelegramError as error:
                self._bad |= isinstance(error, InvalidToken)
                if not self._telegram.health.trouble:  # else it is noted already
                    self._health.failed(f"Telegram cannot be asked: {_reason(error)}")
            except Exception:  # a bug, or a server that answers what no Bot API would
                logger.exception("receiving from telegram broke, tried again")
                self._health.failed("the adapter broke: see the log")
            failures = failures + 1 if loop.time() < began + LONGEST_WAIT else 1
            await asyncio.sleep(self._wait(failures))

    def _wait(self, failures: int) -> float:
        """One second, doubled each time, up to LONGEST_WAIT; none of us at the same moment."""
        return min(2.0 ** min(failures - 1, 10), LONGEST_WAIT) * self._random.uniform(0.8, 1.2)

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _reason(error: TelegramError) -> str:
    """PTB's words for *error*, without what a server sent instead of an answer."""
    return " ".join(error.message.partition(". Parsing")[0].split())[:200]
