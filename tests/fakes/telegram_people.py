"""What people do on Telegram: they write, press buttons, add the bot, throw it out, close topics.

Each verb changes the world and gives the bot the updates that Telegram would give it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any

from fakes.server import alone
from fakes.telegram_schema import RIGHTS
from fakes.telegram_text import Text, typed, written
from fakes.telegram_world import (
    ANONYMOUS,
    Chat,
    Kind,
    Member,
    Message,
    Query,
    Shape,
    Status,
    Topic,
    User,
)

Emit = Callable[[str, Shape], None]
"""Queues an update of a kind for the bot."""

_CHAT_DEFAULTS = frozenset({"can_manage_chat", "can_delete_messages", "can_invite_users", "can_pin_messages"})
_CHANNEL_DEFAULTS = frozenset({"can_manage_chat", "can_post_messages", "can_edit_messages", "can_delete_messages"})


class World:
    """Everybody and every chat, and one bot. Safe from any thread.

    *changed* is held by whoever moves something, and rung afterwards. *privacy* is the bot's privacy mode: in groups
    it gets only commands, mentions and replies to what it said.
    """

    def __init__(
        self, clock: Callable[[], float], emit: Emit, changed: threading.Condition, *, username: str = "heji_bot"
    ) -> None:
        self.changed = changed
        self.clock = clock
        self.privacy = True
        self.bot = User(8_000_000_001, "heji", username, is_bot=True)
        self.users: dict[int, User] = {user.id: user for user in (self.bot, ANONYMOUS)}
        self.chats: dict[int, Chat] = {}
        self.queries: dict[str, Query] = {}
        self._emit = emit
        # Beyond 32 bits, as people's ids are today.
        self._user_ids = itertools.count(5_000_000_001)
        self._chat_numbers = itertools.count(1)
        self._query_ids = itertools.count(4_900_000_000_000_000_001)
        self._inline: dict[str, Message] = {}

    # Who and what there is ------------------------------------------------------------------------------------------

    @alone
    def user(self, first_name: str, *, language_code: str = "en", username: str = "", id: int | None = None) -> User:  # noqa: A002
        """Somebody new. Their private chat begins when they first say something, or with :meth:`private`."""
        user = User(id or next(self._user_ids), first_name, username, language_code)
        self.users[user.id] = user
        self.chats[user.id] = Chat(user.id, "private", user=user, username=username)
        return user

    def private(self, user: User) -> Chat:
        """The chat of *user* with the bot, which may write there from now on."""
        chat = self.chats[user.id]
        chat.started = True
        return chat

    def group(self, title: str, *, owner: User, members: Iterable[User] = (), bot: bool = True) -> Chat:
        return self._chat("group", title, owner, members, bot=bot)

    def supergroup(
        self, title: str, *, owner: User, members: Iterable[User] = (), bot: bool = True, forum: bool = False,
        username: str = "",
    ) -> Chat:  # fmt: skip
        """A large group; a *forum* has topics."""
        return self._chat("supergroup", title, owner, members, bot=bot, is_forum=forum, username=username)

    def channel(self, title: str, *, owner: User, bot: bool = True, username: str = "") -> Chat:
        """A channel; where the *bot* is, it may post."""
        return self._chat("channel", title, owner, (), bot=bot, username=username)

    @alone
    def _chat(self, kind: Kind, title: str, owner: User, members: Iterable[User], *, bot: bool, **fields: Any) -> Chat:
        number = next(self._chat_numbers)
        chat = Chat(-4_000_000_000 - number if kind == "group" else -1_002_000_000_000 - number, kind, title, **fields)
        chat.members[owner.id] = Member(owner, "creator")
        if chat.is_forum:
            chat.number()  # 1 is the General topic
        for user in members:
            chat.members[user.id] = Member(user, "member")
        if bot:
            admin = kind == "channel"
            chat.members[self.bot.id] = Member(
                self.bot, "administrator" if admin else "member", rights=_CHANNEL_DEFAULTS if admin else frozenset()
            )
        self.chats[chat.id] = chat
        return chat

    @alone
    def topic(self, chat: Chat, name: str, *, by: User | None = None) -> Topic:
        """A new topic of a forum."""
        assert chat.is_forum, f"{chat.title} is no forum"
        service = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        opening = self.post(chat, by or self._owner(chat), service=service)
        opening.thread_id = opening.id
        chat.topics[opening.id] = Topic(opening, name)
        self._tell(opening)
        return chat.topics[opening.id]

    @alone
    def close_topic(self, chat: Chat, topic: Topic | None = None, *, by: User | None = None) -> None:
        """Nobody but administrators writes there any more; without a *topic* the General one is meant."""
        if topic is None:
            chat.general_closed = True
            closing = self.post(chat, by or self._owner(chat), service={"forum_topic_closed": {}})
        else:
            topic.closed = True
            closing = self.post(chat, by or self._owner(chat), service={"forum_topic_closed": {}}, thread=topic.id)
        self._tell(closing)

    @alone
    def delete_topic(self, chat: Chat, topic: Topic) -> None:
        """Telegram tells a bot nothing of it."""
        topic.deleted = True

    # What people say ------------------------------------------------------------------------------------------------

    @alone
    def say(
        self, user: User, chat: Chat, text: str, *, topic: Topic | None = None, reply_to: Message | None = None
    ) -> Message:
        """*user* writes in *chat*. Who is an anonymous administrator there seems to be the group itself."""
        assert not chat.blocked, f"{user.first_name} blocked the bot"
        if chat.type == "private":
            chat.started = True
        elif not chat.member(user).is_in:
            chat.members[user.id] = Member(user, "member")
        thread, answered = self._where(chat, topic, reply_to)
        message = self.post(chat, user, typed(text), thread=thread, reply_to=answered)
        if chat.member(user).anonymous:
            message.sender, message.sender_chat = ANONYMOUS, chat
        if self._is_for_the_bot(message):
            self._tell(message)
        return message

    @alone
    def edit(self, message: Message, text: str) -> None:
        """Whoever wrote *message* changes it."""
        message.put(typed(text), None, None)
        message.edited = int(self.clock())
        if self._is_for_the_bot(message):
            kind = "edited_channel_post" if message.chat.type == "channel" else "edited_message"
            self._emit(kind, message.shape())

    @alone
    def post_in_channel(self, chat: Chat, text: str) -> Message:
        """A channel's post has no author, only the channel."""
        message = self.post(chat, None, typed(text))
        message.sender_chat = chat
        if chat.member(self.bot).is_in:
            self._emit("channel_post", message.shape())
        return message

    @alone
    def press(self, message: Message, label_or_data: str, user: User, *, stale: bool = False) -> Query:
        """*user* presses a button of *message*; the bot's answer will stand in the query. *stale*: the message may have
        other buttons by now, which their app was not told yet; so the one that is pressed is named by its data.
        """
        button = {"callback_data": label_or_data} if stale else message.button(label_or_data)
        assert "callback_data" in button, f"{label_or_data!r} asks the bot nothing: {button}"
        query = self._query("callback", user)
        shape: Shape = {"id": query.id, "from": user.shape(), "chat_instance": str(-message.chat.id * 7919)}
        shape["data"] = button["callback_data"]
        if message.inline_id:
            shape["inline_message_id"] = message.inline_id
        elif message.id in message.chat.messages:
            shape["message"] = message.shape()
        else:
            # Deleted, or too old: Telegram tells no more than where it was.
            shape["message"] = {"chat": message.chat.shape(), "message_id": message.id, "date": 0}
        self._emit("callback_query", shape)
        return query

    @alone
    def inline(self, user: User, query: str, *, offset: str = "", chat_type: str = "sender") -> Query:
        """*user* types `@bot query` somewhere; the bot's answer will stand in the query."""
        asked = self._query("inline", user)
        shape = {"id": asked.id, "from": user.shape(), "query": query, "offset": offset, "chat_type": chat_type}
        self._emit("inline_query", shape)
        return asked

    @alone
    def choose(self, query: Query, result_id: str, chat: Chat) -> Message:
        """Whoever asked inline sends one of the results to *chat*, in their own name."""
        result = next(one for one in query.results if one["id"] == result_id)
        content = result["input_message_content"]
        text = written(
            content["message_text"], lambda _: None,
            parse_mode=content.get("parse_mode", ""), entities=content.get("entities"),
        )  # fmt: skip
        message = self.post(chat, query.user, text, markup=result.get("reply_markup"))
        message.via, message.inline_id = self.bot, f"inline{query.id}"
        self._inline[message.inline_id] = message
        return message

    @alone
    def vote(self, user: User, message: Message, *options: int) -> None:
        """*user* votes in the poll of *message*."""
        poll = message.poll
        assert poll is not None, "no poll"
        assert not poll["is_closed"], "the poll is closed"
        for option in options:
            poll["options"][option]["voter_count"] += 1
        poll["total_voter_count"] += 1
        if not poll["is_anonymous"]:
            chosen = [poll["options"][option]["persistent_id"] for option in options]
            answer = {"poll_id": poll["id"], "user": user.shape(), "option_ids": list(options)}
            self._emit("poll_answer", answer | {"option_persistent_ids": chosen})
        self._emit("poll", dict(poll))

    # Who is where ---------------------------------------------------------------------------------------------------

    @alone
    def add_bot(self, chat: Chat, by: User, *, admin: bool = False) -> None:
        """*by* adds the bot; in a channel it can only be an administrator."""
        is_channel = chat.type == "channel"
        rights = _CHANNEL_DEFAULTS if is_channel else _CHAT_DEFAULTS
        new = Member(self.bot, "administrator", rights=rights) if admin or is_channel else Member(self.bot, "member")
        self._change(chat, new, by)
        if not is_channel:
            self._tell(self.post(chat, by, service={"new_chat_members": [self.bot.shape()]}))

    @alone
    def remove_bot(self, chat: Chat, by: User | None = None) -> None:
        """The bot is thrown out; it may not come back by itself."""
        by = by or self._owner(chat)
        if chat.type != "channel":
            self._tell(self.post(chat, by, service={"left_chat_member": self.bot.shape()}))
        self._change(chat, Member(self.bot, "kicked"), by)

    @alone
    def mute_bot(self, chat: Chat) -> None:
        """The bot may stay and read, and say nothing."""
        self._change(chat, Member(self.bot, "restricted"), self._owner(chat))

    @alone
    def promote(self, chat: Chat, user: User, *, anonymous: bool = False, rights: Iterable[str] | None = None) -> None:
        """*user*, or the bot, becomes an administrator with *rights* (by default, what apps tick by themselves)."""
        usual = _CHANNEL_DEFAULTS if chat.type == "channel" else _CHAT_DEFAULTS
        given = usual if rights is None else frozenset(rights)
        assert given <= set(RIGHTS), f"no such right: {given - set(RIGHTS)}"
        self._change(chat, Member(user, "administrator", anonymous, given), self._owner(chat))

    @alone
    def demote(self, chat: Chat, user: User) -> None:
        self._change(chat, Member(user, "member"), self._owner(chat))

    @alone
    def hide(self, chat: Chat, owner: User) -> None:
        """The owner writes in the group's name from now on."""
        chat.members[owner.id] = Member(owner, "creator", anonymous=True)

    @alone
    def block(self, user: User) -> None:
        """*user* blocks the bot."""
        self._blocked(user, blocked=True)

    @alone
    def unblock(self, user: User) -> None:
        self._blocked(user, blocked=False)

    @alone
    def deactivate(self, user: User) -> None:
        """*user* deletes their account, of which nobody is told."""
        user.deactivated = True

    @alone
    def migrate(self, chat: Chat) -> Chat:
        """A group becomes a supergroup under another id, which is what comes back."""
        assert chat.type == "group", f"{chat.title} is a {chat.type}"
        new = self.supergroup(chat.title, owner=self._owner(chat), bot=False)
        new.members = dict(chat.members)
        chat.migrated_to = new
        owner = self._owner(new)
        self._tell(self.post(chat, owner, service={"migrate_to_chat_id": new.id}))
        self._tell(self.post(new, owner, service={"migrate_from_chat_id": chat.id}))
        return new

    # For the bot's side ---------------------------------------------------------------------------------------------

    @property
    def unanswered(self) -> list[Query]:
        """The queries whose asker still sees a spinning wheel."""
        return [query for query in self.queries.values() if query.answer is None]

    def post(
        self, chat: Chat, sender: User | None, text: Text = Text(""), *, thread: int | None = None, **fields: Any
    ) -> Message:
        """Put a message into *chat*; whether the bot is told of it is the caller's business."""
        message = Message(chat, chat.number(), int(self.clock()), sender, thread_id=thread, **fields)
        message.text, message.entities = text.plain, text.entities
        chat.messages[message.id] = message
        return message

    def inline_message(self, inline_id: str) -> Message | None:
        return self._inline.get(inline_id)

    def _where(self, chat: Chat, topic: Topic | None, reply_to: Message | None) -> tuple[int | None, Message | None]:
        """The thread of a new message, and what it shows as answered.

        In a forum all that is no answer answers the message that opened its topic. In other supergroups an answer has
        a thread too, which is no topic: that of the first message answered.
        """
        if topic is not None:
            return topic.id, reply_to or topic.opening
        if reply_to is None:
            return None, None
        if chat.is_forum:
            return reply_to.thread_id, reply_to
        return (reply_to.thread_id or reply_to.id) if chat.type == "supergroup" else None, reply_to

    def _is_for_the_bot(self, message: Message) -> bool:
        chat = message.chat
        if chat.type == "private":
            return True
        me = chat.member(self.bot)
        if not me.is_in or me.is_admin or not self.privacy:
            return me.is_in
        if message.reply_to is not None and message.reply_to.ours:
            return True
        addressed = {
            message.covered(entity).lower().partition("@")[2]
            for entity in message.entities
            if entity["type"] in {"bot_command", "mention"}
        }
        return bool(addressed & {"", self.bot.username.lower()})

    def _tell(self, message: Message) -> None:
        if message.chat.type == "private" or message.chat.member(self.bot).is_in:
            self._emit("message", message.shape())

    def _query(self, kind: Any, user: User) -> Query:
        query = Query(str(next(self._query_ids)), kind, user, self.clock())
        self.queries[query.id] = query
        return query

    def _owner(self, chat: Chat) -> User:
        return next(member.user for member in chat.members.values() if member.status == "creator")

    def _blocked(self, user: User, *, blocked: bool) -> None:
        chat = self.chats[user.id]
        chat.blocked = blocked
        statuses: tuple[Status, Status] = ("member", "kicked") if blocked else ("kicked", "member")
        old, new = (Member(self.bot, status) for status in statuses)
        self._emit("my_chat_member", self._change_shape(chat, user, old, new))

    def _change(self, chat: Chat, new: Member, by: User) -> None:
        old = chat.member(new.user)
        chat.members[new.user.id] = new
        if new.user is self.bot:
            self._emit("my_chat_member", self._change_shape(chat, by, old, new))
        elif chat.member(self.bot).is_admin:
            self._emit("chat_member", self._change_shape(chat, by, old, new))

    def _change_shape(self, chat: Chat, by: User, old: Member, new: Member) -> Shape:
        return {
            "chat": chat.shape(),
            "from": by.shape(),
            "date": int(self.clock()),
            "old_chat_member": old.shape(),
            "new_chat_member": new.shape(),
        }
