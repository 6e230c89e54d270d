"""Delivery in figures: how fast chats are imported and planned and messages settled, at what pace, and after a kill.

    python benchmarks/delivery.py [plan] [settle] [pace] [takeover] [--database sqlite|postgresql] [--chats 100000] …

`plan`: *chats* are imported and planned. `settle`: *messages* go through the whole outbox, `sending` committed before
each call and its outcome after it, to `file:` chats that have heard from us before; every line is synced. `pace`: four
processes share the 25 messages a second (or *rate*) of one Telegram bot. `takeover`: a process is killed with messages
in its hands, and another one, which ran beside it, sends all of them.

Every worker is a process of its own. PostgreSQL is a private cluster that syncs as one in production does, with four
processes on it; SQLite has one, except for the pace.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from correspondents import Correspondent, Press, planner  # noqa: E402
from postgresql import Cluster, programs  # noqa: E402

from bot.chat.address import Address  # noqa: E402
from bot.delivery.outbox import Outbox  # noqa: E402
from bot.delivery.pace import rates  # noqa: E402
from bot.platforms.base import Outcome, Payload, Platform, Sent  # noqa: E402
from bot.platforms.file import File  # noqa: E402
from bot.store.settlement import LEASE  # noqa: E402
from bot.store.store import Store  # noqa: E402
from bot.store.subscriptions import Subscriber  # noqa: E402

WORK = "--work"
PROCESSES = {"sqlite": 1, "postgresql": 4}
FOLDERS = 100


def main() -> None:
    if sys.argv[1:2] == [WORK]:
        return work(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"any of {', '.join(MEASURES)}; all where none is named")
    parser.add_argument("--database", choices=list(PROCESSES), action="append")
    parser.add_argument("--chats", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=60, help="of `pace`")
    parser.add_argument("--rate", type=float, default=25, help="messages a second of `pace`")
    parser.add_argument("--runs", type=int, default=1, help="how often to do each")
    options = parser.parse_args()
    if unknown := set(options.what) - set(MEASURES):
        parser.error(f"nothing is called {', '.join(sorted(unknown))}")
    for kind in options.database or list(PROCESSES):
        for what in options.what or MEASURES:
            for _ in range(options.runs):
                with database(kind) as (url, folder):
                    print(f"{kind} {what}: {MEASURES[what](kind, url, folder, options)}", flush=True)
    return None


@contextmanager
def database(kind: str) -> Iterator[tuple[str, Path]]:
    """An empty one with its tables, and a folder beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if kind == "sqlite":
            url, cluster = f"sqlite:///{folder}/heji.db", None
        elif (where := programs()) is None:
            sys.exit("postgresql is not installed")
        else:
            cluster = Cluster(where, durable=True)
            cluster.start()
            cluster.sql("CREATE DATABASE heji")
            url = cluster.url("heji")
        try:
            Store.open(url, upgrade=True).close()
            yield url, folder
        finally:
            if cluster is not None:
                cluster.remove()


# What is measured -----------------------------------------------------------------------------------------------------


def measure_planning(_: str, url: str, __: Path, options: argparse.Namespace) -> str:
    store = Store.open(url)
    imported, planned = laid_in(store, options.chats)
    store.close()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{options.chats:,} chats imported in {imported:.1f} s and planned in {planned:.1f} s, {most:.0f} MB at most"


def measure_settling(kind: str, url: str, folder: Path, options: argparse.Namespace) -> str:
    """The rest of the outbox is as full as it would be: *chats* more wait for another platform."""
    store = Store.open(url)
    laid_in(store, options.chats)
    for number in range(FOLDERS):
        (folder / str(number)).mkdir()
    paths = [folder / str(number % FOLDERS) / f"{number}.jsonl" for number in range(options.messages)]
    for path in paths:
        path.write_text("{}\n")
    os.sync()
    lay_in(store, (Address(f"file:{path}") for path in paths))
    before = used()
    begun = time.perf_counter()
    with working(PROCESSES[kind], url, "file") as workers:
        left = awaited(lambda: store.ledger.unsettled(["file"]), lambda left: left < options.messages)
        running = time.perf_counter()
        awaited(lambda: store.ledger.unsettled(["file"]), lambda left: left == 0)
        ended = time.perf_counter()
    store.close()
    spent = (used() - before) / options.messages * 1000
    return (
        f"{options.messages / (ended - begun):,.0f} messages a second with the start of {len(workers)} processes, "
        f"{left / (ended - running):,.0f} once they run; {spent:.2f} ms of their CPU a message"
    )


