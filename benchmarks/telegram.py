"""Telegram in figures: what a command costs beside other bots, and how long a broadcast takes.

    python benchmarks/telegram.py [commands] [broadcast] [--rounds 20] [--commands 250] [--chats 2000]

- commands: CPU (user and system) of the bot's process for a command that comes by webhook, 8 in flight, beside a
  default python-telegram-bot application and an aiogram bot that send the same replies, in turns. Ours looks into its
  SQLite file for what it does not know of a chat since a minute, notes every update, and syncs that to the disk;
  updates that come at the same moment share a commit. Turns are short: what else runs on a machine comes and goes.
- broadcast: an edition to that many chats through the outbox, ten times as fast as Telegram allows, against a server
  that refuses more than ten times Telegram's 30 messages in any second.

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
import venv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "benchmarks" / "telegram_peers"  # a folder of its own: beside this file, `import telegram` finds it
sys.path[0] = str(PEERS)

from fast_api import Api, update  # noqa: E402

COMMANDS = ("/topic ctr", "/topics", "/search bert", "/help")
IN_FLIGHT = 8
READERS = 500
WARM_UP = 300
SCALE = 10
GOALS = {"ptb": 0.5, "aiogram": 0.7}
"""The share of its CPU that ours may take."""

SECRET_HEADER = {"X-Telegram-Bot-Api-Secret-Token": "benchmark"}
PATIENCE = 30.0


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["commands", "broadcast"], default=[])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--commands", type=int, default=250)
    parser.add_argument("--chats", type=int, default=2000)
    options = parser.parse_args()
    wanted = options.what or ["commands", "broadcast"]
    if "commands" in wanted:
        asyncio.run(measure_commands(options.rounds, options.commands))
    if "broadcast" in wanted:
        asyncio.run(measure_broadcast(options.chats))


if __name__ == "__main__":
    main()
