"""What the pages show, as values; and what they ask of the bot, the one protocol between them and the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

from bot.chat.message import Format, Message
from bot.digest.library import Library
from bot.editions.edition import Edition
from bot.platforms.base import Payload


@dataclass(frozen=True, slots=True)
class Issue:
    """An edition that was posted, *at* when. *rotation* and *key* are where it is found for good."""

    rotation: int
    key: str
    edition: Edition
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Coming:
    """The edition that comes next, if nothing changes, and when."""

    edition: Edition
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class State:
    """All that a page may depend on. *version* differs where anything of it does.

    *issues* run from the latest. *current* is this period's edition, whether it was posted already or not. *periods*
    are those whose edition can be previewed, this one first.
    """

    library: Library
    zone: ZoneInfo
    issues: tuple[Issue, ...] = ()
    current: Edition | None = None
    coming: Coming | None = None
    periods: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """Which edition somebody wants to see beforehand, and how. No *theme*: the one whose turn it is."""

    period: str
    theme: str = ""
    format: Format = "normal"
    language: str = "en"


class Room(Protocol):
    """What the pages ask. Every method but `at_hand` may wait for a database, and so is called in a thread."""

    def state(self) -> State:
        """How it stands. Raises nothing that a database may raise: then it is as it was last known."""
        ...

    def at_hand(self) -> State | None:
        """The same if it is known just now, without waiting for anything."""
        ...

    def preview(self, wish: Wish) -> Message:
        """The edition that would be posted."""
        ...

    def answer(self, text: str, language: str) -> Message:
        """What a member who types *text* is told; nothing comes of it."""
        ...


Asking: TypeAlias = Callable[[str], str]
"""Gives the address of the page that shows the answer to a command as it is typed (``/topic ctr --page 2``)."""


@dataclass(frozen=True, slots=True)
class Screen:
    """How a platform shows messages: *render* as it is done for the platform, *draw* its payloads as HTML.

    What *draw* gives is put into the page as it is: it has to let nothing through that it does not know.
    """

    name: str
    render: Callable[[Message], Sequence[Payload]]
    draw: Callable[[Sequence[Payload], Asking], str]
