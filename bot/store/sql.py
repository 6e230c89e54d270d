"""The few words of SQL that SQLAlchemy spells once a database, and the few rows that several subjects write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    FromClause,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    column,
    func,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from bot.chat.address import Address
from bot.editions.schedule import Schedule
from bot.editions.theme import History
from bot.store import tables

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

T = TypeVar("T")

CHUNK = 1000
"""Rows written, read or looked up in one statement, and in one transaction."""


def insert(connection: Connection, table: Table) -> postgresql.Insert:
    """An INSERT that knows ON CONFLICT; both databases write it alike, SQLAlchemy keeps two of them."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return cast("postgresql.Insert", sqlite.insert(table))


class _Rows(TypeDecorator[Any]):
    """Mappings as one JSON value; for SQLite as lists, for it reads a place much quicker than a name."""

    impl = JSON
    cache_ok = True

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names

    def process_bind_param(self, value: Sequence[Mapping[str, Any]] | None, dialect: Dialect) -> Any:
        if dialect.name == "postgresql" or value is None:
            return value
        return [[row[name] for name in self.names] for row in value]


def given(connection: Connection, **columns: TypeEngine[Any]) -> FromClause:
    """The rows that a statement is run with as `{"given": rows}`, as a table of *columns*.

    They travel as one value: one statement, one plan and one round trip, however many rows there are.
    """
    rows = bindparam("given", type_=_Rows(tuple(columns)))
    if connection.dialect.name == "postgresql":
        typed = [column(name, type_) for name, type_ in columns.items()]
        return func.json_to_recordset(rows).table_valued(*typed).render_derived("given", with_types=True)
    each = func.json_each(rows).table_valued("value")
    extracted = [func.json_extract(each.c.value, f"$[{place}]") for place in range(len(columns))]
    typed_columns = zip(extracted, columns.items(), strict=True)
    return select(*(type_coerce(value, type_).label(name) for value, (name, type_) in typed_columns)).subquery("given")


def chunks(rows: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """*rows* in lists of up to *size*."""
    rest = iter(rows)
    while chunk := list(islice(rest, size)):
        yield chunk


def chat_ids(connection: Connection, addresses: Sequence[Address]) -> dict[str, int]:
    """The row of each place, made where there is none."""
    places = {address.place: address for address in addresses}
    known = _known_chats(connection, list(places))
    if missing := [places[place] for place in places if place not in known]:
        words = ("place", "platform", "bucket", "kind")
        new = select(*given(connection, **dict.fromkeys(words, Text())).c).where(true())
        adding = insert(connection, tables.chats).from_select(words, new).on_conflict_do_nothing()
        for chunk in chunks(missing):
            connection.execute(adding, {"given": [{word: getattr(a, word) for word in words} for a in chunk]})
        known |= _known_chats(connection, [address.place for address in missing])
    return known


def _known_chats(connection: Connection, places: list[str]) -> dict[str, int]:
    chats, wanted = tables.chats.c, given(connection, place=Text())
    known = select(chats.place, chats.id).where(chats.place.in_(select(wanted.c.place)))
    found: dict[str, int] = {}
    for chunk in chunks(places):
        rows = connection.execute(known, {"given": [{"place": place} for place in chunk]})
        found |= {row.place: row.id for row in rows}
    return found


def rotation_key(topics: Sequence[str], schedule: Schedule, items: int | None) -> str:
    """What makes chats read the same: filter, kind of period, size. The order and spelling of the filter do not."""
    wanted = sorted({topic.casefold().strip() for topic in topics})
    return json.dumps([schedule.unit, items or 0, wanted], ensure_ascii=False)


def rotation_id(
    connection: Connection, topics: Sequence[str], schedule: Schedule, items: int | None, now: float
) -> int:
    """The row of a rotation, made where there is none; what is in the digest by then is not new to it."""
    rotations, key = tables.rotations, rotation_key(topics, schedule, items)
    find = select(rotations.c.id).where(rotations.c.key == key)
    if (found := connection.execute(find).scalar()) is not None:
        return int(found)
    row: Mapping[str, Any] = {
        "key": key,
        "topics": list(topics),
        "unit": schedule.unit,
        "items": items or 0,
        "history": History().to_data(),
        "composed_at": now,
    }
    connection.execute(insert(connection, rotations).values(row).on_conflict_do_nothing())
    return int(connection.execute(find).scalar_one())
