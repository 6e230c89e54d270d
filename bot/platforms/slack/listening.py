"""Bolt, which tells what came: every kind of thing has its listener, and each acknowledges before anything is done."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.platforms.slack.reading import Shape

_ANY = re.compile("")

logger = logging.getLogger(__name__)


class Deaf(Exception):
    """It cannot be taken now: it is not acknowledged, so that Slack tells it again."""


class Heard(NamedTuple):
    """What goes with the acknowledgement, if anything does; and what is to be done, *then*, once that is on its way."""

    answer: Any = None
    then: Callable[[], None] = lambda: None


class Listener:
    """Hears payloads, from a socket or through the door. *take* puts them where they are answered, and waits for
    nothing; *waiting* is what a form shows till then.
    """

    def __init__(self, take: Callable[[Shape], None], waiting: Callable[[Shape], dict[str, Any]]) -> None:
        self._take = take
        self._waiting = waiting
        self._app = self._listening()

    async def hear(self, payload: dict[str, Any]) -> Heard:
        """How *payload* is acknowledged. What nobody listens to is as well: it would only come again."""
        said = await self._app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=payload))
        if said.status != 200:
            return Heard()
        return Heard(orjson.loads(said.body) if said.body else None, lambda: self._take(payload))

    def _listening(self) -> AsyncApp:
        # Its own level: Bolt and the SDK look at that before they write down whole messages.
        quiet = logging.getLogger("slack_bolt.heji")
        quiet.setLevel(logging.ERROR)
        app = AsyncApp(
            logger=quiet,
            name="heji",
            # Nobody calls by it: answers go out by `delivering.Slack`.
            client=AsyncWebClient(logger=quiet, retry_handlers=[]),
            authorize=_authorized,
            # The door and the socket have seen to who it is, `reading` to what the bot said itself.
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        app.event(_ANY)(_acknowledge)
        app.command(_ANY)(_acknowledge)
        app.action(_ANY)(_acknowledge)
        app.shortcut(_ANY)(_acknowledge)
        app.view(_ANY)(self._submitted)
        return app

    async def _submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(response_action="update", view=self._waiting(body))


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()


async def _authorized(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Bolt wants somebody to act for. Which token speaks where is `workspaces`' business."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_id="-", bot_user_id="-")
