"""What the bot can do: one function for each method of the Bot API, refusing what Telegram refuses, in its words.

Each is called with parameters that the table in `telegram_schema` has read, and gives the `result` of the answer. None
knows of HTTP; getUpdates and the webhook's methods are in `telegram_updates`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from telegram_judge import units

from fakes.telegram_limits import Flood
from fakes.telegram_people import World
from fakes.telegram_profile import Profile
from fakes.telegram_schema import CHAT_ACTIONS, RIGHTS, bad, forbidden
from fakes.telegram_text import Text, check_keyboard, written
from fakes.telegram_world import GENERAL, Chat, Member, Message, Query, Shape

QUERY_SECONDS = 15.0
"""How long Telegram waits for the answer to a press or an inline query."""

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"

Params = dict[str, Any]


class Methods:
    """The bot's hands in *world*. *complaints* takes what Telegram would let pass, and a reader would miss."""

    def __init__(self, world: World, flood: Flood) -> None:
        self.complaints: list[str] = []
        self.logged_out = False
        self.profile = Profile(world.bot.first_name)
        self._world = world
        self._flood = flood
        self._spoken: Message | None = None
        self._by_name: dict[str, Callable[[Params], Any]] = {
            "getMe": self._get_me,
            "logOut": self._log_out,
            "close": lambda params: True,
            "sendMessage": self._send_message,
            "editMessageText": self._edit_text,
            "editMessageReplyMarkup": self._edit_markup,
            "deleteMessage": self._delete,
            "sendChatAction": self._act,
            "sendPoll": self._send_poll,
            "stopPoll": self._stop_poll,
            "answerCallbackQuery": self._answer_press,
            "answerInlineQuery": self._answer_inline,
            "pinChatMessage": self._pin,
            "unpinChatMessage": self._unpin,
            "getChat": lambda params: self._readable(params).full_shape(),
            "getChatMember": self._get_member,
            "getChatAdministrators": self._get_administrators,
            "getChatMemberCount": self._count_members,
            "leaveChat": self._leave,
            "setMyCommands": lambda params: self.profile.set_commands(self._scoped(params)),
            "getMyCommands": lambda params: self.profile.get_commands(self._scoped(params)),
            "deleteMyCommands": lambda params: self.profile.delete_commands(self._scoped(params)),
            "setMyName": lambda params: self.profile.set_text(params, "name"),
            "getMyName": lambda params: self.profile.get_text(params, "name"),
            "setMyDescription": lambda params: self.profile.set_text(params, "description"),
            "getMyDescription": lambda params: self.profile.get_text(params, "description"),
            "setMyShortDescription": lambda params: self.profile.set_text(params, "short_description"),
            "getMyShortDescription": lambda params: self.profile.get_text(params, "short_description"),
            "getMyDefaultAdministratorRights": lambda params: dict.fromkeys(("is_anonymous", *RIGHTS), False),
        }

    def call(self, method: str, params: Params) -> tuple[Any, Message | None]:
        """The result, and the message as a reader sees it now, where there is one."""
        self._spoken = None
        result = self._by_name[method](params)
        return result, copy.copy(self._spoken)

    # Messages -------------------------------------------------------------------------------------------------------

    def _send_message(self, params: Params) -> Shape:
        text = self._written(params)
        message = self._send(params, text)
        message.preview = params.get("link_preview_options")
        return message.shape()

    def _send_poll(self, params: Params) -> Shape:
        options = [option["text"] for option in params["options"]]
        if not 1 <= units(params["question"]) <= 300:
            raise bad("poll question length must not exceed 300" if params["question"] else "poll must have a question")
        if not 2 <= len(options) <= 12:
            raise bad(f"poll must have at {'least 2' if len(options) < 2 else 'most 12'} options")
        if not all(1 <= units(option) <= 100 for option in options):
            raise bad("poll options length must not exceed 100")
        if self._chat(params).type == "channel" and not params.get("is_anonymous", True):
            raise bad("non-anonymous polls can't be sent to channel chats")
        message = self._send(params, Text(""))
        message.poll = {
            "id": f"{4_800_000_000_000_000_000 + message.id}",
            "question": params["question"],
            "options": [
                {"persistent_id": str(number), "text": option, "voter_count": 0}
                for number, option in enumerate(options, start=1)
            ],
            "total_voter_count": 0,
            "is_closed": params.get("is_closed", False),
            "is_anonymous": params.get("is_anonymous", True),
            "type": params.get("type", "regular"),
            "allows_multiple_answers": params.get("allows_multiple_answers", False),
            "allows_revoting": params.get("allows_revoting", True),
            "members_only": params.get("members_only", False),
        }
        return message.shape()

    def _send(self, params: Params, text: Text) -> Message:
        """A new message of the bot's, where it may say one."""
        check_keyboard(params.get("reply_markup"), self.complaints.append)
        chat = self._writable(params)
        thread = self._open_thread(chat, params.get("message_thread_id"))
        answered = self._answered(chat, params.get("reply_parameters"))
        self._flood.count(chat.id)
        if thread is None and answered is not None and chat.is_forum:
            thread = answered.thread_id
        if thread in chat.topics and answered is None:
            answered = chat.topics[thread].opening
        is_channel = chat.type == "channel"
        message = self._world.post(
            chat, None if is_channel else self._world.bot, text, thread=thread, reply_to=answered,
            markup=params.get("reply_markup"), silent=params.get("disable_notification", False),
            sender_chat=chat if is_channel else None, ours=True,
        )  # fmt: skip
        self._spoken = message
        return message

    def _edit_text(self, params: Params) -> Shape | bool:
        text = self._written(params)
        message = self._editable(params)
        if not message.text:
            raise bad("there is no text in the message to edit")
        return self._edited(message, text, params.get("reply_markup"), params.get("link_preview_options"))

    def _edit_markup(self, params: Params) -> Shape | bool:
        message = self._editable(params)
        text = Text(message.text, message.entities)
        return self._edited(message, text, params.get("reply_markup"), message.preview)

    def _edited(self, message: Message, text: Text, markup: Shape | None, preview: Shape | None) -> Shape | bool:
        check_keyboard(markup, self.complaints.append)
        old = (message.text, message.entities, message.keyboard)
        if old == (text.plain, text.entities, (markup or {}).get("inline_keyboard", [])):
            raise bad(NOT_MODIFIED)
        if not message.inline_id:
            self._flood.count(message.chat.id)
        message.put(text, markup, preview)
        message.edited = int(self._world.clock())
        self._spoken = message
        return True if message.inline_id else message.shape()

    def _editable(self, params: Params) -> Message:
        """The message of the bot's that is meant."""
        if "inline_message_id" in params:
            message = self._world.inline_message(params["inline_message_id"])
            if message is None:
                raise bad("MESSAGE_ID_INVALID")
            return message
        chat = self._writable(params)
        if "message_id" not in params:
            raise bad("message identifier is not specified")
        message = chat.messages.get(params["message_id"])
        if message is None:
            raise bad("message to edit not found")
        if not (message.ours or (chat.type == "channel" and self._me(chat).may("can_edit_messages"))):
            raise bad("message can't be edited")
        return message

    def _delete(self, params: Params) -> bool:
        chat = self._readable(params)
        message = chat.messages.get(params["message_id"])
        if message is None:
            raise bad("message to delete not found")
        if chat.type != "private" and not (message.ours or self._me(chat).may("can_delete_messages")):
            raise bad("message can't be deleted for everyone")
        del chat.messages[message.id]
        return True

    def _act(self, params: Params) -> bool:
        if params["action"] not in CHAT_ACTIONS:
            raise bad("wrong parameter action in request")
        self._open_thread(self._writable(params), params.get("message_thread_id"))
        return True

    def _stop_poll(self, params: Params) -> Shape:
        message = self._writable(params).messages.get(params["message_id"])
        if message is None or message.poll is None:
            raise bad("message with poll to stop not found")
        if message.poll["is_closed"]:
            raise bad("poll has already been closed")
        message.poll["is_closed"] = True
        message.markup = params.get("reply_markup")
        self._spoken = message
        return message.poll

    def _written(self, params: Params) -> Text:
        return written(
            params["text"], self.complaints.append,
            parse_mode=params.get("parse_mode", ""), entities=params.get("entities"),
        )  # fmt: skip

    # Queries --------------------------------------------------------------------------------------------------------

    def _answer_press(self, params: Params) -> bool:
        if units(params.get("text", "")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        self._pending(params["callback_query_id"], "callback").answer = params
        return True

    def _answer_inline(self, params: Params) -> bool:
        results = params["results"]
        ids = [result["id"] for result in results]
        if len(results) > 50:
            raise bad("RESULTS_TOO_MUCH")
        if not all(1 <= len(one.encode()) <= 64 for one in ids):
            raise bad("RESULT_ID_INVALID")
        if len(set(ids)) < len(ids):
            raise bad("RESULT_ID_DUPLICATE")
        if len(params.get("next_offset", "").encode()) > 64:
            raise bad("NEXT_OFFSET_INVALID")
        if "button" in params and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", params["button"].get("start_parameter", "")):
            raise bad("START_PARAM_INVALID")
        for result in results:
            if not result["title"].strip():
                raise bad("ARTICLE_TITLE_EMPTY")
            content = result["input_message_content"]
            self._written({**content, "text": content["message_text"]})
            check_keyboard(result.get("reply_markup"), self.complaints.append)
        self._pending(params["inline_query_id"], "inline").answer = params
        return True

    def _pending(self, query_id: str, kind: str) -> Query:
        query = self._world.queries.get(query_id)
        if query is None or query.kind != kind or query.answer is not None:
            raise bad(TOO_OLD)
        if self._world.clock() - query.at > QUERY_SECONDS:
            raise bad(TOO_OLD)
        return query

    # Chats and members ----------------------------------------------------------------------------------------------

    def _pin(self, params: Params) -> bool:
        chat, message = self._pinnable(params)
        if message is None:
            raise bad("message to pin not found")
        chat.pinned.append(message)
        self._world.post(chat, self._world.bot, service={"pinned_message": message.shape(whole=False)})
        return True

    def _unpin(self, params: Params) -> bool:
        chat, message = self._pinnable(params)
        if message is None and chat.pinned and "message_id" not in params:
            message = chat.pinned[-1]
        if message not in chat.pinned:
            raise bad("message to unpin not found")
        chat.pinned.remove(message)
        return True

    def _pinnable(self, params: Params) -> tuple[Chat, Message | None]:
        chat = self._writable(params)
        right = "can_edit_messages" if chat.type == "channel" else "can_pin_messages"
        if chat.type != "private" and not self._me(chat).may(right):
            raise bad("not enough rights to manage pinned messages in the chat")
        return chat, chat.messages.get(params.get("message_id", 0))

    def _get_member(self, params: Params) -> Shape:
        chat = self._readable(params)
        user = self._world.users.get(params["user_id"])
        if user is None:
            raise bad("invalid user_id specified")
        if chat.type == "private":
            return Member(user, "member").shape()
        if chat.type == "channel" and not self._me(chat).is_admin:
            raise bad("member list is inaccessible")
        return chat.member(user).shape()

    def _get_administrators(self, params: Params) -> list[Shape]:
        chat = self._readable(params)
        if chat.type == "private":
            raise bad("there are no administrators in the private chat")
        return [member.shape() for member in chat.members.values() if member.is_admin]

    def _count_members(self, params: Params) -> int:
        chat = self._readable(params)
        return 2 if chat.type == "private" else sum(member.is_in for member in chat.members.values())

    def _leave(self, params: Params) -> bool:
        chat = self._readable(params)
        if chat.type == "private":
            raise bad("chat member status can't be changed in private chats")
        chat.members[self._world.bot.id] = Member(self._world.bot, "left")
        return True

    def _chat(self, params: Params) -> Chat:
        """The chat that is meant, wherever it went. Raises where there is none, or it has another id now."""
        if "chat_id" not in params:
            raise bad("chat_id is empty")
        asked = params["chat_id"]
        if isinstance(asked, str):
            names = {chat.username.lower(): chat for chat in self._world.chats.values() if chat.type != "private"}
            chat = names.get(asked[1:].lower())
        else:
            chat = self._world.chats.get(asked)
        if chat is None:
            raise bad("chat not found")
        if chat.migrated_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to.id)
        return chat

    def _readable(self, params: Params) -> Chat:
        """The chat that is meant, where the bot is in it."""
        chat = self._chat(params)
        if chat.type == "private":
            if not chat.started:
                raise bad("chat not found")
        elif not self._me(chat).is_in:
            deed = "was kicked from" if self._me(chat).status == "kicked" else "is not a member of"
            raise forbidden(f"bot {deed} the {chat.type} chat")
        return chat

    def _writable(self, params: Params) -> Chat:
        """The chat that is meant, where the bot may speak in it."""
        chat = self._chat(params)
        if chat.user is not None:
            if chat.user.deactivated:
                raise forbidden("user is deactivated")
            if chat.blocked:
                raise forbidden("bot was blocked by the user")
            if not chat.started:
                raise forbidden("bot can't initiate conversation with a user")
            return chat
        chat = self._readable(params)
        if chat.type == "channel" and not self._me(chat).may("can_post_messages"):
            raise bad("need administrator rights in the channel chat")
        if self._me(chat).status == "restricted":
            raise bad("not enough rights to send text messages to the chat")
        return chat

    def _open_thread(self, chat: Chat, thread: int | None) -> int | None:
        """The thread that is meant, where the bot may write in it."""
        may_anyhow = self._me(chat).may("can_manage_topics")
        if thread is None:
            if chat.is_forum and chat.general_closed and not may_anyhow:
                raise bad("TOPIC_CLOSED")
            return None
        topic = chat.topics.get(thread)
        if chat.is_forum:
            if thread == GENERAL or topic is None or topic.deleted:
                raise bad("message thread not found")
            if topic.closed and not may_anyhow:
                raise bad("TOPIC_CLOSED")
        elif chat.type != "supergroup" or thread not in chat.messages:
            raise bad("message thread not found")
        return thread

    def _answered(self, chat: Chat, reply: Params | None) -> Message | None:
        if reply is None:
            return None
        if reply.get("chat_id", chat.id) != chat.id:
            chat = self._chat(reply)
        message = chat.messages.get(reply["message_id"])
        if message is None and not reply.get("allow_sending_without_reply"):
            raise bad("message to be replied not found")
        return message

    def _me(self, chat: Chat) -> Member:
        return chat.member(self._world.bot)

    # The bot itself ---------------------------------------------------------------------------------------------------

    def _get_me(self, params: Params) -> Shape:
        return self._world.bot.shape() | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self._world.privacy,
            "supports_inline_queries": True,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def _log_out(self, params: Params) -> bool:
        self.logged_out = True
        return True

    def _scoped(self, params: Params) -> Params:
        """The parameters of a menu's method, where the chat that it is for is there."""
        if "chat_id" in params.get("scope", {}):
            self._readable(params["scope"])
        return params
