"""Who and what there is on Slack: an app, workspaces, people, conversations, messages, views, in Slack's own shapes.

Nothing happens here by itself; what people do is in `slack_people`, what the bot does in `slack_methods`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from slack_judge import objects, pings, reading

Kind = Literal["public", "private", "im", "mpim"]
Shape = dict[str, Any]
"""JSON as Slack writes it."""

SCOPE_WORDS: Mapping[Kind, str] = {"public": "channels", "private": "groups", "im": "im", "mpim": "mpim"}
TYPE_WORDS: Mapping[str, Kind] = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}

APP_ID = "A0HEJI00001"

_SCOPES = "app_mentions:read channels:read chat:write commands groups:read im:history users:read"
_EVENTS = (
    "app_home_opened app_mention app_uninstalled channel_archive channel_deleted channel_id_changed channel_left "
    "channel_rename channel_unarchive group_archive group_deleted group_left group_rename group_unarchive "
    "member_joined_channel message.im tokens_revoked"
)


@dataclass(slots=True)
class App:
    """What is registered at Slack: the commands, shortcuts, events and scopes of a manifest, and the secrets."""

    scopes: frozenset[str] = frozenset(_SCOPES.split())
    events: frozenset[str] = frozenset(_EVENTS.split())
    commands: frozenset[str] = frozenset({"/digest"})
    shortcuts: frozenset[str] | None = None
    socket_mode: bool = True
    messages_tab: bool = True
    id: str = APP_ID
    client_id: str = "3336676.569200954261"
    client_secret: str = "5f4ke-client-secret-of-the-tests"
    signing_secret: str = "8f742231b10e8888abcd99yyyzzz85a5"
    app_token: str = "xapp-1-A0HEJI00001-4242-f4ke0app0token0of0the0tests"
    verification_token: str = "gIkuvaNzQIHg97ATvDxqgjtO"

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> App:
        """The app that Slack makes of a manifest."""
        features, settings = manifest["features"], manifest["settings"]
        return cls(
            scopes=frozenset(manifest["oauth_config"]["scopes"]["bot"]),
            events=frozenset(settings["event_subscriptions"]["bot_events"]),
            commands=frozenset(command["command"] for command in features["slash_commands"]),
            shortcuts=frozenset(shortcut["callback_id"] for shortcut in features.get("shortcuts", [])),
            socket_mode=settings["socket_mode_enabled"],
            messages_tab=features["app_home"]["messages_tab_enabled"],
        )


@dataclass(eq=False, slots=True)
class Team:
    """A workspace. *token* is the bot's there; *state*: whether the app is in, was thrown out, lost its token."""

    id: str
    name: str
    domain: str
    token: str
    scopes: frozenset[str]
    bot: User = field(init=False)
    state: Literal["installed", "uninstalled", "revoked", "absent"] = "installed"

    def shape(self) -> Shape:
        return {"id": self.id, "domain": self.domain}


@dataclass(eq=False, slots=True)
class User:
    """A person or a bot; *bot_id* is what a bot writes under."""

    id: str
    name: str
    team: Team
    locale: str = "en-US"
    tz: str = "Europe/Berlin"
    is_admin: bool = False
    is_owner: bool = False
    bot_id: str = ""
    deleted: bool = False

    def mention(self) -> str:
        return f"<@{self.id}>"

    def brief(self) -> Shape:
        return {"id": self.id, "username": self.name.lower(), "name": self.name.lower(), "team_id": self.team.id}

    def shape(self, *, locale: bool) -> Shape:
        shape: Shape = {
            "id": self.id, "team_id": self.team.id, "name": self.name.lower(), "deleted": self.deleted,
            "profile": {"real_name": self.name, "display_name": self.name},
            "is_bot": bool(self.bot_id), "is_app_user": False, "updated": 1700000000,
        }  # fmt: skip
        if not self.deleted:
            shape |= {
                "real_name": self.name, "tz": self.tz,
                "is_admin": self.is_admin or self.is_owner, "is_owner": self.is_owner, "is_primary_owner": False,
                "is_restricted": False, "is_ultra_restricted": False,
            }  # fmt: skip
        return shape | ({"locale": self.locale} if locale else {})


