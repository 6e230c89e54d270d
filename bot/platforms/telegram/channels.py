"""`/subscribe @channel …` from a private chat: a channel is changed by its admins, from where they can be known."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from telegram import Bot, ChatMemberAdministrator, ChatMemberOwner
from telegram.error import BadRequest, Forbidden

from bot.chat import pages
from bot.chat.access import role_of
from bot.chat.conversation import Command, Reader
from bot.chat.message import Action, Block, Buttons, Message, Usage
from bot.platforms.telegram.members import ADMINS
from bot.platforms.telegram.reading import Me

COMMANDS = frozenset(
    {"subscribe", "unsubscribe", "pause", "resume", "settings", "set", "lang", "status", "week", "next"}
)
_NAMED = re.compile(r"(@[A-Za-z]\w{3,31}|-[1-9]\d{4,18})(?:\s+(.*))?", re.ASCII | re.DOTALL)


def named(command: Command) -> str:
    """The channel or group that *command*, given in private, is about: `@name`, `-100123`, or nothing."""
    found = _NAMED.fullmatch(command.args) if command.private and command.name in COMMANDS else None
    return found[1] if found else ""


async def aimed(command: Command, bot: Bot, me: Me, reader: Reader) -> Command | Message:
    """*command* as if an admin had given it in the channel that it names; a sentence where that cannot be.

    Raises TelegramError where Telegram cannot be asked.
    """
    name = named(command)
    try:
        chat = await bot.get_chat(name if name.startswith("@") else int(name))
        mine = await bot.get_chat_member(chat.id, me.id)
    except (BadRequest, Forbidden):
        return pages.channel_unknown(name, reader)
    if chat.type == "private":
        return pages.channel_unknown(name, reader)
    if chat.type == "channel" and not _may_post(mine):
        return pages.channel_closed(name, reader)
    try:
        theirs = await bot.get_chat_member(chat.id, int(command.user.partition(":")[2]))
    except (BadRequest, Forbidden):
        return pages.channel_of_others(name, reader)
    if theirs.status not in ADMINS:
        return pages.channel_of_others(name, reader)
    role = role_of(curator=command.role == "curator", admin=True)
    args = command.args[len(name) :].strip()
    return replace(command, args=args, chat=f"telegram:{chat.id}", private=False, role=role)


def _may_post(member: Any) -> bool:
    return isinstance(member, ChatMemberOwner) or (
        isinstance(member, ChatMemberAdministrator) and bool(member.can_post_messages)
    )


def returned(message: Message, chat: str) -> Message:
    """An answer about *chat* (`telegram:-100123`) that stands elsewhere: its buttons say which chat they mean."""
    return replace(message, blocks=tuple(_block(block, chat.partition(":")[2]) for block in message.blocks))


def _block(block: Block, chat: str) -> Block:
    match block:
        case Buttons(buttons=buttons):
            return Buttons(tuple(replace(button, action=_action(button.action, chat)) for button in buttons))
        case Usage(lines=lines):
            return Usage(tuple(replace(line, action=_action(line.action, chat)) for line in lines))
    return block


def _action(action: Action, chat: str) -> Action:
    if action.name not in COMMANDS:
        return action
    ref = f"{chat} {action.ref}" if action.ref else ""
    return replace(action, args=f"{chat} {action.args}".rstrip(), ref=ref)
