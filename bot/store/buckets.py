"""Pace, shared by every process: evenly spaced slots handed out of one row, and who was told to slow down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from bot.store import tables
from bot.store.sql import insert

HORIZON = 1.0
"""Seconds ahead for which slots are handed out: what a process that dies takes with it."""

TOGETHER = 1.0
"""Two chats limited within this many seconds: it is the bot that is too fast, not the chats."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a platform may be spoken to: *overall* messages a second (None: no limit), and seconds between two to
    one *private* chat or one *group*. *at_once*: how many calls one process has under way by one token.
    """

    overall: float | None = None
    private: float = 0.0
    group: float = 0.0
    at_once: int | None = None


UNLIMITED = Rate()


def slots(next_at: float, now: float, rate: float, wanted: int) -> tuple[float, ...]:
    """Up to *wanted* moments, one after the other at *rate* a second, none further off than HORIZON.

    Nothing is saved up: a bucket that stood idle begins now, so there is no burst whatever came before.
    """
    first = max(next_at, now)
    there = int((now + HORIZON - first) * rate) + 1 if first <= now + HORIZON else 0
    return tuple(first + i / rate for i in range(min(wanted, there)))


def offered(connection: Connection, name: str, rate: Rate, wanted: int, now: float) -> tuple[float, ...]:
    """The moments at which up to *wanted* messages may leave. Keeps the bucket's row locked until `take`."""
    if rate.overall is None:
        return (now,) * wanted
    row = _locked(connection, name)
    # A next_at beyond what anybody was given is left from before a clock was set back.
    next_at = row.next_at if row.next_at <= now + 2 * HORIZON + 1 / rate.overall else now
    return slots(next_at, now, rate.overall, wanted)


def take(connection: Connection, name: str, rate: Rate, taken: tuple[float, ...]) -> None:
    """Of what was offered *taken* will be used."""
    if rate.overall is not None and taken:
        following = taken[-1] + 1 / rate.overall
        buckets = tables.buckets
        connection.execute(update(buckets).where(buckets.c.name == name).values(next_at=following))


def limit(connection: Connection, name: str, chat: int, until: float, now: float) -> bool:
    """A chat was limited until then; the bucket is too if another one was, just before. Whether it is."""
    row = _locked(connection, name)
    together = row.limited_chat not in (None, chat) and abs(now - row.limited_at) <= TOGETHER
    # A block from before the clock was set back would come to life again with this limit: it ends here.
    blocked = row.blocked_until if row.limited_at <= now else 0.0
    values = {"limited_at": now, "limited_chat": chat, "blocked_until": max(blocked, until) if together else blocked}
    connection.execute(update(tables.buckets).where(tables.buckets.c.name == name).values(values))
    return together


def stop(connection: Connection, name: str, reason: str) -> None:
    """No token, no messages: rows stay where they are until `start`."""
    _locked(connection, name)
    connection.execute(update(tables.buckets).where(tables.buckets.c.name == name).values(stopped=reason))


def start(connection: Connection, name: str) -> bool:
    """A good token is here again; whether the bucket was stopped."""
    buckets = tables.buckets
    done = update(buckets).where(buckets.c.name == name, buckets.c.stopped != "").values(stopped="")
    return bool(connection.execute(done).rowcount)


def closed(connection: Connection, now: float) -> dict[str, str]:
    """The buckets out of which nothing may go now, and why.

    No block lasts longer than the platform asked for: one that was written later than now is forgotten, for the
    clock was set back since.
    """
    buckets = tables.buckets
    limited = and_(buckets.c.blocked_until > now, buckets.c.limited_at <= now)
    query = select(buckets).where(or_(buckets.c.stopped != "", limited))
    return {row.name: row.stopped or "limited" for row in connection.execute(query)}


def _locked(connection: Connection, name: str) -> Row[Any]:
    buckets = tables.buckets
    find = select(buckets).where(buckets.c.name == name).with_for_update()
    row = connection.execute(find).first()
    if row is None:
        connection.execute(insert(connection, buckets).values(name=name).on_conflict_do_nothing())
        row = connection.execute(find).one()
    return row
