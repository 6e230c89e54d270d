"""What people do on Slack, taken apart: who, where, and what they ask. Pure; knows nothing of roles and languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from bot.chat.conversation import QUESTION, Command
from bot.platforms.slack.buttons import Purpose, asked, purpose_of

Shape: TypeAlias = Mapping[str, Any]
"""JSON as Slack sends it. Only what its signature or its socket vouches for gets here."""

MAX_LINKS = 5
"""Links of one message that are looked up."""

ASKED = "ask"
"""What a button calls a bare question, which has no name."""

_BRACKETS = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where somebody asks, and the ways to answer them there.

    *url*: the `response_url`. *trigger* opens one modal, within three seconds. *view*: the modal that it was asked
    from. *hidden*: the message that was asked from is seen by this person alone. *about*: the chat that is meant, where
    it is not this one (`slack:T1/C1`).
    """

    team: str
    user: str
    channel: str = ""
    thread: str = ""
    url: str = ""
    trigger: str = ""
    view: str = ""
    hidden: bool = False
    about: str = ""

    @property
    def private(self) -> bool:
        """Whether nobody else reads along."""
        return _alone(self.channel)

    @property
    def place(self) -> str:
        """The channel, as the bot writes chats; without one, who asks."""
        return f"slack:{self.team}/{self.channel or self.user}"

    @property
    def chat(self) -> str:
        """The same with its thread. What is said in private is one conversation, threads or not."""
        return f"{self.place}/{self.thread}" if self.thread and not self.private else self.place

    def asker(self, language: str | None) -> Command:
        """Who asks, with nothing asked yet."""
        private = _alone(self.about.split("/")[1]) if self.about else self.private
        return Command(
            platform="slack",
            chat=self.about or self.chat,
            user=f"slack:{self.team}/{self.user}",
            language=language,
            private=private,
        )


def _alone(channel: str) -> bool:
    """Whether that is a conversation with one person, by either of its two names; or none."""
    return not channel or channel.startswith(("D", "U", "W"))


@dataclass(frozen=True, slots=True)
class Press:
    """A button was pressed, or a choice taken from a menu. *home*: in the app's Home."""

    spot: Spot
    purpose: Purpose | None
    action_id: str
    value: str
    home: bool = False


def seal(payload: Shape) -> str:
    """What tells this apart from all else, however often it comes: Slack's retries have other envelopes."""
    if event_id := payload.get("event_id"):
        return f"slack:event:{event_id}"
    if trigger := payload.get("trigger_id"):
        return f"slack:trigger:{trigger}"
    return ""


def lane(payload: Shape) -> str:
    """Whose turn it is."""
    match payload:
        case {"event": {"user": str(user)}} | {"user_id": str(user)} | {"user": {"id": str(user)}}:
            return user
        case {"event": {"channel": str(channel)}}:
            return channel
    return ""


def slash(payload: Shape) -> tuple[Spot, str]:
    """A slash command."""
    spot = Spot(
        team=str(payload["team_id"]),
        user=str(payload["user_id"]),
        channel=str(payload["channel_id"]),
        url=str(payload.get("response_url") or ""),
        trigger=str(payload.get("trigger_id") or ""),
    )
    return spot, plain(str(payload.get("text") or ""))


def spoken(payload: Shape) -> tuple[Spot, str] | None:
    """A mention or a direct message; None where no person says anything new."""
    event = payload["event"]
    user, channel = event.get("user"), event.get("channel")
    if not isinstance(user, str) or not isinstance(channel, str) or event.get("bot_id") or event.get("edited"):
        return None
    if event.get("subtype") not in (None, "file_share", "thread_broadcast") or user == me(payload):
        return None
    spot = Spot(str(payload["team_id"]), user, channel, thread=str(event.get("thread_ts") or ""))
    return spot, plain(str(event.get("text") or ""), me(payload))


