"""A million chats on PostgreSQL: what it weighs, how long it takes, and whether every plan stays on its index.

    python benchmarks/scale.py [--chats 1000000] [--seconds 10]

The tables are the real ones, in a private cluster that syncs as one in production does (64 MB of shared buffers, no
autovacuum: what is left lying about is to be seen). Chats are filled in by SQL, the edition is planned by the planner,
messages are claimed, begun and settled through the store. Each statement of the daily work is explained (EXPLAIN
ANALYZE, at the moment at which it is made) before and after a whole edition was settled; a sequential scan over a table
of many rows ends the run with an error.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from correspondents import Press, planner  # noqa: E402
from postgresql import Cluster, programs  # noqa: E402
from sqlalchemy import event, text  # noqa: E402

from bot.chat.address import Address  # noqa: E402
from bot.editions.schedule import parse_schedule  # noqa: E402
from bot.store.buckets import Rate  # noqa: E402
from bot.store.settlement import Settlement  # noqa: E402
from bot.store.store import Store  # noqa: E402
from bot.store.subscriptions import Subscriber  # noqa: E402

WORK = "--work"
BATCH = 200
LARGE = ("chats", "subscriptions", "deliveries")
MANY = 100_000
"""Rows from which on a sequential scan is an error: a small table PostgreSQL rightly reads from end to end."""

PACED = Rate(overall=1e6, private=1.0, group=3.0)
"""Telegram's spacing of chats, and its one bucket, at a rate that holds up nobody here."""


def main() -> None:
    if sys.argv[1:2] == [WORK]:
        return work(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10, help="for which messages are claimed, begun and settled")
    options = parser.parse_args()
    if (where := programs()) is None:
        sys.exit("postgresql is not installed")
    cluster = Cluster(where, durable=True)
    try:
        cluster.start()
        cluster.sql("CREATE DATABASE heji")
        cluster.sql("ALTER DATABASE heji SET client_min_messages = error")
        store = Store.open(cluster.url("heji"), upgrade=True)
        measure(store, cluster.url("heji"), options.chats, options.seconds)
        store.close()
    finally:
        cluster.remove()
    return None


