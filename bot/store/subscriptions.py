"""Which chats want editions, and how. One row a subscription; chat and name identify it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, case, delete, func, select, true, update

from bot.chat.address import Address
from bot.chat.conversation import MONDAYS, UTC
from bot.chat.message import Format
from bot.editions.schedule import Schedule, parse_schedule
from bot.store import tables
from bot.store.database import Database
from bot.store.sql import CHUNK, chat_ids, chunks, given, insert, rotation_id
from bot.store.tables import state_in

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

State = Literal["active", "paused", "suspended"]


@dataclass(frozen=True, slots=True)
class Missed:
    """A period that brought nothing, when that was owed, and why: `too-late`, `holiday`, `skipped`, `nothing`."""

    period: str
    at: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A chat that wants editions, how it wants them, and how it stands.

    No *lang*: the digest's own. No *items*: as many as the digest says. *owner* is the id of who subscribed
    (`telegram:7`), the first to be told what went wrong. All below *reason* is filled in here; `put` ignores it.
    """

    chat: Address
    name: str = "weekly"
    topics: tuple[str, ...] = ()
    schedule: Schedule = MONDAYS
    zone: ZoneInfo = UTC
    format: Format = "normal"
    lang: str | None = None
    items: int | None = None
    preview: bool = False
    silent: bool = False
    pin: bool = False
    owner: str = ""
    state: State = "active"
    reason: str = ""
    since: dt.datetime | None = None
    last_period: str | None = None
    next_run: dt.datetime | None = None
    missed: Missed | None = None


