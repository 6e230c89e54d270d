"""The bot at work on a Telegram of the tests' own: the real adapter, in an event loop of its own beside the test.

with FakeTelegram() as telegram, Running(telegram) as bot:
    telegram.world.say(ann, telegram.world.private(ann), "/topic ctr")
    telegram.wait(lambda: telegram.calls("sendMessage"))

Or, as `Process`, all of it, the way somebody starts it who installed it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Self

import processes
from fakes.telegram import FakeTelegram
from processes import CONTENT

from bot.app import App, build
from bot.chat import commands
from bot.chat.address import Address
from bot.chat.conversation import Answer, Command
from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.receiving import Receiver
from bot.settings import Settings
from bot.web.health import Health
from bot.web.server import Server
from bot.web.site import site as web_site

SECRET = "open-sesame-1234"


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


class Running:
    """The adapter, receiving from *telegram* till the end of the block; by webhook where *webhook*."""

    def __init__(
        self, telegram: FakeTelegram, house: House | None = None, *, webhook: bool = False, **options: Any
    ) -> None:
        self.telegram = telegram
        self.house = house or House()
        self.port = 0
        self._webhook = webhook
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bot", daemon=True)

    @property
    def url(self) -> str:
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

    def do(self, work: Callable[[], Any], *arguments: Any) -> Any:
        """What comes of *work*, in the bot's event loop."""
        return asyncio.run_coroutine_threadsafe(work(*arguments), self._loop).result(20)

    def call_soon(self, work: Callable[[], Any]) -> None:
        """Do *work* in the bot's event loop, without waiting for it."""
        self._loop.call_soon_threadsafe(work)

    async def _start(self) -> None:
        token = self._options.pop("token", self.telegram.token)
        self.platform = Telegram(token, self._options.pop("api_root", self.telegram.url))
        if self._webhook:
            self._server: Server | None = Server(self.site, "127.0.0.1", 0)
            await self._server.start()
            self.port = self._server.port
            self._options["public_url"] = self.url
        else:
            self._server = None
        self.receiver = Receiver(self.platform, self.house, **{"secret": SECRET, **self._options})
        self._app = web_site(health=Health, webhooks=[self.receiver.webhook] if self.receiver.webhook else [])
        self._task = asyncio.create_task(self.receiver.run())

    async def site(self, scope: Any, receive: Any, send: Any) -> None:
        """The site, which is made as soon as its port is known."""
        await self._app(scope, receive, send)

    async def _stop(self) -> None:
        self.receiver.stop()
        await asyncio.wait_for(self._task, 20)
        if self._server is not None:
            await self._server.stop()
        await self.platform.close()


class Process(processes.Process):
    """`heji run`, or another *verb*, on *telegram*, in *folder*."""

    def __init__(
        self, telegram: FakeTelegram, folder: Path, *, verb: str = "run", patient: bool = False, **variables: str
    ) -> None:
        place = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE_URL": telegram.url}
        super().__init__(folder, verb=verb, patient=patient, **place | variables)
