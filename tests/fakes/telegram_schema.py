"""Which parameters each method of the Bot API takes, and of which type: a table, and how it is read.

Source: the Bot API's documentation. Stricter than Telegram in one thing, on purpose: a parameter that the table does
not know is refused, where Telegram ignores it, so that a misspelt one fails a test. What belongs to features that a
digest has no use for, and that cost or change something (business accounts, paid broadcasts, message effects, quizzes),
counts as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

UPDATE_TYPES = (
    "message edited_message channel_post edited_channel_post business_connection business_message "
    "edited_business_message deleted_business_messages message_reaction message_reaction_count inline_query "
    "chosen_inline_result callback_query shipping_query pre_checkout_query purchased_paid_media poll poll_answer "
    "my_chat_member chat_member chat_join_request chat_boost removed_chat_boost managed_bot guest_message"
).split()

CHAT_ACTIONS = (
    "typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker "
    "find_location record_video_note upload_video_note"
).split()

RIGHTS = (
    "can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members can_promote_members "
    "can_change_info can_invite_users can_post_stories can_edit_stories can_delete_stories can_post_messages "
    "can_edit_messages can_pin_messages can_manage_topics"
).split()


class Refusal(Exception):
    """What Telegram says instead of doing what it was asked."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def bad(reason: str, **parameters: int) -> Refusal:
    return Refusal(400, f"Bad Request: {reason}", **parameters)


def forbidden(reason: str) -> Refusal:
    return Refusal(403, f"Forbidden: {reason}")


# Types ----------------------------------------------------------------------------------------------------------------

Type: TypeAlias = Callable[[Any, str], Any]
"""Reads a value that stands under a name; raises :class:`Refusal`. Forms bring text: `5`, `true`, and JSON."""


def string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise bad(f'parameter "{name}" must be a string')
    return value


