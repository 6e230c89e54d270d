"""The platform at the other end of a real line, in a process that nobody kills: nothing takes back what it wrote."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Self

from bot.chat.message import Message
from bot.platforms.base import Outcome, Payload, Retryable, Sent, Uncertain


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was taken in. *sender* is the worker's name; *cut*: it was given no answer on purpose."""

    at: float
    sender: str
    chat: str
    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Mood:
    """How often a request is taken in and then cut off, told to come again in a second, or left to *latency*."""

    cut: float = 0.0
    limited: float = 0.0
    latency: float = 0.05


class Counterparty:
    """Listens on the loopback in a thread of its own, from `with` on."""

    def __init__(self, random: Random, mood: Mood = Mood()) -> None:
        self.journal: list[Arrival] = []
        self.mood = mood
        self.port = 0
        self._random = random
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="counterparty")

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=1000) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._listening.set()
            await self._closed.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line.endswith(b"\n"):  # else whoever wrote it died over it: half a request is none
                await self._take(json.loads(line), writer)
        except OSError:
            pass  # whoever asked is dead
        finally:
            writer.close()

    async def _take(self, request: dict[str, str], writer: asyncio.StreamWriter) -> None:
        # The way there and the way back: a worker may die on either side of the moment that counts.
        await asyncio.sleep(self.mood.latency / 2)
        dice = self._random.random()
        if dice < self.mood.limited:
            writer.write(b'{"limited": 1}\n')
            return
        cut = dice < self.mood.limited + self.mood.cut
        self.journal.append(Arrival(time.monotonic(), request["from"], request["chat"], request["text"], cut))
        number = len(self.journal)
        if not cut:
            await asyncio.sleep(self.mood.latency / 2)
            writer.write(json.dumps({"ok": number}).encode() + b"\n")
            await writer.drain()


class Line:
    """The platform *name* as a worker sees it: a connection a message, and no answer that is not on paper."""

    def __init__(self, port: int, sender: str, name: str = "telegram") -> None:
        self.name = name
        self._port = port
        self._sender = sender

    def render(self, message: Message) -> Sequence[Payload]:
        return ({"method": "print", "params": {"text": str(message.title)}},)

    def plain(self, payload: Payload) -> Payload:
        return payload

    async def send(self, payload: Payload, chat: str) -> Outcome:
        request = {"from": self._sender, "chat": chat, "text": payload["params"]["text"]}
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            return Retryable(reason=f"refused: {error.strerror}")
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            answer = await reader.readline()
        except OSError as error:
            return Uncertain(f"cut: {error.strerror}")
        finally:
            writer.close()
        if not answer.endswith(b"\n"):
            return Uncertain("cut before there was an answer")
        match json.loads(answer):
            case {"ok": number}:
                return Sent(str(number))
            case {"limited": seconds}:
                return Retryable(seconds, "429", limited=True)
        raise AssertionError(answer)
