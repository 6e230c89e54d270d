"""Subscriptions as they are kept, on both databases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from simulated import Clock

from bot.chat.address import parse_address
from bot.editions.schedule import parse_schedule
from bot.store.store import Store
from bot.store.subscriptions import Subscriber, moment

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC).timestamp()


def subscriber(chat: str = "telegram:7", **fields: object) -> Subscriber:
    return Subscriber(parse_address(chat), **fields)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY - 3600)


@pytest.fixture
def store(open_store, clock) -> Store:
    return open_store(clock=clock)


def test_what_was_chosen_comes_back_as_it_was(store, clock):
    chosen = subscriber(
        "telegram:-100123/45",
        name="daily",
        topics=("nlp", "ctr"),
        schedule=parse_schedule("daily 08:00"),
        zone=SHANGHAI,
        format="full",
        lang="zh",
        items=3,
        preview=True,
        silent=True,
        pin=True,
        owner="telegram:9",
    )

    store.subscriptions.put([chosen])
    found = store.subscriptions.find(chosen.chat, "daily")

    assert replace(found, since=None, next_run=None) == chosen
    assert found.since == moment(clock.now)
    assert found.next_run == dt.datetime(2026, 11, 24, 8, 0, tzinfo=SHANGHAI)


def test_chat_and_name_identify_a_subscription(store):
    store.subscriptions.put([subscriber(format="compact"), subscriber(name="daily"), subscriber(format="full")])

    assert [(one.name, one.format) for one in store.subscriptions.of(parse_address("telegram:7"))] == [
        ("daily", "normal"),
        ("weekly", "full"),
    ]


def test_a_change_of_format_moves_no_time_but_one_of_schedule_does(store, clock):
    before = store.subscriptions.add(subscriber())
    clock.now += 1800
    same = store.subscriptions.add(subscriber(format="full"))
    changed = store.subscriptions.add(subscriber(schedule=parse_schedule("mon 08:00")))

    assert (same.since, same.next_run) == (before.since, before.next_run)
    assert changed.since == moment(clock.now)
    assert changed.next_run == moment(MONDAY + 7 * 86400 - 3600)


def test_every_switch_is_off_until_it_is_turned_on_and_can_be_turned_off_again(store):
    before = store.subscriptions.add(subscriber())
    on = store.subscriptions.add(replace(before, preview=True, silent=True, pin=True))
    off = store.subscriptions.add(replace(on, preview=False, pin=False))

    assert (before.preview, before.silent, before.pin) == (False, False, False)
    assert (on.preview, on.silent, on.pin) == (True, True, True)
    assert (off.preview, off.silent, off.pin) == (False, True, False)


def test_pausing_and_resuming_owes_nothing_for_the_time_between(store, clock):
    chat = parse_address("telegram:7")
    store.subscriptions.add(subscriber())
    store.subscriptions.pause(chat)
    clock.now += 7 * 86400

    assert store.subscriptions.find(chat).next_run is None
    assert not store.planning.is_due()
    assert store.subscriptions.resume(chat) == 1
    assert store.subscriptions.find(chat).next_run == moment(MONDAY + 7 * 86400)


def test_a_suspended_place_keeps_its_settings_until_it_wakes(store):
    for chat in ("telegram:-5", "telegram:-5/8", "telegram:-6"):
        store.subscriptions.add(subscriber(chat, format="full"))

    assert store.subscriptions.suspend(parse_address("telegram:-5"), "bot was kicked") == 2
    found = store.subscriptions.find(parse_address("telegram:-5/8"))
    assert (found.state, found.reason, found.format) == ("suspended", "bot was kicked", "full")
    assert store.subscriptions.count() == {"suspended": 2, "active": 1}
    assert store.subscriptions.wake(parse_address("telegram:-5")) == 2
    assert store.subscriptions.count() == {"active": 3}


def test_resuming_does_not_wake_what_the_platform_suspended(store):
    chat = parse_address("telegram:-5")
    store.subscriptions.add(subscriber("telegram:-5"))
    store.subscriptions.suspend(chat, "bot was kicked")

    assert store.subscriptions.resume(chat) == 0


def test_a_migrated_chat_keeps_its_subscriptions(store):
    store.subscriptions.add(subscriber("telegram:-5", format="full"))
    store.subscriptions.migrate("telegram:-5", "telegram:-1005")

    assert store.subscriptions.of(parse_address("telegram:-5")) == ()
    assert store.subscriptions.find(parse_address("telegram:-1005")).format == "full"


def test_a_chat_that_migrates_to_a_known_one_becomes_one_with_it(store):
    store.subscriptions.add(subscriber("telegram:-5", format="full"))
    store.subscriptions.add(subscriber("telegram:-5", name="daily"))
    store.subscriptions.add(subscriber("telegram:-1005", format="compact"))
    store.subscriptions.migrate("telegram:-5", "telegram:-1005")

    assert [(one.name, one.format) for one in store.subscriptions.of(parse_address("telegram:-1005"))] == [
        ("daily", "normal"),
        ("weekly", "compact"),
    ]


def test_thousands_of_subscriptions_stream_in_and_out(store):
    written = store.subscriptions.put(subscriber(f"telegram:{n}") for n in range(1, 2502))

    assert written == 2501
    assert [one.chat.id for one in store.subscriptions.all()] == [str(n) for n in range(1, 2502)]


def test_removing_takes_one_name_or_all(store):
    chat = parse_address("telegram:7")
    store.subscriptions.put([subscriber(), subscriber(name="daily"), subscriber(name="third")])

    assert store.subscriptions.remove(chat, "daily") == 1
    assert store.subscriptions.remove(chat) == 2
    assert store.subscriptions.remove(chat) == 0


def test_forgetting_a_person_leaves_the_chat_its_subscription(store):
    store.subscriptions.add(subscriber(owner="telegram:9"))

    assert store.memory.forget("telegram:9") == 1
    assert store.subscriptions.find(parse_address("telegram:7")).owner == ""
