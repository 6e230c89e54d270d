"""Updates as Telegram sends them, as far as the bot looks at them; all else is skipped while it is parsed.

PTB's own `Update.de_json` takes 150 to 600 µs, more than all the rest of an answer; these take 3.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

ALLOWED_UPDATES = ("message", "channel_post", "callback_query", "inline_query", "my_chat_member")
"""What Telegram is asked for. Edited messages are not among them: who corrects a word has been answered already."""


class Malformed(ValueError):
    """It is no update."""


class User(Struct, frozen=True):
    """A person or a bot."""

    id: int
    is_bot: bool = False
    username: str | None = None
    language_code: str | None = None


class Chat(Struct, frozen=True):
    """*type* is `private`, `group`, `supergroup` or `channel`."""

    id: int
    type: str = ""

    @property
    def private(self) -> bool:
        """Whether nobody else reads along."""
        return self.type == "private"


class Entity(Struct, frozen=True):
    """A stretch of a text, counted in UTF-16 units."""

    type: str
    offset: int
    length: int
    user: User | None = None


class Message(Struct, frozen=True):
    """A message, or what is left of one that is out of reach: then only its chat and its number."""

    message_id: int
    chat: Chat
    from_user: User | None = field(default=None, name="from")
    sender_chat: Chat | None = None
    text: str = ""
    entities: tuple[Entity, ...] = ()
    caption: str = ""
    caption_entities: tuple[Entity, ...] = ()
    message_thread_id: int | None = None
    is_topic_message: bool = False
    is_automatic_forward: bool = False
    reply_to_message: Message | None = None
    via_bot: User | None = None
    migrate_to_chat_id: int | None = None
    migrate_from_chat_id: int | None = None

    @property
    def thread(self) -> str:
        """The forum topic that it stands in. In other groups a number there is that of a chain of replies."""
        topic = self.message_thread_id if self.is_topic_message else None
        return str(topic) if topic and topic != 1 else ""

    @property
    def place(self) -> str:
        """Where it stands, as the bot writes chats: `telegram:-100123/45`."""
        return f"telegram:{self.chat.id}" + (f"/{self.thread}" if self.thread else "")


class CallbackQuery(Struct, frozen=True):
    """A button was pressed: below *message*, or below one that came from inline mode."""

    id: str
    from_user: User = field(name="from")
    message: Message | None = None
    inline_message_id: str | None = None
    data: str = ""


class InlineQuery(Struct, frozen=True):
    """Somebody types `@bot words` in some chat; *offset* is what we said the next results begin at."""

    id: str
    from_user: User = field(name="from")
    query: str = ""
    offset: str = ""


class Member(Struct, frozen=True):
    """How somebody stands in a chat."""

    status: str = ""
    is_member: bool = True

    @property
    def inside(self) -> bool:
        """Whether they are there. Who is restricted may have left."""
        return self.status in ("creator", "administrator", "member") or (self.status == "restricted" and self.is_member)


class MemberUpdated(Struct, frozen=True):
    """The bot's own standing in *chat* has changed."""

    chat: Chat
    from_user: User = field(name="from")
    old_chat_member: Member
    new_chat_member: Member


class Update(Struct, frozen=True):
    """One thing that happened; at most one of its parts is there."""

    update_id: int
    message: Message | None = None
    channel_post: Message | None = None
    callback_query: CallbackQuery | None = None
    inline_query: InlineQuery | None = None
    my_chat_member: MemberUpdated | None = None

    @property
    def lane(self) -> int:
        """What is answered one after the other: a chat, or a person's inline questions."""
        if said := self.message or self.channel_post:
            return said.chat.id
        if pressed := self.callback_query:
            return pressed.message.chat.id if pressed.message else pressed.from_user.id
        if changed := self.my_chat_member:
            return changed.chat.id
        return self.inline_query.from_user.id if self.inline_query else 0


_decode = msgspec.json.Decoder(Update).decode


def read_update(body: bytes) -> Update:
    """One update. Raises Malformed."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):  # what does not fit is a DecodeError as well
        raise Malformed from None


def fitting(found: Any) -> Update:
    """The same from what is parsed already. Raises Malformed."""
    try:
        return msgspec.convert(found, Update)
    except (msgspec.ValidationError, RecursionError):
        raise Malformed from None
