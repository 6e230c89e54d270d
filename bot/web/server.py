"""The site on a port, in the event loop that is there: uvicorn, without its hold on signals and without its patience.

uvicorn left to itself raises SIGTERM once more when it has stopped, and the process is gone before its platforms are;
and it waits for ever for a client that says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.errors import ConfigurationError
from bot.settings import DEFAULT_PORT

ASKING = 10.0
"""Seconds in which a client has to say what it wants, from when it connects or begins to speak."""

ANSWERING = 60.0
"""Seconds that a request may take in all, its answer read to the end."""

IDLE = 30
"""Seconds that a connection is kept for the next request. Telegram and proxies keep theirs."""

LEAVING = 3
"""Seconds that requests under way have to end when the server stops."""

MOST = 256
"""Connections at once. Many more, and a process has no file descriptor left for anything else."""

BACKLOG = 512
HEAD = 32 * 1024
"""Bytes that the head of a request may have."""

NEXT = 20
"""Ports that are tried, from the default one on, where none was asked for."""


class Server:
    """*app* on *host* and *port*: 0 takes any free one, None the default one or the next that is free."""

    def __init__(self, app: ASGIApp, host: str, port: int | None) -> None:
        self._host = host
        self._wanted = port
        self.port = 0  # where it is heard, once it was started
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                http=Impatient,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="critical",  # what breaks is told by `guard`; what strangers babble is nobody's news
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=IDLE,
                timeout_graceful_shutdown=LEAVING,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on. Raises ConfigurationError where the port cannot be had."""
        sockets = await _bound(self._host, self._wanted)
        self.port = sockets[0].getsockname()[1]
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets))
        ready = asyncio.create_task(self._uvicorn.ready.wait())
        await asyncio.wait([self._serving, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            await self._serving

    async def stop(self) -> None:
        """Take nothing new, give what is under way a moment, and close."""
        if self._serving is None:
            return
        self._uvicorn.should_exit = True
        await self._serving
        for connection in [*self._uvicorn.server_state.connections]:
            connection.transport.abort()


class _Uvicorn(uvicorn.Server):
    """uvicorn that says when it is ready and leaves signals to those who have to do with them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.ready.set()


class Impatient(HttpToolsProtocol):
    """HTTP/1.1 whose clients have a deadline for everything. Where there are too many, the one that has been silent
    longest makes room, and before all others one that never asked for anything.
    """

    since = 0.0
    _deadline: asyncio.TimerHandle | None = None
    _head: int | None = None  # bytes of a head that has not ended

    @property
    def waits(self) -> bool:
        """Whether nobody knows yet what this client wants."""
        return bool(getattr(self.cycle, "response_complete", True))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give it time to ask."""
        super().connection_made(transport)
        self._until(ASKING)
        if len(self.connections) > MOST:
            silent = [one for one in self.connections if isinstance(one, Impatient) and one.waits]
            first = min(silent, key=lambda one: (one.cycle is not None, one.since), default=self)
            first.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Give it time for the answer when it has asked. Bytes that end in no request bring no more time."""
        waited = self.waits
        super().data_received(data)
        if waited and not self.waits:
            self._until(ANSWERING)
        elif self.waits and self._deadline is None:
            self._until(ASKING)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """The head of a request begins: the parser keeps it whole, however long it gets."""
        super().on_message_begin()
        self._head = 0

    def on_headers_complete(self) -> None:
        """Its end."""
        self._head = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Leave it to uvicorn how long it may now be idle."""
        self._forget_deadline()
        super().on_response_complete()
        if not self.waits:  # it had asked for more already
            self._until(ANSWERING)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._forget_deadline()
        super().connection_lost(exc)

    def _until(self, seconds: float) -> None:
        self._forget_deadline()
        self.since = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


# The port -------------------------------------------------------------------------------------------------------------


async def _bound(host: str, port: int | None) -> list[socket.socket]:
    """Sockets that listen at every address that *host* has, all on one port."""
    ports = [port] if port is not None else [*range(DEFAULT_PORT, DEFAULT_PORT + NEXT)]
    for one in ports:
        try:
            return await _listening(host, one)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and one != ports[-1]:
                continue
            raise ConfigurationError(_sentence(error, host, ports)) from None
    raise AssertionError


async def _listening(host: str, port: int) -> list[socket.socket]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            sockets.append(_listener(family, (address[0], port, *address[2:])))
            port = sockets[0].getsockname()[1]
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def _listener(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Else a restart would have to wait until the last process's connections are forgotten.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(BACKLOG)  # here, because a port may be bound by two and listened to by one
    except OSError:
        listener.close()
        raise
    return listener


def _sentence(error: OSError, host: str, ports: list[int]) -> str:
    port = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]} to {ports[-1]}"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"HOST: “{host}” is no address of this machine: write 127.0.0.1, or 0.0.0.0 for every network interface."
    if error.errno == errno.EADDRINUSE:
        return f"PORT: {port} is taken by another program: stop that one, or write another PORT (0 takes any)."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"PORT: {port} may not be used by this user: write a PORT above 1023, such as {DEFAULT_PORT}."
    return f"PORT: {port} at {host} cannot be had ({error.strerror}): write another PORT or HOST."