class Subscriptions:
    """Subscriptions, kept. Nothing here decides when one is due (`bot.editions.schedule`) or who may change it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Reading ------------------------------------------------------------------------------------------------------

    def of(self, chat: Address) -> tuple[Subscriber, ...]:
        """The subscriptions of one chat, by name."""
        here = {"place": chat.place, "thread": chat.thread}
        return tuple(self._database.read(lambda c: [_subscriber(row) for row in c.execute(_HERE, here)]))

    def find(self, chat: Address, name: str = "weekly") -> Subscriber | None:
        """One subscription."""
        return next((one for one in self.of(chat) if one.name == name), None)

    def all(self) -> Iterator[Subscriber]:
        """All of them in the order they came; read in pieces, so that 100,000 need no memory."""
        last = 0
        while rows := self._database.read(lambda c, last=last: c.execute(_after(last)).all()):  # type: ignore[misc]
            yield from map(_subscriber, rows)
            last = rows[-1].id

    def count(self) -> dict[str, int]:
        """How many stand in each state."""
        by_state = select(tables.subscriptions.c.state, func.count()).group_by(tables.subscriptions.c.state)
        return self._database.read(lambda c: {row[0]: row[1] for row in c.execute(by_state)})

    # Changing -----------------------------------------------------------------------------------------------------

    def put(self, subscribers: Iterable[Subscriber]) -> int:
        """Add them, or replace what they had chosen; how many. Streams, a thousand to a transaction.

        What lay before a chat subscribed, resumed or changed its schedule or zone is not owed to it.
        """
        written = 0
        for chunk in chunks(subscribers, CHUNK):
            # The later of two for the same subscription wins, as if they had come one by one.
            latest = list({(one.chat, one.name): one for one in chunk}.values())
            self._database.write(partial(self._put, subscribers=latest))
            written += len(chunk)
        return written

    def add(self, subscriber: Subscriber) -> Subscriber:
        """Add or replace one; how it stands then."""
        self.put([subscriber])
        found = self.find(subscriber.chat, subscriber.name)
        assert found is not None
        return found

    def remove(self, chat: Address, name: str | None = None) -> int:
        """Remove one subscription of a chat, or all; what was on its way to a chat without any is dead."""
        return self._database.write(lambda c: self._remove(c, chat, name))

    def pause(self, chat: Address, name: str | None = None) -> int:
        """Post nothing there until `resume`."""
        return self._database.write(lambda c: _turn(c, chat, name, "active", "paused", self._database.now(c)))

    def resume(self, chat: Address, name: str | None = None) -> int:
        """Post there again; what lay in between is not owed."""
        return self._database.write(lambda c: _turn(c, chat, name, "paused", "active", self._database.now(c)))

    def suspend(self, chat: Address, reason: str) -> int:
        """The platform lets nothing through to the whole place; settings are kept for `wake`."""
        return self._database.write(lambda c: suspend(c, _place_id(c, chat), reason))

    def wake(self, chat: Address) -> int:
        """The place can be reached again: what was suspended there goes on."""
        return self._database.write(lambda c: _wake(c, chat, self._database.now(c)))

    def migrate(self, old: str, new: str) -> None:
        """The place *old* is called *new* now; where both are known they become one."""
        self._database.write(lambda c: migrate(c, Address(old), Address(new)))

    def _put(self, connection: Connection, subscribers: list[Subscriber]) -> None:
        now = self._database.now(connection)
        chats = chat_ids(connection, [one.chat for one in subscribers])
        rotations: dict[tuple[Any, ...], int] = {}
        nexts: dict[tuple[Schedule, ZoneInfo], float] = {}
        rows = []
        for one in subscribers:
            group = (one.topics, one.schedule.unit, one.items)
            if group not in rotations:
                rotations[group] = rotation_id(connection, one.topics, one.schedule, one.items, now)
            when = (one.schedule, one.zone)
            if when not in nexts:
                nexts[when] = one.schedule.next_run(moment(now), one.zone).timestamp()
            times = {"since": now, "next_at": nexts[when]}
            rows.append(_row(one, chats[one.chat.place], rotations[group]) | times)
        connection.execute(_putting(connection), {"given": rows})

    def _remove(self, connection: Connection, chat: Address, name: str | None) -> int:
        number = _place_id(connection, chat)
        removed = connection.execute(delete(tables.subscriptions).where(_at(number, chat.thread, name))).rowcount
        left = connection.execute(select(tables.subscriptions.c.id).where(_at(number, chat.thread)).limit(1)).scalar()
        if removed and left is None:
            deliveries = tables.deliveries
            connection.execute(
                update(deliveries)
                .where(deliveries.c.chat_id == number, deliveries.c.thread == chat.thread)
                .where(deliveries.c.edition_id.is_not(None), state_in(deliveries, tables.WAITING))
                .values(state="dead", reason="unsubscribed", settled_at=self._database.now(connection))
            )
        return removed


# What the outbox does to subscriptions, in its own transaction --------------------------------------------------------


def suspend(connection: Connection, chat_id: int | None, reason: str) -> int:
    """Suspend all subscriptions of a place, threads included."""
    subscriptions = tables.subscriptions
    return connection.execute(
        update(subscriptions)
        .where(subscriptions.c.chat_id == chat_id, subscriptions.c.state == "active")
        .values(state="suspended", reason=reason)
    ).rowcount


def migrate(connection: Connection, old: Address, new: Address) -> None:
    """Rewrite a place's name. Where the new one is known already its own subscriptions and deliveries win."""
    chats = tables.chats
    source = _place_id(connection, old)
    if source is None or old.place == new.place:
        return
    target = _place_id(connection, new)
    if target is None:
        named = {"place": new.place, "bucket": new.bucket, "kind": new.kind}
        connection.execute(update(chats).where(chats.c.id == source).values(named))
        return
    for table, keys in (
        (tables.subscriptions, ("thread", "name")),
        (tables.deliveries, ("edition_id", "thread", "part")),
        (tables.deliveries, ("notice_id", "thread", "part")),
    ):
        other = table.alias()
        same = and_(*(other.c[key] == table.c[key] for key in keys))
        doubled = select(other.c.id).where(other.c.chat_id == target, same).exists()
        connection.execute(delete(table).where(table.c.chat_id == source, doubled))
    for table in (tables.subscriptions, tables.deliveries):
        connection.execute(update(table).where(table.c.chat_id == source).values(chat_id=target))
    connection.execute(delete(chats).where(chats.c.id == source))


def unthread(connection: Connection, chat_id: int, thread: str) -> None:
    """A forum topic was closed: its subscriptions move to the chat's general one, if none of that name is there."""
    table = tables.subscriptions
    other = table.alias()
    doubled = select(other.c.id).where(other.c.chat_id == chat_id, other.c.thread == "", other.c.name == table.c.name)
    here = and_(table.c.chat_id == chat_id, table.c.thread == thread)
    connection.execute(delete(table).where(here, doubled.exists()))
    connection.execute(update(table).where(here).values(thread=""))


# Rows -----------------------------------------------------------------------------------------------------------------


