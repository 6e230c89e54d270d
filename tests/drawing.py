"""What drawings of payloads are judged with: a page around them, and where their buttons lead."""

from __future__ import annotations

from archives import flaws

from bot.chat.message import Action
from bot.platforms.telegram.keyboard import asked


def typed(value: str) -> str:
    """The command that a button's value stands for, as one types it."""
    found = asked(value)
    return Action(*found).typed() if found else ""


def asking(command: str) -> str:
    """Where a command is answered."""
    return f"/preview?say={command}"


def flaws_of(drawn: str) -> list[str]:
    """What is wrong with a piece of a page."""
    return flaws(f"<!doctype html><title>t</title><main>{drawn}</main>")
