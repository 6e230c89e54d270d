"""The few words of SQL that SQLAlchemy spells once a database, and the few rows that several subjects write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.chat.address import Address
from bot.editions.schedule import Schedule
from bot.editions.theme import History
from bot.store import tables

T = TypeVar("T")

CHUNK = 1000
"""Rows written or looked up in one statement: well below SQLite's limit of parameters."""


def insert(connection: Connection, table: Table) -> postgresql.Insert:
    """An INSERT that knows ON CONFLICT; both databases write it alike, SQLAlchemy keeps two of them."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return cast("postgresql.Insert", sqlite.insert(table))


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
        rows = [{"place": a.place, "platform": a.platform, "bucket": a.bucket, "kind": a.kind} for a in missing]
        connection.execute(insert(connection, tables.chats).on_conflict_do_nothing(), rows)
        known |= _known_chats(connection, [address.place for address in missing])
    return known


def _known_chats(connection: Connection, places: list[str]) -> dict[str, int]:
    chats = tables.chats.c
    found: dict[str, int] = {}
    for chunk in chunks(places):
        rows = connection.execute(select(chats.place, chats.id).where(chats.place.in_(chunk)))
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
