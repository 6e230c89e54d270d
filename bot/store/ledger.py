"""Looking back: the rows of the outbox as people ask for them, their sums, and what is old enough to go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, or_, select, update

from bot.chat.address import Address
from bot.store import tables
from bot.store.database import Database
from bot.store.settlement import Delivery, DeliveryState
from bot.store.sql import CHUNK
from bot.store.tables import IN_FLIGHT, SETTLED, UNSETTLED, WAITING, state_in

KEPT = 12 * 7 * 24 * 3600.0
"""Seconds for which settled deliveries, payloads and seen ids are kept."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one message of an edition, and when, if it was settled."""

    edition: int
    state: DeliveryState
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class Appeared:
    """An edition that reached somebody: what was composed, and when."""

    id: int
    rotation: int
    period: str
    data: Mapping[str, Any]
    at: float


class Ledger:
    """What became of every message. Editions and their counts stay when the messages are pruned."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, *, state: DeliveryState | None = None, edition: str | None = None) -> Iterator[Delivery]:
        """The ledger in the order of planning; *edition* is `rotation/period` or a period alone. Read in pieces."""
        last = 0
        while found := self._database.read(
            lambda c, last=last: c.execute(_listed(last, state, edition)).all()  # type: ignore[misc]
        ):
            yield from map(_delivery, found)
            last = found[-1].id

    def counts(self, edition: str | None = None) -> dict[str, int]:
        """How many stand in each state, those that were pruned among them."""
        return self._database.read(lambda c: _counts(c, edition))

    def unsettled(self) -> int:
        """How many are not settled, the uncertain left aside."""
        query = select(func.count()).where(state_in(tables.deliveries, UNSETTLED))
        return self._database.read(lambda c: int(c.execute(query).scalar_one()))

    def anything_to_send(self, platforms: Collection[str]) -> bool:
        """Whether anything of *platforms* is on its way, or can be when its time comes.

        That is neither a reply whose parent waits for an operator, nor what waits for a good token.
        """
        d, chats = tables.deliveries, tables.chats
        stopped = select(tables.buckets.c.name).where(tables.buckets.c.stopped != "")
        waits = and_(state_in(d, WAITING), d.c.parent_held.is_(False), chats.c.bucket.not_in(stopped))
        query = select(d.c.id).join_from(d, chats).where(d.c.platform.in_(list(platforms)))
        query = query.where(or_(state_in(d, IN_FLIGHT), waits)).limit(1)
        return self._database.read(lambda c: c.execute(query).first() is not None)

    def backlog(self, most: int = 10_000) -> dict[str, int]:
        """How many wait, are uncertain and are dead. None is counted beyond *most*: this is asked all the time."""
        d = tables.deliveries
        wanted = {"pending": UNSETTLED, "uncertain": ("uncertain",), "dead": ("dead",)}
        queries = {
            name: select(func.count()).select_from(select(d.c.id).where(state_in(d, states)).limit(most).subquery())
            for name, states in wanted.items()
        }
        return self._database.read(lambda c: {name: int(c.execute(one).scalar_one()) for name, one in queries.items()})

    def at(self, chat: Address, editions: Collection[int]) -> tuple[Settled, ...]:
        """What became of *editions* in one chat, the latest first."""
        d, c = tables.deliveries, tables.chats
        query = select(d.c.edition_id, d.c.state, d.c.reason, d.c.settled_at).join_from(d, c)
        query = query.where(c.c.place == chat.place, d.c.thread == chat.thread, d.c.edition_id.in_(list(editions)))
        rows = self._database.read(lambda connection: connection.execute(query.order_by(d.c.id.desc())).all())
        return tuple(Settled(*row) for row in rows)

    def appeared(self, known: Collection[int] = (), most: int = 2000) -> tuple[Appeared, ...]:
        """The editions of which a message was sent, the latest first; without the *known* ones, which stay what they
        are.
        """
        e, d = tables.editions, tables.deliveries
        sent = select(d.c.id).where(d.c.edition_id == e.c.id, state_in(d, ("sent",))).exists()
        query = select(e.c.id, e.c.rotation_id, e.c.period, e.c.data, e.c.created_at)
        query = query.where(e.c.skipped == "", e.c.id.not_in(list(known)), or_(e.c.sent > 0, sent))
        rows = self._database.read(lambda c: c.execute(query.order_by(e.c.id.desc()).limit(most)).all())
        return tuple(Appeared(*row) for row in rows)

    def prune(self, kept: float = KEPT) -> int:
        """Forget what was settled longer ago, a piece at a time so that nobody waits; how many messages."""
        forgotten = 0
        while pruned := self._database.write(lambda c: _prune(c, self._database.now(c) - kept)):
            forgotten += pruned
        self._database.write(lambda c: _prune_rest(c, self._database.now(c) - kept))
        return forgotten


def _listed(last: int, state: str | None, edition: str | None) -> Select[Any]:
    d, e = tables.deliveries, tables.editions
    query = select(d, tables.chats.c.place, e.c.rotation_id, e.c.period)
    query = query.join_from(d, tables.chats).outerjoin(e, e.c.id == d.c.edition_id).where(d.c.id > last)
    if state is not None:
        query = query.where(d.c.state == state)
    if edition is not None:
        query = query.where(_is_edition(edition))
    return query.order_by(d.c.id).limit(CHUNK)


def _is_edition(name: str) -> Any:
    e = tables.editions.c
    rotation, _, period = name.partition("/")
    if rotation.isdigit() and period:
        return (e.rotation_id == int(rotation)) & (e.period == period)
    return or_(e.period == name)


def _delivery(row: Row[Any]) -> Delivery:
    edition = f"notice/{row.notice_id}" if row.edition_id is None else f"{row.rotation_id}/{row.period}"
    chat = f"{row.place}/{row.thread}" if row.thread else row.place
    return Delivery(row.id, edition, chat, row.part, row.state, row.attempts, row.reason, row.message_id,
                    row.not_before, row.doubtful)  # fmt: skip


def _counts(connection: Connection, edition: str | None) -> dict[str, int]:
    d, e = tables.deliveries, tables.editions
    live = select(d.c.state, func.count()).outerjoin(e, e.c.id == d.c.edition_id).group_by(d.c.state)
    past = select(func.coalesce(func.sum(e.c.sent), 0), func.coalesce(func.sum(e.c.dead), 0))
    if edition is not None:
        live, past = live.where(_is_edition(edition)), past.where(_is_edition(edition))
    counts = Counter({row[0]: row[1] for row in connection.execute(live)})
    sent, dead = connection.execute(past).one()
    counts.update({"sent": sent, "dead": dead})
    return {state: number for state, number in counts.items() if number}


def _prune(connection: Connection, before: float) -> int:
    d, e = tables.deliveries, tables.editions
    old = select(d.c.id).where(state_in(d, SETTLED), d.c.settled_at < before).limit(CHUNK)
    gone = connection.execute(delete(d).where(d.c.id.in_(old)).returning(d.c.edition_id, d.c.state)).all()
    for (edition, state), number in Counter((row.edition_id, row.state) for row in gone).items():
        counted = {state: getattr(e.c, state) + number}
        connection.execute(update(e).where(e.c.id == edition).values(counted))
    return len(gone)


def _prune_rest(connection: Connection, before: float) -> None:
    """Renderings that nobody waits for, and what is older than anything it could match."""
    r, p, d, e, n = tables.renderings, tables.payloads, tables.deliveries, tables.editions, tables.notices
    used = select(d.c.id).where(d.c.rendering_id == r.c.id).exists()
    born = func.coalesce(
        select(e.c.created_at).where(e.c.id == r.c.edition_id).scalar_subquery(),
        select(n.c.created_at).where(n.c.id == r.c.notice_id).scalar_subquery(),
    )
    unused = select(r.c.id).where(~used, born < before)
    connection.execute(delete(p).where(p.c.rendering_id.in_(unused)))
    bare = ~select(p.c.part).where(p.c.rendering_id == r.c.id).exists()
    connection.execute(delete(r).where(~used, born < before, bare))
    connection.execute(delete(tables.seen).where(tables.seen.c.at < before))
