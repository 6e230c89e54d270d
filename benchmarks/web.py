"""The web in figures: readers of the pages, and clients who are slow on purpose, beside commands and ticks.

    python benchmarks/web.py [load] [slow] [--rate 200] [--seconds 30] [--sockets 500] [--slowly 65]

One `heji run` with a Telegram token, by webhook, over the reference digest with an edition posted; the Bot API is on
loopback and answers at once. Five commands a second come over connections that are kept, as Telegram's are, each from
another reader; counted is the time from the update to the reply that Telegram is asked to send, and an update that
found no server comes again, as Telegram sends it.

- load: so many requests a second, whatever became of those before: front page, topics, items, editions, searches of
  which most are new, feeds by ETag, and now and then a preview or a question to the chat box; from 200 readers.
- slow: so many sockets that send a request a byte a second, or the body of one, or ask ten times for the largest page
  and never read; who is hung up on comes back. Every second a new reader opens a connection and asks for a page.

Printed too: the greatest distance between two ticks (the clock's is 30 s), for how long the event loop was held, what
the process takes, and the machine's load average. On Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parent / "telegram_peers"))

from fast_api import TOKEN, Api, update
from process import Heji, cpu_of, post_an_edition, resident

COMMANDS = ("/topic ctr", "/topics", "/search bert", "/help")
PER_SECOND = 5
READERS = 200
GOAL = 1.0
"""Seconds in which 95 of 100 commands are to be answered."""

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
WORDS = ("bert", "ctr", "attention", "排序", "召回", "graph", "embedding", "tuijian", "深度学习")
SECRET = "benchmark"
SECRET_HEADER = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
PATIENCE = 30.0

_LINK = re.compile(r'href="(/[^"?#]+)')


# What is measured beside the load -------------------------------------------------------------------------------------


class Telegram:
    """Readers who ask the bot by its webhook, and how long each waited for the reply."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.again = 0  # how often an update had to come again
        self.url = ""
        self.api = Api(heard=self._heard)
        self._asked: dict[int, tuple[float, asyncio.Future[float]]] = {}
        self._numbers = itertools.count(1)

    def _heard(self, method: str, params: dict[str, Any]) -> None:
        asked = self._asked.pop(int(params["chat_id"]), None) if method == "sendMessage" else None
        if asked is not None:
            asked[1].set_result(time.perf_counter() - asked[0])

    async def ask(self, http: aiohttp.ClientSession) -> None:
        number = next(self._numbers)
        reader = 1_000_000 + number
        reply: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._asked[reader] = time.perf_counter(), reply
        asked = update(number, reader, COMMANDS[number % len(COMMANDS)])
        while not await self._posted(http, asked):
            self.again += 1
            await asyncio.sleep(0.1)
        self.waited.append(await asyncio.wait_for(reply, PATIENCE))

    async def _posted(self, http: aiohttp.ClientSession, asked: dict[str, Any]) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with http.post(f"{self.url}/telegram", json=asked, headers=SECRET_HEADER) as response:
                return response.status == 200
        return False