@dataclass(eq=False, slots=True)
class Channel:
    """A conversation: a channel, or the direct messages of one person (*creator*) or several with the bot."""

    id: str
    kind: Kind
    name: str
    team: Team
    creator: User
    created: int
    members: dict[str, User] = field(default_factory=dict)
    archived: bool = False
    deleted: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    """What everybody there sees, by `ts`, threads included."""
    ephemerals: list[Message] = field(default_factory=list)
    """What one person sees, and is in nobody's history."""

    @property
    def has_bot(self) -> bool:
        return self.team.bot.id in self.members

    @property
    def scope_word(self) -> str:
        return SCOPE_WORDS[self.kind]

    def brief(self) -> Shape:
        return {"id": self.id, "name": {"im": "directmessage", "private": "privategroup"}.get(self.kind, self.name)}

    def shape(self, *, members: bool = False) -> Shape:
        shape: Shape = {
            "id": self.id, "created": self.created, "is_archived": self.archived, "is_im": self.kind == "im",
            "is_org_shared": False, "context_team_id": self.team.id, "updated": self.created * 1000,
        }  # fmt: skip
        if self.kind == "im":
            return shape | {"user": self.creator.id, "is_user_deleted": self.creator.deleted, "priority": 0}
        shape |= {
            "name": self.name, "name_normalized": self.name, "creator": self.creator.id, "is_member": self.has_bot,
            "is_channel": self.kind == "public", "is_group": self.kind == "private", "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "public", "is_general": False, "is_shared": False, "is_ext_shared": False,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }  # fmt: skip
        return shape | ({"num_members": len(self.members)} if members else {})

    def thread(self, ts: str) -> list[Message]:
        """A message and the answers to it, in order."""
        return [message for message in self.messages.values() if ts in (message.ts, message.thread_ts)]


@dataclass(eq=False, slots=True)
class Message:
    """A message as it stands now. *only_for*: who alone sees it; *calls*: the calls that made it what it is."""

    channel: Channel
    ts: str
    user: User
    text: str = ""
    blocks: tuple[Shape, ...] = ()
    thread_ts: str = ""
    only_for: User | None = None
    edited_ts: str = ""
    deleted: bool = False
    reactions: list[str] = field(default_factory=list)
    method: str = "chat.postMessage"

    @property
    def ours(self) -> bool:
        return bool(self.user.bot_id)

    @property
    def reading(self) -> str:
        """What a reader sees, as the goldens have it."""
        return reading(self._payload())

    @property
    def pings(self) -> tuple[str, ...]:
        """Whom it would call."""
        return pings(self._payload())

    @property
    def labels(self) -> list[str]:
        """What is written on the buttons, and on the choices of menus."""
        return labels(self.blocks)

    def _payload(self) -> Shape:
        params: Shape = {"text": self.text} | ({"blocks": list(self.blocks)} if self.blocks else {})
        return {"method": self.method, "params": params}

    def shape(self) -> Shape:
        shape: Shape = {"type": "message", "user": self.user.id, "ts": self.ts, "team": self.channel.team.id}
        shape["text"] = self.text
        if self.blocks:
            shape["blocks"] = list(self.blocks)
        if self.ours:
            shape |= {"bot_id": self.user.bot_id, "app_id": APP_ID}
        if self.thread_ts:
            shape["thread_ts"] = self.thread_ts
            if self.thread_ts in self.channel.messages:
                shape["parent_user_id"] = self.channel.messages[self.thread_ts].user.id
        elif replies := self.channel.thread(self.ts)[1:]:
            shape |= {"thread_ts": self.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        if self.edited_ts:
            shape["edited"] = {"user": self.user.id, "ts": self.edited_ts}
        return shape


@dataclass(eq=False, slots=True)
class View:
    """A modal or somebody's Home, as it was last given. *errors* are what the app said to a submission."""

    id: str
    user: User
    given: Shape
    hash: str
    open: bool = True
    errors: dict[str, str] = field(default_factory=dict)
    values: Shape = field(default_factory=dict)

    @property
    def blocks(self) -> tuple[Shape, ...]:
        return tuple(self.given["blocks"])

    @property
    def reading(self) -> str:
        """What a reader sees, as the goldens have it."""
        method = "views.publish" if self.given["type"] == "home" else "views.open"
        return reading({"method": method, "params": {"view": self.given}})

    @property
    def labels(self) -> list[str]:
        return labels(self.blocks)

    def shape(self) -> Shape:
        team = self.user.team
        shape = {
            "id": self.id, "team_id": team.id, "app_id": APP_ID, "app_installed_team_id": team.id,
            "bot_id": team.bot.bot_id, "hash": self.hash, "root_view_id": self.id, "previous_view_id": None,
            "callback_id": "", "external_id": "", "private_metadata": "", "state": {"values": self.values},
            "clear_on_close": False, "notify_on_close": False, "title": {"type": "plain_text", "text": "View Title"},
            "close": None, "submit": None,
        }  # fmt: skip
        return shape | self.given


@dataclass(slots=True, eq=False)
class Trigger:
    """What lets the app open one modal, within three seconds."""

    id: str
    user: User
    at: float
    used: bool = False


@dataclass(slots=True, eq=False)
class ResponseUrl:
    """Where the app may answer five times in half an hour. *source*: the message that was pressed, if one was."""

    path: str
    channel: Channel
    user: User
    at: float
    source: Message | None = None
    used: int = 0


def labels(blocks: tuple[Shape, ...]) -> list[str]:
    """What can be pressed or chosen in *blocks*, as it is written there."""
    return [one["text"]["text"] for one in pressable(blocks)]


def pressable(blocks: tuple[Shape, ...]) -> Iterator[Shape]:
    """The buttons and the options of menus in *blocks*."""
    for element in actors(blocks):
        if element["type"] == "button":
            yield element
        yield from element.get("options", [])


def actors(blocks: tuple[Shape, ...]) -> Iterator[Shape]:
    """Whatever in *blocks* tells the app that it was used."""
    return (one for one in objects(list(blocks)) if "action_id" in one)


_URL = re.compile(r"https?://[^\s<>]+[^\s<>.,;:!?)\]]")


def typed(text: str) -> str:
    """What Slack makes of what a person types: entities, addresses in brackets; mentions are left as they are."""
    kept = re.split(r"(<@[UW][A-Z0-9]+>)", text)
    return "".join(
        part if part.startswith("<@") else _URL.sub(lambda url: f"<{url[0]}>", escaped(part)) for part in kept
    )


def escaped(text: str) -> str:
    """`&`, `<` and `>` as entities, which is how Slack passes text and values on."""
    return html.escape(text, quote=False)
