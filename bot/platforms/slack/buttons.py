"""Buttons, and what they ask: a value of 2,000 characters says it all, nothing is remembered between presses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from bot.chat.commands import MAX_WORDS
from bot.chat.message import Action, Button
from bot.chat.prose import shortened
from bot.platforms.letters import clean, is_visible, one_line, units

MAX_VALUE = 2000
ROW = 25
"""Buttons in one block."""
MENU = 100
"""Choices in one menu."""

Purpose: TypeAlias = Literal["ask", "turn", "share"]
"""What is done with the answer: it is said anew, it takes the place of the page it was asked on, all may read it."""

_LABEL_COLUMNS = 60
_LABEL_UNITS = 75
_CHOICE_VALUE = 150
_READ = 500
"""Characters of a label that are looked at."""

_VALUE = re.compile(r"([a-z]{1,32})\|([1-9][0-9]{0,5})\|(.*)", re.DOTALL)


def value(action: Action, most: int = MAX_VALUE) -> str:
    """*action* as a button's value: `name|page|args`, of at most *most* units.

    Where *args* are too long, their reference; where there is none, as much of them as is read of a question.
    """
    for args in (clean(action.args), action.ref or clean(action.args)[:MAX_WORDS], ""):
        text = f"{action.name}|{action.page}|{args}"
        if units(text) <= most:
            break
    return text


def asked(text: str) -> tuple[str, str, int] | None:
    """The command that a *value* stands for: its name, its words, the page; None where it stands for none.

    Slack sends values back as they were, but with `&`, `<` and `>` as entities (slackapi/bolt-python, issue 513).
    """
    match = _VALUE.fullmatch(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return (match[1], " ".join(match[3].split()), int(match[2])) if match else None


def purpose_of(action_id: str) -> Purpose | None:
    """What the button *action_id* is for; None where it is not one of these."""
    match action_id.partition("-")[0]:
        case "ask" | "turn" | "share" as found:
            return found
    return None


def row(buttons: Iterable[Button], purpose: Purpose, first: int) -> dict[str, Any]:
    """A block of at most ROW buttons; *first* is the number of the first one in its message, for ids must differ."""
    made = [_button(button, f"{purpose}-{n}") for n, button in enumerate(buttons, first)]
    return {"type": "actions", "elements": made}


def menu(choices: Iterable[Button], first: int, prompt: str) -> dict[str, Any]:
    """A block of at most MENU choices that unfold; the one that is taken has the *value* of a button."""
    options = [{"text": _plain(label(one)), "value": value(one.action, _CHOICE_VALUE)} for one in choices]
    placeholder = _plain(shortened(one_line(prompt), _LABEL_COLUMNS) or "…")
    select = {"type": "static_select", "action_id": f"ask-{first}", "placeholder": placeholder, "options": options}
    return {"type": "actions", "elements": [select]}


def _button(button: Button, action_id: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action_id,
        "text": _plain(label(button)),
        "value": value(button.action),
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def label(button: Button) -> str:
    """What stands on *button*, as much of it as a telephone shows and Slack allows."""
    whole = f"{button.label} · {button.aside}" if button.aside else button.label
    text = shortened(one_line(whole[:_READ]), _LABEL_COLUMNS)
    while units(text) > _LABEL_UNITS:  # marks take units and no columns
        text = text[: len(text) - 2] + "…"
    return text if is_visible(text) else "…"
