"""Telegram's own opinion of a text, offline: TDLib is what Telegram's Bot API server and apps parse with.

A module that imports this one is skipped where TDLib has no wheel, and fails there where REQUIRE_ALL=1. Entities are
written as the Bot API writes them: ``{"type": "text_link", "offset": 0, "length": 3, "url": "https://…"}``, in UTF-16
units.
"""

import json
import os
import re

import pytest

if os.environ.get("REQUIRE_ALL") == "1":
    import tdjson
else:
    tdjson = pytest.importorskip("tdjson", reason="TDLib has no wheel here")

MAX_UNITS = 4096
MAX_ENTITIES = 100

_MODES = {
    "HTML": {"@type": "textParseModeHTML"},
    "Markdown": {"@type": "textParseModeMarkdown", "version": 1},
    "MarkdownV2": {"@type": "textParseModeMarkdown", "version": 2},
}
_NAMES = {
    "text_url": "text_link",
    "mention_name": "text_mention",
    "pre_code": "pre",
    "email_address": "email",
    "block_quote": "blockquote",
}
_NAMES["expandable_block_quote"] = "expandable_blockquote"

# Two of these never share a character: where one stands already, nothing is found by itself.
_UNBROKEN = frozenset({"text_link", "text_mention", "custom_emoji", "code", "pre"})

Entity = dict[str, object]


def parse(text: str, parse_mode: str = "HTML") -> tuple[str, list[Entity]] | str:
    """The text without its markup and the entities that the markup asks for; a sentence where it is refused."""
    said = _ask({"@type": "parseTextEntities", "text": text, "parse_mode": _MODES[parse_mode]})
    if said["@type"] == "error":
        return str(said["message"])
    return said["text"], [_entity(entity) for entity in said["entities"]]


def auto_entities(text: str) -> list[Entity]:
    """What an app makes of plain *text* by itself: links, mentions, hashtags, commands, telephone and card numbers."""
    found = [_entity(entity) for entity in _ask({"@type": "getTextEntities", "text": text})["entities"]]
    return [entity for entity in found if entity["type"] != "media_timestamp"]  # only under a film or a song


def received(text: str, parse_mode: str = "HTML") -> tuple[str, list[Entity]]:
    """What a reader gets: asked-for entities, and those that are found by themselves where no link or code stands."""
    parsed = parse(text, parse_mode)
    assert not isinstance(parsed, str), f"{parsed} {text!r}"
    plain, asked = parsed
    taken = [span(entity) for entity in asked if entity["type"] in _UNBROKEN]
    found = [one for one in auto_entities(plain) if not any(_meet(span(one), other) for other in taken)]
    return plain, sorted(asked + found, key=lambda entity: (entity["offset"], -entity["length"]))


def units(text: str) -> int:
    """UTF-16 units, which is what Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def covered(text: str, entity: Entity) -> str:
    """The piece of *text* that *entity* is about."""
    start, end = span(entity)
    return text.encode("utf-16-le")[start * 2 : end * 2].decode("utf-16-le")


def span(entity: Entity) -> tuple[int, int]:
    """Where *entity* begins and ends."""
    return entity["offset"], entity["offset"] + entity["length"]


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _entity(said: dict) -> Entity:
    kind = re.sub(r"(?<!^)(?=[A-Z])", "_", said["type"]["@type"].removeprefix("textEntityType")).lower()
    entity: Entity = {"type": _NAMES.get(kind, kind), "offset": said["offset"], "length": said["length"]}
    for name in ("url", "language", "user_id"):
        if name in said["type"]:
            entity[name] = said["type"][name]
    return entity


def _ask(query: dict) -> dict:
    return json.loads(tdjson.td_execute(json.dumps(query).encode()))


_ask({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0})
