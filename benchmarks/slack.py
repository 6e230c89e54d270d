"""Slack in figures: what a slash command costs beside a bare Bolt app, how soon it is acknowledged, and for how
long the bot is deaf when its sockets are cut.

    python benchmarks/slack.py [commands] [acks] [cuts] [--rounds 20] [--commands 250] [--seconds 20] [--cuts 100]

- commands: CPU (user and system) of the bot's process for a slash command that comes as a signed request, 8 in flight,
  beside a Bolt AsyncApp that acknowledges and posts a fixed text to the same `response_url`, in turns. Ours finds the
  answer in its library, lays it out as blocks, and notes in its SQLite file, synced to disk, that the command was
  answered. Both know their readers already.
- acks: how long Slack waits for the acknowledgement when 100 commands come a second, whatever became of those before.
- cuts: both sockets are cut at once, so many times, and a tenth as often they fall silent without an end (half open).
  Counted are the seconds until a question that is asked right then has its answer; what finds no socket comes again
  after a tenth of a second.

Slack is on loopback and answers at once; for the cuts it is the tests' own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "benchmarks" / "slack_peers"
sys.path[:1] = [str(PEERS), str(ROOT), str(ROOT / "tests")]
sys.path.append(str(ROOT / "benchmarks"))

import contest  # noqa: E402
from fast_slack import Slack  # noqa: E402

READERS = 1000
WARM_UP = 1200
GOALS = {"bolt": 1.5}
"""How much more CPU than a bare Bolt app ours may take."""

PER_SECOND = 100
ACK_GOAL = 0.1
ANSWERING_GOAL = 5.0


class Bot(contest.Bot):
    """A bot that hears from *slack* by signed requests."""

    COMMANDS = ("topic ctr", "topics", "search bert", "help")

    def __init__(self, name: str, process: asyncio.subprocess.Process, slack: Slack, port: int) -> None:
        super().__init__(name, process)
        self._slack = slack
        self._url = f"http://127.0.0.1:{port}/slack/events"
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}
        slack.heard = self._heard

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, name: str, folder: Path) -> AsyncIterator[Bot]:
        slack = Slack()
        await slack.start()
        command = (sys.executable, str(PEERS / "bots.py"), name, slack.root, str(folder))
        async with contest.process(command) as (process, port):
            yield cls(name, process, slack, port)
        await slack.close()

    def _heard(self, number: int, said: dict[str, Any]) -> None:
        answer = self._awaited.pop(number, None)
        if answer is not None:
            answer.set_result(said)

    async def ask(self, http: aiohttp.ClientSession, text: str) -> tuple[float, dict[str, Any]]:
        """Ask as some reader, and wait for the answer: seconds to the acknowledgement, and what was answered."""
        for _ in range(200):
            number, headers, body = self._slack.command(text, readers=READERS)
            answer = self._awaited[number] = asyncio.get_running_loop().create_future()
            begun = time.perf_counter()
            async with http.post(self._url, data=body, headers=headers) as response:
                await response.read()
            acknowledged = time.perf_counter() - begun
            if response.status != 503:  # a bot that has just begun says to come again
                assert response.status == 200, response.status
                return acknowledged, await asyncio.wait_for(answer, contest.PATIENCE)
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.name} does not begin")

    async def acknowledgements(self, seconds: int) -> list[float]:
        """Seconds to each acknowledgement, when so many commands come a second."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            begun, asked = time.perf_counter(), []
            for turn in range(seconds * PER_SECOND):
                await asyncio.sleep(max(0.0, begun + turn / PER_SECOND - time.perf_counter()))
                asked.append(asyncio.create_task(self.ask(http, self.COMMANDS[turn % len(self.COMMANDS)])))
            return [acknowledged for acknowledged, _ in await asyncio.gather(*asked)]


@contextlib.asynccontextmanager
async def warm_bots() -> AsyncIterator[list[Bot]]:
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as stack:
            bots = [await stack.enter_async_context(Bot.started(name, Path(folder))) for name in ("heji", "bolt")]
            async with aiohttp.ClientSession() as http:
                said = [await bots[0].ask(http, command) for command in Bot.COMMANDS]
            assert len({json.dumps(answer) for _, answer in said}) == len(Bot.COMMANDS), "it only apologizes"
            for one in bots:
                await one.measure(WARM_UP)
            yield bots


async def measure_commands(rounds: int, commands: int) -> None:
    async with warm_bots() as bots:
        await contest.in_turns(bots, rounds, commands, GOALS)


async def measure_acks(seconds: int) -> None:
    async with warm_bots() as bots:
        for one in bots:
            waited = sorted(await one.acknowledgements(seconds))
            middle, late = waited[len(waited) // 2], waited[int(len(waited) * 0.99)]
            print(
                f"{one.name}: {PER_SECOND} commands a second for {seconds} s, acknowledged after {middle * 1000:.1f} "
                f"ms (median), {late * 1000:.1f} (p99, goal {ACK_GOAL * 1000:.0f}), {waited[-1] * 1000:.1f} (most)"
            )


def measure_cuts(cuts: int) -> None:
    from fakes.slack import FakeSlack
    from slack_bot import SOCKET, Running

    with FakeSlack(SOCKET) as slack, Running(slack):
        slack.deliveries.retries = (0.1,) * 600

        def until_answered(mishap: str) -> float:
            slack.wait(lambda: len(slack.connections) == 2)
            for connection in slack.connections:
                getattr(connection, mishap)()
            begun = time.perf_counter()
            reader = slack.world.user("Reader")
            slack.world.dm(reader, "topic ctr")
            slack.wait(lambda: slack.messages_in(slack.world.im(reader)), contest.PATIENCE)
            return time.perf_counter() - begun

        for mishap, times, told in (("cut", cuts, "cut"), ("freeze", cuts // 10, "half open")):
            waited = sorted(until_answered(mishap) for _ in range(times))
            print(
                f"sockets {told} {times} times, answered after {statistics.median(waited):.2f} s (median), "
                f"{waited[int(times * 0.95)]:.2f} (p95, goal {ANSWERING_GOAL:.0f}), {waited[-1]:.2f} (most)"
            )


PARTS = ("commands", "acks", "cuts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--commands", type=int, default=250)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--cuts", type=int, default=100)
    options = parser.parse_args()
    wanted = PARTS if "all" in options.what else options.what
    if "commands" in wanted:
        asyncio.run(measure_commands(options.rounds, options.commands))
    if "acks" in wanted:
        asyncio.run(measure_acks(options.seconds))
    if "cuts" in wanted:
        measure_cuts(options.cuts)


if __name__ == "__main__":
    main()
