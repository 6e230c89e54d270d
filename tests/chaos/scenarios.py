"""What is done to the workers. Every scenario leaves a `Stage` whose account can be asked for.

Whether the account is right is for the caller to say: a test asserts it, the chaos run prints it.
"""

from __future__ import annotations

import datetime as dt
import errno
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import count, cycle, product
from pathlib import Path
from zoneinfo import ZoneInfo

from postgresql import Cluster
from sqlalchemy import select

from bot.chat.address import Address
from bot.editions.schedule import parse_schedule
from bot.store import tables
from bot.store.tables import IN_FLIGHT, state_in
from chaos.nursery import Process, Worker
from chaos.stage import Stage, open_store
from chaos.worker import POINTS, PRINTING, SharedClock

# Kills ----------------------------------------------------------------------------------------------------------------


def kill(stage: Stage, kills: int, *, processes: int, chats: int, life: float) -> None:
    """Start workers that are to die, *processes* at a time, until *kills* of them are dead.

    They die at each fail-point in turn, and at a random moment of the *life* that they have at most. There is always
    more to send than they can.
    """
    stage.subscribe(f"telegram:{n}" for n in range(1, chats + 1))
    points = cycle(stage.random.sample(("", *POINTS), len(POINTS) + 1))

    def born() -> Process:
        return stage.worker(point=next(points), after=stage.random.randint(1, 8))

    def busy() -> None:
        if stage.store.ledger.unsettled() < chats:
            stage.post()

    _reap(stage, kills, born, busy, processes=processes, life=life)


def kill_commands(stage: Stage, kills: int, *, processes: int, lease: float, rate: float, life: float) -> None:
    """The same with `heji work` as an operator starts it and chats that are files, *rate* messages planned a second."""
    chats = [Address(f"file:{stage.folder}/{n}.jsonl") for n in range(20)]
    stage.subscribe(map(str, chats))
    begun, some = time.monotonic(), 5

    def born() -> Process:
        worker = stage.command("work", lease=lease, DELIVERY_ON_UNCERTAIN=stage.policy)
        stage.crew.append(worker)
        return worker

    def busy() -> None:
        while stage.planned < (time.monotonic() - begun) * rate:
            stage.post(stage.random.sample(chats, some))

    _reap(stage, kills, born, busy, processes=processes, life=life)
    born()


def _reap(
    stage: Stage,
    kills: int,
    born: Callable[[], Process],
    busy: Callable[[], None],
    *,
    processes: int,
    life: float,
) -> None:
    ends: dict[str, float] = {}
    while stage.kills < kills:
        while len(stage.crew) < processes and stage.kills + len(stage.crew) < kills:
            worker = born()
            # Whoever dies by itself is given some time to get there.
            doomed = isinstance(worker, Worker) and worker.point
            ends[worker.name] = time.monotonic() + (20.0 if doomed else life * stage.random.uniform(0.1, 1.0))
        busy()
        stage.nursery.listen(0.05)
        for process in stage.crew:
            if process.status is None and time.monotonic() > ends[process.name]:
                process.signal(signal.SIGKILL)
        stage.bury()


def finish(stage: Stage, processes: int = 2) -> None:
    """Let a crew that nobody hurts deliver what is left, and send it home."""
    while len(stage.crew) < processes:
        stage.worker()
    stage.settle()
    stage.dismiss()


def resolve(stage: Stage) -> None:
    """Do what an operator does: ask the chats of each edition, and settle what is held as they say.

    Where some of an edition arrived and some did not, it is sent again: better twice than never.
    """
    arrived = {(one.chat, one.text) for one in stage.counterparty.journal}
    held: defaultdict[str, list[bool]] = defaultdict(list)
    for one in stage.messages():
        if one.state == "uncertain":
            held[one.edition].append((one.chat, one.text) in arrived)
    for edition, answers in held.items():
        stage.heji("deliveries", "--edition", edition, "--resolve", "sent" if all(answers) else "resend")
    finish(stage)


