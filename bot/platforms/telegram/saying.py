"""Say answers: each call once, and once more where Telegram itself says how it would be right. Raises nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from bot.chat.address import Address
from bot.platforms.base import Outcome, Payload, Rejected, Retryable, Sent
from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.keyboard import AS_ASKED
from bot.platforms.telegram.reading import question
from bot.platforms.telegram.transport import NoAnswer, NotSent
from bot.platforms.telegram.wire import Message

PATIENCE = 5.0
"""Seconds that an answer waits, once, where Telegram says “too fast”. Who asked is gone after that."""

MAX_ALERT = 200
_ATTEMPTS = 4

logger = logging.getLogger(__name__)


class Speaker:
    """Speaks through *telegram*. *moved* is told of a group that has another id now, by both places."""

    def __init__(self, telegram: Telegram, moved: Callable[[str, str], Awaitable[None]]) -> None:
        self._telegram = telegram
        self._moved = moved

    async def say(self, payloads: Sequence[Payload], to: Address, *, about: Message | None = None) -> Outcome:
        """Say *payloads* in order, till one does not get there; as replies to *about*, where that is named."""
        outcome: Outcome = Sent()
        for payload in payloads:
            outcome = await self.send(_replying(payload, about) if about else payload, to)
            if not isinstance(outcome, Sent):
                break
        return outcome

    async def send(self, payload: Payload, to: Address) -> Outcome:
        """One call to *to*; what Telegram refuses is mended if it can be. Else it is logged."""
        outcome: Outcome = Sent()
        waited = False
        for _ in range(_ATTEMPTS):
            outcome = await self._telegram.send(payload, str(to))
            match outcome:
                case Retryable(limited=True, after=after) if not waited and (after or 1.0) <= PATIENCE:
                    waited = True
                    await asyncio.sleep(after or 1.0)
                case Rejected(why="malformed") if "parse_mode" in payload["params"]:
                    logger.error("answer sent without its layout chat=%s reason=%s", to, outcome.reason)
                    payload = self._telegram.plain(payload)
                case Rejected(why="thread-closed") if to.thread:
                    to = Address(to.place)
                case Rejected(why="moved", moved_to=place) if place != to.place:
                    await self._moved(to.place, place)
                    to = Address(place)
                case _:
                    break
        if not isinstance(outcome, Sent):
            logger.warning("answer not sent chat=%s outcome=%s reason=%s", to, type(outcome).__name__, outcome.reason)
        return outcome

    async def turn(self, pressed: Message, payloads: Sequence[Payload]) -> None:
        """Let the message whose button was *pressed* say *payloads* from now on; what does not fit comes after it.

        In a group a message that answers nobody is an edition or the greeting, which everybody reads: it stays.
        """
        about = question(pressed)
        stays = not pressed.chat.private and about is None
        if not stays and len(payloads) == 1:
            outcome = await self.send(_editing(payloads[0], pressed), _place(pressed))
            if not (isinstance(outcome, Rejected) and outcome.why == "refused"):
                return  # it is there; or the chat is not, and nothing else would arrive either
        elif not stays:
            bare = {"message_id": pressed.message_id, "reply_markup": {"inline_keyboard": []}}
            await self.send({"method": "editMessageReplyMarkup", "params": bare}, _place(pressed))
        to = replace(_place(pressed), thread=pressed.thread)
        await self.say(payloads, to, about=reply(payloads, about or pressed, private=pressed.chat.private))

    async def call(self, method: str, params: dict[str, Any]) -> bool:
        """One call that is about no chat; whether it was accepted. Nobody is worse off where it was not."""
        try:
            reply = await self._telegram.transport.call(method, params)
        except (NotSent, NoAnswer) as failure:
            logger.warning("call failed method=%s reason=%s", method, failure)
            return False
        if not reply.ok:
            logger.info("call refused method=%s reason=%s %s", method, reply.status, reply.description)
        return reply.ok

    async def acknowledge(self, query: str, text: str = "") -> None:
        """End the waiting of whoever pressed a button; with a *text* that only they see."""
        shown = text if len(text) <= MAX_ALERT else text[: MAX_ALERT - 1] + "…"
        alert = {"text": shown, "show_alert": True} if shown else {}
        await self.call("answerCallbackQuery", {"callback_query_id": query, **alert})


def reply(payloads: Sequence[Payload], asked: Message, *, private: bool) -> Message | None:
    """What an answer replies to: *asked* in groups; in private nothing, unless a button needs its words."""
    return asked if not private or needs_question(payloads) else None


def needs_question(payloads: Sequence[Payload]) -> bool:
    """Whether a button of an answer stands for words that are in its question alone."""
    keyboards = (payload["params"].get("reply_markup", {}).get("inline_keyboard", ()) for payload in payloads)
    buttons = (button for rows in keyboards for row in rows for button in row)
    return any(button.get("callback_data", "").endswith(f"|{AS_ASKED}") for button in buttons)


def _replying(payload: Payload, about: Message) -> Payload:
    to = {"message_id": about.message_id, "allow_sending_without_reply": True}
    return {**payload, "params": {"reply_parameters": to, **payload["params"]}}


def _editing(payload: Payload, message: Message) -> Payload:
    params = {key: value for key, value in payload["params"].items() if key != "disable_notification"}
    return {"method": "editMessageText", "params": {"message_id": message.message_id, **params}}


def _place(message: Message) -> Address:
    return Address(f"telegram:{message.chat.id}")
