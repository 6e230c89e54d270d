"""Whether tokens are good: looked at now and then, and when Slack says that they are not. Raises nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Protocol

from cachetools import TTLCache

from bot.errors import StoreError
from bot.platforms.health import Health
from bot.platforms.slack.delivering import NoToken, Slack
from bot.platforms.slack.reading import Shape
from bot.platforms.slack.transport import NoAnswer, NotSent
from bot.platforms.slack.workspaces import Installed, Workspaces

WATCH = 30.0
"""Seconds between two looks."""

LONGEST_WAIT = 30.0
RARELY = 3600.0
"""Seconds between two looks at a token that Slack refuses for a reason that may pass."""

OVER = frozenset({"account_inactive", "token_revoked"})
"""Slack's words for a token that will never be good again."""

logger = logging.getLogger(__name__)


class Watch(Protocol):
    """Looks after the tokens."""

    async def run(self) -> None:
        """Look until cancelled."""
        ...

    async def told(self, payload: Shape) -> None:
        """Slack says that the app was uninstalled, or that its tokens were revoked."""
        ...


class TokenWatch:
    """Looks after one token, and is believed when Slack itself is asked. *good* is told the workspace (`slack:T1`) in
    which it speaks, each time that it proves good again; *heard* notes it too, where nothing else shows it.
    """

    def __init__(
        self, slack: Slack, good: Callable[[str], Awaitable[None]], heard: Health | None, random: Random
    ) -> None:
        self._slack = slack
        self._good = good
        self._heard = heard
        self._random = random
        self._bad = True
        self._doubted = asyncio.Event()

    async def told(self, payload: Shape) -> None:  # noqa: ARG002 - a Watch's shape
        """Look at once: an event may be old, or about somebody's own token."""
        self._doubted.set()

    async def run(self) -> None:
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
        if self._heard is not None:
            self._heard.succeeded()
        if self._bad:
            self._bad = False
            logger.info("slack speaks in team=%s", team)
            await self._good(f"slack:{team}")
        return True


class WorkspacesWatch:
    """Looks after the tokens of many *workspaces*: what Slack says is over is forgotten, what was refused by mistake
    is used again.
    """

    def __init__(self, slack: Slack, workspaces: Workspaces, random: Random) -> None:
        self._slack = slack
        self._workspaces = workspaces
        self._random = random
        self._refused: TTLCache[str, None] = TTLCache(10_000, RARELY)

    async def told(self, payload: Shape) -> None:
        """Forget the workspace's token. Its chats keep their place, and what is due there waits."""
        match payload:
            case {"event": {"type": "tokens_revoked", "tokens": {"bot": [_, *_]}}} | {
                "event": {"type": "app_uninstalled"}
            }:
                at = payload.get("event_time")
                when = float(at) if isinstance(at, int) else None
                await self._trying(self._workspaces.uninstall(str(payload.get("team_id")), at=when))

    async def run(self) -> None:
        """Look now and then at the tokens that were refused."""
        while True:
            await self._trying(self._look())
            await asyncio.sleep(WATCH * self._random.uniform(0.8, 1.2))

    async def _look(self) -> None:
        for installed in await self._workspaces.stopped():
            if installed.token not in self._refused:
                await self._ask(installed)

    async def _ask(self, installed: Installed) -> None:
        try:
            reply = await self._slack.transport.ask("auth.test", {}, installed.token)
        except (NotSent, NoAnswer):
            return
        if reply.ok:
            await self._workspaces.reopen(installed)
        elif reply.error in OVER:
            await self._workspaces.uninstall(installed.team)
        elif reply.refuses_token:
            self._refused[installed.token] = None

    async def _trying(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreError as error:
            logger.warning("tokens not looked after: %s", error)
