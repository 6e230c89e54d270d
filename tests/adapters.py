"""What stands around an adapter in tests: a house without a database before it, and an event loop that it runs in."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Self

from processes import CONTENT

from bot.app import App, build
from bot.chat import commands
from bot.chat.address import Address
from bot.chat.conversation import Answer, Command
from bot.platforms.base import Network, Receiver
from bot.settings import Settings
from bot.web.server import Server


@cache
def _reference_digest() -> App:
    """Read and indexed once: nothing here changes it."""
    return build(Settings(content=(str(CONTENT),)))


class House:
    """The bot behind the adapter, without a database: answers from the reference digest, and remembers what it is told.

    What a test puts into *breaks* is raised by the next answer.
    """

    def __init__(self, app: App | None = None) -> None:
        self.app = app or _reference_digest()
        self.opened = asyncio.Event()
        self.opened.set()
        self.asked: list[Command] = []
        self.greeted: list[str] = []
        self.lost: list[tuple[str, str]] = []
        self.migrated: list[tuple[str, str]] = []
        self.leader: str | None = None
        self.breaks: list[Exception] = []
        self.gate: threading.Event | None = None
        self.ready: dict[str, Answer] = {}
        self.glances = 0
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, command: Command) -> Answer:
        with self._lock:
            self.asked.append(command)
            broken = self.breaks.pop() if self.breaks else None
        if broken:
            raise broken
        if self.gate and command.name == "topics":
            assert self.gate.wait(20)
        return self._carried_out(command)

    def _carried_out(self, command: Command) -> Answer:
        return commands.answer(command, self.app.context(command))

    def at_hand(self, command: Command) -> Answer | None:
        return self.ready.get(command.name)

    def glance(self, command: Command) -> Answer:
        self.glances += 1
        return self.answer(command)

    def new(self, keys: Sequence[str]) -> list[str]:
        return [key for key in keys if self.is_new(key)]

    def is_new(self, key: str) -> bool:
        with self._lock:
            new = key not in self._seen
            self._seen.add(key)
            return new

    def arrived(self, command: Command) -> Answer | None:
        if not self.is_new(f"greeted:{command.chat}"):
            return None
        self.greeted.append(command.chat)
        return self.answer(replace(command, name="start", args=""))

    def left(self, chat: Address, reason: str) -> None:
        self.lost.append((str(chat), reason))

    def moved(self, old: Address, new: Address) -> None:
        self.migrated.append((str(old), str(new)))

    def leads(self, task: str, owner: str, seconds: float) -> bool:
        with self._lock:
            if seconds == 0:
                self.leader = None if self.leader == owner else self.leader
                return False
            self.leader = self.leader or owner
            return self.leader == owner


class Running(ABC):
    """An adapter, receiving till the end of the block."""

    platform: Network
    receiver: Receiver

    def __init__(self, house: House, options: dict[str, Any]) -> None:
        self.house = house
        self.port = 0
        self._options = options
        self._server: Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bot", daemon=True)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._start)
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What comes of *work*, in the bot's event loop."""
        return asyncio.run_coroutine_threadsafe(work(*arguments), self._loop).result(20)

    def call_soon(self, work: Callable[[], Any]) -> None:
        """Do *work* in the bot's event loop, without waiting for it."""
        self._loop.call_soon_threadsafe(work)

    @abstractmethod
    async def _make(self) -> None:
        """Make the platform and its receiver, the network's own way; serve the webhook, if there is one."""

    async def _serve(self, site: Any) -> None:
        """Serve the ASGI application *site* at `root`."""
        self._server = Server(site, "127.0.0.1", 0)
        await self._server.start()
        self.port = self._server.port

    async def _start(self) -> None:
        await self._make()
        self._task = asyncio.create_task(self.receiver.run())

    async def _stop(self) -> None:
        self.receiver.stop()
        await asyncio.wait_for(self._task, 20)
        if self._server is not None:
            await self._server.stop()
        await self.platform.close()