def integer(value: Any, name: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad(f'parameter "{name}" must be an integer')
    return value


def boolean(value: Any, name: str) -> bool:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise bad(f'parameter "{name}" must be a boolean')
    return value


def chat(value: Any, name: str) -> int | str:
    """An id, or the `@name` of something public."""
    if isinstance(value, str) and re.fullmatch(r"@[A-Za-z][A-Za-z0-9_]{3,31}", value):
        return value
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise bad("chat not found" if value else "chat_id is empty")
    return integer(value, name)


def choice(*words: str) -> Type:
    def read(value: Any, name: str) -> str:
        if value not in words:
            raise bad(f'parameter "{name}" must not be "{value}"')
        return str(value)

    return read


def array(of: Type) -> Type:
    def read(value: Any, name: str) -> list[Any]:
        value = _from_json(value, name)
        if not isinstance(value, list):
            raise bad(f'parameter "{name}" must be an array')
        return [of(one, f"{name}[{index}]") for index, one in enumerate(value)]

    return read


def record(required: str = "", /, **fields: Type) -> Type:
    """An object with *fields*, of which those that *required* names must be there."""

    def read(value: Any, name: str) -> dict[str, Any]:
        value = _from_json(value, name)
        if not isinstance(value, dict):
            raise bad(f'parameter "{name}" must be an object')
        return read_fields(value, fields, required.split(), f"{name}.")

    return read


def told_apart(by: str, **types: Type) -> Type:
    """An object whose field *by* says what it is."""

    def read(value: Any, name: str) -> Any:
        value = _from_json(value, name)
        kind = value.get(by) if isinstance(value, dict) else None
        if kind not in types:
            raise bad(f'parameter "{name}" has no known "{by}"')
        return types[kind](value, name)

    return read


def markup(**types: Type) -> Type:
    """One of several keyboards; the field that only it has tells which."""

    def read(value: Any, name: str) -> Any:
        value = _from_json(value, name)
        for kind, type_ in types.items():
            if isinstance(value, dict) and kind in value:
                return type_(value, name)
        raise bad("object expected as reply markup")

    return read


def read_fields(given: Mapping[str, Any], fields: Mapping[str, Type], required: list[str], path: str) -> dict[str, Any]:
    """The values of *given*, each as its type reads it."""
    for name in given:
        if name not in fields:
            raise bad(f"unknown parameter {path}{name}")
    for name in required:
        if name not in given:
            raise bad(_MISSING.get(f"{path}{name}", f'parameter "{path}{name}" is required'))
    return {name: fields[name](value, f"{path}{name}") for name, value in given.items()}


def _from_json(value: Any, name: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise bad(f"can't parse {name} JSON object") from None


_MISSING = {
    "chat_id": "chat_id is empty",
    "text": "message text is empty",
    "message_id": "message identifier is not specified",
    "action": "wrong parameter action in request",
}

# Objects --------------------------------------------------------------------------------------------------------------

_ENTITY = record(
    "type offset length",
    type=string, offset=integer, length=integer, url=string, language=string, custom_emoji_id=string,
    user=record("id", id=integer, is_bot=boolean, first_name=string, last_name=string, username=string),
)  # fmt: skip
_PREVIEW = record(
    is_disabled=boolean, url=string, prefer_small_media=boolean, prefer_large_media=boolean, show_above_text=boolean
)
_REPLY = record(
    "message_id",
    message_id=integer, chat_id=chat, allow_sending_without_reply=boolean, quote=string, quote_parse_mode=string,
    quote_entities=array(_ENTITY), quote_position=integer,
)  # fmt: skip
_BUTTON = record(
    "text",
    text=string, style=choice("danger", "success", "primary"), icon_custom_emoji_id=string,
    url=string, callback_data=string, switch_inline_query=string, switch_inline_query_current_chat=string,
    switch_inline_query_chosen_chat=record(
        query=string, allow_user_chats=boolean, allow_bot_chats=boolean, allow_group_chats=boolean,
        allow_channel_chats=boolean,
    ),
    copy_text=record("text", text=string),
)  # fmt: skip
_INLINE_KEYBOARD = record("inline_keyboard", inline_keyboard=array(array(_BUTTON)))
_REPLY_MARKUP = markup(
    inline_keyboard=_INLINE_KEYBOARD,
    remove_keyboard=record("remove_keyboard", remove_keyboard=boolean, selective=boolean),
    force_reply=record("force_reply", force_reply=boolean, input_field_placeholder=string, selective=boolean),
)
_SCOPE = told_apart(
    "type",
    **{
        name: record("type", type=string)
        for name in ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")
    },
    chat=record("type chat_id", type=string, chat_id=chat),
    chat_administrators=record("type chat_id", type=string, chat_id=chat),
    chat_member=record("type chat_id user_id", type=string, chat_id=chat, user_id=integer),
)
_TEXT_CONTENT = record(
    "message_text",
    message_text=string, parse_mode=string, entities=array(_ENTITY), link_preview_options=_PREVIEW,
)  # fmt: skip
_RESULT = told_apart(
    "type",
    article=record(
        "type id title input_message_content",
        type=string, id=string, title=string, input_message_content=_TEXT_CONTENT, reply_markup=_INLINE_KEYBOARD,
        url=string, description=string, thumbnail_url=string, thumbnail_width=integer, thumbnail_height=integer,
    ),
)  # fmt: skip

# Methods --------------------------------------------------------------------------------------------------------------

_TO_CHAT: dict[str, Type] = {
    "chat_id": chat,
    "message_thread_id": integer,
    "disable_notification": boolean,
    "protect_content": boolean,
    "reply_parameters": _REPLY,
    "reply_markup": _REPLY_MARKUP,
}
_TO_EDIT: dict[str, Type] = {
    "chat_id": chat, "message_id": integer, "inline_message_id": string, "reply_markup": _INLINE_KEYBOARD,
}  # fmt: skip
_IN_LANGUAGE: dict[str, Type] = {"language_code": string}

METHODS: dict[str, tuple[str, dict[str, Type]]] = {
    "getMe": ("", {}),
    "logOut": ("", {}),
    "close": ("", {}),
    "getUpdates": (
        "",
        {"offset": integer, "limit": integer, "timeout": integer, "allowed_updates": array(choice(*UPDATE_TYPES))},
    ),
    "setWebhook": (
        "url",
        {
            "url": string, "ip_address": string, "max_connections": integer, "drop_pending_updates": boolean,
            "allowed_updates": array(choice(*UPDATE_TYPES)), "secret_token": string,
        },
    ),
    "deleteWebhook": ("", {"drop_pending_updates": boolean}),
    "getWebhookInfo": ("", {}),
    "sendMessage": (
        "chat_id text",
        {
            **_TO_CHAT,
            "text": string, "parse_mode": string, "entities": array(_ENTITY), "link_preview_options": _PREVIEW,
        },
    ),
    "editMessageText": (
        "text",
        {
            **_TO_EDIT,
            "text": string, "parse_mode": string, "entities": array(_ENTITY), "link_preview_options": _PREVIEW,
        },
    ),
    "editMessageReplyMarkup": ("", _TO_EDIT),
    "deleteMessage": ("chat_id message_id", {"chat_id": chat, "message_id": integer}),
    "sendChatAction": (
        "chat_id action",
        {"chat_id": chat, "message_thread_id": integer, "action": string},
    ),
    "sendPoll": (
        "chat_id question options",
        {
            **_TO_CHAT,
            "question": string, "is_anonymous": boolean, "type": choice("regular", "quiz"),
            "options": array(record("text", text=string, text_parse_mode=string, text_entities=array(_ENTITY))),
            "allows_multiple_answers": boolean, "allows_revoting": boolean, "members_only": boolean,
            "open_period": integer, "close_date": integer, "is_closed": boolean,
        },
    ),
    "stopPoll": (
        "chat_id message_id",
        {"chat_id": chat, "message_id": integer, "reply_markup": _INLINE_KEYBOARD},
    ),
    "answerCallbackQuery": (
        "callback_query_id",
        {"callback_query_id": string, "text": string, "show_alert": boolean, "url": string, "cache_time": integer},
    ),
    "answerInlineQuery": (
        "inline_query_id results",
        {
            "inline_query_id": string, "results": array(_RESULT), "cache_time": integer, "is_personal": boolean,
            "next_offset": string, "button": record("text", text=string, start_parameter=string),
        },
    ),
    "pinChatMessage": (
        "chat_id message_id",
        {"chat_id": chat, "message_id": integer, "disable_notification": boolean},
    ),
    "unpinChatMessage": ("chat_id", {"chat_id": chat, "message_id": integer}),
    "getChat": ("chat_id", {"chat_id": chat}),
    "getChatMember": ("chat_id user_id", {"chat_id": chat, "user_id": integer}),
    "getChatAdministrators": ("chat_id", {"chat_id": chat}),
    "getChatMemberCount": ("chat_id", {"chat_id": chat}),
    "leaveChat": ("chat_id", {"chat_id": chat}),
    "setMyCommands": (
        "commands",
        {
            "commands": array(record("command description", command=string, description=string)),
            "scope": _SCOPE, **_IN_LANGUAGE,
        },
    ),
    "getMyCommands": ("", {"scope": _SCOPE, **_IN_LANGUAGE}),
    "deleteMyCommands": ("", {"scope": _SCOPE, **_IN_LANGUAGE}),
    "setMyName": ("", {"name": string, **_IN_LANGUAGE}),
    "getMyName": ("", _IN_LANGUAGE),
    "setMyDescription": ("", {"description": string, **_IN_LANGUAGE}),
    "getMyDescription": ("", _IN_LANGUAGE),
    "setMyShortDescription": ("", {"short_description": string, **_IN_LANGUAGE}),
    "getMyShortDescription": ("", _IN_LANGUAGE),
    "getMyDefaultAdministratorRights": ("", {"for_channels": boolean}),
}  # fmt: skip


def read(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a call, each of its type. Raises :class:`Refusal`."""
    required, fields = METHODS[method]
    return read_fields(given, fields, required.split(), "")
