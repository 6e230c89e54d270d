"""Buttons under a message, and what they ask: 64 bytes that say it all, since nothing is remembered between presses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from bot.chat import commands
from bot.chat.conversation import Command
from bot.chat.message import Action, Button, Pager
from bot.chat.prose import shortened, width
from bot.platforms.letters import is_visible

Keyboard: TypeAlias = dict[str, Any]

MAX_DATA = 64
MAX_BUTTONS = 100
ROW = 8
AS_ASKED = "^"
"""In place of words that are too long for a button: those of the message that the answer replies to."""

_LABEL_COLUMNS = 40
_ROW_COLUMNS = 34
_EDGE_COLUMNS = 2
_DATA = re.compile(r"([a-z]{1,32})\|([1-9][0-9]{0,5})\|(.*)", re.DOTALL)
_ADDRESSED = re.compile(r"^\s*(/\w+)@\w+|^\s*@\w+\s+")


# -- what a button asks ------------------------------------------------------------------------------------------------


def callback(action: Action) -> str:
    """*action* as callback data: `name|page|args`, with its reference or :data:`AS_ASKED` where the words are long."""
    for args in (action.args, action.ref or action.args):
        data = f"{action.name}|{action.page}|{args}".encode("utf-8", "replace")
        if len(data) <= MAX_DATA:
            return data.decode()
    return f"{action.name}|{action.page}|{AS_ASKED}"


def asked(data: str, *, question: str = "") -> tuple[str, str, int] | None:
    """The command that *data* stands for: its name, its words, the page; None where it stands for none.

    *question* is the text of the message that the answer replies to. Anybody may send any data: what is right about it
    is no more than what anybody may type.
    """
    match = _DATA.fullmatch(data)
    if match is None:
        return None
    name, page, args = match[1], int(match[2]), " ".join(match[3].split())
    if args == AS_ASKED:
        args = _words(question)
        if not args:
            return None
    return name, args, page


def _words(question: str) -> str:
    """What stands behind the command in *question*, whichever bot it names."""
    text = _ADDRESSED.sub(lambda match: match[1] or "", question)
    command = commands.read(text, Command(), mentioned=True)
    return command.args if command else ""


# -- how they stand ----------------------------------------------------------------------------------------------------


def keyboard(groups: Iterable[Sequence[Button]], pager: Pager | None) -> Keyboard | None:
    """The inline keyboard: each group of buttons in rows of its own, the pager's beneath; None without any button."""
    rows = [row for group in groups for row in _rows(group)]
    turning = [button for button in (pager.previous, pager.next) if button] if pager else []
    if turning:
        rows.append([_button(button) for button in turning])
    return {"inline_keyboard": rows} if rows else None


def _rows(buttons: Sequence[Button]) -> list[list[dict[str, str]]]:
    """As many in a row as leave every label readable on a telephone, where all of a row are equally wide."""
    rows: list[list[dict[str, str]]] = []
    widest = 0
    for button in buttons:
        made = _button(button)
        wide = width(made["text"]) + _EDGE_COLUMNS
        if rows and len(rows[-1]) < ROW and max(widest, wide) * (len(rows[-1]) + 1) <= _ROW_COLUMNS:
            rows[-1].append(made)
            widest = max(widest, wide)
        else:
            rows.append([made])
            widest = wide
    return rows


def _button(button: Button) -> dict[str, str]:
    label = f"{button.label} · {button.aside}" if button.aside else button.label
    if not label.isprintable():
        label = "".join(one for one in label if one.isprintable() or one == "\u200d")
    label = shortened(label, _LABEL_COLUMNS)
    return {"text": label if is_visible(label) else "…", "callback_data": callback(button.action)}
