"""How things come in, by Socket Mode or by signed requests, and that they go on coming.

    auth.test ──▶ sockets  ─┐
    (looked after)          ├─▶ Listener (Bolt, acknowledged) ──▶ Lanes ──▶ Responder
                  webhook ──┘

Whatever fails is said in `status`, waited for and tried again: nothing here needs a restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from cachetools import LRUCache

from bot.platforms.base import House
from bot.platforms.health import Health, Status
from bot.platforms.slack import reading
from bot.platforms.slack.delivering import NoToken, Slack
from bot.platforms.slack.lanes import Lanes
from bot.platforms.slack.listening import Deaf, Heard, Listener
from bot.platforms.slack.people import People
from bot.platforms.slack.reading import Shape
from bot.platforms.slack.responding import Responder
from bot.platforms.slack.sockets import Sockets
from bot.platforms.slack.transport import NoAnswer, NotSent
from bot.platforms.slack.webhook import Door

WATCH = 60.0
"""Seconds between two looks at whether the token is still good."""

LONGEST_WAIT = 60.0
FINISH = 5.0
"""Seconds that answers under way are given at the end."""

SEEN = 10_000

logger = logging.getLogger(__name__)


class Receiver:
    """Receives what is said to *slack*, and has it answered by *house*.

    With an *app_token* by Socket Mode, else through `webhook`, whose requests are signed with *signing_secret* and
    which somebody else serves. *token_good* is called, in a worker thread, with the workspace (`slack:T1`) each time
    that the token proves good.
    """

    def __init__(
        self,
        slack: Slack,
        house: House,
        *,
        app_token: str | None = None,
        signing_secret: str | None = None,
        curators: Iterable[str] = (),
        language: str | None = None,
        token_good: Callable[[str], None] = lambda _: None,
        random: Random | None = None,
    ) -> None:
        self._slack = slack
        self._token_good = token_good
        self._random = random or Random()
        self._health = Health("Slack", "receiving from slack")
        self._threads = ThreadPoolExecutor(8, "slack")
        self._lanes = Lanes()
        self._seen: LRUCache[str, None] = LRUCache(SEEN)
        people = People(slack, frozenset(curators))
        self._responder = Responder(slack, house, people, self._threads, language or "en")
        self._listener = Listener(self._take, self._responder.modals.waiting)
        self._sockets: Sockets | None = None
        self.webhook: Door | None = None
        if app_token:
            self._sockets = Sockets(slack.transport, app_token, self._hear, self._health, random=self._random)
        elif signing_secret:
            self.webhook = Door(signing_secret, self._hear)
        self._bad = True
        self._receiving = False
        self._doubted = asyncio.Event()
        self._stopped = asyncio.Event()

    @property
    def status(self) -> Status:
        """How it stands with Slack, and with hearing from it."""
        reached, heard = self._slack.status, self._health.status
        return heard if reached.ok and not heard.ok else reached

    def stop(self) -> None:
        """Take nothing new; `run` finishes what is under way and returns."""
        self._receiving = False
        self._stopped.set()

    async def run(self) -> None:
        """Receive until `stop`."""
        self._receiving = not self._stopped.is_set()
        working = [asyncio.create_task(self._watch())]
        if self._sockets is not None:
            working.append(asyncio.create_task(self._sockets.run()))
        await self._stopped.wait()
        # The sockets stay till the end: acknowledgements of what was taken may still have to go.
        await self._lanes.finish(FINISH)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    # The way in ---------------------------------------------------------------------------------------------------

    async def _hear(self, payload: dict[str, Any]) -> Heard:
        """Have Bolt acknowledge *payload*; it is answered afterwards. Raises Deaf where it has to come again."""
        if not self._receiving or self._lanes.full:
            raise Deaf
        try:
            return await self._listener.hear(payload)
        except Exception:  # Bolt, on what Slack would never send
            logger.exception("payload not understood")
            return Heard()

    def _take(self, payload: Shape) -> None:
        """One thing that is acknowledged. One that came before is not looked at."""
        seal = reading.seal(payload)
        if not seal or seal in self._seen:
            return
        self._seen[seal] = None
        match payload:
            case {"event": {"type": "app_uninstalled" | "tokens_revoked"}}:
                self._doubted.set()
        self._lanes.put(reading.lane(payload), lambda: self._responder.respond(payload))

    # The token ----------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """See whether the token is good: at once, when Slack says that it is not, and now and then."""
        failures = 0
        while True:
            self._doubted.clear()
            self._bad = self._bad or self._slack.health.certain  # so that delivery has stopped as well
            good = await self._introduced()
            failures = 0 if good else failures + 1
            wait = WATCH if good else min(2.0 ** min(failures - 1, 10), LONGEST_WAIT)
            try:
                async with asyncio.timeout(wait * self._random.uniform(0.8, 1.2)):
                    await self._doubted.wait()
            except TimeoutError:
                pass

    async def _introduced(self) -> bool:
        """Whether Slack takes the token; the workspace that was stopped for it then goes on."""
        try:
            reply = await self._slack.ask("auth.test", {}, "", patience=9.0)
        except (NotSent, NoAnswer, NoToken):  # the transport has noted it
            return False
        team = reply.data.get("team_id") if reply.ok and reply.data else None
        if not isinstance(team, str):
            return False
        if self.webhook is not None:
            self._health.succeeded()
        if self._bad:
            self._bad = False
            logger.info("slack speaks in team=%s", team)
            bucket = f"slack:{team}"
            await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self._token_good(bucket))
        return True
