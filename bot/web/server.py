"""The site on a port, in the event loop that is there: uvicorn, without its hold on signals and without its patience.

uvicorn left to itself raises SIGTERM once more when it has stopped, and the process is gone before its platforms are;
and it waits for ever for a client that says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.errors import ConfigurationError
from bot.settings import DEFAULT_PORT

if sys.platform != "win32":
    import resource

ASKING = 10.0
"""Seconds in which a client has to say what it wants, from when it connects or begins to speak."""

ANSWERING = 60.0
"""Seconds that a request may take in all, its answer read to the end. What uvicorn has written it forgets, and a
connection that it closes stays open until the last byte was taken, which may be never.
"""

IDLE = 30
"""Seconds that a connection is kept for the next request. Telegram and proxies keep theirs."""

LEAVING = 3
"""Seconds that requests under way have to end when the server stops."""

MOST = 256
"""Connections at once. Many more, and a process has no file descriptor left for anything else."""

FILES = 1024
"""File descriptors that a process should have: for MOST connections, those just accepted, and all else many times."""

BACKLOG = 512
"""Connections that wait to be accepted."""

AT_A_TIME = 64
"""Connections that are accepted before those are looked at which there are."""

GRACE = 1.0
"""Seconds in which a client may be silent before it is suspected of being so for ever."""

HEAD = 32 * 1024
"""Bytes that the head of a request may have."""

PIPELINED = 16
"""Requests that may wait behind one on its connection. 15,000 fit into what is read at once, and are 40 MB then."""

FORGET = struct.pack("ii", 1, 0)
"""SO_LINGER: whoever closes the connection drops what is not yet sent."""

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
                backlog=AT_A_TIME,
                timeout_keep_alive=IDLE,
                timeout_graceful_shutdown=LEAVING,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on. Raises ConfigurationError where the port cannot be had."""
        _have_files()
        sockets = await _bound(self._host, self._wanted)
        self.port = sockets[0].getsockname()[1]
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets))
        ready = asyncio.create_task(self._uvicorn.ready.wait())
        await asyncio.wait([self._serving, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            await self._serving
        for one in sockets:
            one.listen(BACKLOG)  # asyncio listens again, and takes how many may wait for how many to accept at a time

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
    """HTTP/1.1 whose clients have a deadline for everything: to ask, to send a body, to take the answer.

    Where there are too many, the one makes room that has owed us something for longest; where none does, the one that
    has rested longest. So neither those who say nothing nor those who keep their connections keep others out.
    """

    since = 0.0
    gone = False
    _deadline: asyncio.TimerHandle | None = None
    _taking = False  # the deadline is for an answer that it has yet to take
    _head: int | None = None  # bytes of a head that has not ended

    @property
    def waits(self) -> bool:
        """Whether nobody knows yet what this client wants."""
        return bool(getattr(self.cycle, "response_complete", True))

    @property
    def owes(self) -> bool:
        """Whether it is the client's turn: to ask, to send the rest of a body, or to take what was answered."""
        return self.waits or self.cycle.more_body or self.transport.get_write_buffer_size() > 0

    @property
    def rests(self) -> bool:
        """Whether it has asked, was answered, and took the answer; nothing is owed by either side."""
        answered = getattr(self.cycle, "response_complete", False) and self._head is None
        return answered and not self.transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give it time to ask."""
        super().connection_made(transport)
        self._until(ASKING)
        here = [one for one in self.connections if isinstance(one, Impatient) and not one.gone]
        if len(here) > _most():
            now = self.loop.time()
            owing = [one for one in here if one is not self and one.owes]
            first = min(owing, key=lambda one: (one.rests or now - one.since < GRACE, one.since), default=self)
            first.hang_up()

    def data_received(self, data: bytes) -> None:
        """Give it time for the answer when it has asked. Bytes that end in no request bring no more time."""
        waited = self.waits
        if self._taking and self.rests:
            self._forget_deadline()
        super().data_received(data)
        if waited and not self.waits:
            self._until(ANSWERING)
        elif self.waits and self._deadline is None:
            self._until(ASKING)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD:
                self.hang_up()

    def on_message_begin(self) -> None:
        """The head of a request begins: the parser keeps it whole, however long it gets."""
        if len(self.pipeline) >= PIPELINED:
            self.hang_up()
            raise ValueError("too many requests at once")  # so that the parser reads no further
        super().on_message_begin()
        self._head = 0

    def on_headers_complete(self) -> None:
        """Its end."""
        self._head = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Leave it to uvicorn how long it may now be idle, as soon as it has taken the answer."""
        self._taking = self.transport.get_write_buffer_size() > 0
        if not self._taking:
            self._forget_deadline()
        super().on_response_complete()
        if not self.waits:  # it had asked for more already
            self._until(ANSWERING)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._forget_deadline()
        super().connection_lost(exc)

    def hang_up(self) -> None:
        """Now, whatever is under way. What it has not taken the kernel would go on offering it, megabytes of it."""
        self.gone = True
        if self.transport.get_write_buffer_size():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, FORGET)
        self.transport.abort()

    def _until(self, seconds: float) -> None:
        self._forget_deadline()
        self.since = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self._expire)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._taking = False

    def _expire(self) -> None:
        if not (self._taking and self.rests):
            self.hang_up()


# File descriptors -----------------------------------------------------------------------------------------------------


def _most() -> int:
    """Connections at once: fewer than MOST where there are file descriptors for fewer."""
    return min(MOST, max(1, _files() // 4))


def _files() -> int:
    if sys.platform == "win32":
        return FILES
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return FILES if soft == resource.RLIM_INFINITY else soft


def _have_files() -> None:
    """Ask for as many as it takes, if this process may: some systems give it 256."""
    if sys.platform == "win32" or _files() >= FILES:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