def moment(seconds: float) -> dt.datetime:
    """Seconds of the database's clock as a moment in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _turn(c: Connection, chat: Address, name: str | None, old: State, new: State, now: float) -> int:
    return _restate(c, and_(_at(_place_id(c, chat), chat.thread, name), tables.subscriptions.c.state == old), new, now)


def _wake(connection: Connection, chat: Address, now: float) -> int:
    table = tables.subscriptions
    here = and_(table.c.chat_id == _place_id(connection, chat), table.c.state == "suspended")
    return _restate(connection, here, "active", now)


def _restate(connection: Connection, where: ColumnElement[bool], state: State, now: float) -> int:
    """Set a state; whoever becomes active again is owed only what comes from now on."""
    table = tables.subscriptions
    rows = connection.execute(select(table.c.id, table.c.schedule, table.c.timezone).where(where)).all()
    for row in rows:
        values: dict[str, Any] = {"state": state, "reason": ""}
        if state == "active":
            following = parse_schedule(row.schedule).next_run(moment(now), ZoneInfo(row.timezone))
            values |= {"since": now, "next_at": following.timestamp()}
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    return len(rows)


def _place_id(connection: Connection, chat: Address) -> int | None:
    number = connection.execute(select(tables.chats.c.id).where(tables.chats.c.place == chat.place)).scalar()
    return None if number is None else int(number)


def _at(chat_id: int | None, thread: str, name: str | None = None) -> ColumnElement[bool]:
    table = tables.subscriptions.c
    here = and_(table.chat_id == chat_id, table.thread == thread)
    return here if name is None else and_(here, table.name == name)


_IDENTITY = ("chat_id", "thread", "name")
_CHOSEN = ("rotation_id", "topics", "schedule", "timezone", "format", "lang", "items", "preview", "silent", "pin",
           "state", "reason")  # fmt: skip


def _putting(connection: Connection) -> postgresql.Insert:
    """Add the rows given, or replace what was chosen; who subscribed stays the owner.

    Of a subscription that is there the times stay too, unless what they hang on changes.
    """
    table = tables.subscriptions
    columns = (*_IDENTITY, *_CHOSEN, "owner", "since", "next_at")
    new = select(*given(connection, **{name: table.c[name].type for name in columns}).c).where(true())
    adding = insert(connection, table).from_select(columns, new)
    same = and_(*(table.c[name] == adding.excluded[name] for name in ("schedule", "timezone", "state")))
    chosen = {name: adding.excluded[name] for name in _CHOSEN}
    times = {name: case((same, table.c[name]), else_=adding.excluded[name]) for name in ("since", "next_at")}
    return adding.on_conflict_do_update(index_elements=_IDENTITY, set_=chosen | times)


def _row(one: Subscriber, chat_id: int, rotation: int) -> dict[str, Any]:
    return {
        "chat_id": chat_id,
        "thread": one.chat.thread,
        "name": one.name,
        "rotation_id": rotation,
        "topics": list(one.topics),
        "schedule": str(one.schedule),
        "timezone": one.zone.key,
        "format": one.format,
        "lang": one.lang or "",
        "items": one.items or 0,
        "preview": one.preview,
        "silent": one.silent,
        "pin": one.pin,
        "owner": one.owner,
        "state": one.state,
        "reason": one.reason,
    }


def _selected() -> Select[Any]:
    return select(tables.subscriptions, tables.chats.c.place).join(tables.chats)


# Made once: to put it together takes longer than to run it, and every answer asks for it.
_HERE = (
    _selected()
    .where(tables.chats.c.place == bindparam("place"), tables.subscriptions.c.thread == bindparam("thread"))
    .order_by(tables.subscriptions.c.name)
)


def _after(last: int) -> Select[Any]:
    return _selected().where(tables.subscriptions.c.id > last).order_by(tables.subscriptions.c.id).limit(CHUNK)


def _subscriber(row: Row[Any]) -> Subscriber:
    missed = Missed(row.skipped_period, moment(row.skipped_at), row.skipped_reason) if row.skipped_period else None
    zone = ZoneInfo(row.timezone)
    one = Subscriber(
        chat=Address(row.place, row.thread),
        name=row.name,
        topics=tuple(row.topics),
        schedule=parse_schedule(row.schedule),
        zone=zone,
        format=cast("Format", row.format),
        lang=row.lang or None,
        items=row.items or None,
        preview=row.preview,
        silent=row.silent,
        pin=row.pin,
        owner=row.owner,
        state=cast("State", row.state),
        reason=row.reason,
    )
    return replace(
        one,
        since=moment(row.since),
        last_period=row.last_period or None,
        next_run=moment(row.next_at).astimezone(zone) if row.state == "active" else None,
        missed=missed,
    )