def measure_pace(_: str, url: str, folder: Path, options: argparse.Namespace) -> str:
    store, journal = Store.open(url), folder / "journal"
    messages = round(options.rate * options.seconds)
    lay_in(store, (Address(f"telegram:{n}") for n in range(1, messages + 1)))
    with working(4, url, "telegram", journal, "0.1", options.rate):
        awaited(store.ledger.unsettled, lambda left: left == 0)
    store.close()
    at = sorted(moment for moment, _ in read(journal))
    rate = (len(at) - 1) / (at[-1] - at[0])
    busiest = max(bisect_left(at, moment + 1.0) - number for number, moment in enumerate(at))
    processes = len({process for _, process in read(journal)})
    return f"{len(at):,} messages by {processes} processes: {rate:.2f} a second, {busiest} in the busiest one"


def measure_takeover(_: str, url: str, folder: Path, __: argparse.Namespace) -> str:
    """Both kinds are held at the kill: messages that wait for their slot, and calls that are under way."""
    store, journals = Store.open(url), (folder / "heir", folder / "victim")
    lay_in(store, (Address(f"telegram:{n}") for n in range(1, 151)))
    with working(1, url, "telegram", journals[0], "0.1"), working(1, url, "telegram", journals[1], "2") as (victim,):
        awaited(lambda: len(read(journals[1])), lambda begun: begun >= 20)
        victim.send_signal(signal.SIGKILL)
        killed = time.time()
        awaited(store.ledger.unsettled, lambda left: left == 0)
    store.close()
    late = [moment - killed for moment, _ in read(journals[0]) if moment > killed + LEASE / 2]
    return f"killed with {len(late)} messages in its hands, all sent {late[0]:.1f} to {late[-1]:.1f} s later by another"


MEASURES: dict[str, Callable[[str, str, Path, argparse.Namespace], str]] = {
    "plan": measure_planning,
    "settle": measure_settling,
    "pace": measure_pace,
    "takeover": measure_takeover,
}


# Around it ------------------------------------------------------------------------------------------------------------


def laid_in(store: Store, chats: int) -> tuple[float, float]:
    """Chats that wait for an edition; how many seconds the import took, and the planning."""
    begun = time.perf_counter()
    store.subscriptions.put(Subscriber(Address(f"telegram:{n}")) for n in range(1, chats + 1))
    imported = time.perf_counter()
    planner(store, Press()).post(key="benchmark")
    return imported - begun, time.perf_counter() - imported


def lay_in(store: Store, chats: Iterator[Address]) -> None:
    """One message more for each of *chats*; who has the edition already gets none."""
    store.subscriptions.put(map(Subscriber, chats))
    planner(store, Press()).post(key="benchmark")


def awaited(look: Callable[[], int], enough: Callable[[int], bool]) -> int:
    while not enough(value := look()):
        time.sleep(0.1)
    return value


def used() -> float:
    """CPU seconds of the workers that ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@contextmanager
def working(processes: int, *arguments: object) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many outboxes, each a process."""
    command = [sys.executable, __file__, WORK, *map(str, arguments)]
    workers = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


# A worker -------------------------------------------------------------------------------------------------------------


class Journalist(Correspondent):
    """A platform that writes down when each call began, in a file that all processes share, and by whom."""

    def __init__(self, name: str, journal: str, delay: float) -> None:
        super().__init__(name, delay=delay)
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def send(self, payload: Payload, chat: str) -> Outcome:  # noqa: ARG002  (what is sent is no matter here)
        os.write(self._journal, f"{time.time()} {os.getpid()}\n".encode())
        await asyncio.sleep(self.delay)
        return Sent("1")


def read(journal: Path) -> list[tuple[float, str]]:
    lines = journal.read_text().splitlines() if journal.exists() else []
    return [(float(moment), process) for moment, process in map(str.split, lines)]


def work(url: str, name: str, journal: str = "", delay: str = "0", rate: str = "25") -> None:
    logging.disable(logging.WARNING)
    platform: Platform = File() if name == "file" else Journalist(name, journal, float(delay))
    asyncio.run(Outbox(Store.open(url), [platform], rates=rates(telegram=float(rate))).run())


if __name__ == "__main__":
    main()
