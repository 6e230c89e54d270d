"""A process that ticks, plans and delivers just as `heji work` does, told where its line leads and where it is to die.

python -m chaos.worker      the nursery: orders come in on stdin, a line each; what became of the workers goes out
"""

from __future__ import annotations

import asyncio
import json
import logging
import mmap
import os
import secrets
import select
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

import bot.processes.service
from bot.app import App, now
from bot.chat.address import Address
from bot.delivery.outbox import Outbox
from bot.delivery.pace import TELEGRAM_GROUP, TELEGRAM_PRIVATE
from bot.delivery.planner import Planner
from bot.digest.library import Library
from bot.digest.sources import Content
from bot.editions.edition import Edition
from bot.output import at_signals, in_loop_at_signals
from bot.platforms.base import Payload, Platform
from bot.platforms.file import File
from bot.processes.service import Service
from bot.settings import Settings
from bot.store.buckets import Rate
from bot.store.database import Database
from bot.store.notices import Notice
from bot.store.planning import Look
from bot.store.settlement import OnUncertain
from bot.store.store import Store
from chaos.counterparty import Line

logger = logging.getLogger(__name__)

POINTS = ("claimed", "begun", "answered", "settled", "committing")
"""Where the outbox may be killed: between every two states, and with a transaction all but committed."""

PRINTING = "printing"
"""Where the planner may be: in the middle of its transaction."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told. *rate*: messages a second over all workers, None: as many as there are.

    It kills itself when it comes to *point* for the *after*th time. *forgets* is the share of its commits that reach
    the database but whose answer does not come back. *clock* is a file (see `SharedClock`).
    """

    name: str
    url: str
    content: str
    log: str
    port: int
    seed: int = 0
    rate: float | None = 25.0
    policy: OnUncertain = "resend"
    lease: float = 30.0
    tick: float = 30.0
    point: str = ""
    after: int = 1
    forgets: float = 0.0
    clock: str = ""
    running: bool = True


class SharedClock:
    """Seconds since 1970 that are the same for all processes, read from a file of one number.

    *running*: the number is added to the real time, else it is the time itself and stands until it is set.
    """

    def __init__(self, path: str | Path, *, running: bool = False) -> None:
        with Path(path).open("r+b") as file:
            self._number = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")
        self._running = running

    @classmethod
    def make(cls, path: Path, number: float, *, running: bool = False) -> SharedClock:
        path.write_bytes(bytes(8))
        clock = cls(path, running=running)
        clock.set(number)
        return clock

    def set(self, number: float) -> None:
        self._number[0] = number  # eight aligned bytes: nobody reads half of them

    def __call__(self) -> float:
        return self._number[0] + (time.time() if self._running else 0.0)


class NumberedPress:
    """Prints every rendering with a number of its own: which message an arrival was is beyond doubt."""

    def __init__(self, parts: int = 1, at: Callable[[str], None] = lambda _: None) -> None:
        self._parts = parts
        self._at = at

    def edition(self, edition: Edition, look: Look, library: Library) -> Sequence[Payload]:
        self._at(PRINTING)
        number = secrets.token_hex(6)
        texts = [f"{edition.period} {number} {part}/{self._parts}" for part in range(1, self._parts + 1)]
        return [{"method": "print", "params": {"text": text}} for text in texts]

    def notice(self, notice: Notice, reader: Address) -> Sequence[Payload]:
        return [{"method": "print", "params": {"text": f"{notice.kind} {notice.key}"}}]


class Fate:
    """Ends the process as `kill -9` does where it was told to."""

    def __init__(self, point: str, after: int) -> None:
        self._point = point
        self._left = after

    def __call__(self, here: str) -> None:
        self._left -= here == self._point
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Staff(App):
    """The App, whose planner prints with *press*."""

    press: NumberedPress

    def attach(self, store: Store) -> None:
        super().attach(store)
        self.planner = Planner(store, lambda: self.library, self.press)


def pace(rate: float | None) -> dict[str, Rate]:
    """Telegram's, faster or slower as a whole."""
    if rate is None:
        return {}
    scale = 25 / rate
    return {"telegram": Rate(rate, TELEGRAM_PRIVATE * scale, TELEGRAM_GROUP * scale)}


def shorten_leases(seconds: float) -> None:
    """Let leases last that long in this process, before anything is opened."""
    for name, module in list(sys.modules.items()):
        if name.startswith("bot.") and hasattr(module, "LEASE"):
            module.LEASE = seconds


def forget(database: Database, share: float, random: Random) -> None:
    """Let a *share* of the commits succeed without saying so, as where the connection is cut just then."""
    transaction = database._transaction

    def forgetful(work: Callable[..., Any], *, writing: bool) -> Any:
        done = transaction(work, writing=writing)
        if writing and random.random() < share:
            raise OperationalError("COMMIT", {}, Exception("the answer was lost"), connection_invalidated=True)
        return done

    database._transaction = forgetful  # type: ignore[method-assign]


def open_store(orders: Orders, fate: Fate) -> Store:
    clock = SharedClock(orders.clock, running=orders.running) if orders.clock else None
    store = Store.open(orders.url, clock=clock)
    event.listen(store.database.engine, "commit", lambda _: fate("committing"))
    if orders.forgets:
        forget(store.database, orders.forgets, Random(orders.seed))
    return store


def work(orders: Orders) -> None:
    """Be that worker until a signal comes, or its fate."""
    log = os.open(orders.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(level="INFO", format=f"%(asctime)s {orders.name} %(levelname)s %(message)s", force=True)
    shorten_leases(orders.lease)
    bot.processes.service.TICK = orders.tick
    fate = Fate(orders.point, orders.after)

    def outbox(settings: Settings, store: Store, platforms: Collection[Platform]) -> Outbox:
        return Outbox(store, platforms, rates=pace(orders.rate), policy=orders.policy, fail_point=fate)

    bot.processes.service.outbox = outbox
    with at_signals(partial(sys.exit, 0)):
        settings = Settings(content=(orders.content,), database_url=orders.url)
        app = Staff(settings, Content(settings.content), now, Random(orders.seed))
        app.press = NumberedPress(at=fate)
        service = Service(app, partial(open_store, orders, fate), (Line(orders.port, orders.name), File()))
        asyncio.run(_serve(service))


async def _serve(service: Service) -> None:
    with in_loop_at_signals(service.stop):
        await service.run()


# The nursery ----------------------------------------------------------------------------------------------------------


def nurse() -> None:
    """Fork a worker for every line of orders; a line for each that is born (`+7`) and each that ended (`7 -9`)."""
    children: set[int] = set()
    waiting = bytearray()
    while True:
        if select.select([0], [], [], 0.01)[0]:
            if not (read := os.read(0, 1 << 16)):
                break
            waiting += read
            *lines, rest = waiting.split(b"\n")
            waiting = bytearray(rest)
            for line in lines:
                children.add(child := _born(Orders(**json.loads(line))))
                os.write(1, f"+{child}\n".encode())
        while children and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            children.discard(ended[0])
            os.write(1, f"{ended[0]} {os.waitstatus_to_exitcode(ended[1])}\n".encode())
    for child in children:
        os.kill(child, signal.SIGKILL)


def _born(orders: Orders) -> int:
    if child := os.fork():
        return child
    status = 1
    try:
        os.close(0)
        work(orders)
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        logger.exception("worker broke")
    finally:
        os._exit(status)  # nothing of the nursery's is to be cleaned up by a child


if __name__ == "__main__":
    nurse()
