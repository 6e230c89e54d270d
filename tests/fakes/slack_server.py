"""A server on a port of loopback: in the running event loop, or in a thread of its own; deaf for a while if need be."""

from __future__ import annotations

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, Self

from aiohttp import web

PATIENCE = 20.0
"""Seconds after which what a test waits for will not happen any more."""


class Server(ABC):
    """What answers requests, whatever it is; whoever waits for `_changed` is woken when something happened."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._place: socket.socket | None = None
        self._closing = asyncio.Event()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @abstractmethod
    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request."""

    @abstractmethod
    async def _began(self) -> None:
        """The port is known."""

    @abstractmethod
    async def _ending(self) -> None:
        """The port will be closed."""

    async def stop_listening(self) -> None:
        """Refuse connections, and drop those that there are. From any event loop."""
        await self._there(self._stop_listening())

    async def listen(self) -> None:
        """Take connections again, at the same address. From any event loop."""
        await self._there(self._listen())

    async def start(self) -> None:
        """Serve in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        await self._listen()
        await self._began()

    async def close(self) -> None:
        """Stop; what hangs is dropped."""
        self._closing.set()
        await self._ending()
        await self._stop_listening()
        self._leave_place()
        assert self._server is not None
        await self._server.shutdown(1)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __enter__(self) -> Self:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="slack", daemon=True)
        self._thread.start()
        self._finish(loop, self.start())
        return self

    def __exit__(self, *_: object) -> None:
        loop, thread = self._loop, self._thread
        assert loop is not None
        assert thread is not None
        self._finish(loop, self.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    @staticmethod
    def _finish(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE)

    async def _there(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work* in the event loop that the server runs in."""
        assert self._loop is not None
        if self._thread is None:
            await work
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _listen(self) -> None:
        assert self._server is not None
        loop = asyncio.get_running_loop()
        self._leave_place()
        self._listener = await loop.create_server(self._server, "127.0.0.1", self._port, reuse_address=True)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        assert self._server is not None
        if self._listener is not None:
            self._listener.close()
        # Bound and deaf: the port refuses, and nobody else is given it meanwhile.
        self._leave_place()
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", self._port))
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    def _leave_place(self) -> None:
        if self._place is not None:
            self._place.close()

    def _ring(self) -> None:
        with self._changed:
            self._changed.notify_all()
