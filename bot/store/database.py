"""One connection after another to SQLite or PostgreSQL: transactions that outlive a cut connection, and one clock.

What is handed to `read` and `write` may run more than once, also after a commit whose answer was lost: it has to be
such that a second time changes nothing (ON CONFLICT, fenced updates).
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Double, Engine, create_engine, event, exc, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool
from sqlalchemy.sql.functions import FunctionElement

from bot.errors import StoreError, StoreFull, StoreReadOnly, StoreUnreachable

logger = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[Connection], T]

PATIENCE = 15.0
"""Seconds for which one call tries to get through to a database that was cut or is busy."""

BUSY = 10.0
"""Seconds that SQLite waits for another process's transaction."""


class Clock(FunctionElement[float]):
    """The database's own time. It alone decides about leases: the clocks of several machines never agree."""

    type = Double()
    inherit_cache = True


@compiles(Clock, "sqlite")
def _sqlite_clock(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"  # unixepoch('subsec') is younger than many a SQLite


@compiles(Clock, "postgresql")
def _postgresql_clock(*_: Any, **__: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::double precision"


_NOW = select(Clock())


class Database:
    """Runs work in transactions. *clock* takes the place of the database's own in tests; *sleep* of waiting."""

    def __init__(
        self,
        url: str | URL,
        *,
        clock: Callable[[], float] | None = None,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = make_url(url)
        self.engine = _engine(self.url)
        self._clock = clock
        self._patience = patience
        self._sleep = sleep
        # One connection is all there is of a database in memory, so threads take turns.
        self._turn = RLock() if isinstance(self.engine.pool, StaticPool) else None

    @property
    def is_postgresql(self) -> bool:
        return self.url.get_backend_name() == "postgresql"

    def now(self, connection: Connection) -> float:
        """Seconds since 1970, by the database's clock."""
        if self._clock is not None:
            return self._clock()
        return float(connection.execute(_NOW).scalar_one())

    def read(self, work: Work[T]) -> T:
        """Run *work* and keep nothing of what it changes."""
        return self._persevere(work, writing=False)

    def write(self, work: Work[T]) -> T:
        """Run *work* in one transaction, all or nothing. Raises StoreError where that cannot be."""
        return self._persevere(work, writing=True)

    def close(self) -> None:
        """Give every connection back. Who still asks in another thread has had their turn, or finds nothing there."""
        with self._turn or nullcontext():
            self.engine.dispose()

    def _persevere(self, work: Work[T], *, writing: bool) -> T:
        try:
            return self._once(work, writing=writing)  # nearly always enough, and cheaper than to prepare for more
        except (exc.DBAPIError, sqlite3.Error) as error:
            if not passes(error):
                raise understood(error) from error
        return self._again(work, writing=writing)

    def _again(self, work: Work[T], *, writing: bool) -> T:
        import tenacity

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(passes),
            stop=tenacity.stop_after_delay(self._patience),
            wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
            sleep=self._sleep,
            before_sleep=lambda state: logger.warning("database retried attempt=%s", state.attempt_number),
            reraise=True,
        )
        try:
            return cast("T", retrying(self._once, work, writing=writing))
        except (exc.DBAPIError, sqlite3.Error) as error:
            raise understood(error) from error

    def _once(self, work: Work[T], *, writing: bool) -> T:
        if self._turn is not None:
            with self._turn:
                return self._transaction(work, writing=writing)
        return self._transaction(work, writing=writing)

    def _transaction(self, work: Work[T], *, writing: bool) -> T:
        with self.engine.connect().execution_options(writing=writing, preserve_rowcount=True) as connection:
            if not writing:
                return work(connection)
            with connection.begin():
                return work(connection)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        # A server that vanished without a word is noticed in seconds, not in the hours that TCP allows.
        patience = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "tcp_user_timeout": 15000}
        return create_engine(url, pool_pre_ping=True, pool_size=8, connect_args=patience)
    if url.database in (None, "", ":memory:"):
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        assert url.database
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnreachable(f"{folder} cannot be made: {error.strerror}") from error
        engine = create_engine(url, connect_args={"timeout": BUSY, "check_same_thread": False})
        if "uri" not in url.query:  # then it is a path, and no address with options for SQLite
            _follow(Path(url.database).absolute(), engine)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _follow(file: Path, engine: Engine) -> None:
    """Use no connection to a file that was deleted or replaced. It could be written to as before, and everything in it
    would be lost at the end; and where it is gone, SQLite would make an empty one.
    """
    known = False

    def connecting(*_: object) -> None:
        if known:
            _inode(file)

    def connected(_: object, record: ConnectionPoolEntry) -> None:
        nonlocal known
        known, record.info["inode"] = True, _inode(file)

    def taken(_: object, record: ConnectionPoolEntry, __: object) -> None:
        if record.info["inode"] != _inode(file):
            raise exc.DisconnectionError

    event.listen(engine, "do_connect", connecting)
    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", taken)


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except OSError as error:
        raise StoreUnreachable(f"{file} is gone: {error.strerror}") from error


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late and be too weak
    cursor = connection.cursor()
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and then writes can fail for good where another wrote in between.
    writing = connection.get_execution_options().get("writing", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


# What went wrong ------------------------------------------------------------------------------------------------------


def passes(error: BaseException) -> bool:
    """Whether trying again may help: the connection was cut, the server is down, another transaction was in the way."""
    if isinstance(error, exc.DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or (state and (state[:2] in ("08", "40", "55") or state == "53300")):
            return True
        if state is not None:
            return bool(state.startswith("57P"))
        if isinstance(error.orig, sqlite3.Error):
            return _is_busy(error.orig)
        return isinstance(error, exc.OperationalError | exc.InterfaceError)
    return isinstance(error, sqlite3.Error) and _is_busy(error)


def _is_busy(error: sqlite3.Error) -> bool:
    return bool(re.search(r"locked|busy", str(error)))


def understood(error: exc.DBAPIError | sqlite3.Error) -> StoreError:
    """*error* as a sentence. It repeats neither the statement nor its values, which may hold what people wrote."""
    origin = error.orig if isinstance(error, exc.DBAPIError) else error
    reason = str(origin).strip().split("\n")[0]
    state = getattr(origin, "sqlstate", None)
    if state == "25006" or re.search(r"readonly|read-only|unable to open database", reason):
        return StoreReadOnly(reason)
    no_room = getattr(origin, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE"  # for what connections share
    if state == "53100" or no_room or re.search(r"database or disk is full|No space left", reason):
        return StoreFull(reason)
    if passes(error):
        return StoreUnreachable(reason)
    return StoreError(reason)
