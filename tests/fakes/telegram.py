"""Telegram on loopback: a Bot API server that refuses what Telegram refuses, in its words, and forgets nothing.

The real SDK runs against it. In the test's own event loop, or in a thread of its own, so that other processes can call
it while the test waits:

    async with FakeTelegram() as telegram: …
    with FakeTelegram() as telegram: …

People are moved by `telegram.world` (`say`, `press`, `add_bot`, …), mishaps ordered from `telegram.faults`. What came
of it stands in the journal. A test names what it waits for:

    await telegram.until(lambda: telegram.calls("leaveChat"))

A call goes pauses -> faults -> parameters -> method -> answer, and stands in the journal from the first moment. The
parts: `telegram_schema` (parameters), `telegram_text` (what becomes of a text), `telegram_world` and `telegram_people`
(who is there and does what), `telegram_methods` and `telegram_profile` (what the bot can do), `telegram_updates`
(polling, webhook), `telegram_limits`, `telegram_faults`; `telegram_sdk` makes calls in a line.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from fakes.telegram_faults import Cut, Deed, Faults, Hang, Reply, Slow
from fakes.telegram_limits import Flood, Limits, Violation
from fakes.telegram_methods import Methods
from fakes.telegram_people import World
from fakes.telegram_schema import METHODS, Refusal, bad, read
from fakes.telegram_updates import Updates
from fakes.telegram_world import Chat, Message, Shape

PATIENCE = 20.0
"""Seconds after which what a test waits for will not happen any more."""


@dataclass(slots=True, eq=False)
class Call:
    """One request. *accepted*: Telegram did it; *status*: what the caller was told, None if nothing.

    *message* is what a reader saw then; *answer* the result, or the description of the refusal.
    """

    method: str
    params: dict[str, Any]
    at: float
    accepted: bool = False
    status: int | None = None
    answer: Any = None
    message: Message | None = None
    deed: Deed | None = None


class FakeTelegram:
    """Telegram, its one bot, and the journal of all that the bot asked for.

    *limits* None: it may speak as fast as it likes. *clock* is what dates, limits and the age of queries go by.
    """

    def __init__(
        self, *, limits: Limits | None = None, seed: int = 0, clock: Callable[[], float] = time.time,
        username: str = "heji_bot",
    ) -> None:  # fmt: skip
        self._changed = threading.Condition()
        self.updates = Updates(self._changed)
        self.world = World(clock, self.updates.emit, self._changed, username=username)
        self.token = f"{self.world.bot.id}:AAF4keT0kenOfTheTestsAndOfNobodyElse_-x"
        self.revoked = False
        self.faults = Faults(seed)
        self.journal: list[Call] = []
        self._flood = Flood(clock, limits)
        self._methods = Methods(self.world, self._flood)
        self._clock = clock
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: web.Server[web.BaseRequest] | None = None
        self._listener: asyncio.Server | None = None
        self._place: socket.socket | None = None
        self._closing = asyncio.Event()

    # What tests ask -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The root that stands in for `https://api.telegram.org`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def complaints(self) -> list[str]:
        """What Telegram lets pass without a word and a reader misses: dropped links, entities beyond the hundredth."""
        return self._methods.complaints

    @property
    def violations(self) -> list[Violation]:
        """The calls that came although Telegram had asked for a pause."""
        return self._flood.violations

    @property
    def commands(self) -> dict[tuple[str, str], list[Shape]]:
        """The menus that were set, by scope (its JSON) and language."""
        return self._methods.profile.commands

    @property
    def texts(self) -> dict[tuple[str, str], str]:
        """`name`, `description` and `short_description` of the bot, by language."""
        return self._methods.profile.texts

    def calls(self, method: str) -> list[Call]:
        """All calls of a method, refused ones too, in order."""
        with self._changed:
            return [call for call in self.journal if call.method == method]

    def messages_in(self, chat: Chat) -> list[Message]:
        """What the bot said in *chat* and is still there, as a reader sees it now."""
        with self._changed:
            return [message for message in chat.messages.values() if message.ours]

    def last(self, chat: Chat) -> Message:
        """The latest of them."""
        return self.messages_in(chat)[-1]

    def update(self, kind: str, body: Any) -> None:
        """Give the bot an update that no verb of the world makes, be it nonsense."""
        self.updates.emit(kind, body)

    def wait(self, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is so; what *condition* said then. Not in the server's own event loop."""
        with self._changed:
            if happened := self._changed.wait_for(condition, patience):
                return happened
        log = "\n".join(f"{call.method} {call.status} {call.answer}" for call in self.journal[-20:])
        raise AssertionError(f"this did not happen within {patience:.0f} s; the latest calls:\n{log}")

    async def until(self, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is so; what *condition* said then."""
        return await asyncio.to_thread(self.wait, condition, patience)

    def revoke(self) -> None:
        """The token is good for nothing from now on."""
        self.revoked = True

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
        self.updates.start()
        await self._listen()

    async def close(self) -> None:
        """Stop; what hangs is dropped."""
        self._closing.set()
        await self._stop_listening()
        self._leave_place()
        await self.updates.close()
        assert self._server is not None
        await self._server.shutdown(1)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __enter__(self) -> Self:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="telegram", daemon=True)
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

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        found = re.fullmatch(r"/bot(?P<token>[0-9]+:[A-Za-z0-9_-]+)/(?P<method>\w+)", request.path)
        if found is None:
            return _refused(Refusal(404, "Not Found"))
        call = Call(_known(found["method"]), {}, self._clock())
        self.journal.append(call)
        try:
            call.params = await _given(request)
            self._flood.check(call.method, _chat_of(call.params))
            answer = await self._answer(call, request, found["token"])
        except Refusal as refusal:
            call.answer = refusal.description
            answer = _refused(refusal)
        except Exception as error:
            # Our own bug must not pass for one of Telegram's bad days, which every bot gets over.
            self.complaints.append(f"{call.method} broke the fake: {error!r}")
            raise
        call.status = None if _is_gone(request) else answer.status
        self._ring()
        return answer

    async def _answer(self, call: Call, request: web.BaseRequest, token: str) -> web.Response:
        call.deed = self.faults.deed(call.method, _chat_of(call.params))
        answer = web.Response()
        if call.deed is None or isinstance(call.deed, Slow) or call.deed.accepted:
            answer = await self._carried_out(call, token)
        match call.deed:
            case Slow(seconds):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), seconds)
            case Hang():
                self._ring()
                await self._closing.wait()
                _hang_up(request)
            case Cut():
                _hang_up(request)
            case Reply() as reply:
                if reply.retry_after:
                    self._flood.pause(call.method, _chat_of(call.params), reply.retry_after)
                body = answer.body if reply.body is None else reply.body
                return web.Response(status=reply.status, body=body, content_type=reply.content_type)
            case None:
                pass
        return answer

    async def _carried_out(self, call: Call, token: str) -> web.Response:
        try:
            call.answer = await self._result(call, token)
        except Refusal as refusal:
            call.answer = refusal.description
            return _refused(refusal)
        call.accepted = True
        return web.json_response({"ok": True, "result": call.answer})

    async def _result(self, call: Call, token: str) -> Any:
        if token != self.token or self.revoked:
            raise Refusal(401, "Unauthorized")
        if call.method not in METHODS:
            raise Refusal(404, "Not Found: method not found")
        if self._methods.logged_out:
            raise Refusal(400, "Logged out")
        call.params = read(call.method, call.params)
        match call.method:
            case "getUpdates":
                return await self.updates.poll(call.params)
            case "setWebhook":
                return self.updates.set_webhook(call.params)
            case "deleteWebhook":
                return self.updates.delete_webhook(call.params)
            case "getWebhookInfo":
                return self.updates.webhook_info(call.params)
            case _:
                with self._changed:
                    result, call.message = self._methods.call(call.method, call.params)
                return result


async def _given(request: web.BaseRequest) -> dict[str, Any]:
    """The parameters, by whatever way they came: query string, JSON, form, multipart."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type != "application/json":
        return given | dict(await request.post())
    try:
        return given | json.loads(await request.read() or b"{}")
    except (ValueError, TypeError):
        raise bad("can't parse JSON object") from None


def _known(method: str) -> str:
    """Methods may be written in any capitals."""
    return next((name for name in METHODS if name.lower() == method.lower()), method)


def _chat_of(params: dict[str, Any]) -> int | None:
    """The chat's id, as far as it can be told before the parameters are read."""
    chat = str(params.get("chat_id", ""))
    return int(chat) if re.fullmatch(r"-?[0-9]{1,19}", chat) else None


def _refused(refusal: Refusal) -> web.Response:
    answer = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.parameters:
        answer["parameters"] = refusal.parameters
    return web.json_response(answer, status=refusal.status)


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _is_gone(request: web.BaseRequest) -> bool:
    """Whether nobody is there any more to hear an answer."""
    return request.transport is None or request.transport.is_closing()
