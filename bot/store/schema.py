"""Bring the tables up to date: made at once from nothing, migrated from any earlier version. Two processes at once are
safe.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, exc, text

from bot.errors import StoreBehind
from bot.store.database import Database
from bot.store.tables import HEAD, WHERE, metadata

logger = logging.getLogger(__name__)

alembic_version = Table(
    "alembic_version", MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)  # fmt: skip
"""Where Alembic keeps which migration a database stands at, as Alembic itself makes it."""

_LOCK = 0x68656A69  # "heji": whoever upgrades PostgreSQL holds this advisory lock


def version(database: Database) -> str | None:
    """The migration that the database stands at; None for an empty one."""
    return database.read(_version)


def upgrade(database: Database) -> bool:
    """Make or change the tables where needed, in one transaction; whether anything was to do."""
    return version(database) != HEAD and database.write(lambda connection: _upgrade(database, connection))


def check(database: Database) -> None:
    """Raise StoreBehind unless the tables are those of this version."""
    if (found := version(database)) != HEAD:
        raise StoreBehind("it is empty" if found is None else f"it is at {found}, wanted is {HEAD}")


def _version(connection: Connection) -> str | None:
    try:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except (exc.OperationalError, exc.ProgrammingError) as error:
        if "no such table" in str(error.orig) or getattr(error.orig, "sqlstate", None) == "42P01":
            return None
        raise


def _upgrade(database: Database, connection: Connection) -> bool:
    if database.is_postgresql:  # SQLite is locked already: every transaction that writes begins IMMEDIATE
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        behind = connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None
        found = None if behind else _version(connection)
    else:
        found = _version(connection)
    if found == HEAD:  # another process was quicker
        return False
    if found is None:
        _make(connection)
    else:
        migrate(connection, found)
    logger.info("database upgraded from=%s to=%s", found, HEAD)
    return True


def _make(connection: Connection) -> None:
    """All tables at once, as all migrations would leave them: a first start need not wait for Alembic."""
    for index in (index for table in metadata.sorted_tables for index in table.indexes if WHERE in index.info):
        index.dialect_kwargs[f"{connection.dialect.name}_where"] = index.info[WHERE]
    metadata.create_all(connection, checkfirst=False)
    alembic_version.create(connection)
    connection.execute(alembic_version.insert(), {"version_num": HEAD})


def migrate(connection: Connection, found: str | None) -> None:
    """Run the migrations that come after *found*. Raises StoreBehind where that is none of ours."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        ScriptDirectory.from_config(config).get_revision(found or HEAD)
    except CommandError as error:
        raise StoreBehind(f"it is at {found}, which this version does not know: run a newer heji") from error
    command.upgrade(config, HEAD)
