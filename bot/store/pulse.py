"""How the database and the delivery get on, at a glance: for the health of a process and for its figures.

Asked all the time, so nothing here reads a table from end to end: each question is answered by an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from bot.store import tables
from bot.store.store import Store
from bot.store.tables import WAITING, state_in

PLATFORMS = ("console", "file", "telegram", "slack")


@dataclass(frozen=True, slots=True)
class Pulse:
    """What waits, is uncertain and is dead (*counts*, each up to ten thousand); how long, in seconds, the message has
    been *due* that waits longest (0.0 where none does); how many *editions* there have been.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    due: float = 0.0
    editions: int = 0


def take(store: Store) -> Pulse:
    """The pulse of *store*. Raises StoreError where it has none."""
    database = store.database
    editions = select(func.count()).select_from(tables.editions).where(tables.editions.c.skipped == "")
    return Pulse(
        counts=store.ledger.backlog(),
        due=database.read(lambda c: _due(c, database.now(c))),
        editions=database.read(lambda c: int(c.execute(editions).scalar_one())),
    )


def _due(connection: Connection, now: float) -> float:
    d = tables.deliveries.c
    due = select(d.not_before).where(state_in(tables.deliveries, WAITING), d.not_before <= now)
    first = (due.where(d.platform == platform).order_by(d.not_before).limit(1) for platform in PLATFORMS)
    found = [moment for query in first if (moment := connection.execute(query).scalar()) is not None]
    return max(0.0, now - min(found)) if found else 0.0
