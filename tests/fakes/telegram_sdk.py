"""Calls to the fake Telegram in a line: by the real SDK, or by hand for what the SDK would not let pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
from telegram import Bot
from telegram.request import HTTPXRequest

from fakes.telegram import FakeTelegram
from fakes.telegram_world import Shape

T = TypeVar("T")


def ask(telegram: FakeTelegram, *calls: Callable[[Bot], Awaitable[T]], token: str = "") -> T:
    """What the SDK makes of the answer to the last of *calls*."""

    async def answered() -> T:
        # There is no TLS on loopback: reading all the certificates would take longer than the test.
        polling, request = (HTTPXRequest(read_timeout=10, httpx_kwargs={"verify": False}) for _ in range(2))
        root = f"{telegram.url}/bot"
        async with Bot(token or telegram.token, root, get_updates_request=polling, request=request) as bot:
            for call in calls:
                answer = await call(bot)
        return answer

    return asyncio.run(answered())


def post(telegram: FakeTelegram, method: str, **params: Any) -> tuple[int, Shape]:
    """The status and the JSON that a call with a JSON body is answered with."""
    answer = raw(telegram, method, json=params)
    return answer.status_code, answer.json()


def raw(telegram: FakeTelegram, method: str, **request: Any) -> httpx.Response:
    """The answer to a request as httpx makes it."""
    return httpx.post(f"{telegram.url}/bot{telegram.token}/{method}", verify=False, **request)


def refused(telegram: FakeTelegram, method: str, **params: Any) -> str:
    """The words that a call is refused with."""
    status, answer = post(telegram, method, **params)

    assert (status, answer["ok"], answer["error_code"]) == (400, False, 400)
    return answer["description"]
