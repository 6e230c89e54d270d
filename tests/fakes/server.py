"""A network on a port of loopback: in the running event loop, or in a thread of its own; deaf for a while if need be.

All that is asked of it stands in its journal. Its bell rings whenever something happened, so that tests can wait.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar

from aiohttp import web

from fakes.faults import Cut, Deed, Faults, Hang, Reply, Slow

PATIENCE = 20.0
"""Seconds after which what a test waits for will not happen any more."""


@dataclass(slots=True, eq=False)
class Call:
    """One request. *accepted*: it was carried out; *status*: of HTTP, None if the caller was told nothing."""

    method: str
    params: dict[str, Any]
    at: float
    accepted: bool = False
    status: int | None = None
    answer: Any = None
    deed: Deed | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.status} {self.answer}"


class Shared(Protocol):
    """What several threads move; *changed* is held meanwhile, and rung afterwards."""

    changed: threading.Condition


C = TypeVar("C", bound=Call)
S = TypeVar("S", bound=Shared)
P = ParamSpec("P")
T = TypeVar("T")


def alone(verb: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """One at a time, whatever threads they come from; whoever waits for something looks again afterwards."""

    @functools.wraps(verb)
    def guarded(self: S, /, *args: P.args, **options: P.kwargs) -> T:
        with self.changed:
            try:
                return verb(self, *args, **options)
            finally:
                self.changed.notify_all()

    return guarded


class Server(ABC, Generic[C]):
    """What answers calls, whatever it is; whoever waits for `_changed` is woken when something happened."""

    def __init__(self, seed: int) -> None:
        self.faults = Faults(seed)
        self.journal: list[C] = []
        self._changed = threading.Condition()
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._place: socket.socket | None = None
        self._closing = asyncio.Event()

    @abstractmethod
    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request."""

    @abstractmethod
    async def _answer(self, call: C, request: web.BaseRequest) -> web.Response:
        """The answer to a call."""

    @abstractmethod
    async def _carried_out(self, call: C, request: web.BaseRequest) -> web.Response:
        """The true answer to a call, whatever is told in its place."""

    @abstractmethod
    def _pause(self, call: C, seconds: int) -> dict[str, str]:
        """Have calls like this one wait; the headers that say so."""

    # What tests ask -------------------------------------------------------------------------------------------------

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def calls(self, method: str) -> list[C]:
        """All calls of a method, refused ones too, in order."""
        with self._changed:
            return [call for call in self.journal if call.method == method]

    def wait(self, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is so; what *condition* said then. Not in the server's own event loop."""
        with self._changed:
            if happened := self._changed.wait_for(condition, patience):
                return happened
        log = "\n".join(map(str, self.journal[-20:]))
        raise AssertionError(f"this did not happen within {patience:.0f} s; the latest calls:\n{log}")

    async def until(self, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is so; what *condition* said then."""
        return await asyncio.to_thread(self.wait, condition, patience)

    async def stop_listening(self) -> None:
        """Refuse connections, and drop those that there are. From any event loop."""
        await self._there(self._stop_listening())

    async def listen(self) -> None:
        """Take connections again, at the same address. From any event loop."""
        await self._there(self._listen())

    # Running --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Serve in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        await self._listen()

    async def close(self) -> None:
        """Stop; what hangs is dropped."""
        self._closing.set()
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
        self._thread = threading.Thread(target=loop.run_forever, name=type(self).__name__, daemon=True)
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

    # Answering ------------------------------------------------------------------------------------------------------

    async def _called(self, call: C, request: web.BaseRequest) -> web.Response:
        """The answer to *call*, which stands in the journal from now on."""
        with self._changed:
            self.journal.append(call)
        answer = await self._answer(call, request)
        call.status = None if _is_gone(request) else answer.status
        self._ring()
        return answer

    async def _answer_with_faults(self, call: C, request: web.BaseRequest, chat: str | int | None) -> web.Response:
        """The true answer, or what the deed that falls upon *call* leaves of it."""
        call.deed = self.faults.deed(call.method, chat)
        answer = web.Response()
        if call.deed is None or isinstance(call.deed, Slow) or call.deed.accepted:
            answer = await self._carried_out(call, request)
        match call.deed:
            case Slow(seconds):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), seconds)
            case Hang():
                self._ring()
                await self._closing.wait()
                hang_up(request)
            case Cut():
                hang_up(request)
            case Reply() as reply:
                headers = self._pause(call, reply.retry_after) if reply.retry_after else {}
                body = answer.body if reply.body is None else reply.body
                return web.Response(status=reply.status, body=body, content_type=reply.content_type, headers=headers)
            case None:
                pass
        return answer


def hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _is_gone(request: web.BaseRequest) -> bool:
    """Whether nobody is there any more to hear an answer."""
    return request.transport is None or request.transport.is_closing()
