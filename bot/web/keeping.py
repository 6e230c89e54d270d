"""Pages that were made, until what they show changes: kept whole, each with the mark by which it is known again."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock

from cachetools import LRUCache

ROOM = 4 * 1024 * 1024
"""Bytes of pages that are kept."""


@dataclass(frozen=True, slots=True)
class Made:
    """A page. *kept*: whether the next one who asks may have the same; *location*: where it is instead."""

    body: bytes
    media_type: str = "text/html"
    status: int = 200
    location: str = ""
    kept: bool = True
    mark: str = field(init=False, default="")

    def __post_init__(self) -> None:
        hashed = hashlib.blake2b(self.body, digest_size=12).hexdigest()
        object.__setattr__(self, "mark", f'"{hashed}"')

    def is_known(self, marks: str) -> bool:
        """Whether *marks*, an `If-None-Match`, has this page's (RFC 9110, section 13.1.2)."""
        known = [mark.strip().removeprefix("W/") for mark in marks.split(",")]
        return self.status == 200 and (self.mark in known or known == ["*"])


class Keeping:
    """The pages of one version of what there is to show. Safe to use from several threads."""

    def __init__(self, room: int = ROOM) -> None:
        self._lock = Lock()
        self._version = -1
        self._pages: LRUCache[Hashable, Made] = LRUCache(room, getsizeof=lambda made: len(made.body) + 500)
        # A great digest's outline: large, and long in the making.
        self._large: LRUCache[Hashable, Made] = LRUCache(1)

    def find(self, version: int, key: Hashable) -> Made | None:
        """The page, if it was made from *version*."""
        with self._lock:
            if version != self._version:
                return None
            return self._pages.get(key) or self._large.get(key)

    def keep(self, version: int, key: Hashable, made: Made) -> None:
        """Keep a page made from *version*; those of an older one are forgotten."""
        with self._lock:
            if version > self._version:
                self._pages.clear()
                self._large.clear()
                self._version = version
            if version == self._version:
                room = self._large if self._pages.getsizeof(made) > self._pages.maxsize // 8 else self._pages
                room[key] = made
