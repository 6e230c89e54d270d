"""Delivery in figures: 100,000 chats imported and planned, and how many messages a second are settled.

    python benchmarks/delivery.py [--chats 100000] [--messages 5000] [--database sqlite|postgresql]

Every message goes through the whole outbox to a `file:` chat, synced to the disk. PostgreSQL is a private cluster that
syncs as one in production does, with four processes on it; SQLite has one.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from correspondents import Press, planner  # noqa: E402
from postgresql import Cluster, programs  # noqa: E402

from bot.chat.address import Address  # noqa: E402
from bot.delivery.outbox import Outbox  # noqa: E402
from bot.platforms.file import File  # noqa: E402
from bot.store.store import Store  # noqa: E402
from bot.store.subscriptions import Subscriber  # noqa: E402

WORK = "--work"
PROCESSES = {"sqlite": 1, "postgresql": 4}


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(kind: str, url: str, folder: Path, chats: int, messages: int) -> None:
    store = Store.open(url, upgrade=True)
    begun = time.perf_counter()
    store.subscriptions.put(Subscriber(Address(f"telegram:{n}")) for n in range(1, chats + 1))
    imported = time.perf_counter() - begun
    print(f"{kind}: {chats:,} chats imported in {imported:.1f} s ({megabytes():.0f} MB at most)")

    begun = time.perf_counter()
    planned = planner(store, Press()).post(key="benchmark")
    print(f"{kind}: {planned.deliveries:,} deliveries planned in {time.perf_counter() - begun:.1f} s", end="")
    print(f" ({megabytes():.0f} MB at most)")

    to = [Address(f"file:{folder}/{n % 1000}/{n}.jsonl") for n in range(messages)]
    for n in range(1000):
        (folder / str(n)).mkdir()
    store.subscriptions.put(Subscriber(chat) for chat in to)
    for chat in range(0, messages, 1000):
        planner(store, Press()).post(key="benchmark", to=to[chat : chat + 1000])
    begun = time.perf_counter()
    workers = [subprocess.Popen([sys.executable, __file__, WORK, url]) for _ in range(PROCESSES[kind])]
    while store.ledger.counts().get("sent", 0) < messages:
        time.sleep(0.2)
    taken = time.perf_counter() - begun
    for worker in workers:
        worker.terminate()
        worker.wait()
    print(f"{kind}: {messages / taken:,.0f} messages settled a second, {PROCESSES[kind]} processes, start included")
    store.close()


def work(url: str) -> None:
    asyncio.run(Outbox(Store.open(url), [File()]).run())


def main() -> None:
    if sys.argv[1:2] == [WORK]:
        return work(sys.argv[2])
    parser = argparse.ArgumentParser()
    parser.add_argument("--chats", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--database", choices=list(PROCESSES), action="append")
    options = parser.parse_args()
    for kind in options.database or list(PROCESSES):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if kind == "sqlite":
                measure(kind, f"sqlite:///{folder}/heji.db", folder, options.chats, options.messages)
            elif (where := programs()) is None:
                print("postgresql: not installed")
            else:
                cluster = Cluster(where, durable=True)
                try:
                    cluster.start()
                    cluster.sql("CREATE DATABASE heji")
                    measure(kind, cluster.url("heji"), folder, options.chats, options.messages)
                finally:
                    cluster.remove()
    return None


if __name__ == "__main__":
    main()
