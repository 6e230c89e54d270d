"""The bot at work on a Telegram of the tests' own: the real adapter, in an event loop of its own beside the test.

with FakeTelegram() as telegram, Running(telegram) as bot:
    telegram.world.say(ann, telegram.world.private(ann), "/topic ctr")
    telegram.wait(lambda: telegram.calls("sendMessage"))

Or, as `Process`, all of it, the way somebody starts it who installed it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from time import monotonic
from typing import IO, Any, Self

from fakes.telegram import FakeTelegram

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

ROOT = Path(__file__).parent.parent
CONTENT = ROOT / "content"


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


PATIENT = """
import runpy
from bot.platforms import flood

boundless = flood.Rate(1e9, 1.0)
flood.Flood.__init__.__kwdefaults__.update(user=boundless, chat=boundless)
runpy.run_module("bot", run_name="__main__", alter_sys=True)
"""
"""The program, but for one thing: nobody is told to slow down, so that one reader may ask everything at once."""

PATIENCE = 60.0
"""Seconds after which what a test waits for a process to do will not happen any more."""

_LOCALE = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LC_CTYPE")


class Process:
    """`heji run` on *telegram*, in *folder*, till the end of the block; what *variables* say is all that it is told.

    *patient*: see `PATIENT`. Its end is a SIGTERM, at which it has to leave in order.
    """

    def __init__(self, telegram: FakeTelegram, folder: Path, *, patient: bool = False, **variables: str) -> None:
        kept = {
            name: text for name, text in os.environ.items() if name not in _LOCALE and not name.startswith("PYTHON")
        }
        python = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
        bot = {
            "CONTENT": str(CONTENT), "TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE_URL": telegram.url,
            "DATABASE_URL": f"sqlite:///{folder}/heji.db", "PORT": "0",
        }  # fmt: skip
        self._environment = kept | python | bot | variables
        self.folder = folder
        self._program = ("-c", PATIENT) if patient else ("-m", "bot")
        self._said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._changed = threading.Condition()
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._popen = self._start("run")
        for name in self._said:
            stream = getattr(self._popen, name)
            self._readers.append(threading.Thread(target=self._read, args=(name, stream), name=name, daemon=True))
            self._readers[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._popen.poll() is None:
            self.stop()

    @property
    def err(self) -> str:
        """What it wrote to stderr so far: its log."""
        with self._changed:
            return "".join(self._said["stderr"])

    @property
    def out(self) -> str:
        with self._changed:
            return "".join(self._said["stdout"])

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def heji(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another verb beside it, in the same environment."""
        other = self._start(*arguments)
        out, err = other.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(arguments, other.returncode, out, err)

    def health(self) -> tuple[int, dict[str, Any]]:
        """What `/healthz` says: the status, and each thing that was looked at."""
        served = self.wait(lambda: re.search(r"site served port=(\d+)", self.err))
        connection = http.client.HTTPConnection("127.0.0.1", int(served[1]), timeout=PATIENCE)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())["checks"]
        finally:
            connection.close()

    def wait(self, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is so; what *condition* said then. Looked at with each line of the log, and in between
        for what is not logged.
        """
        end = monotonic() + patience
        while not (happened := condition()):
            assert monotonic() < end, f"this did not happen within {patience:.0f} s; the log ends:\n{self.err[-4000:]}"
            assert self.running, f"it ended with status {self._popen.returncode}; the log ends:\n{self.err[-4000:]}"
            with self._changed:
                self._changed.wait(0.1)
        return happened

    def stop(self, within: float = PATIENCE) -> int:
        """SIGTERM; the status with which it ends."""
        self._popen.terminate()
        try:
            return self._popen.wait(within)
        finally:
            self._popen.kill()
            self._popen.wait()
            for reader in self._readers:
                reader.join(PATIENCE)

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *self._program, *arguments], cwd=self.folder, env=self._environment, encoding="utf-8",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _read(self, name: str, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._said[name].append(line)
                    self._changed.notify_all()
