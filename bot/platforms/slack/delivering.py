"""The platform that delivery sends to, and that answers go out by."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from bot.chat.message import Message
from bot.platforms.base import Outcome, Payload, Rejected, Retryable, Uncertain
from bot.platforms.health import Health, Status
from bot.platforms.slack import render
from bot.platforms.slack.transport import NoAnswer, NotSent, Reply, Transport
from bot.platforms.slack.verdicts import verdict
from bot.platforms.slack.workspaces import OneToken, Tokens


class Place(NamedTuple):
    """Where to: `slack:T1/C1/1700000000.000100` taken apart. Who has a message of their own has no channel's id."""

    team: str
    channel: str
    thread: str = ""


def place(chat: str) -> Place:
    """Where *chat* is; a curator is written without a workspace, `slack:U1`."""
    team, slash, rest = chat.partition(":")[2].partition("/")
    if not slash:
        return Place("", team)
    channel, _, thread = rest.partition("/")
    return Place(team, channel, thread)


class Slack:
    """Sends to Slack's methods at *api_root*, by a token or by those of many workspaces.

    *command* is the root that commands are typed with. Connections are opened by the first call; see `close`.
    """

    name = "slack"

    def __init__(self, token: str | Tokens, api_root: str, *, command: str = "/digest") -> None:
        # At DEBUG the SDK writes all that is said into the log, and secret addresses with it.
        for chatty in ("slack_bolt", "slack_sdk"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self.health = Health("Slack")
        self.tokens: Tokens = OneToken(token) if isinstance(token, str) else token
        self.transport = Transport(api_root, self.health, many=not isinstance(self.tokens, OneToken))
        self._renderer = render.Renderer(command)
        self.root = self._renderer.root

    def render(self, message: Message) -> tuple[Payload, ...]:
        """The calls that say *message*, in order. Pure."""
        return self._renderer.render(message)

    def plain(self, payload: Payload) -> Payload:
        """The same call without any layout. Pure."""
        return render.plain(payload)

    async def send(self, payload: Payload, chat: str) -> Outcome:
        """Make one call to *chat*, once. Every failure is an outcome."""
        to = place(chat)
        return await self.say(payload["method"], addressed(payload["params"], to), to.team)

    async def say(self, method: str, params: Mapping[str, Any], team: str) -> Outcome:
        """One call in the workspace *team*, once."""
        try:
            return verdict(await self.call(method, params, team))
        except NotSent as failure:
            return Retryable(reason=str(failure))
        except NoAnswer as failure:
            return Uncertain(str(failure))
        except NoToken:
            return Rejected("the app is not installed there", "revoked")

    async def respond(self, url: str, params: Mapping[str, Any]) -> Outcome:
        """One answer at a `response_url`, once."""
        try:
            return verdict(await self.transport.respond(url, params))
        except NotSent as failure:
            return Retryable(reason=str(failure))
        except NoAnswer as failure:
            return Uncertain(str(failure))

    async def call(self, method: str, params: Mapping[str, Any], team: str) -> Reply:
        """One call in the workspace *team*. Raises NoToken, NotSent or NoAnswer."""
        return await self._speaking(team, lambda token: self.transport.call(method, params, token))

    async def ask(self, method: str, params: Mapping[str, str], team: str, *, patience: float = 3.0) -> Reply:
        """A question that changes nothing. Raises NoToken, NotSent or NoAnswer."""
        return await self._speaking(team, lambda token: self.transport.ask(method, params, token, patience=patience))

    async def _speaking(self, team: str, say: Callable[[str], Awaitable[Reply]]) -> Reply:
        """*say* it by the workspace's token; once more by a new one, for what a token was refused for is not done."""
        async with self.tokens.turn(team):
            if (token := await self.tokens.of(team)) is None:
                raise NoToken
            reply = await say(token)
            if reply.refuses_token and (other := await self.tokens.instead(team, token)):
                return await say(other)
            return reply

    @property
    def status(self) -> Status:
        """How it stands with Slack."""
        return self.health.status

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()


class NoToken(Exception):
    """The app is not installed in that workspace."""


def addressed(params: Mapping[str, Any], to: Place) -> dict[str, Any]:
    """*params* as a call to a channel, which is named first.

    Where a thread subscribed everything stays in it: Slack's threads have no threads.
    """
    thread = {"thread_ts": to.thread} if to.thread else {}
    return {"channel": to.channel, **params, **thread}
