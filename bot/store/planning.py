"""What planning reads and writes: groups of subscriptions that are due, editions, renderings, deliveries. Set-based.

A `Desk` lives inside one transaction, which `Planning.sit` opens. One planner sits at a time; where two did, UNIQUE
constraints would still leave one edition a period and one delivery a chat and part.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    exists,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)

from bot.chat.address import Address
from bot.chat.message import Format
from bot.editions.schedule import Schedule
from bot.editions.theme import History
from bot.store import tables
from bot.store.database import Database
from bot.store.sql import chat_ids, insert, rotation_key
from bot.store.tables import state_in

T = TypeVar("T")

PARENT = "@parent"
"""What a payload writes where the id of the first part's message belongs (Slack's `thread_ts`, what Telegram pins)."""

_CHOSEN = ("format", "lang", "preview", "silent", "pin")
"""What a look has from the subscription."""

_LOCK = 0x68656A6A  # whoever plans on PostgreSQL holds this advisory lock


@dataclass(frozen=True, slots=True)
class Look:
    """What makes two chats share a rendering. No *lang*: the digest's own."""

    platform: str
    format: Format = "normal"
    lang: str = ""
    preview: bool = False
    silent: bool = False
    pin: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """*chats* subscriptions that are one to the planner. *owed_at* is the first moment that they are owed."""

    rotation: int
    schedule: str
    timezone: str
    last_period: str
    owed_at: float
    look: Look
    chats: int


@dataclass(frozen=True, slots=True)
class RotationRow:
    """A rotation as it is remembered. *composed_at*: when its last edition was made; newer items are new to it."""

    id: int
    topics: tuple[str, ...]
    unit: str
    items: int | None
    history: History
    composed_at: float


@dataclass(frozen=True, slots=True)
class EditionRow:
    """An edition as it is remembered; *skipped* says why there is none."""

    id: int
    rotation: int
    period: str
    data: Mapping[str, Any]
    skipped: str = ""


