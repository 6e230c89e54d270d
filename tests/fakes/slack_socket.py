"""Socket Mode: the connections that the app holds, what goes through them, and how they break."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Literal

from aiohttp import WSMsgType, web

from fakes.slack_telling import Attempt, Told
from fakes.slack_world import App, Shape

MAX_CONNECTIONS = 10

Reason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]


class Connection:
    """One WebSocket. *frozen*: half open, so that nothing comes through and no ping is answered. Slack believes in it
    until the app hangs up.
    """

    def __init__(self, number: int, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self.number = number
        self.socket = socket
        self.frozen = False
        self.leaving = False
        self.heard: list[Shape] = []
        """Every frame that the app sent, in order."""
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._request = request

    @property
    def alive(self) -> bool:
        """Whether Slack believes in it."""
        return not self.socket.closed and not self.leaving and not self._gone.is_set()

    def disconnect(self, reason: Reason = "refresh_requested") -> None:
        """Announce the end; but for a `warning`, the connection closes then. From any thread."""
        self._soon(self._disconnect, reason)

    def cut(self) -> None:
        """Break it, without a word. From any thread."""
        self._loop.call_soon_threadsafe(self._cut)

    def freeze(self) -> None:
        """Leave it half open. From any thread."""
        self.frozen = True

    def send(self, frame: Any) -> None:
        """Send anything, be it nonsense. From any thread."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self._soon(self.socket.send_str, text)

    async def serve(self, heard: Callable[[Shape], None]) -> None:
        """Read what the app sends until one of the two is gone."""
        reader = asyncio.create_task(self._read(heard))
        reader.add_done_callback(lambda _: self._gone.set())
        try:
            await self._gone.wait()
        finally:
            reader.cancel()

    async def hand_over(self, told: Told, attempt: Attempt) -> None:
        """Send *told*; only events can be retries, and say so."""
        frame: Shape = {
            "envelope_id": attempt.envelope_id, "type": told.kind, "payload": told.payload,
            "accepts_response_payload": told.kind != "events_api",
        }  # fmt: skip
        if told.kind == "events_api" or attempt.number:
            frame |= {"retry_attempt": attempt.number, "retry_reason": attempt.reason}
        if not self.frozen:
            await self.socket.send_json(frame)

    async def _read(self, heard: Callable[[Shape], None]) -> None:
        while True:
            message = await self.socket.receive()
            match message.type:
                case WSMsgType.PING | WSMsgType.TEXT if self.frozen:
                    continue
                case WSMsgType.PING:
                    await self.socket.pong(message.data)
                case WSMsgType.TEXT:
                    frame = json.loads(message.data)
                    self.heard.append(frame)
                    heard(frame)
                case _:
                    return

    async def _disconnect(self, reason: Reason) -> None:
        # After a warning some seconds are left, in which events still come.
        self.leaving = reason != "warning"
        host = {"host": "applink-f4ke"}
        with suppress(ConnectionError):
            await self.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": host})
            if reason != "warning":
                await self.socket.close()
                self._gone.set()

    def _cut(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()
        self._gone.set()

    def _soon(self, work: Callable[..., Coroutine[Any, Any, None]], argument: Any) -> None:
        self._loop.call_soon_threadsafe(lambda: self._tasks.append(self._loop.create_task(work(argument))))


class Sockets:
    """The tickets that were given out, and the connections that came of them."""

    def __init__(self, app: App) -> None:
        self.all: list[Connection] = []
        """Every connection that there ever was, in order."""
        self._app = app
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._turn = itertools.count()

    @property
    def alive(self) -> list[Connection]:
        return [connection for connection in self.all if connection.alive]

    def ticket(self) -> str:
        """The query of an address that is good for one connection."""
        ticket = f"f4ke-ticket-{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"ticket={ticket}&app_id={self._app.id}"

    def next(self) -> Connection | None:
        """Whose turn it is: each event goes to one connection. A half-open one has its turn too, for who could know?"""
        alive = self.alive
        return alive[next(self._turn) % len(alive)] if alive else None

    async def accept(
        self, request: web.BaseRequest, moved: Callable[[], None], heard: Callable[[Shape], None]
    ) -> web.StreamResponse:
        """Serve a connection from its hello to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        self._tickets.discard(ticket)
        # Short: a server that stops waits no longer for a client that does not say goodbye.
        socket = web.WebSocketResponse(timeout=0.5, autoping=False)
        await socket.prepare(request)
        connection = Connection(len(self.all), request, socket)
        if len(self.alive) >= MAX_CONNECTIONS:
            connection.disconnect("too_many_websockets")
            await connection.serve(heard)
            return socket
        # Before the hello: who has heard it finds the connection here.
        self.all.append(connection)
        await socket.send_json({
            "type": "hello", "num_connections": len(self.alive), "connection_info": {"app_id": self._app.id},
            "debug_info": {"host": "applink-f4ke", "build_number": 1, "approximate_connection_time": 18060},
        })  # fmt: skip
        moved()
        try:
            await connection.serve(heard)
        finally:
            moved()
        return socket

    def close(self) -> None:
        for connection in self.all:
            connection.cut()
