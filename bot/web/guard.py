"""Around every answer: headers that tell browsers to trust nothing, and a sentence in place of a traceback."""

from __future__ import annotations

import logging
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""What every answer carries that does not say otherwise itself."""

BROKEN = "Something went wrong here. It has been noted; please try again later."


class Guard:
    """A pure ASGI middleware: what it adds costs no task and no copy of a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what breaks is logged here and raises no further."""
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - the door to strangers
            logger.error("request failed path=%r error=%s", scope["path"], where(error))
            if not begun:  # else the server cuts the answer short, so that nobody takes half of it for the whole
                await PlainTextResponse(BROKEN, 500)(scope, receive, guarded)


def where(error: Exception) -> str:
    """What broke, and where. Not what it says: it may repeat what somebody wrote to the bot."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    return type(error).__name__ + place
