"""Calls to the fake Slack in a line: by the real SDK, or by hand for what the SDK would not let pass; and real Bolt."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from fakes.slack import FakeSlack
from fakes.slack_world import Shape

QUIET: Shape = {"unfurl_links": False, "unfurl_media": False}


def client(slack: FakeSlack, token: str = "") -> AsyncWebClient:
    """The SDK's client, which repeats nothing by itself."""
    return AsyncWebClient(token or slack.token, base_url=slack.url, retry_handlers=[])


def ask(slack: FakeSlack, *calls: Callable[[AsyncWebClient], Awaitable[Any]], token: str = "") -> Shape:
    """What the SDK makes of the answer to the last of *calls*."""

    async def answered() -> Shape:
        for call in calls:
            answer = await call(client(slack, token))
        return answer.data

    return asyncio.run(answered())


def post(slack: FakeSlack, method: str, *, token: str = "", **params: Any) -> Shape:
    """The JSON that a call with a JSON body is answered with, be it a refusal."""
    try:
        answer = WebClient(token or slack.token, base_url=slack.url, retry_handlers=[]).api_call(method, json=params)
    except SlackApiError as error:
        answer = error.response
    return answer.data


def refused(slack: FakeSlack, method: str, *, token: str = "", **params: Any) -> str:
    """Slack's word for why a call is refused."""
    answer = post(slack, method, token=token, **params)

    assert answer["ok"] is False
    return answer["error"]


def respond(url: str, **params: Any) -> tuple[int, str]:
    """The status and the text that a post to a `response_url` is answered with."""
    request = urllib.request.Request(url, json.dumps(params).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextlib.asynccontextmanager
async def connected(slack: FakeSlack, app: AsyncApp, *, ping: float = 5) -> AsyncIterator[AsyncSocketModeHandler]:
    """*app* with a socket of its own."""
    handler = AsyncSocketModeHandler(app, slack.app.app_token, ping_interval=ping)
    await handler.connect_async()
    try:
        yield handler
    finally:
        await handler.close_async()


@contextlib.asynccontextmanager
async def listening(slack: FakeSlack, app: AsyncApp) -> AsyncIterator[None]:
    """*app* behind an address that Slack knows."""
    runner = web.AppRunner(app.web_app("/slack/events"), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.door.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield
    finally:
        await runner.cleanup()
