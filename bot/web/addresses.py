"""Where pages are: short names for topics that any file system and any address can hold, and links from page to page.

A *place* is a page's path without slash and ending: ``""``, ``topics/nlp/对话``, ``items/0d5e6f7a8b9c``. How it is
linked depends on whether the pages are `Served` or `Filed`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from base64 import b32encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit

from bot.digest.model import Path

MAX_NAME = 80
"""Bytes of a topic's name in an address; file systems take 255 with the ending."""

_SAFE = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x20]", re.IGNORECASE)
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(url: str) -> str:
    """*url* where a browser may be sent there, else nothing: ``javascript:`` and the like are text."""
    url = url.strip()
    if not _SAFE.match(url) or _UNWANTED.search(url):
        return ""
    try:
        parts = urlsplit(url)
        return url if parts.scheme == "mailto" or parts.hostname else ""
    except ValueError:
        return ""


def host(url: str) -> str:
    """Whose page it is, as a reader would say it."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


# -- topics ------------------------------------------------------------------------------------------------------------


def names(paths: Iterable[Path]) -> Mapping[Path, str]:
    """The place of each topic. Of those that would be at the same place, all but the first carry a mark."""
    found: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        place = "/".join(["topics", *map(_name, path)])
        if place in taken:
            place = f"{place}-{_mark(*path)}"
        taken.add(place)
        found[path] = place
    return found


def _name(title: str) -> str:
    """Letters and digits of *title*, in small letters; everything else is a hyphen."""
    text = unicodedata.normalize("NFC", title).casefold()
    name = "-".join(filter(None, "".join(one if _is_letter(one) else "-" for one in text).split("-")))
    if not name:
        return _mark(title)
    if len(name.encode()) > MAX_NAME:
        return f"{name.encode()[:MAX_NAME].decode(errors='ignore')}-{_mark(title)}"
    return name


def _is_letter(one: str) -> bool:
    return one.isalnum() or unicodedata.category(one).startswith("M")


def _mark(*titles: str) -> str:
    hashed = hashlib.blake2b("\x1f".join(titles).encode("utf-8", "surrogatepass"), digest_size=5).digest()
    return b32encode(hashed).decode().lower()


def key_of(period: str) -> str:
    """What the address of an edition ends with. Who posted out of turn may have called it anything."""
    return period if re.fullmatch(r"[0-9W-]+", period) else f"post-{_mark(period)}"


# -- links -------------------------------------------------------------------------------------------------------------


class Links(Protocol):
    """Addresses as they are written on one page."""

    @property
    def filed(self) -> bool:
        """Whether nobody is there to answer: no search, no preview."""
        ...

    def to(self, place: str, **query: str) -> str:
        """The address of the page at *place*."""
        ...

    def file(self, name: str) -> str:
        """The address of what is no page: ``feed.atom``, ``static/style.css``."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """Links between pages that are asked for. *root*: what stands before every path; *language*: chosen by the reader,
    and so kept from page to page.
    """

    root: str = ""
    language: str = ""
    mark: str = ""
    filed = False

    def to(self, place: str, **query: str) -> str:
        """With the words of a question behind it."""
        words = {name: value for name, value in query.items() if value}
        if self.language:
            words.setdefault("lang", self.language)
        return f"{self.root}/{_quoted(place)}{'?' + urlencode(words, errors='replace') if words else ''}"

    def file(self, name: str) -> str:
        """With a mark that is another where its content is, so that it may be kept for good."""
        return f"{self.root}/{name}{'?v=' + self.mark if self.mark and name.startswith('static/') else ''}"

    def speaking(self, language: str) -> Served:
        """The same pages in *language*."""
        return replace(self, language=language)


@dataclass(frozen=True, slots=True)
class Filed:
    """Links between files, which may lie in any folder of any host. *place* is that of the page they stand on."""

    place: str = ""
    filed = True

    def to(self, place: str, **_: str) -> str:
        """A file beside this one."""
        return self.file(_quoted(file_of(place)))

    def file(self, name: str) -> str:
        """Up to the folder that holds everything, and down again."""
        return "../" * self.place.count("/") + name


def file_of(place: str) -> str:
    """The file of a page."""
    return f"{place or 'index'}.html"


def _quoted(place: str) -> str:
    return quote(place, errors="replace")