def measure(store: Store, url: str, chats: int, seconds: float) -> None:
    with timed(f"{chats:,} chats filled in"):
        fill(store, chats)
    with timed("an edition planned for all of them"):
        planned = planner(store, Press()).plan()
    assert planned.deliveries == chats, planned
    vacuum(store)
    weigh(store, "planned")

    print("\nplans while nothing is settled yet")
    explain_all(store)
    print("\nclaimed, begun and settled through the store")
    for processes, name in ((1, "none"), (1, "one"), (4, "none"), (4, "one")):
        done = drained(url, processes, name, seconds)
        print(f"  {processes} processes, {name} bucket row: {done / seconds:,.0f} messages a second")

    print()
    with timed("the rest settled by three updates a row, as the outbox makes them"):
        settle_rest(store, keep=chats // 50)
    weigh(store, "settled, not vacuumed")
    print("\nplans after the edition, not vacuumed")
    explain_all(store)
    with timed("\nvacuumed"):
        vacuum(store)
    weigh(store, "settled, vacuumed")
    print("\nplans after the edition, vacuumed")
    explain_all(store)

    print()
    with timed("pruned"):
        print(f"{store.ledger.prune(kept=0):,} messages forgotten, and ", end="")
    vacuum(store)
    weigh(store, "pruned, vacuumed")


# Filling --------------------------------------------------------------------------------------------------------------


def fill(store: Store, chats: int) -> None:
    """One subscription is made by the store, the others are its copies; all of them are due since ten minutes ago."""
    due = store.now().replace(second=0, microsecond=0) - dt.timedelta(minutes=10)
    schedule = parse_schedule(f"daily {due:%H:%M}")
    store.subscriptions.put([Subscriber(Address("telegram:1"), schedule=schedule, owner="telegram:1")])
    run(
        store,
        # Every tenth is a group.
        f"""
        INSERT INTO chats (place, platform, bucket, kind)
        SELECT CASE WHEN n % 10 = 0 THEN 'telegram:-100' || n ELSE 'telegram:' || n END, 'telegram', 'telegram',
               CASE WHEN n % 10 = 0 THEN 'group' ELSE 'private' END
        FROM generate_series(2, {chats}) AS n;
        UPDATE subscriptions SET next_at = {due.timestamp()}, since = {due.timestamp() - 3600};
        INSERT INTO subscriptions
            (chat_id, name, rotation_id, topics, schedule, timezone, format, owner, since, next_at)
        SELECT c.id, s.name, s.rotation_id, s.topics, s.schedule, s.timezone, s.format, s.owner, s.since, s.next_at
        FROM chats c, subscriptions s WHERE c.id > 1 ORDER BY c.id;
        """,
    )
    vacuum(store)


def settle_rest(store: Store, keep: int) -> None:
    """All but *keep*, a piece at a time as in life: dead rows are the same, and so is what reuses their room."""
    last = run(store, f"SELECT min(id) FROM (SELECT id FROM deliveries ORDER BY id DESC LIMIT {keep}) AS kept")
    for state, values in (
        ("claimed", "owner = 'a:1:abcdef/' || id, lease_until = 1"),
        ("sending", "attempts = attempts + 1, lease_until = 2"),
        ("sent", "owner = '', lease_until = 0, message_id = id::text, settled_at = extract(epoch FROM now())"),
    ):
        where = f"state IN ('pending', 'claimed', 'sending') AND id < {last}"
        run(store, f"UPDATE deliveries SET state = '{state}', {values} WHERE {where}")


def run(store: Store, statements: str) -> Any:
    with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        done = connection.execute(text(statements))
        return done.scalar() if done.returns_rows else None


def vacuum(store: Store) -> None:
    for table in LARGE:
        run(store, f"VACUUM (ANALYZE) {table}")


@contextmanager
def timed(what: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    print(f"{what} in {time.perf_counter() - begun:.1f} s", flush=True)


def weigh(store: Store, when: str) -> None:
    """Megabytes of each large table and of its indexes."""
    for table in LARGE:
        rows, heap, indexes = (
            run(store, f"SELECT {what}")
            for what in (
                f"count(*) FROM {table}",
                f"pg_table_size('{table}')",
                f"pg_indexes_size('{table}')",
            )
        )
        each = f", {(heap + indexes) / rows:,.0f} bytes a row" if rows else ""
        print(f"  {when}: {table}: {rows:,} rows, {heap / 1e6:,.0f} MB and {indexes / 1e6:,.0f} MB of indexes{each}")


# Explaining -----------------------------------------------------------------------------------------------------------


def explain_all(store: Store) -> None:
    """The daily work, once. What it claims it settles."""
    rows, subscriptions, chat = store.outbox, store.subscriptions, Address("telegram:7")
    claims = explained(store, "claim", lambda: rows.claim("scale", "telegram", PACED, BATCH))
    explained(store, "begin", lambda: rows.write(claims, []))
    explained(store, "settle", lambda: rows.write([], [Settlement(one, "sent", message_id="1") for one in claims]))
    explained(store, "rescue", lambda: rows.rescue("resend"))
    explained(store, "is anything due", store.planning.is_due)
    explained(store, "subscribe", lambda: subscriptions.add(Subscriber(chat)))
    explained(store, "a 429, a chat that is gone", lambda: trouble(store))
    explained(store, "what a chat was sent", lambda: store.ledger.at(chat, [1]))
    explained(store, "prune, nothing to do", store.ledger.prune)


def trouble(store: Store) -> None:
    from bot.store.settlement import Gone

    claims = store.outbox.claim("scale", "telegram", PACED, 2)
    store.outbox.begin(claims)
    store.outbox.settle(
        [
            Settlement(claims[0], "retry", "429", wait=60.0, limited=60.0),
            Settlement(claims[1], "dead", "kicked", effect=Gone()),
        ]
    )


def explained(store: Store, what: str, call: Callable[[], Any]) -> Any:
    """Make *call*; print the plan of each of its statements, made where and when the statement is."""
    plans: list[dict[str, Any]] = []

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, __: Any, executemany: bool) -> None:
        if executemany or not statement.lstrip().startswith(("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")):
            return
        with cursor.connection.cursor() as beside:
            beside.execute("SAVEPOINT explained")
            plan = beside.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).fetchone()[0]
            plans.append(plan[0] if isinstance(plan, list) else json.loads(plan)[0])
            beside.execute("ROLLBACK TO explained")

    event.listen(store.database.engine, "before_cursor_execute", explain)
    try:
        result = call()
    finally:
        event.remove(store.database.engine, "before_cursor_execute", explain)
    milliseconds = sum(plan["Execution Time"] for plan in plans)
    nodes = [node for plan in plans for node in scans(plan["Plan"])]
    print(f"  {what}: {milliseconds:.1f} ms in {len(plans)} statements: {', '.join(dict.fromkeys(nodes))}", flush=True)
    off = [node for node in nodes if node.startswith("Seq Scan")]
    if off and run(store, f"SELECT reltuples FROM pg_class WHERE relname = '{off[0].split()[-1]}'") >= MANY:
        sys.exit(f"{what}: {off[0]} is off its index")
    return result


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """The nodes of a plan that read or change a large table."""
    place = plan.get("Index Name") or plan.get("Relation Name", "")
    if plan.get("Relation Name") in LARGE or "Index Name" in plan:
        yield f"{plan['Node Type']} {place}"
    for inner in plan.get("Plans", ()):
        yield from scans(inner)


# Working --------------------------------------------------------------------------------------------------------------


def drained(url: str, processes: int, bucket: str, seconds: float) -> int:
    """How many messages so many processes claim, begin and settle, with one commit a step and nobody to send to."""
    command = [sys.executable, __file__, WORK, url, bucket, str(seconds)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(int(worker.communicate()[0]) for worker in workers)


def work(url: str, bucket: str, seconds: float) -> None:
    store, done = Store.open(url), 0
    rate = PACED if bucket == "one" else Rate(private=1.0, group=3.0)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        claims = store.outbox.claim(f"scale:{done}", "telegram", rate, BATCH)
        begun = store.outbox.begin(claims)
        settled = [Settlement(one, "sent", message_id=str(one.id)) for one in claims if one.id in begun]
        done += len(store.outbox.settle(settled))
    print(done)


if __name__ == "__main__":
    main()
