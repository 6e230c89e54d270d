"""What was found out for answers lately, so that it is not asked again: how chats want them, and what was said."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from threading import Lock

from cachetools import LRUCache, TTLCache

from bot.chat.address import Address
from bot.chat.conversation import Answer, ChatSettings, Command, Subscribed
from bot.digest.library import Library

WISHES_KEPT = 60.0
"""Seconds for which it is not looked up again how a chat wants its answers."""

MOST_WISHES = 10_000
"""Chats of which it is kept."""

MOST_ANSWERS = 256
"""Answers that depend on the library alone and are kept till it changes: people ask for the same topics."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a chat wants its answers; its subscription without what became of its editions."""

    settings: ChatSettings
    subscription: Subscribed | None = None


class Recent:
    """Keeps both for a while, by *clock*'s seconds. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._lock = Lock()
        self._wishes: TTLCache[Address, Wishes] = TTLCache(MOST_WISHES, WISHES_KEPT, clock)
        self._answers: LRUCache[Hashable, Answer] = LRUCache(MOST_ANSWERS)
        self._library: Library | None = None

    def wishes(self, chat: Address) -> Wishes | None:
        """How *chat* wants its answers, if that is known."""
        with self._lock:
            return self._wishes.get(chat)

    def keep_wishes(self, chat: Address, wishes: Wishes) -> None:
        """Know it for a while."""
        with self._lock:
            self._wishes[chat] = wishes

    def forget_wishes(self, chat: Address | None = None) -> None:
        """Of *chat*, or of all: they may be others now."""
        with self._lock:
            if chat is None:
                self._wishes.clear()
            else:
                self._wishes.pop(chat, None)

    def answer(self, command: Command, wishes: Wishes, library: Library) -> Answer | None:
        """What was said to this out of *library*, to whoever wanted it so; all of another library is forgotten."""
        with self._lock:
            if self._library is not library:
                self._answers.clear()
                self._library = library
            return self._answers.get(_question(command, wishes))

    def keep_answer(self, command: Command, wishes: Wishes, library: Library, answer: Answer) -> None:
        """Know it until the library is another."""
        with self._lock:
            if self._library is library:
                self._answers[_question(command, wishes)] = answer


def _question(command: Command, wishes: Wishes) -> Hashable:
    """All that an answer depends on, where that is the library alone, beside the library."""
    return replace(command, chat="", user=""), wishes.settings, wishes.subscription is not None
