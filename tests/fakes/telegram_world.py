"""Who and what there is on Telegram: people, chats, members, topics, messages, in the shapes that the Bot API gives.

Nothing happens here by itself; what people do is in `telegram_people`, what the bot does in `telegram_methods`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from fakes.telegram_schema import RIGHTS
from fakes.telegram_text import Text

Kind = Literal["private", "group", "supergroup", "channel"]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
Shape = dict[str, Any]
"""JSON as the Bot API writes it."""

GENERAL = 1
"""The number of a forum's General topic, which no call may name."""


@dataclass(eq=False, slots=True)
class User:
    """A person or a bot."""

    id: int
    first_name: str
    username: str = ""
    language_code: str = ""
    is_bot: bool = False
    deactivated: bool = False

    def shape(self) -> Shape:
        shape: Shape = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return shape | _present(username=self.username, language_code=self.language_code)


ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
"""Who seems to write where an administrator stays anonymous."""


@dataclass(frozen=True, slots=True)
class Member:
    """What somebody is in a chat. *rights* are an administrator's, as the Bot API names them."""

    user: User
    status: Status
    anonymous: bool = False
    rights: frozenset[str] = frozenset()

    @property
    def is_in(self) -> bool:
        return self.status not in {"left", "kicked"}

    @property
    def is_admin(self) -> bool:
        return self.status in {"creator", "administrator"}

    def may(self, right: str) -> bool:
        return self.status == "creator" or (self.status == "administrator" and right in self.rights)

    def shape(self) -> Shape:
        shape: Shape = {"user": self.user.shape(), "status": self.status}
        match self.status:
            case "creator":
                shape["is_anonymous"] = self.anonymous
            case "administrator":
                shape |= {"can_be_edited": False, "is_anonymous": self.anonymous}
                shape |= {right: right in self.rights for right in RIGHTS}
            case "restricted":
                shape |= {"is_member": True, "until_date": 0} | dict.fromkeys(_PERMISSIONS, False)
            case "kicked":
                shape["until_date"] = 0
            case _:
                pass
        return shape


@dataclass(eq=False, slots=True)
class Topic:
    """A thread of a forum; its id is that of the message that opened it."""

    opening: Message
    name: str
    closed: bool = False
    deleted: bool = False

    @property
    def id(self) -> int:
        return self.opening.id


@dataclass(eq=False, slots=True)
class Chat:
    """A private chat (*user* is who the bot talks to), a group, a supergroup or a channel."""

    id: int
    type: Kind
    title: str = ""
    username: str = ""
    user: User | None = None
    is_forum: bool = False
    started: bool = False
    blocked: bool = False
    migrated_to: Chat | None = None
    members: dict[int, Member] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    pinned: list[Message] = field(default_factory=list)
    general_closed: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def number(self) -> int:
        """The id of the chat's next message."""
        return next(self._numbers)

    def member(self, user: User) -> Member:
        return self.members.get(user.id) or Member(user, "left")

    def shape(self) -> Shape:
        shape: Shape = {"id": self.id, "type": self.type}
        if self.user is not None:
            return shape | _present(first_name=self.user.first_name, username=self.user.username)
        return shape | _present(title=self.title, username=self.username, is_forum=self.is_forum)

    def full_shape(self) -> Shape:
        """What getChat tells."""
        gifts = "unlimited_gifts limited_gifts unique_gifts premium_subscription gifts_from_channels".split()
        shape = self.shape() | {"accent_color_id": self.id % 7, "max_reaction_count": 11}
        shape["accepted_gift_types"] = dict.fromkeys(gifts, False)
        if self.pinned:
            shape["pinned_message"] = self.pinned[-1].shape()
        return shape


@dataclass(eq=False, slots=True)
class Message:
    """A message as a reader sees it now. *ours*: the bot wrote it, whoever seems to have."""

    chat: Chat
    id: int
    date: int
    sender: User | None = None
    sender_chat: Chat | None = None
    text: str = ""
    entities: tuple[Shape, ...] = ()
    thread_id: int | None = None
    reply_to: Message | None = None
    markup: Shape | None = None
    preview: Shape | None = None
    silent: bool = False
    poll: Shape | None = None
    service: Shape | None = None
    via: User | None = None
    inline_id: str = ""
    ours: bool = False
    edited: int | None = None

    @property
    def keyboard(self) -> list[list[Shape]]:
        return (self.markup or {}).get("inline_keyboard", [])

    @property
    def labels(self) -> list[str]:
        """What is written on the buttons, row by row."""
        return [button["text"] for row in self.keyboard for button in row]

    @property
    def links(self) -> list[tuple[str, str]]:
        """The words that are links, each with where it leads."""
        return [(self.covered(one), one["url"]) for one in self.entities if one["type"] == "text_link"]

    def covered(self, entity: Shape) -> str:
        """The words that an entity is about."""
        start, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
        return self.text.encode("utf-16-le")[start:end].decode("utf-16-le")

    def button(self, label_or_data: str) -> Shape:
        """The button with this label, or else with this data. Raises :class:`LookupError`."""
        buttons = [button for row in self.keyboard for button in row]
        for name in ("text", "callback_data"):
            for button in buttons:
                if button.get(name) == label_or_data:
                    return button
        raise LookupError(f"no button {label_or_data!r} among {self.labels}")

    def put(self, text: Text, markup: Shape | None, preview: Shape | None) -> None:
        self.text, self.entities, self.markup, self.preview = text.plain, text.entities, markup, preview

    def shape(self, *, whole: bool = True) -> Shape:
        """The JSON of it; not *whole*: without the message that it replies to."""
        shape: Shape = {"message_id": self.id, "date": self.date, "chat": self.chat.shape()}
        if self.sender is not None:
            shape["from"] = self.sender.shape()
        if self.sender_chat is not None:
            shape["sender_chat"] = self.sender_chat.shape()
        if self.via is not None:
            shape["via_bot"] = self.via.shape()
        shape |= _present(
            message_thread_id=self.thread_id, text=self.text, entities=list(self.entities), reply_markup=self.markup,
            link_preview_options=self.preview, poll=self.poll, edit_date=self.edited,
        )  # fmt: skip
        if self.thread_id in self.chat.topics:
            shape["is_topic_message"] = True
        if whole and self.reply_to is not None:
            shape["reply_to_message"] = self.reply_to.shape(whole=False)
        return shape | (self.service or {})


@dataclass(eq=False, slots=True)
class Query:
    """A press or an inline query, to be answered once and soon; *answer* holds the parameters of the answer."""

    id: str
    kind: Literal["callback", "inline"]
    user: User
    at: float
    answer: Shape | None = None

    @property
    def results(self) -> list[Shape]:
        """What an inline query was answered with."""
        return (self.answer or {}).get("results", [])


_PERMISSIONS = (
    "can_send_messages can_send_audios can_send_documents can_send_photos can_send_videos can_send_video_notes "
    "can_send_voice_notes can_send_polls can_send_other_messages can_add_web_page_previews can_change_info "
    "can_invite_users can_pin_messages can_manage_topics can_edit_tag"
).split()


def _present(**fields: Any) -> Shape:
    """The fields that are there: Telegram leaves empty ones out."""
    return {name: value for name, value in fields.items() if value}
