"""Which parameters each method of the Web API takes, of which type, and with which scope: a table, and how it is read.

Source: the types that Slack publishes for its own SDK (`@slack/web-api` 8.2, `types/request`) and its documentation.
Stricter than Slack in one thing, on purpose: a parameter that the table does not know is refused, where Slack ignores
it, so that a misspelt one fails a test. What a quiet digest must not use (attachments, other names and icons, `parse`,
`link_names`, markdown that Slack would parse, answers that are broadcast) counts as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


class Refusal(Exception):
    """What Slack says instead of doing what it was asked: *error*, and *fields* that go with it."""

    def __init__(self, error: str, /, *messages: str, status: int = 200, retry_after: int = 0, **fields: Any) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = messages
        self.status = status
        self.retry_after = retry_after
        self.fields = fields

    def shape(self) -> dict[str, Any]:
        """The JSON of it, as the Web API gives it."""
        shape: dict[str, Any] = {"ok": False, "error": self.error} | self.fields
        if self.messages:
            shape["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return shape


# Types ----------------------------------------------------------------------------------------------------------------

Type: TypeAlias = Callable[[Any, str], Any]
"""Reads a value that stands under a name; raises :class:`Refusal`. Forms bring text: `5`, `1`, and JSON."""


def _bad(name: str, wanted: str) -> Refusal:
    return Refusal("invalid_arguments", f"must provide {wanted} [json-pointer:/{name}]")


def string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _bad(name, "a string")
    return value


def integer(value: Any, name: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _bad(name, "a number")
    return value


def boolean(value: Any, name: str) -> bool:
    words = {"true": True, "false": False, "1": True, "0": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise _bad(name, "a boolean")
    return value


def ts(value: Any, name: str) -> str:
    """A message's time, which is its name: text, never a number, whose last digits would be lost."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{10}\.[0-9]{6}", value):
        raise Refusal("invalid_arguments", f"invalid {name} [json-pointer:/{name}]")
    return value


def array(value: Any, name: str) -> list[Any]:
    value = _from_json(value, name)
    if not isinstance(value, list):
        raise _bad(name, "an array")
    return value


def blocks(value: Any, name: str) -> list[Any]:
    try:
        value = array(value, name)
    except Refusal:
        raise Refusal("invalid_blocks_format") from None
    if not all(isinstance(one, dict) for one in value):
        raise Refusal("invalid_blocks_format")
    return value


def record(value: Any, name: str) -> dict[str, Any]:
    value = _from_json(value, name)
    if not isinstance(value, dict):
        raise _bad(name, "an object")
    return value


def words(value: Any, name: str) -> list[str]:
    """Words with commas between them."""
    return [word.strip() for word in string(value, name).split(",") if word.strip()]


def choice(*allowed: str) -> Type:
    def read(value: Any, name: str) -> str:
        if value not in allowed:
            raise _bad(name, f"one of {', '.join(allowed)}")
        return str(value)

    return read


def _from_json(value: Any, name: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise _bad(name, "JSON") from None


# Methods --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Method:
    """What a method takes. *scope* may depend on the conversation: then it ends with `:`, and a kind stands before.

    *token* is whose: the bot's, the app's (`xapp-`), or none. *tier* is how many calls a minute are allowed, at least.
    """

    fields: dict[str, Type]
    required: frozenset[str]
    scope: str = ""
    token: str = "bot"
    tier: int = 50


def _method(required: str = "", /, *, scope: str = "", token: str = "bot", tier: int = 50, **fields: Type) -> Method:
    # The SDK's client, once it knows its workspace, names it in every call.
    return Method({"team_id": string, **fields}, frozenset(required.split()), scope, token, tier)


_CONTENT: dict[str, Type] = {"text": string, "blocks": blocks}
_PAGES: dict[str, Type] = {"cursor": string, "limit": integer}
# The types give them to chat.postMessage alone. Elsewhere Slack ignores them, and the judge wants them off everywhere.
_UNFURLS: dict[str, Type] = {"unfurl_links": boolean, "unfurl_media": boolean}
_LIST: dict[str, Type] = {**_PAGES, "exclude_archived": boolean, "types": words}
_HISTORY: dict[str, Type] = {
    **_PAGES, "channel": string, "inclusive": boolean, "latest": string, "oldest": string,
    "include_all_metadata": boolean,
}  # fmt: skip

METHODS: dict[str, Method] = {
    "apps.connections.open": _method(token="app", tier=1),
    "auth.revoke": _method(test=boolean),
    "auth.test": _method(tier=300),
    "bots.info": _method(scope="users:read", bot=string),
    "chat.delete": _method("channel ts", scope="chat:write", channel=string, ts=ts),
    "chat.getPermalink": _method("channel message_ts", tier=300, channel=string, message_ts=ts),
    "chat.postEphemeral": _method(
        "channel user", scope="chat:write", tier=100,
        channel=string, user=string, thread_ts=ts, **_CONTENT, **_UNFURLS,
    ),
    "chat.postMessage": _method(
        "channel", scope="chat:write", tier=10_000,
        channel=string, thread_ts=ts, mrkdwn=boolean, metadata=record, **_CONTENT, **_UNFURLS,
    ),
    "chat.update": _method(
        "channel ts", scope="chat:write", channel=string, ts=ts, metadata=record, **_CONTENT, **_UNFURLS
    ),
    "conversations.history": _method("channel", scope=":history", **_HISTORY),
    "conversations.info": _method(
        "channel", scope=":read", channel=string, include_locale=boolean, include_num_members=boolean
    ),
    "conversations.list": _method(scope=":read", tier=20, **_LIST),
    "conversations.members": _method("channel", scope=":read", tier=100, channel=string, **_PAGES),
    "conversations.open": _method(scope="im:write", channel=string, users=words, return_im=boolean),
    "conversations.replies": _method("channel ts", scope=":history", ts=ts, **_HISTORY),
    "oauth.v2.access": _method(
        token="none", tier=600,
        client_id=string, client_secret=string, code=string, redirect_uri=string, grant_type=string,
    ),
    "reactions.add": _method(
        "channel name timestamp", scope="reactions:write", channel=string, name=string, timestamp=ts
    ),
    "team.info": _method(scope="team:read", team=string, domain=string),
    "users.conversations": _method(scope=":read", user=string, **_LIST),
    "users.info": _method("user", scope="users:read", tier=100, user=string, include_locale=boolean),
    "views.open": _method("view", tier=100, view=record, trigger_id=string, interactivity_pointer=string),
    "views.publish": _method("user_id view", tier=100, user_id=string, view=record, hash=string),
    "views.update": _method("view", tier=100, view=record, external_id=string, view_id=string, hash=string),
}  # fmt: skip

RESPONSE = _method(
    "", response_type=choice("ephemeral", "in_channel"), replace_original=boolean, delete_original=boolean,
    thread_ts=ts, **_CONTENT, **_UNFURLS,
)  # fmt: skip
"""What may be posted to a `response_url`."""


def read(method: Method, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters, each as its type reads it. Raises :class:`Refusal`, for unknown ones too."""
    if unknown := sorted(set(given) - set(method.fields)):
        raise Refusal("invalid_arguments", *(f"unknown parameter {name} [json-pointer:/{name}]" for name in unknown))
    if missing := sorted(method.required - set(given)):
        raise Refusal("invalid_arguments", *(f"missing required field: {name}" for name in missing))
    return {name: method.fields[name](value, name) for name, value in given.items()}
