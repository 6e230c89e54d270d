"""Where Telegram posts updates: a door that only whoever knows the secret gets through, before anything is read; and
how Telegram comes to post there.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Callable, Mapping
from typing import Literal

from telegram import Bot, WebhookInfo

from bot.platforms.base import HttpAnswer
from bot.platforms.telegram.wire import ALLOWED_UPDATES, Malformed, Update, read_update

PATH = "/telegram"
LIMIT = 1024 * 1024
HEADER = "x-telegram-bot-api-secret-token"

CONNECTIONS = 40
"""Connections that Telegram may open at once."""

LATELY = dt.timedelta(minutes=2)

Taken = Literal["taken", "busy"]


class Door:
    """The webhook. *take* takes an update in, or says that it has to come again later."""

    path = PATH
    limit = LIMIT

    def __init__(self, secret: str, take: Callable[[Update], Taken]) -> None:
        self._secret = secret.encode()
        self._take = take

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the secret is right; how long that takes tells nothing of it."""
        return hmac.compare_digest(headers.get(HEADER, "").encode("utf-8", "surrogatepass"), self._secret)

    async def take(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:  # noqa: ARG002 - a door's shape
        """Take the update; it is answered afterwards. Telegram sends again what it got no 200 for."""
        try:
            update = read_update(body)
        except Malformed:
            return HttpAnswer(400, b"this is no update")
        if self._take(update) == "busy":
            return HttpAnswer(503, b"not now")
        return HttpAnswer(200)


class Registration:
    """The word to Telegram that updates go to *public_url*, with *secret*."""

    def __init__(self, public_url: str, secret: str) -> None:
        self.url = f"{public_url}{PATH}"
        self._secret = secret
        self._made = dt.datetime.fromtimestamp(0, dt.UTC)

    def differs(self, there: WebhookInfo) -> bool:
        """Whether Telegram posts elsewhere, or with another secret: that it does not tell, but it tells of a 401."""
        wanted = (self.url, CONNECTIONS, set(ALLOWED_UPDATES))
        if (there.url, there.max_connections, set(there.allowed_updates)) != wanted:
            return True
        since = there.last_error_date is not None and there.last_error_date > self._made
        return since and "401" in (there.last_error_message or "")

    async def make(self, bot: Bot) -> None:
        """Give the word. Raises TelegramError."""
        self._made = dt.datetime.now(dt.UTC)  # before the call: what goes wrong after it shall count
        await bot.set_webhook(
            self.url, secret_token=self._secret, max_connections=CONNECTIONS, allowed_updates=ALLOWED_UPDATES
        )

    def trouble(self, there: WebhookInfo) -> str:
        """What keeps Telegram from posting to us, if anything does at the moment."""
        if not there.pending_update_count or there.last_error_date is None:
            return ""
        if dt.datetime.now(dt.UTC) - there.last_error_date > LATELY:
            return ""
        said = " ".join((there.last_error_message or "it gives no reason").split())[:200]
        return f"Telegram cannot post to {self.url}: {said}"
