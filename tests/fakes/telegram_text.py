"""What Telegram makes of a text and of a keyboard before anybody sees them, judged by its own parser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from telegram_judge import MAX_ENTITIES, MAX_UNITS, auto_entities, parse, units

from fakes.telegram_schema import bad

MAX_ROW = 8
MAX_BUTTONS = 100
MAX_DATA_BYTES = 64

Entity = dict[str, Any]
Complain = Callable[[str], None]
"""Told of what Telegram lets pass and a reader misses."""

_MODES = {"html": "HTML", "markdown": "Markdown", "markdownv2": "MarkdownV2"}
_NAMES = {"block_quote": "blockquote", "expandable_block_quote": "expandable_blockquote"}
_UNBROKEN = frozenset({"text_link", "text_mention", "code", "pre", "custom_emoji"})
_HREF = re.compile(r"""<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """A text as a reader sees it; its entities in UTF-16 units, those asked for and those that apps find themselves."""

    plain: str
    entities: tuple[Entity, ...] = ()


def typed(text: str) -> Text:
    """What a person typed: commands, mentions and links are found in it."""
    return Text(text, tuple(map(_named, auto_entities(text))))


def written(text: str, complain: Complain, *, parse_mode: str = "", entities: list[Entity] | None = None) -> Text:
    """What a bot wrote. Raises :class:`~fakes.telegram_schema.Refusal` in Telegram's words."""
    if not text:
        raise bad("message text is empty")
    asked = entities or []
    if parse_mode:
        for link in filter(_is_lost, _links(text) if parse_mode.lower() == "html" else ()):
            complain(f"a link to {link!r} was dropped")
        text, asked = _parsed(text, parse_mode)
    plain, asked = _trimmed(text, asked)
    if not plain:
        raise bad("text must be non-empty")
    if units(plain) > MAX_UNITS:
        raise bad("message is too long")
    taken = [one for one in asked if one["type"] in _UNBROKEN]
    found = [one for one in typed(plain).entities if not any(_meet(one, other) for other in taken)]
    both = sorted([*asked, *found], key=lambda one: (one["offset"], -one["length"]))
    if len(both) > MAX_ENTITIES:
        complain(f"{len(both)} entities in one message: a reader would miss those after the {MAX_ENTITIES}th")
        raise bad(f"{len(both)} entities, of which Telegram would drop {len(both) - MAX_ENTITIES} without a word")
    return Text(plain, tuple(both))


def _parsed(text: str, parse_mode: str) -> tuple[str, list[Entity]]:
    if parse_mode.lower() not in _MODES:
        raise bad("unsupported parse_mode")
    parsed = parse(text, _MODES[parse_mode.lower()])
    if isinstance(parsed, str):
        raise bad(parsed[0].lower() + parsed[1:])
    plain, entities = parsed
    return plain, [_named(one) for one in entities]


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without white space at either end, which Telegram takes off; entities move along."""
    start = units(text) - units(text.lstrip())
    text = text.strip()
    end = units(text)
    moved = []
    for one in entities:
        first = max(one["offset"] - start, 0)
        last = min(one["offset"] + one["length"] - start, end)
        if last > first:
            moved.append(one | {"offset": first, "length": last - first})
    return text, moved


def _links(text: str) -> list[str]:
    return [html.unescape("".join(groups)) for groups in _HREF.findall(text)]


@lru_cache(maxsize=4096)
def _is_lost(link: str) -> bool:
    """Whether Telegram thinks this no link: it shows the words without it and does not say so."""
    parsed = parse(f'<a href="{html.escape(link)}">x</a>')
    return isinstance(parsed, str) or not parsed[1]


def _named(entity: Entity) -> Entity:
    """As the Bot API calls it, which is not always as TDLib does."""
    entity = entity | {"type": _NAMES.get(entity["type"], entity["type"])}
    if entity["type"] == "text_mention" and "user_id" in entity:
        user = {"id": entity.pop("user_id"), "is_bot": False, "first_name": "Somebody"}
        entity["user"] = user
    return entity


def _meet(one: Entity, other: Entity) -> bool:
    return (
        one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"]
    )  # fmt: skip


# Keyboards ------------------------------------------------------------------------------------------------------------


def check_keyboard(markup: dict[str, Any] | None, complain: Complain) -> None:
    """Refuse the buttons that Telegram refuses. Raises :class:`~fakes.telegram_schema.Refusal`."""
    rows = (markup or {}).get("inline_keyboard", [])
    if sum(map(len, rows)) > MAX_BUTTONS:
        raise bad("reply markup is too long")
    for row in rows:
        if len(row) > MAX_ROW:
            complain(f"{len(row)} buttons in one row: apps show {MAX_ROW}")
            raise bad("reply markup is too long")
        for button in row:
            _check_button(button)


def _check_button(button: dict[str, Any]) -> None:
    if not button["text"].strip():
        raise bad("can't parse inline keyboard button: Text buttons must be non-empty")
    deeds = button.keys() - {"text", "style", "icon_custom_emoji_id"}
    if not deeds:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(deeds) > 1:
        raise bad(f"can't parse inline keyboard button: it does {' and '.join(sorted(deeds))}")
    if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= MAX_DATA_BYTES:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in button and _is_lost(button["url"]):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    if "copy_text" in button and not 1 <= len(button["copy_text"]["text"]) <= 256:
        raise bad("BUTTON_COPY_TEXT_INVALID")
