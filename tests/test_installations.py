"""Where the bot is installed: one token a workspace, and what waits there while there is none. On both databases."""

from __future__ import annotations

import pytest
from correspondents import planner, subscribe
from simulated import Clock

from bot.delivery.pace import rates
from bot.store.installations import EPOCH, UNINSTALLED
from bot.store.outbox import OutboxRows
from bot.store.store import Store
from bot.store.subscriptions import moment

NOW = 1_800_000_000.5
TOKEN = "xoxb-1-S3CR3T"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def store(open_store, clock) -> Store:
    return open_store(clock=clock)


@pytest.fixture
def book(store):
    return store.installations


def stop(store: Store, bucket: str) -> None:
    """As a refused token does."""
    from bot.store import buckets

    store.database.write(lambda c: buckets.stop(c, bucket, "200 token_revoked"))


def claimed(store: Store) -> list[str]:
    rows = OutboxRows(store.database).claim("me", "slack", rates()["slack"], 10)
    store.outbox.release(rows)
    return sorted(str(row.chat) for row in rows)


def test_what_was_saved_is_found_by_its_workspace(book):
    book.save(
        "T1", TOKEN, enterprise="E1", bot_user="U9", scopes=("commands", "chat:write"), installed_by="slack:T1/U1"
    )
    found = book.find("T1")

    assert (found.team, found.token, found.enterprise, found.bot_user) == ("T1", TOKEN, "E1", "U9")
    assert found.scopes == ("commands", "chat:write")
    assert (found.installed_by, found.installed_at) == ("slack:T1/U1", moment(NOW))
    assert book.find("T2") is None


def test_a_new_installation_takes_the_old_one_s_place(book, clock):
    book.save("T1", TOKEN, bot_user="U8", installed_by="slack:T1/U1")
    clock.now += 60
    book.save("T1", "xoxb-2", bot_user="U9")
    found = book.find("T1")

    assert (found.token, found.bot_user, found.installed_by) == ("xoxb-2", "U9", "")
    assert found.installed_at == moment(NOW + 60)


def test_who_has_no_workspace_in_their_address_is_in_the_one_that_was_first(book, clock):
    assert book.find("") is None

    book.save("T2", "xoxb-2")
    clock.now += 60
    book.save("T1", "xoxb-1")
    assert book.find("").team == "T2"


def test_the_token_is_in_no_repr(book):
    book.save("T1", TOKEN)

    assert TOKEN not in repr(book.find("T1"))
    assert book.find("T1").installed_at != EPOCH


def test_where_it_was_thrown_out_its_token_is_deleted_and_messages_wait(store, book):
    subscribe(store, "slack:T1/C1", "slack:T2/C2")
    book.save("T1", TOKEN)
    book.save("T2", "xoxb-2")
    planner(store).post(key="k")

    assert book.forget("T1")
    assert book.find("T1") is None
    assert store.outbox.closed() == {"slack:T1": UNINSTALLED}
    assert claimed(store) == ["slack:T2/C2"]
    assert store.ledger.counts() == {"pending": 2}
    assert [one.state for one in store.subscriptions.all()] == ["active", "active"]


def test_an_installation_lets_go_on_what_waited(store, book):
    subscribe(store, "slack:T1/C1")
    book.save("T1", TOKEN)
    planner(store).post(key="k")
    book.forget("T1")
    assert claimed(store) == []

    book.save("T1", "xoxb-2")
    assert claimed(store) == ["slack:T1/C1"]


def test_curators_hear_again_what_a_workspace_was_stopped_for(store, book):
    for bucket in ("slack:T1", "slack:U1", "slack:W1", "slack:T2", "telegram"):
        stop(store, bucket)
    book.save("T1", TOKEN)

    assert set(store.outbox.closed()) == {"slack:T2", "telegram"}


def test_an_event_that_comes_late_takes_no_younger_installation(store, book):
    book.save("T1", TOKEN)

    assert not book.forget("T1", before=NOW - 2)
    assert book.find("T1").token == TOKEN
    assert store.outbox.closed() == {}
    assert book.forget("T1", before=int(NOW))


def test_what_was_never_installed_is_not_stopped(store, book):
    assert not book.forget("T1")
    assert store.outbox.closed() == {}


def test_those_that_are_stopped_are_found_and_opened_again(store, book):
    for team in ("T1", "T2", "T3"):
        book.save(team, f"xoxb-{team}")
    for bucket in ("slack:T1", "slack:T3", "slack:T4"):
        stop(store, bucket)
    assert [one.team for one in book.stopped()] == ["T1", "T3"]
    assert [one.team for one in book.stopped(limit=1)] == ["T1"]

    book.reopen("T1")
    assert [one.team for one in book.stopped()] == ["T3"]


def test_a_person_who_wants_to_be_forgotten_installed_nothing(store, book):
    book.save("T1", TOKEN, installed_by="slack:T1/U1")
    book.save("T2", "xoxb-2", installed_by="slack:T2/U2")

    assert store.memory.forget("slack:T1/U1") == 1
    assert [book.find(team).installed_by for team in ("T1", "T2")] == ["", "slack:T2/U2"]
