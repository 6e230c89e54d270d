"""What Slack is to know of the app: its manifest, made from the command table. Least scopes, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import yaml

from bot.chat.commands import TABLE
from bot.chat.language import voice
from bot.errors import ConfigurationError

Mode: TypeAlias = Literal["socket", "http"]

EVENTS_PATH = "/slack/events"
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
ASK = "ask_the_digest"
FIND = "find_in_the_digest"
"""The shortcuts' ids: a question from anywhere, and where the digest holds the links of a message."""

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "to hear `@heji topic ctr` in a channel; no other message there is read",
    "channels:read": "who created a public channel may change its settings; to hear that it was archived or renamed",
    "chat:write": "to post the weekly and to answer, only in channels that the bot was invited to",
    "commands": "the slash command and the two shortcuts",
    "groups:read": "the same as `channels:read`, for private channels that the bot was invited to",
    "im:history": "to hear what is written to the bot in a direct message",
    "users:read": "the language and the time zone of who asks, and whether they are an admin of the workspace",
}
"""What the bot may do, and what for."""

EVENTS: Mapping[str, tuple[str, ...]] = {
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
    "app_uninstalled": (),
    "channel_archive": ("channels:read",),
    "channel_deleted": ("channels:read",),
    "channel_id_changed": ("channels:read",),
    "channel_left": ("channels:read",),
    "channel_rename": ("channels:read",),
    "channel_unarchive": ("channels:read",),
    "group_archive": ("groups:read",),
    "group_deleted": ("groups:read",),
    "group_left": ("groups:read",),
    "group_rename": ("groups:read",),
    "group_unarchive": ("groups:read",),
    "member_joined_channel": ("channels:read", "groups:read"),
    "message.im": ("im:history",),
    "tokens_revoked": (),
}
"""What the bot is told of, and the scopes that each takes."""

RESERVED = frozenset(
    "active apps archive away call collapse dnd expand feed invite invite_people join kick leave me msg mute open "
    "prefs remind remove rename search shortcuts star status topic who".split()
)
"""Commands of Slack's own: a manifest that lists one is refused as a whole."""

_DESCRIPTION = "A reading digest that answers, and a selection of it every week"
_LONG_DESCRIPTION = (
    "Ask a curated reading list for a topic, search it in Chinese and in English, or see what is new. A channel that "
    "subscribes gets a selection about one topic every week: titles in one message, what the curators say of them in "
    "its thread. It posts nowhere uninvited, answers for your eyes alone, and calls nobody."
)


def manifest(
    *, mode: Mode, command: str = "/digest", public_url: str | None = None, name: str = "heji"
) -> dict[str, Any]:
    """The manifest of an app called *name* (at most 35 characters).

    *command* and *public_url* are SLACK_COMMAND and PUBLIC_URL. Raises ConfigurationError with all that is wrong.
    """
    if mistakes := _mistakes(mode, command, public_url, name):
        raise ConfigurationError(mistakes)
    requests = f"{(public_url or '').rstrip('/')}{EVENTS_PATH}" if mode == "http" else ""
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": name,
            "description": _DESCRIPTION,
            "long_description": _LONG_DESCRIPTION,
            "background_color": "#1f3a5f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "shortcuts": _shortcuts(),
            "slash_commands": [_slash_command(command, requests)],
        },
        "oauth_config": {
            **({"redirect_urls": [requests.removesuffix(EVENTS_PATH) + REDIRECT_PATH]} if requests else {}),
            "scopes": {"bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {**_request_url(requests), "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **_request_url(requests)},
            "org_deploy_enabled": False,
            "socket_mode_enabled": mode == "socket",
            "token_rotation_enabled": False,
        },
    }


def as_yaml(made: Mapping[str, Any]) -> str:
    """A manifest as one pastes it at Slack."""
    return yaml.safe_dump(dict(made), sort_keys=False, allow_unicode=True, width=100)


def _mistakes(mode: Mode, command: str, public_url: str | None, name: str) -> tuple[str, ...]:
    mistakes = []
    if command.removeprefix("/") in RESERVED:
        mistakes.append(f"SLACK_COMMAND is {command}, which is Slack's own: write another, such as /digest")
    if mode == "http" and not public_url:
        mistakes.append("PUBLIC_URL is not set, and Slack's requests need an address: set it, or use --mode socket")
    elif mode == "http" and public_url and not public_url.startswith("https://"):
        mistakes.append("PUBLIC_URL is not https, and Slack calls nothing else: set an address that begins with https")
    if not 1 <= len(name) <= 35:
        mistakes.append("the app's name has 1 to 35 characters: choose another")
    return tuple(mistakes)


def _shortcuts() -> list[dict[str, str]]:
    """Their names have 24 characters, no more."""
    return [
        {
            "name": "Ask the digest",
            "type": "global",
            "callback_id": ASK,
            "description": "A topic, a few words or a link",
        },
        {
            "name": "Is this in the digest?",
            "type": "message",
            "callback_id": FIND,
            "description": "Where the digest holds the links of this message",
        },
    ]


def _slash_command(command: str, requests: str) -> dict[str, Any]:
    return {
        "command": "/" + command.removeprefix("/"),
        "description": _DESCRIPTION,
        "usage_hint": usage_hint(),
        "should_escape": False,
        **({"url": requests} if requests else {}),
    }


def usage_hint() -> str:
    """What may stand behind the slash command, for those who are no curators: names and arguments from the table."""
    say = voice("en")
    rows = [row for row in TABLE if row.listed and row.role != "curator"]
    return " | ".join(" ".join((row.name, *map(say, row.arguments))) for row in rows)


def _request_url(requests: str) -> dict[str, str]:
    return {"request_url": requests} if requests else {}
