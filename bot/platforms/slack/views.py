"""Modals: the question form, the settings form, and answers that have no channel to stand in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from bot.chat.conversation import Subscribed
from bot.chat.pages import Words
from bot.platforms.base import Payload

ASK_FORM = "ask_form"
SETTINGS_FORM = "settings_form"
ANSWER = "answer"

MAX_BLOCKS = 100
MAX_TITLE = 24

View = dict[str, Any]


class Memo(NamedTuple):
    """What a modal carries about with it: the chat that it is about, if any, and the language it is written in."""

    chat: str = ""
    language: str = "en"

    def written(self) -> str:
        """As a view's `private_metadata`."""
        return orjson.dumps([self.chat, self.language]).decode()

    @classmethod
    def of(cls, view: View) -> Memo:
        """What *view* carries; nothing where it carries none of ours."""
        try:
            match orjson.loads(view.get("private_metadata") or "[]"):
                case [str(chat), str(language)]:
                    return cls(chat, language)
        except orjson.JSONDecodeError:
            pass
        return cls()


def blocks_of(payloads: Iterable[Payload], most: int = MAX_BLOCKS) -> list[dict[str, Any]]:
    """The blocks of several messages as those of one view, where no two buttons may have the same id."""
    blocks: list[dict[str, Any]] = []
    for number, payload in enumerate(payloads):
        for block in payload["params"].get("blocks", ()):
            if number and block["type"] == "actions":
                elements = [{**one, "action_id": f"{one['action_id']}-{number}"} for one in block["elements"]]
                block = {**block, "elements": elements}
            blocks.append(block)
    return blocks[:most]


def answer(payloads: Iterable[Payload], words: Words, memo: Memo) -> View:
    """An answer in a modal."""
    return _modal(ANSWER, words.answer, blocks_of(payloads), words, memo)


def waiting(words: Words, memo: Memo) -> View:
    """What is shown until the answer is there."""
    return _modal(ANSWER, words.answer, [{"type": "section", "text": _text(words.wait)}], words, memo)


def ask_form(words: Words, memo: Memo) -> View:
    """One question."""
    element = {"type": "plain_text_input", "action_id": "question", "max_length": 500, "focus_on_load": True}
    blocks = [{"type": "input", "block_id": "question", "label": _text(words.hint), "element": element}]
    return {**_modal(ASK_FORM, words.question, blocks, words, memo), "submit": _text(words.ask)}


def settings_form(one: Subscribed, words: Words, memo: Memo) -> View:
    """The settings of a subscription, as they are."""
    blocks = [
        _input("topics", words.topics, ", ".join(one.topics) or words.everything),
        _input("schedule", words.schedule, str(one.schedule)),
        _input("timezone", words.zone, one.zone.key),
        _select("format", words.format, words.formats, one.format),
        _select("lang", words.language, words.languages, one.language or ""),
    ]
    return {**_modal(SETTINGS_FORM, words.settings, blocks, words, memo), "submit": _text(words.save)}


def changed(values: dict[str, str], before: Subscribed, everything: str) -> tuple[tuple[str, str], ...]:
    """Which settings a form has otherwise than they are, in the words of `/set`."""
    was = {
        "topics": ", ".join(before.topics) or everything,
        "schedule": str(before.schedule),
        "timezone": before.zone.key,
        "format": before.format,
        "lang": before.language or "",
    }
    wanted = {key: " ".join(values.get(key, "").split()) for key in was}
    wanted["topics"] = wanted["topics"] or "all"
    return tuple((key, value) for key, value in wanted.items() if value and value != was[key])


def _modal(callback: str, title: str, blocks: Sequence[dict[str, Any]], words: Words, memo: Memo) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": _text(title[:MAX_TITLE]),
        "close": _text(words.close),
        "private_metadata": memo.written(),
        "blocks": list(blocks),
    }


def _input(key: str, label: str, value: str) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": key, "initial_value": value[:3000]}
    return {"type": "input", "block_id": key, "label": _text(label), "element": element, "optional": True}


def _select(key: str, label: str, choices: Iterable[tuple[str, str]], chosen: str) -> dict[str, Any]:
    options = [{"text": _text(name), "value": value} for value, name in choices]
    initial = [option for option in options if option["value"] == chosen]
    element: dict[str, Any] = {"type": "static_select", "action_id": key, "options": options}
    element["placeholder"] = _text(label)
    element |= {"initial_option": initial[0]} if initial else {}
    return {"type": "input", "block_id": key, "label": _text(label), "element": element, "optional": True}


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
