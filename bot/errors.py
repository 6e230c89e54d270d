"""Every error raised on purpose. An error carries data; its docstring is its sentence.

`chat.pages` puts these into the reader's language, `cli` onto stderr. Bad *content* is never one of these: it is a
`Problem` with file and line.
"""

from __future__ import annotations

import inspect
import re
from typing import Any


class BotError(Exception):
    """Something that the user can understand went wrong."""

    def __init__(self, **data: Any) -> None:
        super().__init__(*data.values())
        self.data = data
        for name, value in data.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        sentence = " ".join(inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0].split())
        return re.sub(r"\*(\w+)\*", lambda m: _shown(self.data.get(m[1], m[0])), sentence)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(v) for v in value)
    return str(value)


class ConfigurationError(BotError):
    """*mistakes*: a sentence each, with the variable, key or argument and the cure; all of them at once."""

    mistakes: tuple[str, ...]

    def __init__(self, mistakes: tuple[str, ...] | list[str] | str) -> None:
        super().__init__(mistakes=(mistakes,) if isinstance(mistakes, str) else tuple(mistakes))

    def __str__(self) -> str:
        return "\n".join(self.mistakes)


class TopicNotFound(BotError, LookupError):
    """No topic is called *query*."""

    query: str
    suggestions: tuple[Any, ...]

    def __init__(self, query: str, suggestions: tuple[Any, ...] = ()) -> None:
        super().__init__(query=query, suggestions=suggestions)


class TopicAmbiguous(BotError, LookupError):
    """More than one topic is called *query*."""

    query: str
    candidates: tuple[Any, ...]

    def __init__(self, query: str, candidates: tuple[Any, ...] = ()) -> None:
        super().__init__(query=query, candidates=candidates)


class AddressError(BotError, ValueError):
    """“*text*” is no chat: write telegram:-100123, telegram:-100123/45, slack:T1/C1, console:NAME or file:PATH."""

    text: str

    def __init__(self, text: str) -> None:
        super().__init__(text=text if len(text) <= 60 else text[:59] + "…")


class ChatNotFound(BotError, LookupError):
    """*chat* has no subscription called “*name*”: `heji chats list` shows those that there are."""

    chat: str
    name: str

    def __init__(self, chat: str, name: str = "weekly") -> None:
        super().__init__(chat=chat, name=name)


class LineError(BotError, ValueError):
    """*source*, line *line*: *why*; nothing was imported."""

    def __init__(self, source: str, line: int, why: str) -> None:
        super().__init__(source=source, line=f"{line:,}", why=why)


class StoreError(BotError):
    """The database cannot be used: *reason*."""

    reason: str

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class StoreUnreachable(StoreError):
    """The database cannot be reached (*reason*): check DATABASE_URL and whether the server runs."""


class StoreReadOnly(StoreError):
    """The database cannot be written (*reason*): give heji the right to write to its file and folder."""


class StoreFull(StoreError):
    """The database's disk is full (*reason*): make room, and everything goes on by itself."""


class StoreBehind(StoreError):
    """The database's tables are not those of this version (*reason*): run `heji db upgrade`."""
