"""How delivery gets on, at a glance; and a file of SQLite's that is not the one that was opened."""

from __future__ import annotations

import pytest
from correspondents import planner, subscribe
from simulated import Clock

from bot.errors import StoreUnreachable
from bot.store import pulse
from bot.store.store import Store

MONDAY = 1_795_424_400.0


@pytest.fixture
def clock():
    return Clock(MONDAY)


@pytest.fixture
def store(open_store, clock):
    return open_store(clock=clock)


def test_where_nothing_was_ever_posted_nothing_is_due(store):
    assert pulse.take(store) == pulse.Pulse({"pending": 0, "uncertain": 0, "dead": 0}, 0.0, 0)


def test_the_message_that_waits_longest_says_how_far_the_outbox_is_behind(store, clock):
    subscribe(store, "telegram:1", "slack:T1/C1")
    clock.now += 7 * 24 * 3600
    planner(store).plan()
    fresh = pulse.take(store)
    clock.now += 90
    waiting = pulse.take(store)

    assert (fresh.due, waiting.due) == (0, pytest.approx(90))
    assert waiting.counts["pending"] >= 2
    assert waiting.editions == 1


def test_what_is_not_due_yet_is_not_late(store, clock):
    subscribe(store, "telegram:1")
    clock.now += 7 * 24 * 3600
    planner(store).plan()
    clock.now -= 3600

    assert pulse.take(store).due == 0


# The file -------------------------------------------------------------------------------------------------------------


def noted(store):
    return store.memory.recall("name")


def made(path, name):
    store = Store.open(f"sqlite:///{path}")
    store.memory.remember("name", name)
    return store


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    store, other = made(tmp_path / "a.db", "a"), made(tmp_path / "b.db", "b")
    other.close()
    before = noted(store)
    (tmp_path / "b.db").replace(tmp_path / "a.db")
    for rest in ("a.db-wal", "a.db-shm"):
        (tmp_path / rest).unlink(missing_ok=True)
    after = noted(store)
    store.close()

    assert (before, after) == ("a", "b")


def test_a_file_that_is_gone_is_not_made_anew_and_found_when_it_is_back(tmp_path):
    file = tmp_path / "a.db"
    store = made(file, "a")
    store.database.engine.dispose()  # what was written is in the file, and no connection is left
    file.rename(tmp_path / "away.db")
    with pytest.raises(StoreUnreachable, match=r"a\.db is gone"):
        noted(store)
    made_anew = file.exists()
    (tmp_path / "away.db").rename(file)
    found = noted(store)
    store.close()

    assert not made_anew
    assert found == "a"


def test_a_file_that_is_deleted_under_an_open_connection_is_not_written_to(tmp_path):
    file = tmp_path / "a.db"
    store = made(file, "a")
    noted(store)
    file.unlink()
    with pytest.raises(StoreUnreachable, match=r"a\.db is gone"):
        store.memory.remember("name", "b")
    store.close()

    assert not file.exists()
