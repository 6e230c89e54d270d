"""Say answers: each call once, and once more where Slack itself says how it would be right. Raises nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.platforms.base import Outcome, Payload, Rejected, Retryable, Sent
from bot.platforms.slack import render
from bot.platforms.slack.delivering import NoToken, Slack
from bot.platforms.slack.reading import Spot
from bot.platforms.slack.transport import NoAnswer, NotSent
from bot.platforms.slack.verdicts import verdict

PATIENCE = 5.0
"""Seconds that an answer waits, once, where Slack says “too fast”. Who asked is gone after that."""

RESPONSES = 5
"""Posts that a `response_url` takes."""

logger = logging.getLogger(__name__)

Call = Callable[[Payload], Awaitable[Outcome]]


class Speaker:
    """Speaks through *slack*."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def say(
        self, payloads: Sequence[Payload], spot: Spot, *, to_all: bool = False, replacing: bool = False
    ) -> Outcome:
        """Say *payloads* in order where *spot* is, till one does not get there; to who asked alone, unless *to_all*.

        *replacing*: the first in the place of the message that was asked from, whoever sees that.
        """
        outcome: Outcome = Sent()
        for number, payload in enumerate(payloads):
            call = self._way(spot, number, to_all=to_all, replacing=replacing and number == 0)
            outcome = await self._send(payload, call, spot)
            if not isinstance(outcome, Sent):
                break
        return outcome

    def _way(self, spot: Spot, number: int, *, to_all: bool, replacing: bool) -> Call:
        """How the answer's message of that number gets there."""
        thread = {"thread_ts": spot.thread} if spot.thread else {}

        async def respond(payload: Payload) -> Outcome:
            said = render.answered(payload, to_all=to_all, replacing=replacing)["params"]
            return await self._slack.respond(spot.url, {**said, **({} if replacing else thread)})

        async def post(payload: Payload) -> Outcome:
            params = {"channel": spot.channel or spot.user, **payload["params"], **thread}
            return await self._slack.say("chat.postMessage", params, spot.team)

        async def post_aside(payload: Payload) -> Outcome:
            params = {"channel": spot.channel, "user": spot.user, **payload["params"], **thread}
            return await self._slack.say("chat.postEphemeral", params, spot.team)

        if spot.url and number < RESPONSES:
            return respond
        return post if to_all or spot.private else post_aside

    async def _send(self, payload: Payload, call: Call, spot: Spot) -> Outcome:
        """One call; what Slack refuses is mended if it can be. Else it is logged."""
        outcome = await call(payload)
        if isinstance(outcome, Retryable) and outcome.limited and (outcome.after or 1.0) <= PATIENCE:
            await asyncio.sleep(outcome.after or 1.0)
            outcome = await call(payload)
        if isinstance(outcome, Rejected) and outcome.why == "malformed" and "blocks" in payload["params"]:
            logger.error("answer sent without its layout chat=%s reason=%s", spot.chat, outcome.reason)
            outcome = await call(render.plain(payload))
        if not isinstance(outcome, Sent):
            kind = type(outcome).__name__
            logger.warning("answer not sent chat=%s outcome=%s reason=%s", spot.chat, kind, outcome.reason)
        return outcome

    async def call(self, method: str, params: Mapping[str, Any], team: str) -> Mapping[str, Any] | None:
        """One call that says nothing in a chat, and its answer; None where it was not accepted."""
        try:
            reply = await self._slack.call(method, params, team)
        except (NotSent, NoAnswer, NoToken) as failure:
            logger.warning("call failed method=%s reason=%s", method, str(failure) or type(failure).__name__)
            return None
        if reply.ok:
            return reply.data
        outcome = verdict(reply)
        reason = "" if isinstance(outcome, Sent) else outcome.reason
        logger.warning("call refused method=%s reason=%s", method, reason)
        return None
