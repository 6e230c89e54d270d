"""What the platforms' adapters ask of the bot, over one App: `platforms.base.House`, and no platform in it.

Where the database is away it is answered without: what is new is then known to this process alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from cachetools import LRUCache

from bot.app import App
from bot.chat.address import Address, parse_address
from bot.chat.conversation import Answer, Command, Subscribed
from bot.errors import StoreError

if TYPE_CHECKING:
    from bot.store.store import Store

T = TypeVar("T")

MAX_SEEN = 10_000
"""Updates that the process itself knows to be old; the database knows them all."""

log = logging.getLogger(__name__)


class Reception:
    """Hears what adapters bring, and passes it on to *app* and its store. Safe from any thread, and never raises.

    *opened* is set when *app* has got its store, or has to do without; None: it is as it is.
    """

    def __init__(self, app: App, opened: asyncio.Event | None = None) -> None:
        self._app = app
        self.opened = opened or asyncio.Event()
        if opened is None:
            self.opened.set()
        self._seen: LRUCache[Hashable, None] = LRUCache(MAX_SEEN)
        self._seeing = Lock()
        self._leading: set[tuple[str, str]] = set()

    def answer(self, command: Command) -> Answer:
        """What is said to *command*; its changes are made already."""
        return self._app.answer(command)

    def at_hand(self, command: Command) -> Answer | None:
        """The same, where nothing has to be waited for."""
        return self._app.at_hand(command)

    def glance(self, command: Command) -> Answer:
        """What would be said to *command*; nothing comes of it."""
        return self._app.glance(command)

    def is_new(self, key: str) -> bool:
        """Whether *key* comes for the first time: to all processes, or to this one where the database is away."""
        return key in self.new([key])

    def new(self, keys: Sequence[str]) -> Collection[str]:
        """Those of *keys* that do."""
        with self._seeing:
            fresh = [key for key in dict.fromkeys(keys) if key not in self._seen]
            self._seen.update(dict.fromkeys(fresh))
        if not fresh:
            return ()
        return self._remembering(lambda store: store.memory.note(fresh), otherwise=fresh)

    def arrived(self, command: Command) -> Answer | None:
        """Its subscriptions wake up; the greeting, once a chat."""
        chat = parse_address(command.chat)
        self._remembering(lambda store: store.subscriptions.wake(chat), otherwise=0)
        if not self.is_new(f"greeted:{chat.place}"):
            return None
        return self._app.answer(replace(command, name="start", args=""))

    def left(self, chat: Address, reason: str) -> None:
        """Its subscriptions are suspended, and keep their settings."""
        self._remembering(lambda store: store.subscriptions.suspend(chat, reason), otherwise=0)

    def moved(self, old: Address, new: Address) -> None:
        """What was kept of *old* is *new*'s from now on."""
        self._remembering(lambda store: store.subscriptions.migrate(old.place, new.place), otherwise=None)

    def subscriptions(self, chats: Iterable[Address]) -> tuple[tuple[Address, Subscribed], ...]:
        """What each of *chats* subscribed to, if it did."""
        from bot.desk.standing import subscribed, subscription_of

        def look(store: Store) -> tuple[tuple[Address, Subscribed], ...]:
            found = ((chat, subscription_of(store, chat)) for chat in chats)
            return tuple((chat, subscribed(one)) for chat, one in found if one is not None)

        return self._remembering(look, otherwise=())

    def leads(self, task: str, owner: str, seconds: float) -> bool:
        """Whether *owner* alone may do *task*. Without a database: who did it so far, and who knows of nobody else."""
        before = not self._app.store or (task, owner) in self._leading
        if seconds > 0:
            mine = self._remembering(lambda store: store.memory.lease(task, owner, seconds), otherwise=before)
        else:
            self._remembering(lambda store: store.memory.give_up(task, owner), otherwise=None)
            mine = False
        (self._leading.add if mine else self._leading.discard)((task, owner))
        return mine

    def reopen(self, bucket: str) -> None:
        """A good token is here: what a bad one stopped goes on."""
        self._remembering(lambda store: store.outbox.start(bucket), otherwise=False)

    def _remembering(self, ask: Callable[[Store], T], *, otherwise: T) -> T:
        if self._app.store is None:
            return otherwise
        try:
            return ask(self._app.store)
        except StoreError as error:
            log.warning("done without the database: %s", error)
            return otherwise
