"""Layouts that were made before: the bot gives the same answer, the very same object, to the same question."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from threading import Lock

from cachetools import LRUCache

from bot.chat.message import Message
from bot.platforms.base import Payload

KEPT = 256


class Layouts:
    """Keeps the payloads of the last messages. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: LRUCache[tuple[int, Hashable], tuple[Message, tuple[Payload, ...]]] = LRUCache(KEPT)

    def of(
        self, message: Message, render: Callable[[Message], Sequence[Payload]], how: Hashable = None
    ) -> tuple[Payload, ...]:
        """*message* as *render* lays it out; *how* stands for all else that this depends on."""
        key = id(message), how
        with self._lock:
            known = self._kept.get(key)
        if known is None or known[0] is not message:
            known = message, tuple(render(message))
            with self._lock:
                self._kept[key] = known
        return known[1]
