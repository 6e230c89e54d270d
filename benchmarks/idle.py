"""What an idle bot weighs, and how soon it is there: `heji run` with both platforms, with Telegram, with no token.

    python benchmarks/idle.py [--starts 5]

How soon it first asks Telegram for updates, how soon it answers the `/topic ctr` that waits there, how soon `/healthz`
is well and what CPU that took, and the megabytes that the process holds when nothing happens; at a first start, which
makes the database, and at a later one. The platforms are on loopback and answer at once; Slack comes by HTTP (bot token
and signing secret). Byte code is there, as it is after `pip install`. On Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parent
sys.path[:0] = [str(PLACE / "telegram_peers"), str(PLACE / "slack_peers")]

import fast_api  # noqa: E402
import fast_slack  # noqa: E402
from process import Heji, resident  # noqa: E402

SETTLING = 5.0
"""Seconds after which a bot that is well is idle."""

SETUPS = {"both platforms": ("telegram", "slack"), "Telegram only": ("telegram",), "no token": ()}
GOALS = {"both platforms": 130, "Telegram only": 110, "no token": 95}
"""Megabytes."""


@dataclass(frozen=True, slots=True)
class Start:
    """What one start cost: seconds till it first *asks* for updates and *answers* one, till `/healthz` is *well*, and
    of *cpu* till then; megabytes of the *idle* process a while later.
    """

    asks: float
    answers: float
    well: float
    cpu: float
    idle: float


async def measure(starts: int) -> None:
    print(f"heji run, medians of {starts}; goal for the start: 1 s")
    print(f"{'':<30}{'getUpdates':>11}{'answer':>11}{'/healthz':>11}{'CPU':>11}{'idle':>11}")
    with tempfile.TemporaryDirectory() as cache:
        for name, platforms in SETUPS.items():
            await first_and_later(platforms, cache)  # warms the disk and writes byte code, as an installer does
            both = [await first_and_later(platforms, cache) for _ in range(starts)]
            for which, rows in zip(("first start", "later start"), zip(*both, strict=True), strict=True):
                medians = (statistics.median(column) for column in zip(*map(astuple, rows), strict=True))
                asks, answers, well, cpu, idle = medians
                chats = f"{asks:>9.2f} s{answers:>9.2f} s" if platforms else " " * 22
                print(f"  {f'{name}, {which}':<28}{chats}{well:>9.2f} s{cpu:>9.2f} s{idle:>8.0f} MB", end="")
                print(f" (goal {GOALS[name]})")


async def first_and_later(platforms: tuple[str, ...], cache: str) -> tuple[Start, Start]:
    """One start that makes its database, and one that finds it."""
    with tempfile.TemporaryDirectory() as folder:
        return await start(platforms, folder, cache), await start(platforms, folder, cache)


async def start(platforms: tuple[str, ...], folder: str, cache: str) -> Start:
    at: dict[str, float] = {}

    def heard(method: str, _: dict[str, Any]) -> None:
        at.setdefault(method, time.perf_counter())

    question = fast_api.update(int(time.time()), 7, "/topic ctr")
    api, slack = fast_api.Api(heard=heard, waiting=[question]), fast_slack.Slack()
    await api.start()
    await slack.start()
    tokens = {
        "telegram": {"TELEGRAM_BOT_TOKEN": fast_api.TOKEN, "TELEGRAM_API_BASE_URL": api.root},
        "slack": {
            "SLACK_BOT_TOKEN": fast_slack.TOKEN, "SLACK_SIGNING_SECRET": fast_slack.SECRET,
            "SLACK_API_BASE_URL": f"{slack.root}/api/",
        },
    }  # fmt: skip
    variables = {name: text for platform in platforms for name, text in tokens[platform].items()}
    async with Heji.started(folder, PYTHONPYCACHEPREFIX=cache, **variables) as heji:
        await asyncio.sleep(SETTLING)
        asks, answers = (at.get(method, heji.begun) - heji.begun for method in ("getUpdates", "sendMessage"))
        took = Start(asks, answers, heji.seconds, heji.cpu, resident(heji.pid))
    await slack.close()
    await api.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    asyncio.run(measure(parser.parse_args().starts))


if __name__ == "__main__":
    main()
