"""Everything that is remembered goes from one database to another, or nothing does."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json

import pytest
from correspondents import LIBRARY, planner, subscribe
from simulated import Clock
from sqlalchemy import select

from bot.errors import LineError
from bot.store import state
from bot.store.notices import Notice
from bot.store.state import TABLES, StateNotEmpty
from bot.store.store import Store

MONDAY = 1_795_424_400.0
_names = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """A new database of each kind, to move to."""
    if request.param == "sqlite":
        store = Store.open(f"sqlite:///{tmp_path}/new.db")
    else:
        cluster, name = request.getfixturevalue("cluster"), f"moved{next(_names)}"
        cluster.sql(f"CREATE DATABASE {name} TEMPLATE template")
        store = Store.open(cluster.url(name))
    yield store
    store.close()


def filled(store: Store, clock: Clock) -> Store:
    """*store* with something in every table."""
    subscribe(store, "telegram:-100/7", "slack:T1/C1", "file:out.jsonl", owner="telegram:7", topics=("nlp",))
    subscribe(store, "telegram:8", schedule=store.subscriptions.find(next(store.subscriptions.all()).chat).schedule)
    store.memory.notice_items(item.id for item in LIBRARY.items)
    clock.now += 15 * 24 * 3600
    planner(store).plan()
    store.notices.add(Notice("k", "dead", data={"chat": "telegram:8", "reason": "“nobody” \\ there"}))
    planner(store, curators=()).plan()
    store.memory.miss("词")
    store.memory.is_new("telegram:update:7")
    store.installations.save("T1", "xoxb-1-S3CR3T", scopes=("chat:write", "commands"), installed_by="slack:T1/U1")
    store.memory.lease("poll", "me")
    store.memory.count("topic", "console", clock_day(clock))
    store.memory.remember("what", {"a": [1, 2.5, None, True, "字"]})
    with store.database.engine.begin() as connection:
        connection.execute(TABLES["buckets"].insert().values(name="telegram", next_at=1.25, limited_chat=3))
    return store


def clock_day(clock: Clock) -> dt.date:
    return dt.datetime.fromtimestamp(clock.now, dt.UTC).date()


def rows(store: Store):
    """Every row of every table."""
    return {
        name: store.database.read(
            lambda c, table=table: [tuple(row) for row in c.execute(select(table).order_by(*table.primary_key.columns))]
        )
        for name, table in TABLES.items()
    }


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY)


@pytest.fixture
def full(open_store, clock) -> Store:
    return filled(open_store(clock=clock), clock)


def exported(store: Store) -> io.BytesIO:
    out = io.BytesIO()
    state.export(store.database, out)
    return out


def lines_of(out: io.BytesIO) -> list[bytes]:
    return out.getvalue().splitlines(keepends=True)


def test_every_row_is_the_same_in_the_other_database(full, empty):
    out = exported(full)
    count = state.load(empty.database, out, "s")
    found = rows(empty)

    assert [name for name, held in found.items() if not held] == []
    assert found == rows(full)
    assert count == sum(map(len, found.values()))
    assert [*map(json.loads, lines_of(exported(empty)))] == [*map(json.loads, lines_of(out))]


def test_what_comes_next_gets_a_number_of_its_own(full, empty):
    state.load(empty.database, exported(full), "s")
    before = {one.chat for one in empty.subscriptions.all()}
    subscribe(empty, "telegram:99", topics=("ctr", "rl"))
    empty.notices.add(Notice("another", "dead"))

    assert {str(one.chat) for one in empty.subscriptions.all()} == {*map(str, before), "telegram:99"}
    assert len(rows(empty)["notices"]) == 2


def test_an_empty_state_moves_too_and_ids_begin_at_one(tmp_path, empty):
    source = Store.open(f"sqlite:///{tmp_path}/none.db")
    assert state.load(empty.database, exported(source), "s") == 0
    source.close()
    subscribe(empty, "telegram:1")

    assert rows(empty)["chats"][0][0] == 1


def test_a_database_that_holds_something_is_left_alone(full, empty):
    empty.memory.remember("a", 1)
    before = rows(empty)
    with pytest.raises(StateNotEmpty, match=r"holds something already \(meta\)"):
        state.load(empty.database, exported(full), "s")

    assert rows(empty) == before


def test_a_second_try_writes_the_file_anew(full):
    out = exported(full)
    first = out.getvalue()
    out.write(b"half a line of a first try that was cut")
    state.export(full.database, out)

    assert out.getvalue() == first


def first_of(table: str, lines: list[bytes]) -> int:
    """The number of the first line with a row of *table*."""
    return next(n for n, line in enumerate(lines, 1) if line.startswith(f'{{"table":"{table}"'.encode()))


def broken(lines: list[bytes], table: str, **changes: object) -> list[bytes]:
    """*lines* with other values in the first row of *table*."""
    number = first_of(table, lines)
    value = json.loads(lines[number - 1])
    value["row"] |= changes
    return [*lines[: number - 1], json.dumps(value, separators=(",", ":")).encode() + b"\n", *lines[number:]]


def doubled(lines: list[bytes]) -> list[bytes]:
    """*lines* with the first chat in the second one's place too."""
    number = first_of("chats", lines)
    return [*lines[:number], lines[number - 1], *lines[number + 1 :]]