class Pulse:
    """What `/metrics` says, twice a second: when the clock ticked, and for how long the event loop was held."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.ticks: list[float] = []
        self.twice = asyncio.Event()
        self.held = 0.0

    async def watch(self) -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"{self._url}/metrics") as response:
                        figures = dict(re.findall(r"^(heji_\w+) ([\d.e+-]+)$", await response.text(), re.MULTILINE))
                    self._note(time.perf_counter() - float(figures["heji_tick_age_seconds"]))
                    self.held = max(self.held, float(figures["heji_loop_lag_seconds"]))
                await asyncio.sleep(0.5)

    def _note(self, tick: float) -> None:
        if not self.ticks or tick - self.ticks[-1] > 1.0:  # else the same, or its end
            self.ticks.append(tick)
            if len(self.ticks) == 2:
                self.twice.set()

    @property
    def greatest(self) -> float:
        """Seconds between two ticks, or since the last one."""
        return max(later - earlier for earlier, later in itertools.pairwise([*self.ticks, time.perf_counter()]))


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[Heji, Telegram, Pulse]]:
    """The bot, warm, with commands coming and its ticks watched."""
    telegram = Telegram()
    await telegram.api.start()
    with tempfile.TemporaryDirectory() as folder:
        await post_an_edition(folder)
        variables = {
            "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE_URL": telegram.api.root, "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "PUBLIC_URL": "https://benchmark.example.org",
        }  # fmt: skip
        async with Heji.started(folder, **variables) as heji, aiohttp.ClientSession() as http:
            telegram.url, pulse = heji.url, Pulse(heji.url)
            for _ in range(20):
                await telegram.ask(http)
            telegram.again = 0
            telegram.waited.clear()
            watching = asyncio.create_task(pulse.watch())
            asking = asyncio.create_task(steadily(PER_SECOND, lambda: telegram.ask(http)))
            try:
                yield heji, telegram, pulse
            finally:
                asking.cancel()
                watching.cancel()
                await asyncio.gather(asking, watching, return_exceptions=True)
    await telegram.api.close()


async def steadily(rate: float, make: Callable[[], Coroutine[Any, Any, None]], seconds: float = float("inf")) -> None:
    """*make* so many times a second, whatever became of those before; then wait for all of them."""
    begun, made = time.perf_counter(), set()
    for turn in itertools.count():
        if turn / rate >= seconds:
            break
        await asyncio.sleep(max(0.0, begun + turn / rate - time.perf_counter()))
        made.add(task := asyncio.create_task(make()))
        task.add_done_callback(lambda task: made.discard(task) if not task.exception() else None)
    await asyncio.gather(*made)


def at(waited: Sequence[float], share: float) -> float:
    return sorted(waited)[min(len(waited) - 1, int(len(waited) * share))]


def told(waited: Sequence[float]) -> str:
    shown = ", ".join(f"{name} {at(waited, share) * 1000:.0f}" for name, share in QUANTILES.items())
    return f"{shown}, most {max(waited) * 1000:.0f} ms"


def tell(heji: Heji, telegram: Telegram, pulse: Pulse, cpu: float, seconds: float) -> None:
    p95 = at(telegram.waited, 0.95)
    print(f"  {len(telegram.waited)} commands: {told(telegram.waited)} (goal for the p95 {GOAL * 1000:.0f} ms:", end="")
    print(f" {'met' if p95 < GOAL else 'missed'}); {telegram.again} updates came again")
    print(
        f"  {len(pulse.ticks)} ticks, at most {pulse.greatest:.1f} s apart; event loop held {pulse.held:.2f} s at most"
    )
    held = f"{resident(heji.pid):.0f} MB, {len([*Path(f'/proc/{heji.pid}/fd').iterdir()])} file descriptors"
    print(
        f"  {(cpu_of(heji.pid) - cpu) / seconds * 100:.0f} % of a core; {held}; load average {os.getloadavg()[0]:.1f}"
    )


# Load -----------------------------------------------------------------------------------------------------------------


async def measure_load(rate: int, seconds: int) -> None:
    async with running() as (heji, telegram, pulse), readers() as http:
        wishes, statuses, waited = visits(await addresses(http, heji.url)), Counter[str](), list[float]()
        marks: dict[str, str] = {}
        numbers = itertools.count()

        async def visit() -> None:
            path, number = next(wishes), next(numbers)
            headers = {"X-Forwarded-For": f"1.0.0.{number % READERS}"}
            if path in marks:
                headers["If-None-Match"] = marks[path]
            begun = time.perf_counter()
            try:
                async with http.get(heji.url + path, headers=headers) as response:
                    await response.read()
                statuses[str(response.status)] += 1
                if path.startswith("/feed"):
                    marks[path] = response.headers["ETag"]
            except aiohttp.ClientError as error:
                statuses[type(error).__name__] += 1
            waited.append(time.perf_counter() - begun)

        cpu, begun = cpu_of(heji.pid), time.perf_counter()
        await steadily(rate, visit, seconds)
        took = time.perf_counter() - begun
        await pulse.twice.wait()  # the first tick was before the load
        print(f"{rate} requests a second for {seconds} s")
        print(f"  {len(waited)} pages in {took:.1f} s: {told(waited)}; {dict(sorted(statuses.items()))}")
        tell(heji, telegram, pulse, cpu, took)


def readers() -> aiohttp.ClientSession:
    """Over the connections of one proxy: who finds none free waits, and that counts."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))


