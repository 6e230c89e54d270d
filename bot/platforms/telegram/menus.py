"""What Telegram shows of the bot before anybody asks: command menus by language and scope, and the descriptions.

All of it is set only where it differs: Telegram limits how often, and several processes start at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram.error import BadRequest, Forbidden

from bot.chat import commands, pages
from bot.chat.access import Role
from bot.chat.conversation import Reader
from bot.chat.language import LANGUAGES, voice

MAX_COMMANDS = 100
MAX_WORDS = 256


@dataclass(frozen=True, slots=True)
class Menu:
    """The *commands* that readers of *language* see in the chats of *scope*; an empty language is all the others."""

    scope: BotCommandScope
    language: str
    commands: tuple[tuple[str, str], ...]


def menus(curators: Iterable[str] = (), *, default: str = "en") -> Iterator[Menu]:
    """The menus of the command table. *default* is spoken to whose language the bot does not speak. Pure."""
    scopes: list[tuple[BotCommandScope, Role, bool]] = [
        (BotCommandScopeDefault(), "member", False),
        (BotCommandScopeAllPrivateChats(), "admin", True),
        (BotCommandScopeAllGroupChats(), "member", False),
        (BotCommandScopeAllChatAdministrators(), "admin", False),
    ]
    ids = (int(curator.partition(":")[2]) for curator in sorted(curators) if curator.startswith("telegram:"))
    scopes += [(BotCommandScopeChat(chat), "curator", True) for chat in ids]
    for scope, role, private in scopes:
        for language in ("", *LANGUAGES):
            reader = Reader(language=language or default, role=role, private=private)
            rows = ((row.name, reader.say(row.summary)[:MAX_WORDS]) for row in commands.usable_by(reader))
            yield Menu(scope, language, tuple(rows)[:MAX_COMMANDS])


async def set_up(bot: Bot, curators: Iterable[str] = (), *, default: str = "en") -> tuple[str, ...]:
    """Set what differs; a line for each that was. Raises TelegramError."""
    changed = []
    # In a thread: the first word of a language reads its whole catalogue, and nobody's question shall wait for that.
    for menu in await asyncio.to_thread(lambda: tuple(menus(curators, default=default))):
        name = f"menu {menu.scope.type} {menu.language or 'default'}"
        try:
            there = await bot.get_my_commands(scope=menu.scope, language_code=menu.language or None)
            if tuple((command.command, command.description) for command in there) == menu.commands:
                continue
            wanted = [BotCommand(*command) for command in menu.commands]
            await bot.set_my_commands(wanted, scope=menu.scope, language_code=menu.language or None)
        except (BadRequest, Forbidden):
            if isinstance(menu.scope, BotCommandScopeChat):
                continue  # a curator who has not opened the private chat yet
            raise
        changed.append(name)
    for language in ("", *LANGUAGES):
        changed += await _describe(bot, language, language or default)
    return tuple(changed)


async def _describe(bot: Bot, language: str, spoken: str) -> list[str]:
    """The text of the empty chat, and the one of the profile."""
    say, code, changed = voice(spoken), language or None, []
    text, line = pages.description(say), pages.short_description(say)
    if (await bot.get_my_description(language_code=code)).description != text:
        await bot.set_my_description(text, language_code=code)
        changed.append(f"description {language or 'default'}")
    if (await bot.get_my_short_description(language_code=code)).short_description != line:
        await bot.set_my_short_description(line, language_code=code)
        changed.append(f"short description {language or 'default'}")
    return changed
