"""How updates reach the bot: it asks for them (getUpdates), or they are posted to its webhook. Never both.

An update stays in the queue until the bot confirms it: by the offset of a later getUpdates, or by a 2xx.
"""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import aiohttp

from fakes.telegram_schema import Refusal, bad
from fakes.telegram_world import Shape

_ON_REQUEST = {"chat_member", "message_reaction", "message_reaction_count"}
"""What a bot is only told where it asks for it by name."""

_ANOTHER = "terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_SET = "terminated by setWebhook request"
_WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class Updates:
    """The queue of one bot. *changed* is held while it changes, and rung; *pause*: seconds to a webhook's next try."""

    def __init__(self, changed: threading.Condition, *, pause: float = 0.05) -> None:
        self.queue: list[Shape] = []
        self.issued: list[Shape] = []
        self.webhook: Shape | None = None
        self.attempts: list[tuple[int, int | None]] = []
        self._changed = changed
        self._pause = pause
        self._next_id = 700_000_001
        self._allowed: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poll: asyncio.Future[str] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._posting: dict[int, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()

    # From the world -------------------------------------------------------------------------------------------------

    def emit(self, kind: str, body: Any) -> None:
        """An update for the bot, unless it asked for other kinds only."""
        if kind not in self._allowed if self._allowed else kind in _ON_REQUEST:
            return
        with self._changed:
            update = {"update_id": self._next_id, kind: body}
            self._next_id += 1
            self.issued.append(update)
            self._enqueue(update)

    def repeat(self, update: Shape | None = None) -> None:
        """Deliver an update (by default the latest) again, as Telegram does when a webhook's answer got lost.

        Who polls gets it only while its offset does not confirm it, as is so with Telegram.
        """
        self._enqueue(update or self.issued[-1])

    def _enqueue(self, update: Shape) -> None:
        with self._changed:
            self.queue.append(update)
            self._changed.notify_all()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        self._end_poll("news")
        self._post_what_is_due()

    # Asked for ------------------------------------------------------------------------------------------------------

    async def poll(self, params: dict[str, Any]) -> list[Shape]:
        """getUpdates: what is in the queue, or what comes in while the bot waits. A second poll ends the first."""
        if self.webhook is not None:
            raise Refusal(409, f"Conflict: {_WEBHOOK_ACTIVE}")
        self._end_poll(_ANOTHER)
        self._allowed = params.get("allowed_updates", self._allowed)
        self._confirm(params.get("offset", 0))
        limit = min(max(params.get("limit", 100), 1), 100)
        loop = asyncio.get_running_loop()
        end = loop.time() + min(max(params.get("timeout", 0), 0), 50)
        while not self.queue and loop.time() < end:
            mine = self._poll = loop.create_future()
            await asyncio.wait({mine}, timeout=end - loop.time())
            if not mine.done() or mine.result() == "closing":
                break
            if mine.result() != "news":
                raise Refusal(409, f"Conflict: {mine.result()}")
        return self.queue[:limit]

    def _confirm(self, offset: int) -> None:
        with self._changed:
            if offset < 0:
                self.queue = self.queue[offset:]
            elif offset:
                self.queue = [update for update in self.queue if update["update_id"] >= offset]
            self._changed.notify_all()

    def _end_poll(self, why: str) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(why)

    # Posted ---------------------------------------------------------------------------------------------------------

    def set_webhook(self, params: dict[str, Any]) -> bool:
        if not params["url"]:
            return self.delete_webhook(params)
        # Telegram wants https; on loopback there is no certificate to be had.
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/]", params["url"]):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if "secret_token" in params and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", params["secret_token"]):
            raise bad("secret token contains unallowed characters")
        if not 1 <= params.get("max_connections", 40) <= 100:
            raise bad("max_connections must be between 1 and 100")
        self._forget(params)
        self._allowed = params.get("allowed_updates", self._allowed)
        self.webhook = dict(params)
        self._end_poll(_WEBHOOK_SET)
        self._post_what_is_due()
        return True

    def delete_webhook(self, params: dict[str, Any]) -> bool:
        self._forget(params)
        self.webhook = None
        return True

    def webhook_info(self, params: dict[str, Any]) -> Shape:
        webhook = self.webhook or {}
        info = {
            "url": webhook.get("url", ""), "has_custom_certificate": False, "pending_update_count": len(self.queue),
        }  # fmt: skip
        if self._allowed:
            info["allowed_updates"] = self._allowed
        return info | {name: webhook[name] for name in ("ip_address", "max_connections") if name in webhook}

    def _forget(self, params: dict[str, Any]) -> None:
        if params.get("drop_pending_updates"):
            with self._changed:
                self.queue.clear()

    def _post_what_is_due(self) -> None:
        """Start posting the first update of each chat; the next of the same chat follows when it was taken."""
        if self.webhook is None or self._loop is None:
            return
        for update in list(self.queue):
            line = _line(update)
            if line in self._waiting or len(self._posting) >= self.webhook.get("max_connections", 40):
                continue
            self._waiting.add(line)
            self._posting[id(update)] = asyncio.create_task(self._post(update, line, self.webhook))

    async def _post(self, update: Shape, line: str, webhook: Shape) -> None:
        assert self._session is not None
        secret = webhook.get("secret_token")
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        try:
            async with self._session.post(webhook["url"], json=update, headers=headers) as answer:
                status: int | None = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = None
        taken = status is not None and 200 <= status < 300
        with self._changed:
            self.attempts.append((update["update_id"], status))
            if taken and update in self.queue:
                self.queue.remove(update)
            self._changed.notify_all()
        if not taken:
            await asyncio.sleep(self._pause)
        del self._posting[id(update)]
        self._waiting.discard(line)
        self._post_what_is_due()

    # The server's ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self._go_on()

    async def close(self) -> None:
        self._loop, self.webhook = None, None
        self._end_poll("closing")
        for task in list(self._posting.values()):
            task.cancel()
        await asyncio.gather(*self._posting.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.close()


def _line(update: Shape) -> str:
    """What must stay in order: the updates of a chat, or of a person who is in none."""
    body = next((value for name, value in update.items() if name != "update_id"), None)
    if not isinstance(body, dict):
        return ""
    where = body.get("message", body).get("chat") or body.get("from") or {}
    return str(where.get("id", ""))
