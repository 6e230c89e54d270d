"""Whose token speaks in which workspace: one that was written down for all, or those of the workspaces that installed
the app.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import NamedTuple, Protocol, TypeVar
from weakref import WeakValueDictionary

from cachetools import LRUCache, TTLCache

from bot.errors import StoreError
from bot.platforms.slack.transport import NotSent

KNOWN_FOR = 60.0
"""Seconds that a token is used without looking it up again: another process may have learned another."""

REFUSED_FOR = 40.0
"""Seconds that nothing is said by a token that Slack refused: less than lie between two looks at whether it is good."""

PATIENCE = 3.0
"""Seconds that a look-up may take, or that a call waits for its turn."""

AT_ONCE = 16
"""Calls under way in one workspace."""

KEPT = 10_000

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Tokens(Protocol):
    """The bot's tokens, by workspace."""

    def turn(self, team: str) -> AbstractAsyncContextManager[None]:
        """Within it, one call may be made in *team*. Raises NotSent where too many are under way for too long."""
        ...

    async def of(self, team: str) -> str | None:
        """The token for *team* (`T1`), None where the app is not installed. Raises NotSent where nobody can say."""
        ...

    async def instead(self, team: str, refused: str) -> str | None:
        """Another token than the one that Slack *refused* there, if there is one by now."""
        ...


class OneToken:
    """SLACK_BOT_TOKEN: it is tried wherever something is to be said, for it alone knows where it is good."""

    def __init__(self, token: str) -> None:
        self._token = token

    def turn(self, team: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - a Tokens' shape
        """As many as there are: nobody else has to wait for them."""
        return nullcontext()

    async def of(self, team: str) -> str | None:  # noqa: ARG002 - a Tokens' shape
        """The one token there is."""
        return self._token

    async def instead(self, team: str, refused: str) -> str | None:  # noqa: ARG002 - the same
        """There is no other."""
        return None


class Installed(Protocol):
    """The app in a workspace."""

    @property
    def team(self) -> str: ...

    @property
    def token(self) -> str: ...

    @property
    def enterprise(self) -> str: ...

    @property
    def bot_user(self) -> str: ...

    @property
    def scopes(self) -> tuple[str, ...]: ...

    @property
    def installed_at(self) -> dt.datetime: ...


class Installations(Protocol):
    """What is remembered of where the app is installed. Synchronous, safe from any thread; each raises StoreError."""

    def find(self, team: str) -> Installed | None:
        """The one in *team*; the oldest for nobody's (``""``), where those are who run the bot."""
        ...

    def save(
        self, team: str, token: str, *, enterprise: str, bot_user: str, scopes: Sequence[str], installed_by: str
    ) -> None:
        """The app is in *team*; what was stopped there goes on."""
        ...

    def forget(self, team: str, *, before: float | None = None) -> bool:
        """It is no more, unless it came back after *before*: what is to go there waits. Whether it was."""
        ...

    def stopped(self) -> Sequence[Installed]:
        """Those that nothing is sent to since their token was refused."""
        ...

    def reopen(self, team: str) -> None:
        """The token proved good: what was stopped goes on."""
        ...


class _Known(NamedTuple):
    token: str
    at: float

    def __repr__(self) -> str:
        return "_Known(…)"


class Workspaces:
    """The tokens of all workspaces that installed the app.

    *book* gives what is remembered of them, or raises StoreError; it is asked in threads. *clock* counts seconds.
    """

    def __init__(self, book: Callable[[], Installations], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._clock = clock
        self._threads = ThreadPoolExecutor(2, "slack-tokens")
        self._known: LRUCache[str, _Known] = LRUCache(KEPT)
        self._refused: TTLCache[str, None] = TTLCache(KEPT, REFUSED_FOR, timer=clock)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, team: str) -> AsyncIterator[None]:
        """No workspace takes up all connections, and one whose token is revoked is not called by all that is due."""
        if (turns := self._turns.get(team)) is None:
            turns = self._turns[team] = asyncio.Semaphore(AT_ONCE)  # lives as long as somebody needs it
        try:
            async with asyncio.timeout(PATIENCE):
                await turns.acquire()
        except TimeoutError:
            raise NotSent(f"{AT_ONCE} calls are under way there") from None
        try:
            yield
        finally:
            turns.release()

    async def of(self, team: str) -> str | None:
        """The token for *team*; while the database is away, the last that was known."""
        known = self._known.get(team)
        if known is None or self._clock() - known.at >= KNOWN_FOR:
            try:
                async with asyncio.timeout(PATIENCE):
                    found = await self.find(team)
            except (StoreError, TimeoutError) as error:
                if known is None:
                    raise NotSent(f"no token could be looked up ({type(error).__name__})") from None
            else:
                known = self._noted(team, found)
        return known.token if known and known.token not in self._refused else None

    async def instead(self, team: str, refused: str) -> str | None:
        """Another process may have learned a new one. What was refused is not used again for a while."""
        if refused not in self._refused:
            logger.warning("token refused team=%s", team)
        self._refused[refused] = None
        self._known.pop(team, None)
        try:
            found = await self.of(team)
        except NotSent:
            return None
        return found if found != refused else None

    def _noted(self, team: str, found: Installed | None) -> _Known | None:
        if found is None:  # not kept: it may be installed at any moment, by another process
            self._known.pop(team, None)
            return None
        known = self._known[team] = _Known(found.token, self._clock())
        return known

    # What becomes of them: each raises StoreError ------------------------------------------------------------------

    async def find(self, team: str) -> Installed | None:
        """The app in *team*, as it is remembered now."""
        return await self._ask(lambda book: book.find(team))

    async def install(
        self, team: str, token: str, *, enterprise: str, bot_user: str, scopes: Sequence[str], installed_by: str
    ) -> None:
        """The app is in *team* from now on, or anew; what waits there goes on."""
        await self._ask(
            lambda book: book.save(
                team, token, enterprise=enterprise, bot_user=bot_user, scopes=scopes, installed_by=installed_by
            )
        )
        self._known.clear()  # it may be the oldest now, too
        self._refused.pop(token, None)
        logger.info("workspace installed team=%s", team)

    async def uninstall(self, team: str, *, at: float | None = None) -> None:
        """The app was thrown out of *team*, *at* that time: nothing more is said there until it comes back."""
        gone = await self._ask(lambda book: book.forget(team, before=at))
        self._known.clear()
        if gone:
            logger.warning("workspace uninstalled team=%s", team)

    async def stopped(self) -> Sequence[Installed]:
        """Those that nothing is sent to since their token was refused."""
        return await self._ask(lambda book: book.stopped())

    async def reopen(self, installed: Installed) -> None:
        """Its token proved good."""
        await self._ask(lambda book: book.reopen(installed.team))
        self._refused.pop(installed.token, None)
        logger.info("token good again team=%s", installed.team)

    async def _ask(self, question: Callable[[Installations], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: question(self._book()))
