"""The small things that are remembered, on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
from simulated import Clock

from bot.chat.address import parse_address
from bot.store.notices import Notice

DAY = dt.date(2026, 11, 23)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(open_store, clock):
    return open_store(clock=clock).memory


def test_an_update_is_new_once(memory):
    assert [memory.is_new("telegram:1"), memory.is_new("telegram:1"), memory.is_new("telegram:2")] == [
        True,
        False,
        True,
    ]


def test_commands_are_counted_by_day_and_platform(memory):
    for platform in ("telegram", "telegram", "slack"):
        memory.count("topic", platform, DAY)

    assert memory.counts() == (("2026-11-23", "slack", "topic", 1), ("2026-11-23", "telegram", "topic", 2))


def test_what_was_asked_in_vain_is_listed_by_how_often(memory):
    for query in ("GNN", "bandit", " gnn"):
        memory.miss(query)

    assert memory.misses() == (("gnn", 2), ("bandit", 1))


def test_what_was_there_at_the_beginning_is_no_news(memory, clock):
    assert memory.watched_since() is None
    assert memory.notice_items(["a", "b"]) == 0
    clock.now += 60
    assert memory.notice_items(["a", "b", "c"]) == 1
    assert memory.notice_items(["a", "b", "c"]) == 0

    assert [item for item, _ in memory.news()] == ["c"]
    assert memory.watched_since().timestamp() == clock.now - 60


def test_a_lease_is_one_process_s_until_it_lapses_or_is_given_up(memory, clock):
    assert memory.lease("poll", "a")
    assert not memory.lease("poll", "b")
    clock.now += 20
    assert memory.lease("poll", "a")
    clock.now += 31
    assert memory.lease("poll", "b")
    memory.give_up("poll", "b")
    assert memory.lease("poll", "a")


def test_a_clock_set_back_by_a_year_does_not_leave_a_lease_for_a_year(memory, clock):
    assert memory.lease("poll", "a")
    clock.now -= 365 * 86400

    assert memory.lease("poll", "b")


def test_a_chat_s_language_needs_no_subscription(memory):
    chat = parse_address("telegram:7")
    memory.set_language(chat, "zh")
    assert memory.language(chat) == "zh"

    memory.set_language(chat, None)
    assert memory.language(chat) is None


def test_anything_that_json_holds_is_remembered(memory):
    memory.remember("menus", {"zh": [1, 2]})
    memory.remember("menus", {"zh": [3]})

    assert memory.recall("menus") == {"zh": [3]}
    assert memory.recall("nothing") is None


def test_a_notice_is_told_once(open_store):
    store = open_store()
    store.notices.add(Notice("dead/1", "dead", data={"chat": "telegram:7"}))
    store.notices.add(Notice("dead/1", "dead", data={"chat": "telegram:8"}))

    assert [notice.data for notice in store.notices.open()] == [{"chat": "telegram:7"}]
