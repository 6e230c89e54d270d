"""Where a chat is: `telegram:-100123/45` taken apart and put together. Knows no platform's SDK and no settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bot.errors import AddressError

Kind = Literal["private", "group"]
"""Platforms that pace chats pace these two differently; a channel counts as a group."""

_TELEGRAM = re.compile(r"(?P<place>telegram:(?:-?[1-9][0-9]{0,18}|@\w{1,64}))(?:/(?P<thread>[0-9]{1,18}))?", re.ASCII)
_SLACK = re.compile(
    r"(?P<place>slack:[A-Z0-9]{1,32}/[A-Z0-9]{1,32})(?:/(?P<thread>[0-9]{1,12}\.[0-9]{1,9}))?", re.ASCII
)
_LOCAL = re.compile(r"(?P<place>(?:file|console):[^\x00-\x1f\x7f]{1,1000})(?P<thread>(?!))?")


@dataclass(frozen=True, slots=True)
class Address:
    """A chat: *place* is what a platform paces and migrates as one, *thread* a forum topic or thread in it, or empty.

    >>> parse_address("telegram:-100123/45")
    Address(place='telegram:-100123', thread='45')
    """

    place: str
    thread: str = ""

    def __str__(self) -> str:
        return f"{self.place}/{self.thread}" if self.thread else self.place

    @property
    def platform(self) -> str:
        """The word before the colon."""
        return self.place.partition(":")[0]

    @property
    def id(self) -> str:
        """What follows the colon, without the thread: `-100123`, `T1/C1`, a path."""
        return self.place.partition(":")[2]

    @property
    def bucket(self) -> str:
        """Whose token speaks there, and so what is paced, blocked and stopped together: the bot, or the workspace."""
        return self.place.partition("/")[0] if self.platform == "slack" else self.platform

    @property
    def kind(self) -> Kind:
        """Telegram's ids are negative for groups and channels; everywhere else one kind is all there is."""
        return "group" if self.platform == "telegram" and not self.id[0].isdigit() else "private"


def parse_address(text: str) -> Address:
    """Read a chat as people write it. Raises :class:`AddressError`."""
    for pattern in (_TELEGRAM, _SLACK, _LOCAL):
        if found := pattern.fullmatch(text.strip()):
            thread = found["thread"] or ""
            # A forum's General topic has the number 1, which no call may name.
            return Address(found["place"], "" if thread == "1" else thread)
    raise AddressError(text)
