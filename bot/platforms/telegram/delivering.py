"""The platform that delivery sends to, and that answers go out by."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from telegram import Bot

from bot.chat.address import Address, parse_address
from bot.chat.message import Message
from bot.platforms.base import Outcome, Payload, Rejected, Retryable, Uncertain
from bot.platforms.health import Health, Status
from bot.platforms.layouts import Layouts
from bot.platforms.telegram import render
from bot.platforms.telegram.transport import NoAnswer, NotSent, Request, Transport
from bot.platforms.telegram.verdicts import of_pin, verdict


class Telegram:
    """Sends by *token* through the Bot API at *api_root*. Connections are opened by the first call; see `close`."""

    name = "telegram"

    def __init__(self, token: str, api_root: str) -> None:
        # At DEBUG, PTB writes the token, and everything that is said, into the log.
        logging.getLogger("telegram").setLevel(logging.WARNING)
        self.health = Health("Telegram")
        self._layouts = Layouts()
        self.transport = Transport(token, api_root, self.health)
        request = Request(self.transport)
        self.bot = Bot(token, base_url=f"{api_root}/bot", request=request, get_updates_request=request)

    def render(self, message: Message) -> tuple[Payload, ...]:
        """The calls that say *message*, in order. Pure."""
        return self._layouts.of(message, render.render)

    def plain(self, payload: Payload) -> Payload:
        """The same call without any layout. Pure."""
        return render.plain(payload)

    async def send(self, payload: Payload, chat: str) -> Outcome:
        """Make one call to *chat*, once. Every failure is an outcome."""
        if payload["method"] != render.PIN:
            return await self._call(payload, chat)
        if "message_id" not in payload["params"]:  # what was uncertain, and somebody said it was sent
            return Rejected("nobody knows which message it is", "unpinned")
        return of_pin(await self._call(payload, chat))

    async def _call(self, payload: Payload, chat: str) -> Outcome:
        params = addressed(payload["params"], parse_address(chat))
        try:
            reply = await self.transport.call(payload["method"], params)
        except NotSent as failure:
            return Retryable(reason=str(failure))
        except NoAnswer as failure:
            return Uncertain(str(failure))
        return verdict(reply)

    @property
    def status(self) -> Status:
        """How it stands with Telegram."""
        return self.health.status

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()


def addressed(params: Mapping[str, Any], chat: Address) -> dict[str, Any]:
    """*params* as a call to *chat*, which is named first. Message ids, which are written as texts, become numbers."""
    numbers = {key: _number(params[key]) for key in ("message_id", "reply_parameters") if key in params}
    # A message that is there is in its thread already.
    thread = {"message_thread_id": int(chat.thread)} if chat.thread and "message_id" not in params else {}
    return {"chat_id": chat_id(chat), **thread, **params, **numbers}


def chat_id(chat: Address) -> int | str:
    """How calls name *chat*: a number, or a channel's `@name`."""
    return chat.id if chat.id.startswith("@") else int(chat.id)


def _number(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {**value, "message_id": _number(value.get("message_id"))}
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
