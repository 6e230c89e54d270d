"""What somebody has to be told in private, each thing once. A notice is posted through the outbox, like an edition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from bot.store import tables
from bot.store.database import Database
from bot.store.sql import insert

CURATORS = "curators"
OWNER = "owner"
"""Who subscribed the chat in question, else the curators; it is found out when the notice is written down."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell: *key* makes it once, *audience* is a person (`telegram:7`) or `curators`.

    *kind* names the sentence that `chat` puts it into, *data* what is filled in.
    """

    key: str
    kind: str
    audience: str = CURATORS
    data: Mapping[str, str] = field(default_factory=dict)


class Notices:
    """Things to tell. They are kept as long as their key has to be remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *notices: Notice) -> None:
        """Have these told, unless they were."""
        self._database.write(lambda c: add_notices(c, notices, self._database.now(c)))

    def open(self) -> tuple[Notice, ...]:
        """What nobody was told yet."""
        rows = tables.notices.c
        query = select(tables.notices).where(rows.posted_at == 0).order_by(rows.id)
        found = self._database.read(lambda c: c.execute(query).all())
        return tuple(Notice(row.key, row.kind, row.audience, row.data) for row in found)


def add_notices(connection: Connection, notices: Iterable[Notice], now: float) -> None:
    """The same within a transaction that is under way."""
    rows = [
        {"key": n.key, "kind": n.kind, "audience": n.audience, "data": dict(n.data), "created_at": now} for n in notices
    ]
    if rows:
        connection.execute(insert(connection, tables.notices).on_conflict_do_nothing(), rows)