def take_over(stage: Stage, point: str) -> float:
    """Seconds from the death of a worker to the last message that it had taken."""
    stage.subscribe(f"telegram:{n}" for n in range(1, 6))
    stage.post()
    victim = stage.worker(point=point)
    victim.wait()
    died = time.monotonic()
    stage.bury()
    before = len(stage.counterparty.journal)
    finish(stage, 1)
    return max((one.at for one in stage.counterparty.journal[before:]), default=died) - died


# Databases that go away -----------------------------------------------------------------------------------------------


def under_way(stage: Stage, *, processes: int, chats: int) -> list[Process]:
    """A crew in the middle of an edition."""
    stage.subscribe(f"telegram:{n}" for n in range(1, chats + 1))
    stage.post()
    crew: list[Process] = [stage.worker() for _ in range(processes)]
    until_more_arrived(stage, chats // 10)
    return crew


def until_more_arrived(stage: Stage, more: int) -> None:
    """Wait for them, or for the last of all."""
    wanted = len(stage.counterparty.journal) + more
    over = stage.store.ledger.unsettled
    stage.until(lambda: len(stage.counterparty.journal) >= wanted or over() == 0, "some more messages arrived")


def crash(stage: Stage, cluster: Cluster, times: int) -> None:
    """PostgreSQL crashes and comes back, and nobody touches the workers."""
    for _ in range(times):
        cluster.stop("immediate")
        stage.nursery.listen(stage.random.uniform(0.2, 2.0))
        cluster.start()
        until_more_arrived(stage, 10)


def cut(stage: Stage, cluster: Cluster, times: int) -> None:
    """PostgreSQL drops all its connections, again and again."""
    for _ in range(times):
        others = "usename = 'heji' AND pid <> pg_backend_pid()"
        cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        until_more_arrived(stage, 5)


def make_tables(url: str) -> None:
    """PostgreSQL's are made by whoever runs it."""
    open_store(url, upgrade=True).close()


def fill(stage: Stage, disk: Path) -> bool:
    """Fill the disk under the database until no outcome can be written any more, then clear it; whether it was full."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            full = error.errno == errno.ENOSPC
    stage.until(lambda: "is full" in stage.log(), "a worker found the disk full")
    stage.nursery.listen(1.0)
    ballast.unlink()
    return full


def jump(stage: Stage, clock: SharedClock, hours: Sequence[float]) -> None:
    """The database's clock is set wrong by so many hours, then by so many, while messages are under way."""
    for wrong in hours:
        clock.set(wrong * 3600)
        before = len(stage.counterparty.journal)
        stage.post()
        deadline = time.monotonic() + 2  # where it was set back, what was planned before may have to wait
        while len(stage.counterparty.journal) < before + 10 and time.monotonic() < deadline:
            stage.nursery.listen(0.02)


# Thousands of firings -------------------------------------------------------------------------------------------------

ZONES = (
    "Pacific/Kiritimati", "Pacific/Auckland", "Australia/Lord_Howe", "Asia/Tokyo", "Asia/Shanghai", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Tehran", "Europe/Moscow", "Africa/Cairo", "Europe/Berlin", "Europe/London", "UTC",
    "Atlantic/Azores", "America/Sao_Paulo", "America/St_Johns", "America/New_York", "America/Chicago",
    "America/Los_Angeles", "Pacific/Honolulu",
)  # fmt: skip
SCHEDULES = ("daily 08:00", "mon,thu 18:30", "fri 09:00", "monthly 31 12:00")
CHATS = 3
"""Chats for each zone and schedule."""

STARTED = dt.datetime(2026, 10, 22, 0, 10, tzinfo=dt.UTC)
"""Summer time ends in Europe three days later, and a week after that in America."""


def fire(stage: Stage, clock: SharedClock, days: int, *, processes: int, kills: int = 0) -> dt.datetime:
    """Let *days* go by in steps of some hours, each taken when all that was due has arrived; when it ended.

    Of the first workers some die in the middle of planning or elsewhere, until *kills* did.
    """
    numbers = count(1)
    for zone, schedule in product(ZONES, SCHEDULES):
        chats = [f"telegram:{next(numbers)}" for _ in range(CHATS)]
        stage.subscribe(chats, schedule=parse_schedule(schedule), zone=ZoneInfo(zone))
    now = clock()
    end = STARTED.timestamp() + days * 86400
    while now < end:
        now = min(now + stage.random.uniform(2, 11) * 3600, end)
        clock.set(now)
        now = _quiet(stage, clock, processes, kills)
    stage.dismiss()
    stage.planned = len(stage.messages())
    return dt.datetime.fromtimestamp(now, dt.UTC)


def _quiet(stage: Stage, clock: SharedClock, processes: int, kills: int) -> float:
    """Wait until nothing is due and nothing on its way. What the dead held comes back when its lease is over."""

    def quiet() -> bool:
        stage.bury()
        while len(stage.crew) < processes:
            dies = stage.kills + len(stage.crew) < kills
            point = stage.random.choice((PRINTING, *POINTS)) if dies else ""
            stage.worker(point=point, after=stage.random.randint(1, 6))
        if _held_by_the_dead(stage):
            clock.set(clock() + 31)
        return not stage.store.planning.is_due() and stage.store.ledger.unsettled() == 0

    stage.until(quiet, "all that was due arrived")
    return clock()


def _held_by_the_dead(stage: Stage) -> bool:
    """Whether all that is in flight was in the hands of processes that are no more."""
    d = tables.deliveries
    query = select(d.c.owner).where(state_in(d, IN_FLIGHT))
    owners = stage.store.database.read(lambda c: c.execute(query).scalars().all())
    alive = {str(process.pid) for process in stage.crew}
    return bool(owners) and not any(owner.split(":")[-2] in alive for owner in owners)


def owed(until: dt.datetime) -> Counter[tuple[str, str]]:
    """Chat and period of each edition that was owed from STARTED on: by the calendar, one day at a time."""
    found: Counter[tuple[str, str]] = Counter()
    for number, (zone, schedule) in enumerate(product(ZONES, SCHEDULES)):
        day = STARTED.date() - dt.timedelta(days=2)
        while day <= until.date() + dt.timedelta(days=2):
            period = _PERIODS[schedule](day)
            hour, minute = map(int, schedule[-5:].split(":"))
            at = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))
            if period and STARTED < at <= until:
                found.update((f"telegram:{CHATS * number + chat}", period) for chat in range(1, CHATS + 1))
            day += dt.timedelta(days=1)
    return found


