"""A Bot API for measuring: it answers at once, believes everything, and tells what came and when.

What is right or wrong in a call is for the tests' server to say; this one is not to be what a benchmark waits for. It
enforces limits only where it is given some.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "123456789:AAaaBBbbCCccDDddEEeeFFffGGgg-HHhh00"
ME = {
    "id": 123456789, "is_bot": True, "first_name": "heji", "username": "heji_bot", "can_join_groups": True,
    "can_read_all_group_messages": False, "supports_inline_queries": True,
}  # fmt: skip

Heard = Callable[[str, dict[str, Any]], None]


@dataclass
class Api:
    """Serves one bot or several. *heard* is told every call; *ceiling*: messages that any one second may hold;
    *waiting*: updates for who asks.
    """

    heard: Heard = lambda *_: None
    ceiling: int | None = None
    waiting: list[dict[str, Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)  # when each message was accepted
    refused: int = 0  # how many were too fast
    root: str = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.root = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if request.content_type == "application/json":
            params = await request.json()
        else:
            params = {key: _parsed(value) for key, value in (await request.post()).items()}
        if method == "sendMessage" and not self._accepts():
            said = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 1",
                    "parameters": {"retry_after": 1}}  # fmt: skip
            return web.Response(text=json.dumps(said), status=429, content_type="application/json")
        self.heard(method, params)
        if method == "getUpdates" and not self._updates(params):  # the question is held for as long as the bot allows
            await asyncio.sleep(float(params.get("timeout", 0)))
        said = {"ok": True, "result": self._result(method, params)}
        return web.Response(text=json.dumps(said), content_type="application/json")

    def _accepts(self) -> bool:
        now = time.perf_counter()
        if self.ceiling is not None:
            second = self._second
            while second and second[0] <= now - 1:
                second.popleft()
            if len(second) >= self.ceiling:
                self.refused += 1
                return False
            second.append(now)
        self.at.append(now)
        return True

    def __post_init__(self) -> None:
        self._second: deque[float] = deque()

    def _updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        return [update for update in self.waiting if update["update_id"] >= int(params.get("offset", 0))]

    def _result(self, method: str, params: dict[str, Any]) -> Any:
        match method:
            case "getMe":
                return ME
            case "sendMessage":
                chat = {"id": int(params["chat_id"]), "type": "private", "first_name": "Reader"}
                return {"message_id": len(self.at), "date": 1_800_000_000, "chat": chat, "from": ME, "text": "…"}
            case "getUpdates":
                return self._updates(params)
            case "getMyCommands":
                return []
            case "getWebhookInfo":
                return {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
            case "getMyDescription":
                return {"description": ""}
            case "getMyShortDescription":
                return {"short_description": ""}
            case "getMyName":
                return {"name": "heji"}
            case _:
                return True


def _parsed(value: Any) -> Any:
    """A value of a form: objects are JSON there."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def update(number: int, chat: int, text: str) -> dict[str, Any]:
    """A private message that asks *text*."""
    person = {"id": chat, "is_bot": False, "first_name": "Reader", "username": f"reader{chat}", "language_code": "zh"}
    said: dict[str, Any] = {
        "message_id": number, "from": person, "date": 1_800_000_000, "text": text,
        "chat": {"id": chat, "first_name": "Reader", "username": f"reader{chat}", "type": "private"},
    }  # fmt: skip
    if text.startswith("/"):
        said["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
    return {"update_id": number, "message": said}
