"""The store: everything that is remembered, by subject, over one database."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

from sqlalchemy import Connection, delete

from bot.store import schema, tables
from bot.store.database import PATIENCE, Database
from bot.store.installations import Installations
from bot.store.ledger import Ledger
from bot.store.memory import Memory
from bot.store.notices import Notices
from bot.store.outbox import OutboxRows
from bot.store.planning import Planning
from bot.store.sql import insert
from bot.store.subscriptions import Subscriptions, moment


class Store:
    """What is remembered. Open one with `open`; every method may be called from any thread, and raises StoreError.

    *subscriptions*: which chats want editions. *planning*: editions and who is due. *outbox*: claim, begin, settle.
    *ledger*: what became of the messages. *notices*: what to tell whom. *installations*: the workspaces
    that allowed the bot in. *memory*: the small things.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.subscriptions = Subscriptions(database)
        self.planning = Planning(database)
        self.outbox = OutboxRows(database)
        self.ledger = Ledger(database)
        self.notices = Notices(database)
        self.installations = Installations(database)
        self.memory = Memory(database)

    @classmethod
    def open(
        cls,
        url: str = "sqlite://",
        *,
        upgrade: bool | None = None,
        clock: Callable[[], float] | None = None,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Store:
        """The store at *url*, in SQLAlchemy's spelling; `sqlite://` is one in memory.

        *upgrade*: make or change its tables; None: on SQLite only. Raises StoreError, StoreBehind where they are not
        those of this version.
        """
        database = Database(url, clock=clock, patience=patience, sleep=sleep)
        try:
            if upgrade or (upgrade is None and not database.is_postgresql):
                schema.upgrade(database)
            else:
                schema.check(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def now(self) -> dt.datetime:
        """The time, by the database's clock: what all processes agree on."""
        return moment(self.database.read(self.database.now))

    def try_writing(self) -> None:
        """Write something and take it back, all of it to the disk. Raises StoreError where that cannot be."""
        mark = {"key": "doctor", "value": None}

        def write(connection: Connection) -> None:
            connection.execute(insert(connection, tables.meta).values(mark).on_conflict_do_nothing())
            connection.execute(delete(tables.meta).where(tables.meta.c.key == mark["key"]))

        self.database.write(write)

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()
