"""What people say to the bot on Telegram, as commands. Pure; knows nothing of roles, which have to be asked for."""

from __future__ import annotations

from dataclasses import dataclass

from bot.chat import commands
from bot.chat.conversation import Command
from bot.platforms.telegram.wire import Entity, Message, User


@dataclass(frozen=True, slots=True)
class Me:
    """Who the bot is."""

    id: int
    username: str


def typed(message: Message, me: Me) -> Command | None:
    """What *message* asks, if it is for the bot: not what bots say, nor what came by way of one."""
    if message.via_bot or message.is_automatic_forward or (_by_bot(message) and message.sender_chat is None):
        return None
    text, mentioned = _addressed(message, me)
    if not text and not mentioned:
        return None
    return commands.read(text, who(message), me=me.username, mentioned=mentioned)


def who(message: Message) -> Command:
    """Who says *message*, and where; they count as a member. A chat that speaks as itself is nobody."""
    user = None if message.sender_chat else message.from_user
    return asker(user, message.place, private=message.chat.private)


def asker(user: User | None, place: str, *, private: bool) -> Command:
    """*user* in *place*, with nothing asked yet."""
    return Command(
        platform="telegram",
        chat=place,
        user=f"telegram:{user.id}" if user else "",
        language=user.language_code if user else None,
        private=private,
    )


def question(message: Message) -> Message | None:
    """The message that *message* replies to. In a forum topic all that answers nobody “replies” to its opening."""
    asked = message.reply_to_message
    if asked is None or (message.is_topic_message and asked.message_id == message.message_thread_id):
        return None
    return asked


def _by_bot(message: Message) -> bool:
    return message.from_user is not None and message.from_user.is_bot


def _addressed(message: Message, me: Me) -> tuple[str, bool]:
    """The text without the bot's name, and whether the bot was spoken to: by name, or by a reply to what it said."""
    text, entities = (message.text, message.entities) if message.text else (message.caption, message.caption_entities)
    asked = question(message)
    replied = asked is not None and asked.from_user is not None and asked.from_user.id == me.id
    if not any(entity.type in ("mention", "text_mention") for entity in entities):
        return text, replied and bool(text)
    units = text.encode("utf-16-le", "surrogatepass")
    for entity in entities:
        if _names(entity, units, me):
            rest = units[: 2 * entity.offset] + units[2 * (entity.offset + entity.length) :]
            return rest.decode("utf-16-le", "replace").strip(" ,:，：\n"), True
    return text, replied and bool(text)


def _names(entity: Entity, units: bytes, me: Me) -> bool:
    if entity.type == "text_mention":
        return entity.user is not None and entity.user.id == me.id
    said = units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le", "replace")
    return entity.type == "mention" and said.casefold() == f"@{me.username}".casefold()
