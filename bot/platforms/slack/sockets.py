"""Socket Mode: connections over which Slack tells us things, and that there always is one.

    ticket ──▶ WebSocket ──▶ envelopes ──▶ hear ──▶ acknowledged
      ▲                          │
      └── cut, silent, refreshed ┘

slack_sdk's client goes on trying a ticket that is used up, waits for handshakes without end, and notices a half-open
connection after four of its pings. Here each step has its time, and silence is noticed in three seconds. Slack takes
ten connections of an app, and tells each thing on one of them: a second one bridges the gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

import aiohttp
import orjson

from bot.platforms.health import Health
from bot.platforms.slack.listening import Deaf, Heard
from bot.platforms.slack.transport import NoAnswer, NotSent, Transport

CONNECTIONS = 2

PING = 0.75
"""Seconds between two pings."""

SILENCE = 2.5
"""Seconds without a word, not even an answer to a ping, after which a connection is held to be half open."""

BREATH = 0.2
"""Seconds between the end of a connection that worked and the next: Slack may end each as soon as it is there."""

LONGEST_WAIT = 30.0

Hear = Callable[[dict[str, Any]], Awaitable[Heard]]
"""Takes a payload, or raises Deaf."""

logger = logging.getLogger(__name__)


class Sockets:
    """Holds *connections* with *app_token*, and has what comes on them heard by *hear*."""

    def __init__(
        self,
        transport: Transport,
        app_token: str,
        hear: Hear,
        health: Health,
        *,
        connections: int = CONNECTIONS,
        random: Random | None = None,
    ) -> None:
        self._transport = transport
        self._token = app_token
        self._hear = hear
        self._health = health
        self._connections = connections
        self._random = random or Random()
        self.listening = asyncio.Event()
        self._open: set[aiohttp.ClientWebSocketResponse] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Keep the connections until cancelled."""
        try:
            await asyncio.gather(*(self._keep() for _ in range(self._connections)))
        finally:
            for socket in list(self._open):
                with suppress(Exception):
                    await socket.close()

    async def _keep(self) -> None:
        """One connection after the other: soon after one that worked, later and later where none comes about."""
        failures = 0
        while True:
            worked, wait = False, 0.0
            try:
                worked, wait = await self._connection()
            except (NotSent, NoAnswer) as failure:
                self._failed(str(failure))
            except Exception:  # a server that answers what Slack never would must not end this
                logger.exception("socket broke, opened anew")
                self._failed("the adapter broke: see the log")
            failures = 0 if worked else failures + 1
            least = min(0.5 * 2.0 ** min(failures - 1, 8), LONGEST_WAIT) if failures else BREATH
            wait = max(wait, least)
            await asyncio.sleep(wait * self._random.uniform(1.0, 1.2))

    async def _connection(self) -> tuple[bool, float]:
        """From the ticket to the end: whether it ever worked, and the seconds that Slack wants to be left alone."""
        reply = await self._transport.ticket(self._token)
        url = reply.data.get("url") if reply.data and reply.ok else None
        if not isinstance(url, str):
            if reply.refuses_token:
                self._health.refused(f"Slack refuses the app token ({reply.error}): check SLACK_APP_TOKEN")
            else:
                self._failed(f"Slack opens no socket: {reply.error or reply.status}")
            return False, reply.retry_after or 0.0
        socket = await self._transport.socket(url)
        try:
            return await self._served(socket)
        finally:
            self._open.discard(socket)
            with suppress(Exception):
                await socket.close()

    async def _served(self, socket: aiohttp.ClientWebSocketResponse) -> tuple[bool, float]:
        line = _Line(socket, self._heard, self._greeted)
        reading = asyncio.create_task(line.read())
        watching = asyncio.create_task(line.watch())
        try:
            await asyncio.wait((reading, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            watching.cancel()
            await asyncio.gather(reading, watching, return_exceptions=True)
        return line.greeted, LONGEST_WAIT if line.reason == "too_many_websockets" else 0.0

    def _greeted(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if not self._open:
            logger.info("slack listens by socket")
        self._open.add(socket)
        self._health.succeeded()
        self.listening.set()

    def _failed(self, message: str) -> None:
        """It is worth a word only where nothing else is open."""
        if not self._open:
            self._health.failed(message)

    def _heard(self, socket: aiohttp.ClientWebSocketResponse, envelope: dict[str, Any]) -> None:
        task = asyncio.create_task(self._take(socket, envelope))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, envelope: dict[str, Any]) -> None:
        try:
            heard = await self._hear(envelope["payload"])
        except Deaf:
            return
        except Exception:  # the socket's door
            logger.exception("envelope broke type=%s", envelope.get("type"))
            heard = Heard()
        frame = {"envelope_id": envelope["envelope_id"]} | ({"payload": heard.answer} if heard.answer else {})
        await self._acknowledge(socket, orjson.dumps(frame).decode())
        heard.then()

    async def _acknowledge(self, socket: aiohttp.ClientWebSocketResponse, frame: str) -> None:
        """Slack takes it through any connection; the one that it came by may be gone by now."""
        for one in (socket, *(self._open - {socket})):
            with suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
                await one.send_str(frame)
                return


class _Line:
    """One connection, from its hello to its end. *reason*: why Slack ends it, if it said so."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        heard: Callable[[aiohttp.ClientWebSocketResponse, dict[str, Any]], None],
        greet: Callable[[aiohttp.ClientWebSocketResponse], None],
    ) -> None:
        self.greeted = False
        self.reason = ""
        self._socket = socket
        self._hand_on = heard
        self._greet = greet
        self._last = asyncio.get_running_loop().time()

    async def read(self) -> None:
        """Read until there is nothing more to come."""
        while not self.reason:
            message = await self._socket.receive()
            self._last = asyncio.get_running_loop().time()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    self._said(message.data)
                case aiohttp.WSMsgType.PING:
                    await self._socket.pong(message.data)
                case aiohttp.WSMsgType.PONG | aiohttp.WSMsgType.BINARY:
                    pass
                case _:
                    return

    async def watch(self) -> None:
        """Ping, until nobody answers."""
        loop = asyncio.get_running_loop()
        while loop.time() - self._last < SILENCE:
            await asyncio.sleep(PING)
            with suppress(TimeoutError):
                async with asyncio.timeout(PING):
                    await self._socket.ping()

    def _said(self, text: str) -> None:
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            return
        match frame:
            case {"type": "hello"}:
                self.greeted = True
                self._greet(self._socket)
            case {"type": "disconnect", "reason": "warning"}:
                pass  # the end comes with a word of its own
            case {"type": "disconnect"}:
                self.reason = str(frame.get("reason") or "disconnect")
            case {"envelope_id": str(), "payload": dict()}:
                self._hand_on(self._socket, frame)
