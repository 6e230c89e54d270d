"""What is served: the platforms' webhooks and windows, the health of the process, and the archive's pages."""

from __future__ import annotations

import asyncio
import html
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.platforms.base import HttpAnswer, Page, Webhook
from bot.web.guard import Guard
from bot.web.health import Health
from bot.web.pages import Pages

if TYPE_CHECKING:
    from bot.web.metrics import Metrics

logger = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that the body of a request may take to arrive."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>A reading digest that answers in chat. <a href="/healthz">How it is</a>.</p>
"""


def site(
    *,
    health: Callable[[], Health],
    webhooks: Sequence[Webhook] = (),
    windows: Sequence[Page] = (),
    pages: Pages | None = None,
    title: str = "heji",
    metrics: Metrics | None = None,
) -> Starlette:
    """An ASGI application. *health* is asked at every `/healthz`, in the event loop: it must not wait for anything.

    *windows* are the platforms' own pages. Without *pages* there is one page, which says what runs here; without
    *metrics* there is no `/metrics`.
    """

    async def front(_: Request) -> Response:
        return HTMLResponse(PAGE.format(title=html.escape(title)))

    async def healthz(_: Request) -> Response:
        found = health()
        return JSONResponse(found.as_json(), 200 if found.ok else 503, {"Cache-Control": "no-store"})

    async def nothing(request: Request, _: Exception) -> Response:
        if pages is not None and request.method in ("GET", "HEAD") and request.url.path not in doors:
            return await pages.nothing(request)
        return _sentence(404)

    doors = {webhook.path for webhook in webhooks}
    app = Starlette(
        routes=[
            *(Route(webhook.path, Door(webhook)) for webhook in webhooks),
            *(Route(window.path, Window(window)) for window in windows),
            Route("/healthz", healthz),
            *([Route("/metrics", _figures(metrics))] if metrics else []),
            *(pages.routes() if pages is not None else [Route("/", front)]),
        ],
        middleware=[Middleware(Guard)],
        # Who uses the wrong method learns no more than who asks for the wrong page.
        exception_handlers={404: nothing, 405: nothing},
    )
    app.router.redirect_slashes = False
    return app


def _figures(metrics: Metrics) -> Callable[[Request], Awaitable[Response]]:
    from bot.web.metrics import CONTENT_TYPE

    async def figures(_: Request) -> Response:
        return Response(metrics.page(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    return figures


class Door:
    """Lets requests through to a webhook. What it does not admit it does not read."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, unless whoever asked has left."""
        if (answer := await self._answered(scope, receive)) is not None:
            await answer(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive) -> Response | None:
        headers = Headers(scope=scope)
        if scope["method"] != "POST":
            return _sentence(404)
        if not self._webhook.admits(headers):
            return _sentence(401)
        if int(headers.get("content-length", 0)) > self._webhook.limit:
            return _sentence(413)
        try:
            async with asyncio.timeout(PATIENCE):
                body = await _read(receive, self._webhook.limit)
        except TooLarge:
            return _sentence(413)
        except TimeoutError:
            return _sentence(408)
        if body is None:
            return None
        return _response(await self._webhook.take(headers, body))


class Window:
    """Shows a platform's page to whoever looks. Not to a HEAD: a page may be good for one look."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "GET":
            answer = _sentence(404)
        else:
            query = scope["query_string"].decode("latin-1")
            answer = _response(await self._page.show(query, Headers(scope=scope)))
        await answer(scope, receive, send)


def _response(said: HttpAnswer) -> Response:
    return Response(said.body, said.status, said.headers, said.content_type)


class TooLarge(Exception):
    """A body is longer than its webhook reads."""


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body, None where it was cut off. Raises TooLarge as soon as it is, whatever was announced."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


SENTENCES = {
    401: "You are not who this is for.",
    404: "There is nothing here.",
    408: "That took too long.",
    413: "That is too much.",
}


def _sentence(status: int) -> Response:
    return PlainTextResponse(SENTENCES[status], status)
