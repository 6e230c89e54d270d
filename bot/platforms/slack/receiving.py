"""How things come in, by Socket Mode or by signed requests, and that they go on coming.

    sockets ─┐
             ├─▶ Listener (Bolt, acknowledged) ──▶ Lanes ──▶ Responder
    webhook ─┘                                      └──────▶ Watch, of what Slack says about tokens

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
from bot.platforms.slack.delivering import Slack
from bot.platforms.slack.lanes import Lanes
from bot.platforms.slack.listening import Deaf, Heard, Listener
from bot.platforms.slack.people import People
from bot.platforms.slack.reading import Shape
from bot.platforms.slack.responding import Responder
from bot.platforms.slack.sockets import Sockets
from bot.platforms.slack.watching import TokenWatch, Watch, WorkspacesWatch
from bot.platforms.slack.webhook import Door
from bot.platforms.slack.workspaces import Workspaces

FINISH = 5.0
"""Seconds that answers under way are given at the end."""

SEEN = 10_000

logger = logging.getLogger(__name__)


class Receiver:
    """Receives what is said to *slack*, and has it answered by *house*.

    With an *app_token* by Socket Mode, else through `webhook`, whose requests are signed with *signing_secret* and
    which somebody else serves. *token_good* is called, in a worker thread, with the workspace (`slack:T1`) each time
    that its token proves good; where many installed the app, `Workspaces` see to that themselves.
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
        self._house = house
        self._token_good = token_good
        random = random or Random()
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
            self._sockets = Sockets(slack.transport, app_token, self._hear, self._health, random=random)
        elif signing_secret:
            self.webhook = Door(signing_secret, self._hear)
        self.listening = self._sockets.listening if self._sockets else asyncio.Event()
        self._watch: Watch
        if isinstance(slack.tokens, Workspaces):
            self._watch = WorkspacesWatch(slack, slack.tokens, random)
        else:
            heard = self._health if self.webhook else None
            self._watch = TokenWatch(slack, self._accepted, heard, random)
        self._receiving = False
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
        working = [asyncio.create_task(self._watch.run())]
        if self._sockets is not None:
            working.append(asyncio.create_task(self._sockets.run()))
        await self._stopped.wait()
        # The sockets stay till the end: acknowledgements of what was taken may still have to go.
        await self._lanes.finish(FINISH)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _accepted(self, team: str) -> None:
        """Slack took the token of *team*."""
        await self._house.opened.wait()
        await self._responder.call(lambda: self._token_good(team))

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
        self._lanes.put(reading.lane(payload), lambda: self._responder.respond(payload))
        match payload:
            case {"event": {"type": "app_uninstalled" | "tokens_revoked"}}:
                self._lanes.put(reading.lane(payload), lambda: self._watch.told(payload))
