"""The app's Home: what is read this week and next, the topics, a search, the subscriptions of one's channels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bot.chat.message import Action
from bot.chat.pages import Words
from bot.platforms.base import Payload
from bot.platforms.slack import buttons
from bot.platforms.slack.views import blocks_of

SEARCH = "search"
SETTINGS = "settings"
"""What the `action_id`s of Home's own buttons begin with."""

MAX_ROWS = 20
_READING = 55
"""Blocks for what there is to read, of the 100 that Home may have."""


class Row(NamedTuple):
    """A subscription: its chat (`slack:T1/C1`), what that is called, and what is said of it."""

    chat: str
    name: str
    said: str


def home(payloads: Sequence[Payload], rows: Sequence[Row], words: Words) -> dict[str, Any]:
    """The view."""
    shortcuts = [
        _button(f"{SEARCH}-0", words.question, "search", style="primary"),
        _button("ask-week", words.week, buttons.value(Action("week"))),
        _button("ask-new", words.new, buttons.value(Action("new"))),
    ]
    blocks: list[dict[str, Any]] = [{"type": "actions", "elements": shortcuts}, *blocks_of(payloads, _READING)]
    blocks += [{"type": "divider"}, {"type": "header", "text": _text(words.subscriptions)}]
    if not rows:
        blocks.append({"type": "context", "elements": [_text(words.nowhere)]})
    for number, row in enumerate(rows[:MAX_ROWS]):
        text = _text(f"{row.name}\n{row.said}"[:3000])
        change = _button(f"{SETTINGS}-{number}", words.settings, row.chat)
        blocks.append({"type": "section", "text": text, "accessory": change})
    return {"type": "home", "blocks": blocks}


def _button(action_id: str, label: str, value: str, **more: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": _text(label), "value": value, **more}


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