def me(payload: Shape) -> str:
    """The bot's own id in the workspace of an event."""
    for one in payload.get("authorizations") or ():
        if isinstance(one, Mapping) and one.get("is_bot"):
            return str(one.get("user_id") or "")
    return ""


def pressed(payload: Shape) -> Press | None:
    """What was pressed; None where it asks nothing."""
    actions = payload.get("actions") or ()
    if not actions:
        return None
    action, container, view = actions[0], payload.get("container") or {}, payload.get("view") or {}
    value = action.get("value") or (action.get("selected_option") or {}).get("value") or ""
    spot = Spot(
        team=_team(payload),
        user=str(payload["user"]["id"]),
        channel=str((payload.get("channel") or {}).get("id") or ""),
        thread=str(container.get("thread_ts") or ""),
        url=str(payload.get("response_url") or ""),
        trigger=str(payload.get("trigger_id") or ""),
        view=str(view.get("id") or "") if view.get("type") == "modal" else "",
        hidden=bool(container.get("is_ephemeral")),
    )
    action_id = str(action.get("action_id") or "")
    return Press(spot, purpose_of(action_id), action_id, str(value), home=view.get("type") == "home")


def meant(value: str, asker: Command) -> Command | None:
    """The command that a button with *value* gives; None where it gives none."""
    found = asked(value)
    if found is None:
        return None
    name, args, page = found
    return replace(asker, name=QUESTION if name == ASKED else name, args=args, page=page)


def shortcut(payload: Shape) -> Spot:
    """One of the app's shortcuts: of a message, or without a place."""
    return Spot(
        team=_team(payload),
        user=str(payload["user"]["id"]),
        channel=str((payload.get("channel") or {}).get("id") or ""),
        url=str(payload.get("response_url") or ""),
        trigger=str(payload.get("trigger_id") or ""),
    )


def submitted(payload: Shape) -> tuple[Spot, dict[str, str]]:
    """A modal's inputs, by the ids of their blocks; those left empty are empty."""
    view = payload["view"]
    values = {}
    for block, elements in ((view.get("state") or {}).get("values") or {}).items():
        for element in elements.values():
            chosen = element.get("selected_option") or {}
            values[block] = str(element.get("value") or chosen.get("value") or "")
    return Spot(_team(payload), str(payload["user"]["id"]), view=str(view["id"])), values


def _team(payload: Shape) -> str:
    team = payload.get("team") or {}
    return str(team.get("id") or payload["user"].get("team_id") or "")


def plain(text: str, bot: str = "") -> str:
    """What was typed: Slack's brackets opened, its entities undone, and without the name of *bot*."""

    def opened(found: re.Match[str]) -> str:
        inside, label = found[1], found[2]
        if inside.startswith("@"):
            return "" if bot and inside == f"@{bot}" else f"@{label or inside[1:]}"
        if inside.startswith("#"):
            return f"#{label or inside[1:]}"
        if inside.startswith("!"):
            return label or ""
        return inside.removeprefix("mailto:") if inside.startswith("mailto:") else inside

    opened_text = _BRACKETS.sub(opened, text)
    return opened_text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip(" ,:，：\n")


def links(message: Shape) -> tuple[str, ...]:
    """The addresses in a message, each once: in its text, else in its blocks."""
    found = [m[1].replace("&amp;", "&") for m in _BRACKETS.finditer(str(message.get("text") or ""))]
    found += list(_urls(message.get("blocks"))) + list(_urls(message.get("attachments")))
    return tuple(dict.fromkeys(url for url in found if url.startswith(("http://", "https://"))))[:MAX_LINKS]


def _urls(shape: Any) -> Iterator[str]:
    """Every `url`, `title_link` and `from_url` in *shape*."""
    waiting = [shape]
    while waiting:
        match waiting.pop():
            case list() as several:
                waiting += reversed(several)
            case dict() as one:
                yield from (one[key] for key in ("url", "title_link", "from_url") if isinstance(one.get(key), str))
                waiting += list(one.values())
