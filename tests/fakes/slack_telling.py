"""What the app is told, in which shape (commands, interactions, events), and what it answered, attempt by attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from fakes.slack_world import App, Message, ResponseUrl, Shape, Team, Trigger, User, View, escaped

ACK_SECONDS = 3.0
"""How long Slack waits for an acknowledgement."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One try to tell the app, in an envelope of its own where it goes through a socket: *connection* has that number.

    *took*: seconds until it acknowledged, None if it did not; *status*: of HTTP. *answer* is what came with the
    acknowledgement. *number* counts retries, *reason* says why it is one.
    """

    at: float
    number: int
    envelope_id: str
    connection: int | None = None
    reason: str = ""
    took: float | None = None
    status: int | None = None
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt, in the words of :class:`Attempt`. *reason*: why it failed; *final*: no more of them."""

    reason: str = ""
    took: float | None = None
    status: int | None = None
    answer: Any = None
    final: bool = False


@dataclass(slots=True, eq=False)
class Told:
    """One thing that the app was told, and what became of it. *failure*: why it was given up in the end.

    Where a command or a press is given up the person sees an error, and that is that.
    """

    kind: Literal["slash_commands", "interactive", "events_api"]
    payload: Shape
    at: float
    team: Team
    user: User | None = None
    message: Message | None = None
    view: View | None = None
    trigger: Trigger | None = None
    response_url: ResponseUrl | None = None
    attempts: list[Attempt] = field(default_factory=list)
    failure: str = ""

    @property
    def type(self) -> str:
        """`app_mention`, `block_actions`, …; a slash command's is its name."""
        if self.kind == "events_api":
            return str(self.payload["event"]["type"])
        return str(self.payload["command"] if self.kind == "slash_commands" else self.payload["type"])

    @property
    def acked(self) -> bool:
        return any(attempt.took is not None for attempt in self.attempts)

    @property
    def delay(self) -> float:
        """Seconds that the quickest acknowledgement took. Raises :class:`ValueError` where there is none."""
        return min(attempt.took for attempt in self.attempts if attempt.took is not None)

    @property
    def answer(self) -> Any:
        """What came with the acknowledgement."""
        return next((attempt.answer for attempt in self.attempts if attempt.took is not None), None)


def event_shape(app: App, team: Team, event: Shape, event_id: str, at: float) -> Shape:
    """An event in its envelope."""
    authorization = {
        "enterprise_id": None, "team_id": team.id, "user_id": team.bot.id, "is_bot": True,
        "is_enterprise_install": False,
    }  # fmt: skip
    return {
        "token": app.verification_token, "team_id": team.id, "context_team_id": team.id,
        "context_enterprise_id": None, "api_app_id": app.id, "event": event, "type": "event_callback",
        "event_id": event_id, "event_time": int(at), "authorizations": [authorization],
        "is_ext_shared_channel": False, "event_context": f"4-{event_id}",
    }  # fmt: skip


def command_shape(app: App, user: User, channel: Shape, command: str, text: str, trigger: Trigger, url: str) -> Shape:
    """A slash command; over HTTP a form, so all of it is text."""
    return {
        "token": app.verification_token, "team_id": user.team.id, "team_domain": user.team.domain,
        "channel_id": channel["id"], "channel_name": channel["name"], "user_id": user.id,
        "user_name": user.name.lower(), "command": command, "text": escaped(text), "api_app_id": app.id,
        "is_enterprise_install": "false", "response_url": url, "trigger_id": trigger.id,
    }  # fmt: skip


def interaction_shape(app: App, kind: str, user: User, trigger: Trigger) -> Shape:
    """What all interactions have."""
    return {
        "type": kind, "user": user.brief(), "api_app_id": app.id, "token": app.verification_token,
        "trigger_id": trigger.id, "team": user.team.shape(), "enterprise": None, "is_enterprise_install": False,
    }  # fmt: skip


def where_shape(where: Message | View, response_url: str) -> Shape:
    """Where an element was used, in the payload of `block_actions`."""
    if isinstance(where, View):
        return {"container": {"type": "view", "view_id": where.id}, "view": where.shape()}
    container: Shape = {
        "type": "message", "message_ts": where.ts, "channel_id": where.channel.id,
        "is_ephemeral": where.only_for is not None,
    }  # fmt: skip
    if where.thread_ts:
        container["thread_ts"] = where.thread_ts
    shape: Shape = {
        "container": container, "channel": where.channel.brief(), "state": {"values": {}},
        "response_url": response_url,
    }  # fmt: skip
    # Of a message that one person sees Slack keeps nothing, and so can send nothing.
    return shape if where.only_for else shape | {"message": where.shape()}


def action_shape(element: Shape, block_id: str, at: str, option: Shape | None) -> Shape:
    """What was used: a button, or a menu with the *option* that was chosen."""
    shape: Shape = {"type": element["type"], "action_id": element["action_id"], "block_id": block_id, "action_ts": at}
    if option is not None:
        chosen = {"text": option["text"], "value": escaped(option["value"])}
        return shape | {"selected_option": chosen, "placeholder": element["placeholder"]}
    shape["text"] = element["text"]
    # Values come back with entities (slackapi/bolt-python, issue 513).
    return shape | ({"value": escaped(element["value"])} if "value" in element else {})
