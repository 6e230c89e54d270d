"""Telegram in figures: what a command costs beside other bots, how long a broadcast takes, what an idle bot weighs.

    python benchmarks/telegram.py [commands] [broadcast] [idle] [--rounds 20] [--commands 250] [--chats 2000] …

- commands: CPU (user and system) of the bot's process for a command that comes by webhook, 8 in flight, beside a
  default python-telegram-bot application and an aiogram bot that send the same replies, in turns. Ours looks into its
  SQLite file for what it does not know of a chat since a minute, notes every update, and syncs that to the disk;
  updates that come at the same moment share a commit. Turns are short: what else runs on a machine comes and goes.
- broadcast: an edition to that many chats through the outbox, ten times as fast as Telegram allows, against a server
  that refuses more than ten times Telegram's 30 messages in any second.
- idle: `heji run` with Telegram alone and with no token: how soon it asks Telegram for updates, how soon it is well,
  what it weighs when nothing happens; at a first start, which makes the database, and at a later one. Byte code is
  there, as it is after `pip install`. On Linux only.

All APIs are on loopback. Where aiogram cannot be imported it is installed into a folder that is removed at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import AsyncIterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "benchmarks" / "telegram_peers"  # a folder of its own: beside this file, `import telegram` finds it
sys.path[0] = str(PEERS)

from fast_api import TOKEN, Api, update  # noqa: E402

COMMANDS = ("/topic ctr", "/topics", "/search bert", "/help")
IN_FLIGHT = 8
READERS = 500
WARM_UP = 300
SCALE = 10
GOALS = {"ptb": 0.5, "aiogram": 0.7}
"""The share of its CPU that ours may take."""

SECRET_HEADER = {"X-Telegram-Bot-Api-Secret-Token": "benchmark"}
PATIENCE = 30.0
SETTLING = 5.0
"""Seconds after which a bot that is well is idle."""


# CPU per command ------------------------------------------------------------------------------------------------------


class Bot:
    """A bot in its own process, and the readers who ask it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, api: Api, port: int) -> None:
        self.name = name
        self._process = process
        self._url = f"http://127.0.0.1:{port}/telegram"
        self._numbers = itertools.count(1)
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}
        api.heard = self._heard

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, name: str, python: str, folder: Path) -> AsyncIterator[Bot]:
        api = Api()
        await api.start()
        process = await asyncio.create_subprocess_exec(
            python, str(PEERS / "bots.py"), name, api.root, str(folder),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            ready = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
            yield cls(name, process, api, json.loads(ready)["port"])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await api.close()

    def _heard(self, method: str, params: dict[str, Any]) -> None:
        if method == "sendMessage":
            self._awaited.pop(int(params["chat_id"])).set_result(params)

    async def cpu(self) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return float(json.loads(await self._process.stdout.readline())["cpu"])

    async def ask(self, http: aiohttp.ClientSession, text: str) -> dict[str, Any]:
        """Ask as some reader, and wait for the reply."""
        number = next(self._numbers)
        reader = 1_000_000 + number % READERS
        reply = self._awaited[reader] = asyncio.get_running_loop().create_future()
        asked = update(number, reader, text)
        for _ in range(200):
            if (status := await self._post(http, asked)) != 503:  # a bot that has just begun asks who it is first
                break
            await asyncio.sleep(0.05)
        assert status == 200, status
        return await asyncio.wait_for(reply, PATIENCE)

    async def _post(self, http: aiohttp.ClientSession, asked: dict[str, Any]) -> int:
        async with http.post(self._url, json=asked, headers=SECRET_HEADER) as response:
            return response.status

    async def measure(self, commands: int) -> float:
        """CPU milliseconds a command."""
        turns = iter(range(commands))

        async def reader(http: aiohttp.ClientSession) -> None:
            for turn in turns:
                await self.ask(http, COMMANDS[turn % len(COMMANDS)])

        async with aiohttp.ClientSession() as http:
            before = await self.cpu()
            await asyncio.gather(*(reader(http) for _ in range(IN_FLIGHT)))
            return (await self.cpu() - before) * 1000 / commands


async def measure_commands(rounds: int, commands: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pythons = {"heji": sys.executable, "ptb": sys.executable, "aiogram": with_aiogram(folder)}
        async with contextlib.AsyncExitStack() as stack:
            bots = []
            for bot, python in pythons.items():
                bots.append(await stack.enter_async_context(Bot.started(bot, python, folder)))
                if bot == "heji":
                    (folder / "replies.json").write_text(json.dumps(await replies_of(bots[0])), encoding="utf-8")
            for one in bots:
                await one.measure(WARM_UP)
            spent: dict[str, list[float]] = {one.name: [] for one in bots}
            for _ in range(rounds):
                for one in bots:
                    spent[one.name].append(await one.measure(commands))
    ours = spent["heji"]
    print(f"CPU a command, {IN_FLIGHT} in flight, {rounds} rounds of {commands} in turns: median (least to most), ms")
    for bot, times in spent.items():
        line = f"  {bot:<8} {statistics.median(times):6.3f}  ({min(times):.3f} to {max(times):.3f})"
        if bot in GOALS:
            ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, times, strict=True))
            line += f"   ours is {ratio:.2f}x of it (goal {GOALS[bot]})"
        print(line)


