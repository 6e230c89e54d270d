"""Who somebody is in a chat: member, admin or curator. Telegram is asked only where an answer depends on it."""

from __future__ import annotations

import logging

from cachetools import TTLCache
from telegram import Bot
from telegram.constants import ChatMemberStatus
from telegram.error import TelegramError

from bot.chat import commands
from bot.chat.access import Role, role_of
from bot.chat.conversation import Command
from bot.platforms.telegram.wire import Message

KEPT_FOR = 60.0
"""Seconds; who was made admin, or is none any more, is known within a minute."""

ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
_SHOWS_MORE_TO_ADMINS = frozenset({"help", "start", "status"})

logger = logging.getLogger(__name__)


class Members:
    """Roles, each remembered for a minute. *curators* are written `telegram:7`."""

    def __init__(self, bot: Bot, curators: frozenset[str]) -> None:
        self._bot = bot
        self._curators = curators
        self._admins: TTLCache[tuple[int, int], bool] = TTLCache(10_000, KEPT_FOR)

    async def role(self, command: Command, message: Message | None) -> Role:
        """The role of who gives *command* in the chat of *message*, as far as the answer depends on it."""
        if command.user in self._curators:
            return "curator"
        if command.private or message is None:
            return role_of(private=command.private)
        if message.sender_chat is not None:  # an anonymous admin, a channel's post; elsewhere another channel's voice
            return role_of(admin=message.sender_chat.id == message.chat.id)
        if message.chat.type == "channel" and not command.user:
            return "admin"  # nobody else can post there
        if not command.user or not depends_on_role(command.name):
            return "member"
        return role_of(admin=await self.is_admin(message.chat.id, int(command.user.partition(":")[2])))

    async def is_admin(self, chat: int, user: int) -> bool:
        """Whether *user* runs *chat*; not, where Telegram does not say."""
        key = chat, user
        if (known := self._admins.get(key)) is not None:
            return known
        try:
            member = await self._bot.get_chat_member(chat, user)
        except TelegramError as error:
            logger.warning("role not found chat=telegram:%s reason=%s", chat, type(error).__name__)
            return False
        self._admins[key] = admin = member.status in ADMINS
        return admin


def depends_on_role(name: str) -> bool:
    """Whether the command's answer in a group is another one for admins."""
    row = commands.find_row(name)
    return row is not None and (row.name in _SHOWS_MORE_TO_ADMINS or row.needed(private=False) != "member")