AT_A_CHAT = 0
AT_THE_END = -1


@pytest.mark.parametrize(
    ("damage", "line", "why"),
    [
        (lambda lines: [], 1, "it is empty"),
        (lambda lines: [b"{}\n", *lines[1:]], 1, "not what heji export-state writes"),
        (lambda lines: [lines[0].replace(b'"version":1', b'"version":9'), *lines[1:]], 1, "version 9"),
        (lambda lines: [lines[0].replace(b'"schema":"', b'"schema":"x'), *lines[1:]], 1, "its tables are of version x"),
        (lambda lines: [*lines[:2], b'{"table":\n', *lines[3:]], 3, "it is no JSON"),
        (lambda lines: [*lines[:2], b"[1]\n", *lines[3:]], 3, "no JSON object"),
        (lambda lines: [*lines[:2], b'{"table":"zzz","row":{}}\n', *lines[3:]], 3, "it is no row"),
        (lambda lines: [*lines[:2], b'{"table":"chats","row":{"id":1}}\n', *lines[3:]], 3, "other columns"),
        (lambda lines: broken(lines, "chats", platform=None), AT_A_CHAT, "chats.platform has to be something"),
        (lambda lines: broken(lines, "chats", platform=7), AT_A_CHAT, "chats.platform has to be a text"),
        (lambda lines: broken(lines, "chats", id="1"), AT_A_CHAT, "chats.id has to be a whole number"),
        (lambda lines: broken(lines, "chats", id=2**70), AT_A_CHAT, "chats.id has to be a whole number"),
        (lambda lines: broken(lines, "chats", free_at="soon"), AT_A_CHAT, "chats.free_at has to be a number"),
        (lambda lines: lines[:-1], AT_THE_END, "the file was cut off"),
        (lambda lines: [*lines[:5], *lines[6:]], AT_THE_END, "came before it, and it counts"),
        (lambda lines: [*lines, lines[1]], AT_THE_END, "something stands after the end"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(clock, damage, line, why):
    source, target = filled(Store.open(clock=clock), clock), Store.open()
    lines = damage(lines_of(exported(source)))
    wanted = {AT_A_CHAT: first_of("chats", lines) if lines else 0, AT_THE_END: len(lines)}.get(line, line)
    with pytest.raises(LineError, match=why) as raised:
        state.load(target.database, io.BytesIO(b"".join(lines)), "s.jsonl")

    assert str(raised.value).startswith(f"s.jsonl, line {wanted}: ")
    assert str(raised.value).endswith("; nothing was imported.")
    assert not any(rows(target).values())


def test_a_row_that_the_database_refuses_is_named_among_a_thousand(clock, empty):
    lines = doubled(lines_of(exported(filled(Store.open(clock=clock), clock))))
    with pytest.raises(LineError, match="the database refuses this row of chats") as raised:
        state.load(empty.database, io.BytesIO(b"".join(lines)), "s")

    assert str(raised.value).startswith(f"s, line {first_of('chats', lines) + 1}: ")
    assert not any(rows(empty).values())


def test_bytes_that_are_no_base64_are_a_bad_line(clock):
    lines = broken(lines_of(exported(filled(Store.open(clock=clock), clock))), "payloads", payload="~")
    with pytest.raises(LineError, match=r"payloads\.payload has to be base64"):
        state.load(Store.open().database, io.BytesIO(b"".join(lines)), "s")