class Planning:
    """The way to a desk, and what others want to know of editions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_due(self) -> bool:
        """Whether any subscription is owed something: one look at an index."""
        return self._database.read(lambda c: c.execute(_due(self._database.now(c))).first()) is not None

    def sit(self, work: Callable[[Desk], T], *, wait: bool = False) -> T | None:
        """Run *work* at the desk, in one transaction. None if another planner sits there, unless it is to *wait*."""
        return self._database.write(lambda c: self._sit(c, work, wait))

    def _sit(self, connection: Connection, work: Callable[[Desk], T], wait: bool) -> T | None:
        if self._database.is_postgresql:
            way = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
            if connection.execute(text(f"SELECT {way}(:key)"), {"key": _LOCK}).scalar() is False:
                return None
        return work(Desk(connection, self._database.now(connection)))

    def rotation_of(self, chat: Address, name: str = "weekly") -> RotationRow | None:
        """The rotation of a subscription."""
        s, c, r = tables.subscriptions, tables.chats, tables.rotations
        found = select(r).join(s, s.c.rotation_id == r.c.id).join(c, c.c.id == s.c.chat_id)
        found = found.where(c.c.place == chat.place, s.c.thread == chat.thread, s.c.name == name)
        row = self._database.read(lambda connection: connection.execute(found).first())
        return None if row is None else _rotation(row)

    def rotation_for(self, topics: Sequence[str], schedule: Schedule, items: int | None) -> RotationRow | None:
        """The rotation of chats that want it so, if there ever was one."""
        r = tables.rotations
        found = select(r).where(r.c.key == rotation_key(topics, schedule, items))
        row = self._database.read(lambda connection: connection.execute(found).first())
        return None if row is None else _rotation(row)

    def editions(self, *, rotation: int | None = None, limit: int = 100) -> tuple[EditionRow, ...]:
        """The latest editions first."""
        query = select(tables.editions).order_by(tables.editions.c.created_at.desc(), tables.editions.c.id.desc())
        if rotation is not None:
            query = query.where(tables.editions.c.rotation_id == rotation)
        return tuple(self._database.read(lambda c: [_edition(row) for row in c.execute(query.limit(limit))]))

    def edition(self, rotation: int, period: str) -> EditionRow | None:
        """One edition."""
        return self._database.read(lambda c: _find(c, rotation, period))


class Desk:
    """One planner's transaction. *now* is the database's time at its beginning."""

    def __init__(self, connection: Connection, now: float) -> None:
        self._c = connection
        self.now = now

    # What is due --------------------------------------------------------------------------------------------------

    def due(self) -> tuple[Group, ...]:
        """The groups that are owed something, the longest owed first."""
        s, c = tables.subscriptions.c, tables.chats.c
        keys = (s.rotation_id, s.schedule, s.timezone, s.last_period, s.next_at)
        look = (c.platform, *(s[name] for name in _CHOSEN))
        query: Select[Any] = select(*keys, *look, func.count().label("chats"))
        query = query.join_from(tables.subscriptions, tables.chats)
        query = query.where(state_in(tables.subscriptions, ("active",)), s.next_at <= self.now)
        rows = self._c.execute(query.group_by(*keys, *look).order_by(s.next_at, s.rotation_id)).all()
        return tuple(
            Group(row.rotation_id, row.schedule, row.timezone, row.last_period, row.next_at, _look(row), row.chats)
            for row in rows
        )

    def advance(
        self, group: Group, *, settles: str, next_at: float, missed: tuple[str, float, str] | None = None
    ) -> int:
        """*settles* is behind the group now, *next_at* the next moment; gives the batch that `deliver` takes.

        The batch is exactly the subscriptions that this moved, whatever comes and goes meanwhile.
        """
        batch = secrets.randbits(53)
        values: dict[str, Any] = {"last_period": settles, "next_at": next_at, "batch": batch}
        if missed is not None:
            values |= dict(zip(("skipped_period", "skipped_at", "skipped_reason"), missed, strict=True))
        self._c.execute(update(tables.subscriptions).where(_of(group)).values(values))
        return batch

    def batch_of(self, group_of: ColumnElement[bool]) -> int:
        """A batch of the active subscriptions that *group_of* names, whatever they are owed."""
        batch = secrets.randbits(53)
        active = and_(state_in(tables.subscriptions, ("active",)), group_of)
        self._c.execute(update(tables.subscriptions).where(active).values(batch=batch))
        return batch

    def active(self, chats: Collection[Address] | None = None) -> tuple[tuple[int, Look, int], ...]:
        """(rotation, look, batch) of all active subscriptions, or of those of *chats*, for an edition out of turn."""
        s, c = tables.subscriptions, tables.chats.c
        where: ColumnElement[bool] = state_in(s, ("active",))
        if chats is not None:
            numbers = chat_ids(self._c, list(chats))
            wanted = [(numbers[chat.place], chat.thread) for chat in chats]
            where = and_(where, tuple_(s.c.chat_id, s.c.thread).in_(wanted))
        keys = (s.c.rotation_id, c.platform, *(s.c[name] for name in _CHOSEN))
        rows = self._c.execute(select(*keys).join_from(s, tables.chats).where(where).distinct().order_by(*keys)).all()
        groups = []
        for row in rows:
            look = _look(row)
            here = and_(where, s.c.rotation_id == row.rotation_id, _looks(look))
            groups.append((row.rotation_id, look, self.batch_of(here)))
        return tuple(groups)

    # Editions -----------------------------------------------------------------------------------------------------

    def rotation(self, number: int) -> RotationRow:
        """A rotation, by its number."""
        return _rotation(self._c.execute(select(tables.rotations).where(tables.rotations.c.id == number)).one())

    def rotations(self) -> tuple[RotationRow, ...]:
        """Those that somebody active reads."""
        s = tables.subscriptions
        read = exists().where(s.c.rotation_id == tables.rotations.c.id, state_in(s, ("active",)))
        return tuple(_rotation(row) for row in self._c.execute(select(tables.rotations).where(read)))

    def edition(self, rotation: int, period: str) -> EditionRow | None:
        """The edition of a period, if there is one."""
        return _find(self._c, rotation, period)

    def keep_edition(
        self, rotation: int, period: str, data: Mapping[str, Any], history: History | None, *, skipped: str = ""
    ) -> EditionRow:
        """Keep an edition and the *history* after it; the one that is there already stays as it is."""
        row = {"rotation_id": rotation, "period": period, "data": dict(data), "skipped": skipped}
        adding = insert(self._c, tables.editions).values(**row, created_at=self.now).on_conflict_do_nothing()
        if self._c.execute(adding).rowcount and history is not None:
            values = {"history": history.to_data(), "composed_at": self.now}
            self._c.execute(update(tables.rotations).where(tables.rotations.c.id == rotation).values(values))
        kept = self.edition(rotation, period)
        assert kept is not None
        return kept

    def seen_since(self, moment: float) -> frozenset[str]:
        """The ids of the items that were first seen after *moment*."""
        query = select(tables.items.c.id).where(tables.items.c.first_seen > moment)
        return frozenset(self._c.execute(query).scalars())

    # Renderings and deliveries ------------------------------------------------------------------------------------

    def rendering(self, edition: int, look: Look) -> int | None:
        """The rendering of an edition that chats of this look share, if it was made already."""
        r = tables.renderings.c
        alike = (r[name] == value for name, value in asdict(look).items())
        return self._c.execute(select(r.id).where(r.edition_id == edition, *alike)).scalar()

    def keep_rendering(self, edition: int | None, look: Look, calls: Sequence[Mapping[str, Any]],
                       *, notice: int | None = None) -> int:  # fmt: skip
        """Keep the bytes of every part: a retry after a deploy must send the same."""
        row = {"edition_id": edition, "notice_id": notice, **asdict(look)}
        made = self._c.execute(insert(self._c, tables.renderings).values(row).returning(tables.renderings.c.id))
        number = int(made.scalar_one())
        parts = [
            {"rendering_id": number, "part": part, "payload": encoded(call), "reply": part > 1 and names_parent(call)}
            for part, call in enumerate(calls, 1)
        ]
        if parts:
            self._c.execute(insert(self._c, tables.payloads), parts)
        return number

    def deliver(self, edition: int, rendering: int, batch: int) -> int:
        """A delivery for each chat of *batch* and part of *rendering*; how many. Who has the edition is left out."""
        s, p, d = tables.subscriptions, tables.payloads, tables.deliveries
        has = exists().where(d.c.edition_id == edition, d.c.chat_id == s.c.chat_id, d.c.thread == s.c.thread)
        chosen = (
            select(literal(edition), s.c.chat_id, s.c.thread, p.c.part, literal(rendering), tables.chats.c.platform,
                   p.c.reply, literal(self.now), literal(self.now))
            .join_from(s, tables.chats)
            .join(p, p.c.rendering_id == rendering)
            .where(s.c.batch == batch, ~has)
            .order_by(p.c.part, s.c.id)
        )  # fmt: skip
        return self._add(("edition_id",), chosen)

    def deliver_notice(self, notice: int, rendering: int, chat: Address) -> int:
        """A delivery of a notice's parts to one chat, whether or not it subscribed."""
        p, number = tables.payloads, chat_ids(self._c, [chat])[chat.place]
        chosen = select(
            literal(notice), literal(number), literal(chat.thread), p.c.part, literal(rendering),
            literal(chat.platform), p.c.reply, literal(self.now), literal(self.now),
        ).where(p.c.rendering_id == rendering).order_by(p.c.part)  # fmt: skip
        return self._add(("notice_id",), chosen)

    def _add(self, first: tuple[str, ...], chosen: Select[Any]) -> int:
        columns = (*first, "chat_id", "thread", "part", "rendering_id", "platform", "reply", "not_before", "created_at")
        adding = insert(self._c, tables.deliveries).from_select(list(columns), chosen).on_conflict_do_nothing()
        return int(self._c.execute(adding).rowcount)

    # Notices ------------------------------------------------------------------------------------------------------

    def open_notices(self, limit: int = 100) -> tuple[Row[Any], ...]:
        """Notices that nobody has been told yet: rows of id, audience, kind, data."""
        notices = tables.notices
        query = select(notices).where(notices.c.posted_at == 0).order_by(notices.c.id).limit(limit)
        return tuple(self._c.execute(query).all())

    def close_notice(self, notice: int) -> None:
        """It is in the outbox, or nobody is there to be told."""
        notices = tables.notices
        self._c.execute(update(notices).where(notices.c.id == notice).values(posted_at=self.now))


