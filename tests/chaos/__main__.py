"""The chaos run: a thousand kills and more, and a table of what became of the messages.

    make chaos [KILLS=1000] [SEED=…]      the run that docs/reliability.md quotes, at the pace and lease of production

Its seed makes the same workers meet the same fates; when exactly, the machine decides. Status 1 where a promise broke.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from postgresql import Cluster, programs

from chaos import scenarios
from chaos.counterparty import Mood
from chaos.disk import NoDisk, small_disk
from chaos.stage import Account, Stage
from chaos.worker import POINTS, SharedClock

LATENCY = 0.08
"""Seconds that a message takes there and back: a Bot API server's are of this size."""

PER_KILL = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One line of the table. *play* does it and may return a remark; *orders* set its stage."""

    title: str
    database: str
    processes: int
    play: Callable[[Stage], str]
    orders: dict[str, Any] = field(default_factory=dict)

    def broken(self, stage: Stage, account: Account) -> bool:
        """Whether a promise was broken."""
        if self.orders.get("rate", 25.0) is None:
            return account.lost > 0 or account.strange > 0  # without a pace there is no bound
        allowed = PER_KILL * stage.kills + sum(one.cut for one in stage.counterparty.journal)
        allowed += PER_KILL * len(JUMPS) if "clock" in self.title else 0
        if self.orders.get("policy") == "hold":
            allowed = 0
        return account.lost > 0 or account.strange > 0 or account.duplicates > allowed


# What is played -------------------------------------------------------------------------------------------------------

JUMPS = (-1, 0, -24, 0, 1, 25)


def killed(stage: Stage, *, kills: int, processes: int) -> str:
    scenarios.kill(stage, kills, processes=processes, chats=500, life=3.0)
    scenarios.finish(stage, processes)
    return ""


def commands_killed(stage: Stage, *, kills: int, processes: int) -> str:
    scenarios.kill_commands(stage, kills, processes=processes, lease=30.0, rate=25.0, life=5.0)
    scenarios.finish(stage, processes)
    return ""


def fired(stage: Stage, *, days: int, processes: int, kills: int = 0) -> str:
    clock = SharedClock.make(stage.folder / "clock", scenarios.STARTED.timestamp())
    stage.open_store(clock=clock)
    ended = scenarios.fire(stage, clock, days, processes=processes, kills=kills)
    owed, delivered = scenarios.owed(ended), scenarios.delivered(stage)
    missing, twice = (owed - delivered).total(), (delivered - owed).total()
    editions = scenarios.editions(stage)
    doubled = editions.total() - len(editions)
    if missing or twice or doubled:
        raise AssertionError(f"{missing} editions missing, {twice} too many, {doubled} composed twice")
    return f"{delivered.total():,} firings, {editions.total()} editions"


def stopped(stage: Stage, *, rounds: int, processes: int) -> str:
    scenarios.under_way(stage, processes=processes, chats=40 * rounds)
    slowest = 0.0
    for _ in range(rounds):
        slowest = max(slowest, stage.dismiss())
        for _ in range(processes):
            stage.worker()
        scenarios.until_more_arrived(stage, 10)
    scenarios.finish(stage, processes)
    return f"{rounds} stops, the slowest {slowest:.1f} s"


def undisturbed(stage: Stage, *, processes: int) -> str:
    scenarios.under_way(stage, processes=processes, chats=1000)
    scenarios.finish(stage, processes)
    return ""


def set_wrong(stage: Stage, *, processes: int) -> str:
    path = stage.folder / "clock"
    clock = SharedClock.make(path, 0.0, running=True)
    stage.open_store(clock=clock)
    scenarios.under_way(stage, processes=processes, chats=200)
    scenarios.jump(stage, clock, JUMPS)
    scenarios.finish(stage, processes)
    return f"{len(JUMPS)} jumps of up to 25 h"


def taken_over(stage: Stage, *, point: str) -> str:
    return f"after {scenarios.take_over(stage, point):.1f} s, killed when {point}"


def crashed(cluster: Cluster, stage: Stage, *, times: int, processes: int) -> str:
    crew = list(scenarios.under_way(stage, processes=processes, chats=1000))
    scenarios.crash(stage, cluster, times)
    scenarios.cut(stage, cluster, 4 * times)
    stage.settle(300)
    if any(process.status is not None for process in crew):
        raise AssertionError("a worker did not live through it")
    scenarios.finish(stage, processes)
    return f"{times} crashes, {4 * times} times cut off"


def filled(disk: Path, stage: Stage, *, processes: int) -> str:
    crew = list(scenarios.under_way(stage, processes=processes, chats=300))
    scenarios.fill(stage, disk)
    stage.settle(300)
    if any(process.status is not None for process in crew):
        raise AssertionError("a worker did not live through it")
    scenarios.finish(stage, processes)
    return "full for as long as it took to be noticed"


def trials(kills: int) -> Iterator[Trial]:
    """All that needs nothing but a database."""
    tenth = max(1, kills // 10)
    for database in ("sqlite", "postgresql"):
        for processes in (1, 2, 4):
            play = partial(killed, kills=tenth, processes=processes)
            yield Trial("killed, doubtful ones resent", database, processes, play, {"parts": 2})
        play = partial(killed, kills=tenth, processes=4)
        yield Trial("killed, doubtful ones held", database, 4, play, {"policy": "hold"})
        play = partial(killed, kills=tenth // 2, processes=2)
        trouble = {"mood": Mood(cut=0.02, limited=0.02, latency=LATENCY), "forgets": 0.02}
        yield Trial("killed, lines cut, 429s, commits unanswered", database, 2, play, trouble)
        yield Trial("`heji work` killed", database, 2, partial(commands_killed, kills=tenth // 4, processes=2),
                    {"policy": "hold"})  # fmt: skip
        fast = {"running": False, "rate": None, "tick": 0.1, "mood": Mood(latency=0.0)}
        play = partial(fired, days=20, processes=4, kills=tenth // 4)
        yield Trial("killed while planning", database, 4, play, fast)
        for processes in (1, 2, 4):
            yield Trial("schedules fire", database, processes, partial(fired, days=40, processes=processes), fast)
        yield Trial("undisturbed", database, 2, partial(undisturbed, processes=2))
        yield Trial("SIGTERM", database, 2, partial(stopped, rounds=10, processes=2))
        yield Trial("clock set wrong", database, 2, partial(set_wrong, processes=2), {"running": True})
        for point in POINTS:
            yield Trial("taken over", database, 1, partial(taken_over, point=point))


# The table ------------------------------------------------------------------------------------------------------------

HEAD = "scenario database processes kills messages lost duplicates most_a_kill held seconds seed remark".split()


class Table:
    """Prints lines as they come, and adds them up."""

    def __init__(self) -> None:
        self.broken = False
        self.sums: Counter[str] = Counter()
        self._turn = threading.Lock()
        print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}".replace("_", " "), flush=True)

    def add(self, trial: Trial, stage: Stage, account: Account, seconds: float, remark: str) -> None:
        """What one trial came to."""
        if trial.broken(stage, account):
            self.broken, remark = True, f"BROKEN {account} {remark}"
        found = {"kills": stage.kills, "messages": account.messages, "lost": account.lost}
        found |= {"duplicates": account.duplicates, "held": account.held}
        with self._turn:
            self.sums.update(found)
        self._line(trial, seconds=f"{seconds:.0f}", seed=stage.seed, remark=remark, most_a_kill=account.worst, **found)

    def fail(self, trial: Trial, seed: int, error: BaseException) -> None:
        """A trial that did not come to its end."""
        self.broken = True
        said = " ".join(str(error).split())[:600]
        self._line(trial, seed=seed, remark=f"BROKEN {type(error).__name__}: {said}")

    def close(self, seconds: float, seed: int) -> None:
        """The sums."""
        sums = {name: f"{number:,}" for name, number in self.sums.items()}
        self._line(None, seconds=f"{seconds:.0f}", seed=seed, **sums)

    def _line(self, trial: Trial | None, **cells: object) -> None:
        if trial is not None:
            cells |= {"scenario": trial.title, "database": trial.database, "processes": trial.processes}
        print(f"| {' | '.join(str(cells.get(name, '')) for name in HEAD)} |", flush=True)


class Run:
    """Plays trials, each in a folder and a database of its own."""

    def __init__(self, folder: Path, cluster: Cluster, random: Random, table: Table) -> None:
        self._folder = folder
        self._cluster = cluster
        self._random = random
        self._table = table
        self._databases = 0
        self._turn = threading.Lock()

    def play(self, trial: Trial, seed: int, *, folder: Path | None = None, cluster: Cluster | None = None) -> None:
        """One trial; whatever goes wrong in it is a line of the table."""
        began = time.monotonic()
        place = Path(tempfile.mkdtemp(dir=self._folder))
        orders = {"mood": Mood(latency=LATENCY), **trial.orders}
        if "running" in orders:
            orders["clock"] = str(place / "clock")
        try:
            url = self._database(trial.database, folder or place, cluster or self._cluster)
            with Stage(place, url, seed, **orders) as stage:
                remark = trial.play(stage)
                self._table.add(trial, stage, stage.account(), time.monotonic() - began, remark)
        except Exception as error:  # noqa: BLE001 - the others go on
            self._table.fail(trial, seed, error)

    def _database(self, kind: str, folder: Path, cluster: Cluster) -> str:
        if kind == "sqlite":
            return f"sqlite:///{folder}/heji.db"
        with self._turn:
            self._databases += 1
            name = f"chaos{self._databases}"
            cluster.sql(f"CREATE DATABASE {name}")
        scenarios.make_tables(cluster.url(name))
        return cluster.url(name)


def main() -> int:
    parser = argparse.ArgumentParser(description="kill, cut, fill and stop; then count the messages")
    parser.add_argument("--kills", type=int, default=1000, help="about how many (1000)")
    parser.add_argument("--seed", type=int, default=None, help="what it did before, it does again")
    parser.add_argument("--at-once", type=int, default=4, help="trials beside each other (4)")
    options = parser.parse_args()
    if (where := programs()) is None:
        parser.error("PostgreSQL is not installed: it has to be killed as well")
    seed = options.seed if options.seed is not None else Random().randrange(1_000_000)
    print(f"make chaos KILLS={options.kills} SEED={seed}\n", flush=True)
    began, random, table = time.monotonic(), Random(seed), Table()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heji-chaos-")))
        cluster, other = (stack.enter_context(running(Cluster(where, durable=True))) for _ in range(2))
        run = Run(folder, cluster, random, table)
        with ThreadPoolExecutor(options.at_once) as pool:
            for trial in trials(options.kills):
                pool.submit(run.play, trial, random.randrange(1_000_000))
            trial = Trial("PostgreSQL crashes", "postgresql", 2, partial(crashed, other, times=5, processes=2))
            pool.submit(run.play, trial, random.randrange(1_000_000), cluster=other)
            try:
                disk = stack.enter_context(small_disk(folder / "disk"))
            except NoDisk as error:
                print(f"no full disk: {error}", file=sys.stderr)
            else:
                trial = Trial("disk full", "sqlite", 2, partial(filled, disk, processes=2))
                pool.submit(run.play, trial, random.randrange(1_000_000), folder=disk)
    table.close(time.monotonic() - began, seed)
    return int(table.broken)


@contextmanager
def running(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster as long as it is needed."""
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(main())
