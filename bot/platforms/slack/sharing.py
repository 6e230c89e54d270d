"""Which answers all may see, and the button under one person's that shows it to them."""

from __future__ import annotations

from bot.chat import commands, pages
from bot.chat.conversation import QUESTION, Answer, Command
from bot.chat.message import Action, Button
from bot.platforms.slack.reading import ASKED

_NOT_SHARED = frozenset({"help", "start", "more"})


def shareable(command: Command) -> bool:
    """Whether all may see the answer: nothing that changes anything, nor a help that is for one reader."""
    if command.name == QUESTION:
        return bool(command.args)
    row = commands.find_row(command.name)
    return bool(row and row.role == "member" and row.group_role is None and row.name not in _NOT_SHARED)


def sharing_button(command: Command, answer: Answer) -> Button | None:
    """The button under *answer*; None where it is for who asked alone."""
    if answer.discreet or answer.refused or not shareable(command):
        return None
    action = Action(command.name or ASKED, command.args, command.page)
    return pages.sharing(action, answer.message.language)
