"""What holds for every test: nobody's own settings get in, and missing programs are said aloud."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from postgresql import Cluster, programs

from bot.digest.pinyin import Reading
from bot.settings import Settings
from bot.store.store import Store


def pytest_configure() -> None:
    for name in Settings.variables():
        os.environ.pop(name, None)  # a developer's own token must never reach a test
    # No deadlines: the machine may be busy. In CI always the same examples: what lands does not hang on luck.
    hypothesis.settings.register_profile("heji", deadline=None, derandomize=bool(os.environ.get("CI")))
    hypothesis.settings.load_profile("heji")


@pytest.fixture(scope="session")
def requires_program() -> Callable[[str], str]:
    """Where a program is. A test that asks for a missing one is skipped, or fails where REQUIRE_ALL=1 (see .ci/run)."""

    def path(program: str) -> str:
        if found := shutil.which(program):
            return found
        _missing(program)
        raise AssertionError

    return path


def _missing(program: str) -> None:
    reason = f"{program} is not installed"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"{reason}, and REQUIRE_ALL=1 wants every test", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def without_pinyin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinyin has tests of its own. Elsewhere, a process for each library that is searched takes most of the time."""
    monkeypatch.setattr(Reading, "start", lambda runs: Reading(runs, None, None))


# Databases ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of this test run's own, with the tables of this version in the database `template`."""
    where = programs()
    if where is None:
        _missing("postgresql")
        raise AssertionError
    cluster = Cluster(where)
    try:
        cluster.start()
        cluster.sql("CREATE DATABASE template")
        Store.open(cluster.url("template"), upgrade=True).close()
        yield cluster
    finally:
        cluster.remove()


_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind, with its tables: what the conformance suite runs on."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/heji.db"
        Store.open(url).close()
        return url
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"test{next(_numbers)}"
    cluster.sql(f"CREATE DATABASE {name} TEMPLATE template")
    return cluster.url(name)


@pytest.fixture
def open_store(database_url: str) -> Iterator[Callable[..., Store]]:
    """Opens the test's database as often as the test has processes."""
    stores: list[Store] = []

    def opened(**options: object) -> Store:
        stores.append(Store.open(database_url, sleep=lambda _: None, **options))  # type: ignore[arg-type]
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """The test's database, on its own clock."""
    return open_store()