def _last_of_its_month(day: dt.date) -> bool:
    return (day + dt.timedelta(days=1)).month != day.month


_PERIODS: dict[str, Callable[[dt.date], str]] = {
    "daily 08:00": lambda day: day.isoformat(),
    "mon,thu 18:30": lambda day: day.isoformat() if day.weekday() in (0, 3) else "",
    "fri 09:00": lambda day: f"{day:%G-W%V}" if day.weekday() == 4 else "",
    "monthly 31 12:00": lambda day: f"{day:%Y-%m}" if _last_of_its_month(day) else "",
}


def delivered(stage: Stage) -> Counter[tuple[str, str]]:
    """Chat and period of each edition that was delivered; arrived or not, the account says."""
    d, e, c = tables.deliveries, tables.editions, tables.chats
    query = select(c.c.place, e.c.period).join_from(d, c).join(e, e.c.id == d.c.edition_id)
    return Counter(stage.store.database.read(lambda connection: [tuple(row) for row in connection.execute(query)]))


def editions(stage: Stage) -> Counter[tuple[int, str]]:
    """How many editions there are of each rotation and period."""
    e = tables.editions.c
    query = select(e.rotation_id, e.period)
    return Counter(stage.store.database.read(lambda c: [tuple(row) for row in c.execute(query)]))
