"""Where Slack posts: a door that only whoever knows the signing secret gets through, once with each request.

Bolt answers a signature that is missing or garbage with a traceback, and lets a request pass again for five minutes;
so this stands before it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from cachetools import TTLCache

from bot.platforms.base import HttpAnswer
from bot.platforms.slack.listening import Deaf, Heard
from bot.platforms.slack.manifest import EVENTS_PATH

LIMIT = 1024 * 1024
TOLERANCE = 300
"""Seconds that a request may be old, or ahead of our clock."""

KEPT = 100_000
"""Signatures that are remembered for as long as they are good; only true ones are."""

STAMP = "x-slack-request-timestamp"
SIGNATURE = "x-slack-signature"

_STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)

REFUSED = HttpAnswer(401, b"You are not who this is for.")


class Door:
    """The webhook. *hear* takes a payload, or raises Deaf."""

    path = EVENTS_PATH
    limit = LIMIT

    def __init__(
        self,
        secret: str,
        hear: Callable[[dict[str, Any]], Awaitable[Heard]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret.encode()
        self._hear = hear
        self._clock = clock
        self._seen: TTLCache[str, None] = TTLCache(KEPT, 2 * TOLERANCE, timer=clock)

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the signature may be one, and of now: what can be told before the body is read."""
        stamp = headers.get(STAMP, "")
        if not _STAMP.fullmatch(stamp) or not _SIGNATURE.fullmatch(headers.get(SIGNATURE, "")):
            return False
        return abs(self._clock() - int(stamp)) <= TOLERANCE

    async def take(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Acknowledge; the work is done afterwards. Slack sends events again that it got no 200 for."""
        signature = headers[SIGNATURE]
        if not hmac.compare_digest(self._signature(headers[STAMP], body).encode(), signature.encode()):
            return REFUSED
        if signature in self._seen:
            return REFUSED
        payload = read(headers.get("content-type", ""), body)
        if payload is None:
            return REFUSED
        if payload.get("type") == "url_verification":
            return HttpAnswer(200, str(payload.get("challenge", "")).encode("utf-8", "replace"))
        self._seen[signature] = None
        try:
            heard = await self._hear(payload)
        except Deaf:
            del self._seen[signature]
            return HttpAnswer(503, b"not now")
        asyncio.get_running_loop().call_soon(heard.then)  # the acknowledgement first
        if not heard.answer:
            return HttpAnswer(200)
        return HttpAnswer(200, orjson.dumps(heard.answer), "application/json")

    def _signature(self, stamp: str, body: bytes) -> str:
        return "v0=" + hmac.new(self._secret, b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def read(content_type: str, body: bytes) -> dict[str, Any] | None:
    """What was posted: events as JSON, commands as a form, interactions as JSON in a form; None where it is neither."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return _object(body)
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=100))
    except ValueError:
        return None
    return _object(form["payload"].encode()) if "payload" in form else form or None


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
