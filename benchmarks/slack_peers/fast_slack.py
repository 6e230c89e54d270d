"""A Slack for measuring: it answers at once, believes everything, and tells what was answered.

What is right or wrong in a call is for the tests' server to say; this one is not to be what a benchmark waits for.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

TOKEN = "xoxb-1-1-benchmark"
SECRET = "benchmark"
TEAM = "T00000001"

Heard = Callable[[int, dict[str, Any]], None]


@dataclass
class Slack:
    """Serves one bot. *heard* is told the number of a command and what was posted to its `response_url`."""

    heard: Heard = lambda *_: None
    root: str = ""
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._serve)
        app.router.add_post("/commands/{number}", self._respond)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.root = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        params = {**request.query, **await request.post()}
        return web.json_response({"ok": True, **_result(request.match_info["method"], params)})

    async def _respond(self, request: web.Request) -> web.Response:
        self.heard(int(request.match_info["number"]), await request.json())
        return web.Response(text="ok")

    def command(self, text: str, *, readers: int) -> tuple[int, dict[str, str], bytes]:
        """`/digest` *text* of one of some readers, each in a channel of their own: its number, headers and body."""
        number = next(self._numbers)
        reader = f"{number % readers:08}"
        body = urlencode(
            {
                "token": "-", "team_id": TEAM, "team_domain": "benchmark", "channel_id": f"C{reader}",
                "channel_name": "papers", "user_id": f"U{reader}", "user_name": "reader", "command": "/digest",
                "text": text, "api_app_id": "A00000001", "is_enterprise_install": "false",
                "trigger_id": f"{number}.1.benchmark", "response_url": f"{self.root}/commands/{number}",
            }
        ).encode()  # fmt: skip
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
        }
        return number, headers, body


def _result(method: str, params: dict[str, Any]) -> dict[str, Any]:
    match method:
        case "auth.test":
            return {"url": "https://benchmark.slack.com/", "team": "Benchmark", "user": "heji", "team_id": TEAM,
                    "user_id": "U0HEJI", "bot_id": "B0HEJI", "is_enterprise_install": False}  # fmt: skip
        case "users.info":
            return {"user": {"id": params["user"], "team_id": TEAM, "locale": "en-US", "tz": "Asia/Shanghai",
                             "is_admin": False, "is_bot": False, "deleted": False}}  # fmt: skip
        case "conversations.info":
            return {"channel": {"id": params["channel"], "name": "papers", "is_channel": True, "creator": "U00000000"}}
        case _:
            return {}
