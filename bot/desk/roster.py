"""Subscriptions as people write them: one JSON object each, one a line. Every mistake names its line and field."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

from bot.chat.address import Address, parse_address
from bot.chat.conversation import ChatSettings
from bot.chat.language import speaks
from bot.chat.message import FORMATS
from bot.digest.library import Library
from bot.editions.schedule import parse_schedule
from bot.errors import BotError, LineError, TopicAmbiguous, TopicNotFound
from bot.store.subscriptions import State, Subscriber
from bot.values import known_zone

T = TypeVar("T")

MAX_LINE = 64 * 1024
"""Bytes of a line; a subscription with every topic of a great digest takes a few thousand."""

MAX_ITEMS = 50
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


class RosterError(BotError, ValueError):
    """*why*."""

    why: str

    def __init__(self, why: str) -> None:
        super().__init__(why=why)


def row(one: Subscriber) -> dict[str, Any]:
    """A subscription as `heji chats list --json` and `export` print it (contract, section 2)."""
    return {
        "chat": str(one.chat),
        "topics": list(one.topics),
        "schedule": str(one.schedule),
        "timezone": one.zone.key,
        "format": one.format,
        "lang": one.lang,
        "name": one.name,
        "state": one.state,
        "reason": one.reason,
        "items_per_edition": one.items,
        "preview": one.preview,
        "silent": one.silent,
        "pin": one.pin,
        "owner": one.owner,
    }


class Roster:
    """Reads rows: what they leave out is as *defaults* say, topics are those of *library*."""

    def __init__(self, library: Library, defaults: ChatSettings) -> None:
        self._defaults = defaults
        self._topic = lru_cache(4096)(lambda name: topic_name(library, name))

    def lines(self, lines: Iterable[bytes], source: str) -> Iterator[Subscriber]:
        """The subscriptions of JSON lines, one at a time; empty lines are none. Raises LineError."""
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield self.subscriber(_object(line))
            except BotError as error:
                raise LineError(source, number, str(error).rstrip(".")) from None

    def subscriber(self, given: Mapping[str, Any]) -> Subscriber:
        """One row. Raises RosterError, AddressError, ScheduleError."""
        if unknown := sorted(given.keys() - _FIELDS):
            near = difflib.get_close_matches(unknown[0], _FIELDS, n=1)
            raise RosterError(f"“{_cut(unknown[0])}” is no field{f'; did you mean {near[0]}?' if near else ''}")
        if not isinstance(given.get("chat"), str):
            raise RosterError("the field “chat” is missing: write one such as telegram:-100123 or file:PATH")
        one = Subscriber(
            chat=parse_address(given["chat"]),
            schedule=self._defaults.schedule,
            zone=self._defaults.zone,
            topics=self._defaults.topics,
            items=self._defaults.items_per_edition,
        )
        wanted = {_FIELDS[key][0]: self._value(key, value) for key, value in given.items() if value is not None}
        wanted.pop("chat")
        return replace(one, **wanted)

    def _value(self, key: str, value: Any) -> Any:
        _, kind, read = _FIELDS[key]
        if isinstance(value, list) and kind is list:
            if not all(isinstance(name, str) for name in value):
                raise RosterError(f"“{key}” has to be a list of names")
            return tuple(dict.fromkeys(map(self._topic, value)))
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RosterError(f"“{key}” has to be {_KINDS[kind]}")
        return read(value)


def topic_name(library: Library, name: str) -> str:
    """The path of the topic that is meant, as it is kept. Raises RosterError, which names what comes near."""
    try:
        topic = library.find_topic(name)
    except TopicNotFound as error:
        wrong, near = f"no topic is called {_cut(name)}", error.suggestions
    except TopicAmbiguous as error:
        wrong, near = f"more than one topic is called {_cut(name)}", error.candidates
    else:
        return "/".join(topic.path)
    hint = ", ".join(" / ".join(one.path) for one in near)
    raise RosterError(f"{wrong}; near are: {hint}" if hint else f"{wrong}; see heji ask /topics")


def _object(line: bytes) -> Mapping[str, Any]:
    if len(line) > MAX_LINE:
        raise RosterError(f"it is longer than {MAX_LINE:,} bytes")
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RosterError(f"it is not UTF-8 at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "it is no JSON"
        raise RosterError(f"it is no JSON: {why}") from None
    if not isinstance(found, dict):
        raise RosterError('it is no JSON object such as {"chat": "telegram:-100123"}')
    return found


def _cut(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(known_zone(text))
    except ValueError as error:
        raise RosterError(f"timezone {error}") from None


def _language(text: str) -> str | None:
    if text and not speaks(text):
        raise RosterError(f"“{_cut(text)}” is no language that the bot speaks: write zh or en")
    return text[:2].lower() or None


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise RosterError("a name has 1 to 64 characters, on one line")
    return text


def _one_of(words: tuple[str, ...], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise RosterError(f"“{_cut(text)}” is no {what}: write {', '.join(words[:-1])} or {words[-1]}")
        return text

    return read


def _items(number: int) -> int:
    if not 1 <= number <= MAX_ITEMS:
        raise RosterError(f"items_per_edition is from 1 to {MAX_ITEMS}")
    return number


def _as_it_is(value: T) -> T:
    return value


_KINDS = {str: "a text", list: "a list of names", int: "a number", bool: "true or false"}
_FIELDS: dict[str, tuple[str, type, Callable[[Any], Any]]] = {
    "chat": ("chat", str, parse_address),
    "topics": ("topics", list, _as_it_is),
    "schedule": ("schedule", str, lru_cache(1024)(parse_schedule)),
    "timezone": ("zone", str, lru_cache(1024)(_zone)),
    "format": ("format", str, _one_of(FORMATS, "format")),
    "lang": ("lang", str, _language),
    "name": ("name", str, _name),
    "state": ("state", str, _one_of(get_args(State), "state")),
    "reason": ("reason", str, _as_it_is),
    "items_per_edition": ("items", int, _items),
    "preview": ("preview", bool, _as_it_is),
    "silent": ("silent", bool, _as_it_is),
    "pin": ("pin", bool, _as_it_is),
    "owner": ("owner", str, _as_it_is),
}
"""Field of a row -> field of a Subscriber, what JSON writes there, how it is read."""


def addresses(chats: Iterable[str]) -> tuple[Address, ...]:
    """Chats as people write them, each once."""
    return tuple(dict.fromkeys(map(parse_address, chats)))
