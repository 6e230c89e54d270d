"""The tables: made once whoever comes first, and migrations say the same as `tables`."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from bot.errors import StoreBehind, StoreError, StoreReadOnly
from bot.store import schema
from bot.store.database import Database
from bot.store.store import Store
from bot.store.tables import HEAD, metadata

ROOT = Path(__file__).parent.parent


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/er/heji.db"
    cluster = request.getfixturevalue("cluster")
    cluster.sql("DROP DATABASE IF EXISTS empty")
    cluster.sql("CREATE DATABASE empty")
    return cluster.url("empty")


def migrated(url: str) -> Database:
    """A database that went through every migration, as one does that has been there since the first version."""
    database = Database(url)
    database.write(lambda connection: schema.migrate(connection, None))
    return database


def test_the_migrations_make_the_tables_that_the_program_uses(empty_url):
    database = migrated(empty_url)
    with database.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    version = schema.version(database)
    database.close()

    assert (found, version) == ([], HEAD)


def test_a_new_database_has_the_very_tables_that_the_migrations_make():
    at_once, one_by_one = Store.open("sqlite://").database, migrated("sqlite://")
    made, migrations_made = definitions(at_once), definitions(one_by_one)
    for database in (at_once, one_by_one):
        database.close()

    assert {"deliveries", "alembic_version"} <= set(made)
    assert made == migrations_made


def test_a_new_postgresql_has_the_very_indexes_that_the_migrations_make(cluster):
    made = []
    for name, make in (("at_once", lambda url: Store.open(url, upgrade=True).database), ("one_by_one", migrated)):
        cluster.sql(f"DROP DATABASE IF EXISTS {name}")
        cluster.sql(f"CREATE DATABASE {name}")
        database = make(cluster.url(name))
        look = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
        made.append(dict(database.read(lambda connection, look=look: connection.execute(look).all())))
        database.close()

    assert " WHERE " in made[0]["ix_deliveries_waiting"]
    assert made[0] == made[1]


def test_a_database_in_a_file_loads_nothing_of_postgresql():
    script = "import sys; from bot.store.store import Store; Store.open('sqlite://').close(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "sqlalchemy.dialects.sqlite" in done.stdout.split()
    assert {"psycopg", "sqlalchemy.dialects.postgresql"} & set(done.stdout.split()) == set()


def definitions(database: Database) -> dict[str, list[str]]:
    """The words of every CREATE TABLE and CREATE INDEX: in which order constraints stand does not matter."""
    rows = database.read(lambda c: c.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql <> ''").all())
    return {name: sorted(re.findall(r"[^\s,()]+", sql)) for name, sql in rows}


def test_several_processes_that_upgrade_at_once_are_safe(empty_url):
    barrier = threading.Barrier(4)

    def upgrade(_: int) -> bool:
        database = Database(empty_url)
        barrier.wait()
        try:
            return schema.upgrade(database)
        finally:
            database.close()

    with ThreadPoolExecutor(4) as threads:
        upgraded = list(threads.map(upgrade, range(4)))

    assert sorted(upgraded) == [False, False, False, True]


def test_a_database_that_is_new_or_up_to_date_needs_no_alembic(tmp_path):
    opening = f"Store.open('sqlite:///{tmp_path}/heji.db').close(); "
    script = f"import sys; from bot.store.store import Store; {opening * 2}print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_shared_database_is_not_upgraded_behind_the_operator_s_back(cluster):
    cluster.sql("DROP DATABASE IF EXISTS untouched")
    cluster.sql("CREATE DATABASE untouched")

    with pytest.raises(StoreBehind, match="heji db upgrade"):
        Store.open(cluster.url("untouched"))


def test_a_database_of_a_newer_version_is_left_alone(empty_url):
    Store.open(empty_url, upgrade=True).close()
    database = Database(empty_url)
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")).rowcount)

    with pytest.raises(StoreBehind, match="9999"):
        schema.upgrade(database)
    assert schema.version(database) == "9999"
    database.close()


def test_sqlite_waits_for_others_and_syncs(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/heji.db")
    with store.database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    store.close()

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10_000, "foreign_keys": 1}


def test_a_connection_that_is_cut_is_made_anew(cluster):
    cluster.sql("DROP DATABASE IF EXISTS cut")
    cluster.sql("CREATE DATABASE cut TEMPLATE template")
    store = Store.open(cluster.url("cut"))
    store.memory.remember("a", 1)
    tried = []

    def work(connection: object) -> object:
        tried.append(1)
        if len(tried) == 1:
            cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cut'")
        return connection.execute(text("SELECT 7")).scalar()  # type: ignore[attr-defined]

    assert store.database.write(work) == 7
    assert len(tried) == 2
    store.close()


def test_a_folder_that_is_a_file_is_said_in_a_sentence(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot be reached"):
        Store.open(f"sqlite:///{tmp_path}/data/heji.db")


def test_a_database_that_may_not_be_written_is_said_in_a_sentence_and_goes_on_afterwards(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/heji.db")
    store.database.read(lambda c: c.exec_driver_sql("PRAGMA query_only=ON"))
    with pytest.raises(StoreReadOnly, match="the right to write"):
        store.memory.remember("a", 1)
    store.database.read(lambda c: c.exec_driver_sql("PRAGMA query_only=OFF"))

    store.memory.remember("a", 1)
    assert store.memory.recall("a") == 1
    store.close()


def test_a_server_that_is_not_there_is_said_in_a_sentence_without_the_password(tmp_path):
    with pytest.raises(StoreError, match="cannot be reached") as raised:
        Store.open(f"postgresql+psycopg://heji:secret@/x?host={tmp_path}", patience=0.01, sleep=lambda _: None)

    assert "secret" not in str(raised.value)