async def replies_of(ours: Bot) -> dict[str, dict[str, Any]]:
    """What our bot sends, for the others to send the same."""
    async with aiohttp.ClientSession() as http:
        said = {command: await ours.ask(http, command) for command in COMMANDS}
    assert len({reply["text"] for reply in said.values()}) == len(COMMANDS), "it only apologizes"
    return {
        command: {key: value for key, value in reply.items() if key != "chat_id"} for command, reply in said.items()
    }


def with_aiogram(folder: Path) -> str:
    """A Python that can import aiogram."""
    if importlib.util.find_spec("aiogram") is not None:
        return sys.executable
    place = folder / "venv"
    venv.EnvBuilder(with_pip=True).create(place)
    python = str(place / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "aiogram==3.31.*"], check=True)
    return python


# Broadcast ------------------------------------------------------------------------------------------------------------


async def measure_broadcast(chats: int) -> None:
    api = Api(ceiling=30 * SCALE)
    await api.start()
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PEERS / "bots.py"), "broadcast", api.root, folder, str(chats), str(25 * SCALE),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        said = json.loads(await process.stdout.read())
        await process.wait()
    await api.close()
    floor = chats / (25 * SCALE)
    print(
        f"Broadcast to {chats:,} chats at {25 * SCALE}/s: {said['seconds']:.2f} s, {said['seconds'] / floor:.3f}x ",
        end="",
    )
    print(f"of the floor (goal 1.02); {api.refused} refused as too fast (goal 0); {said['counts']}")
    print(f"  {len(api.at):,} messages arrived within {api.at[-1] - api.at[0]:.2f} s")


# Idle -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """What one start cost: seconds till it first *asks* for updates, till `/healthz` is *well*, and of *cpu* till then;
    megabytes of the *idle* process a while later.
    """

    asks: float
    well: float
    cpu: float
    idle: float


async def measure_idle(rounds: int) -> None:
    print(f"heji run, medians of {rounds}; goals: 1 s, and 110 MB with Telegram, 95 MB without")
    print(f"{'':<28}{'getUpdates':>11}{'/healthz':>11}{'CPU':>11}{'idle':>11}")
    with tempfile.TemporaryDirectory() as cache:
        for name, telegram in (("Telegram only", True), ("no token", False)):
            await starts(telegram, cache)  # warms the disk and writes byte code, as an installer does
            both = [await starts(telegram, cache) for _ in range(rounds)]
            for which, rows in zip(("first start", "later start"), zip(*both, strict=True), strict=True):
                asks, well, cpu, idle = (statistics.median(column) for column in zip(*map(astuple, rows), strict=True))
                first = f"{asks:.2f} s" if telegram else ""
                print(f"  {name + ', ' + which:<26}{first:>11}{well:>9.2f} s{cpu:>9.2f} s{idle:>8.0f} MB")


async def starts(telegram: bool, cache: str) -> tuple[Start, Start]:
    """One start that makes its database, and one that finds it."""
    with tempfile.TemporaryDirectory() as folder:
        return await one_start(telegram, folder, cache), await one_start(telegram, folder, cache)


async def one_start(telegram: bool, folder: str, cache: str) -> Start:
    asked: list[float] = []

    def heard(method: str, _: dict[str, Any]) -> None:
        if method == "getUpdates":
            asked.append(time.perf_counter())

    api = Api(heard=heard)
    await api.start()
    port = free_port()
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("TELEGRAM", "SLACK"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "PYTHONPYCACHEPREFIX": cache, "PORT": str(port), "HOST": "127.0.0.1", "CONTENT": str(ROOT / "content"),
        "DATABASE_URL": f"sqlite:///{folder}/heji.db", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    if telegram:
        environment |= {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE_URL": api.root}
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=ROOT, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        well = await until_well(port) - begun
        cpu = cpu_of(process.pid)
        await asyncio.sleep(SETTLING)
        return Start(asked[0] - begun if telegram else 0.0, well, cpu, resident(process.pid))
    finally:
        process.terminate()
        await process.wait()
        await api.close()


async def until_well(port: int) -> float:
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"http://127.0.0.1:{port}/healthz") as response:
                    if response.status == 200:
                        return time.perf_counter()
            await asyncio.sleep(0.02)


def cpu_of(pid: int) -> float:
    """Seconds of CPU, user and system, that a process and the children that it waited for have taken. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Megabytes that a process holds."""
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True)
    return int(said.stdout) / 1024


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["commands", "broadcast", "idle"], default=[])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--commands", type=int, default=250)
    parser.add_argument("--chats", type=int, default=2000)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    wanted = options.what or ["commands", "broadcast", "idle"]
    if "commands" in wanted:
        asyncio.run(measure_commands(options.rounds, options.commands))
    if "broadcast" in wanted:
        asyncio.run(measure_broadcast(options.chats))
    if "idle" in wanted:
        asyncio.run(measure_idle(options.starts))


if __name__ == "__main__":
    main()