async def addresses(http: aiohttp.ClientSession, url: str) -> tuple[str, ...]:
    """All pages that can be reached from the front page in two steps."""
    found = {"/"}
    for _ in range(2):
        for path in tuple(found):
            async with http.get(url + path) as response:
                found |= set(_LINK.findall(await response.text()))
    return tuple(sorted(found))


def visits(pages: Sequence[str]) -> Iterator[str]:
    """Where readers go, in turns."""
    topics, items, editions = (
        itertools.cycle([page for page in pages if page.startswith(f"/{kind}")])
        for kind in ("topics", "items", "editions")
    )
    words, feeds = itertools.cycle(WORDS), itertools.cycle(("/feed.atom", "/feed.json"))
    asked = itertools.cycle(("/preview", "/preview?format=full&lang=zh", "/preview?say=/topic+ctr"))
    for number in itertools.count():
        yield from ("/", next(topics), next(items), next(editions), f"/search?q={next(words)}", next(items))
        yield from (next(feeds), next(topics), f"/search?q={next(words)}+{number}", next(items), "/")
        if number % 5 == 0:
            yield next(asked)


# Slow sockets ---------------------------------------------------------------------------------------------------------


async def measure_slow(sockets: int, seconds: int) -> None:
    async with running() as (heji, telegram, pulse), readers() as http:
        largest = await largest_page(http, heji.url)
        hung_up = Counter[str]()
        kinds = itertools.cycle((a_byte_a_second, half_a_body, never_reading))
        crowd = [
            asyncio.create_task(come_again(next(kinds), heji.port, largest, hung_up)) for _ in range(sockets)
        ]  # fmt: skip
        new: list[float] = []
        statuses = Counter[str]()

        async def reader() -> None:
            begun = time.perf_counter()
            try:
                async with readers() as fresh, fresh.get(f"{heji.url}/search?q=ctr") as response:
                    await response.read()
                statuses[str(response.status)] += 1
            except aiohttp.ClientError as error:
                statuses[type(error).__name__] += 1
            new.append(time.perf_counter() - begun)

        cpu, begun = cpu_of(heji.pid), time.perf_counter()
        await steadily(1, reader, seconds)
        took = time.perf_counter() - begun
        print(f"{sockets} slow sockets for {seconds} s; hung up on: {dict(hung_up)}")
        print(f"  {len(new)} new readers: {told(new)}; {dict(statuses)}")
        tell(heji, telegram, pulse, cpu, took)
        for one in crowd:
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)


async def largest_page(http: aiohttp.ClientSession, url: str) -> str:
    sizes = {}
    for path in await addresses(http, url):
        async with http.get(url + path) as response:
            sizes[path] = len(await response.read())
    return max(sizes, key=sizes.__getitem__)


Sloth = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Coroutine[Any, Any, None]]


async def come_again(sloth: Sloth, port: int, page: str, hung_up: Counter[str]) -> None:
    while True:
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            await sloth(reader, writer, page)
        except OSError:
            hung_up[sloth.__name__] += 1
        finally:
            if writer is not None:
                writer.transport.abort()
        await asyncio.sleep(1.0)


async def a_byte_a_second(_: asyncio.StreamReader, writer: asyncio.StreamWriter, page: str) -> None:
    for byte in f"GET {page} HTTP/1.1\r\nHost: loopback\r\n{'X-Slowly: x' * 100}".encode():
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1.0)


async def half_a_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    headers = {"Host": "loopback", "Content-Length": "1000", **SECRET_HEADER}
    lines = ["POST /telegram HTTP/1.1", *map(": ".join, headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    for _ in range(1000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(1.0)


async def never_reading(_: asyncio.StreamReader, writer: asyncio.StreamWriter, page: str) -> None:
    writer.write(f"GET {page} HTTP/1.1\r\nHost: loopback\r\n\r\n".encode() * 10)
    while True:  # a byte every ten seconds shows whether anybody is there
        await asyncio.sleep(10.0)
        writer.write(b"G")
        await writer.drain()


PARTS = ("load", "slow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--slowly", type=int, default=65)
    options = parser.parse_args()
    wanted = PARTS if "all" in options.what else options.what
    if "load" in wanted:
        asyncio.run(measure_load(options.rate, options.seconds))
    if "slow" in wanted:
        asyncio.run(measure_slow(options.sockets, options.slowly))


if __name__ == "__main__":
    main()