def encoded(call: Mapping[str, Any]) -> bytes:
    """A payload as the bytes that are kept."""
    return json.dumps(call, ensure_ascii=False, separators=(",", ":")).encode()


def names_parent(value: object) -> bool:
    """Whether a payload is about the first part of its edition: a reply to it, or what pins it."""
    if isinstance(value, Mapping):
        return any(map(names_parent, value.values()))
    if isinstance(value, list | tuple):
        return any(map(names_parent, value))
    return value == PARENT


def _due(now: float) -> Select[Any]:
    s = tables.subscriptions
    return select(s.c.id).where(state_in(s, ("active",)), s.c.next_at <= now).order_by(s.c.next_at).limit(1)


def _of(group: Group) -> ColumnElement[bool]:
    s = tables.subscriptions.c
    return and_(
        state_in(tables.subscriptions, ("active",)),
        s.next_at == group.owed_at,
        s.rotation_id == group.rotation,
        s.schedule == group.schedule,
        s.timezone == group.timezone,
        s.last_period == group.last_period,
        _looks(group.look),
    )


def _looks(look: Look) -> ColumnElement[bool]:
    s, c = tables.subscriptions.c, tables.chats.c
    there = exists().where(c.id == s.chat_id, c.platform == look.platform)
    return and_(*(s[name] == getattr(look, name) for name in _CHOSEN), there)


def _look(row: Row[Any]) -> Look:
    return Look(row.platform, **{name: getattr(row, name) for name in _CHOSEN})


def _find(connection: Connection, rotation: int, period: str) -> EditionRow | None:
    e = tables.editions
    row = connection.execute(select(e).where(e.c.rotation_id == rotation, e.c.period == period)).first()
    return None if row is None else _edition(row)


def _edition(row: Row[Any]) -> EditionRow:
    return EditionRow(row.id, row.rotation_id, row.period, row.data, row.skipped)


def _rotation(row: Row[Any]) -> RotationRow:
    history = History.from_data(cast("Mapping[str, Any]", row.history))
    return RotationRow(row.id, tuple(row.topics), row.unit, row.items or None, history, row.composed_at)
