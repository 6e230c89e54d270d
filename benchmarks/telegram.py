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
sys.path.append(str(ROOT / "benchmarks"))

import contest  # noqa: E402
from fast_api import Api, update  # noqa: E402

READERS = 500
WARM_UP = 300
SCALE = 10
GOALS = {"ptb": 0.5, "aiogram": 0.7}
"""The share of its CPU that ours may take."""

SECRET_HEADER = {"X-Telegram-Bot-Api-Secret-Token": "benchmark"}


# CPU per command ------------------------------------------------------------------------------------------------------


class Bot(contest.Bot):
    """A bot that hears from *api* through its webhook."""

    COMMANDS = ("/topic ctr", "/topics", "/search bert", "/help")

    def __init__(self, name: str, process: asyncio.subprocess.Process, api: Api, port: int) -> None:
        super().__init__(name, process)
        self._url = f"http://127.0.0.1:{port}/telegram"
        self._numbers = itertools.count(1)
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}
        api.heard = self._heard

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, name: str, python: str, folder: Path) -> AsyncIterator[Bot]:
        api = Api()
        await api.start()
        async with contest.process((python, str(PEERS / "bots.py"), name, api.root, str(folder))) as (process, port):
            yield cls(name, process, api, port)
        await api.close()

    def _heard(self, method: str, params: dict[str, Any]) -> None:
        if method == "sendMessage":
            self._awaited.pop(int(params["chat_id"])).set_result(params)

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
        return await asyncio.wait_for(reply, contest.PATIENCE)

    async def _post(self, http: aiohttp.ClientSession, asked: dict[str, Any]) -> int:
        async with http.post(self._url, json=asked, headers=SECRET_HEADER) as response:
            return response.status


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
            await contest.in_turns(bots, rounds, commands, GOALS)


async def replies_of(ours: Bot) -> dict[str, dict[str, Any]]:
    """What our bot sends, for the others to send the same."""
    async with aiohttp.ClientSession() as http:
        said = {command: await ours.ask(http, command) for command in Bot.COMMANDS}
    assert len({reply["text"] for reply in said.values()}) == len(Bot.COMMANDS), "it only apologizes"
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


PARTS = ("commands", "broadcast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--commands", type=int, default=250)
    parser.add_argument("--chats", type=int, default=2000)
    options = parser.parse_args()
    wanted = PARTS if "all" in options.what else options.what
    if "commands" in wanted:
        asyncio.run(measure_commands(options.rounds, options.commands))
    if "broadcast" in wanted:
        asyncio.run(measure_broadcast(options.chats))


if __name__ == "__main__":
    main()
