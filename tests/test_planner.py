"""Planning: one edition a chat and period, whatever the number of planners and the hour they come round."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from random import Random
from zoneinfo import ZoneInfo

import pytest
from correspondents import LIBRARY, Press, chat, planner, subscribe
from factories import digest, library
from simulated import Clock

from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.editions.schedule import parse_schedule
from bot.errors import ChatNotFound
from bot.store.notices import Notice
from bot.store.store import Store

HOUR = 3600.0
DAY = 24 * HOUR
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC).timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY - HOUR)


@pytest.fixture
def store(open_store, clock) -> Store:
    return open_store(clock=clock)


@pytest.fixture
def quick(clock) -> Store:
    """In memory: for what is about the planner and not about databases."""
    return Store.open(clock=clock)


def editions(store: Store) -> list[tuple[str, str]]:
    return [(row.chat, row.edition.partition("/")[2]) for row in store.ledger.rows() if row.part == 1]


def missed(store: Store, text: str = "telegram:1") -> tuple[str, str] | None:
    found = store.subscriptions.find(chat(text)).missed
    return None if found is None else (found.period, found.reason)


def test_nothing_is_planned_before_its_time_and_all_of_it_then(store, clock):
    subscribe(store, "telegram:1", "telegram:2", "slack:T1/C1", "file:out.jsonl")
    assert planner(store).plan().deliveries == 0

    clock.now = MONDAY
    planned = planner(store).plan()

    assert (planned.editions, planned.deliveries) == (1, 4)
    assert Counter(period for _, period in editions(store)) == {"2026-W48": 4}
    assert planner(store).plan().deliveries == 0


def test_chats_of_one_look_share_the_rendering(store, clock):
    press = Press(parts=3)
    subscribe(store, *(f"telegram:{n}" for n in range(1, 21)))
    subscribe(store, *(f"telegram:{n}" for n in range(21, 31)), format="full")
    subscribe(store, *(f"slack:T1/C{n}" for n in range(1, 6)), lang="en")
    clock.now = MONDAY

    assert planner(store, press).plan().deliveries == 35 * 3
    assert len(press.printed) == 3


def test_every_choice_that_shows_has_a_rendering_of_its_own_in_turn_and_out_of_turn(store, clock):
    press = Press()
    choices = ("preview", "silent", "pin")
    subscribe(store, "telegram:1", "telegram:2")
    for number, choice in enumerate(choices, 3):
        subscribe(store, f"telegram:{number}", f"telegram:-{number}", **{choice: True})
    clock.now = MONDAY
    due = planner(store, press).plan().deliveries
    posted = planner(store, press).post().deliveries
    looks = {frozenset(name for name in choices if getattr(look, name)) for _, look in press.printed}

    assert (due, posted) == (8, 8)
    assert looks == {frozenset(), *(frozenset({choice}) for choice in choices)}
    assert len(press.printed) == 2 * len(looks)


def test_a_chat_with_two_subscriptions_to_one_rotation_gets_its_edition_once(store, clock):
    subscribe(store, "telegram:1")
    subscribe(store, "telegram:1", name="again")
    subscribe(store, "telegram:1", name="otherwise", format="full")
    clock.now = MONDAY

    assert planner(store, Press(parts=2)).plan().deliveries == 2


def test_chats_with_other_topics_read_another_theme(quick, clock):
    subscribe(quick, "telegram:1", topics=("nlp",))
    subscribe(quick, "telegram:2", topics=("gnn",))
    subscribe(quick, "telegram:3", topics=("GNN ",))
    clock.now = MONDAY

    assert planner(quick).plan().editions == 2


def test_the_theme_changes_from_week_to_week_and_nothing_comes_twice(quick, clock):
    subscribe(quick, "telegram:1")
    for week in range(8):
        clock.now = MONDAY + week * 7 * DAY
        planner(quick).plan()
    rows = quick.planning.editions()
    items = [item[0] for row in rows for item in row.data["items"]]

    assert len(rows) == 8
    assert len(items) == len(set(items)) == 28


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_every_chat_has_every_period_exactly_once_however_many_plan(open_store, clock, processes):
    random = Random(processes)
    stores = [open_store(clock=clock) for _ in range(processes)]
    zones = ("UTC", "Asia/Shanghai", "America/Santiago", "Australia/Lord_Howe")
    schedules = ("daily 08:00", "mon 09:00", "mon,thu 18:30", "monthly 31 02:30")
    chats = [(zone, schedule) for zone in zones for schedule in schedules]
    for number, (zone, schedule) in enumerate(chats, 1):
        subscribe(stores[0], f"telegram:{number}", zone=ZoneInfo(zone), schedule=parse_schedule(schedule))
    planners = [planner(store) for store in stores]
    begin = clock.now
    while clock.now < begin + 21 * DAY:
        clock.now += random.uniform(1 * HOUR, 20 * HOUR)
        for one in random.sample(planners, len(planners)):
            one.plan()
    got = editions(stores[0])

    expected = set()
    for number, (zone, schedule) in enumerate(chats, 1):
        at, wanted = dt.datetime.fromtimestamp(begin, dt.UTC), parse_schedule(schedule)
        while (run := wanted.next_occurrence(at, ZoneInfo(zone))).at.timestamp() <= clock.now:
            expected.add((f"telegram:{number}", run.period))
            at = run.at
    assert len(got) == len(set(got))
    assert set(got) == expected


def test_a_process_that_was_down_over_the_time_posts_late_and_says_so(store, clock):
    press = Press()
    subscribe(store, "telegram:1")
    clock.now = MONDAY + 35.9 * HOUR

    assert planner(store, press).plan().deliveries == 1
    assert press.printed[0][1].late


def test_what_was_missed_by_more_than_36_hours_is_skipped_and_says_why(store, clock):
    subscribe(store, "telegram:1")
    clock.now = MONDAY + 36.1 * HOUR

    assert planner(store).plan().missed == 1
    assert editions(store) == []
    assert missed(store) == ("2026-W48", "too-late")
    clock.now = MONDAY + 7 * DAY
    assert planner(store).plan().deliveries == 1


def test_a_daily_digest_that_was_down_for_a_day_gets_its_editions_in_order(quick, clock):
    subscribe(quick, "telegram:1", schedule=parse_schedule("daily 09:00"))
    clock.now = MONDAY + 3 * DAY + HOUR

    planner(quick).plan()
    assert [period for _, period in editions(quick)] == ["2026-11-25", "2026-11-26"]
    assert missed(quick) == ("2026-11-24", "too-late")


def test_a_holiday_brings_nothing_and_says_why(quick, clock):
    closed = Library.build([digest({"ctr": ["A", "B"]})], DigestConfig(holidays=(dt.date(2026, 11, 23),)))
    subscribe(quick, "telegram:1")
    clock.now = MONDAY

    assert planner(quick, content=closed).plan().missed == 1
    assert missed(quick) == ("2026-W48", "holiday")


def test_a_digest_without_content_brings_nothing_and_says_so(quick, clock):
    subscribe(quick, "telegram:1")
    clock.now = MONDAY

    assert planner(quick, content=library({"GNN": []})).plan().missed == 1
    assert missed(quick) == ("2026-W48", "nothing")


def test_a_skipped_period_brings_nothing_and_the_next_one_does(store, clock):
    subscribe(store, "telegram:1")
    rotation = store.planning.rotation_of(chat("telegram:1")).id

    assert planner(store).skip(rotation, "2026-W48")
    clock.now = MONDAY
    assert planner(store).plan().missed == 1
    assert missed(store) == ("2026-W48", "skipped")
    clock.now = MONDAY + 7 * DAY
    assert planner(store).plan().deliveries == 1


def test_an_edition_that_is_out_cannot_be_skipped(quick, clock):
    subscribe(quick, "telegram:1")
    clock.now = MONDAY
    planner(quick).plan()

    assert not planner(quick).skip(quick.planning.rotation_of(chat("telegram:1")).id, "2026-W48")


def test_one_platform_s_bug_holds_up_its_own_chats_only_and_not_for_good(quick, clock, caplog):
    press = Press()
    press.broken = {"slack"}
    subscribe(quick, "telegram:1", "slack:T1/C1")
    clock.now = MONDAY

    assert planner(quick, press).plan().deliveries == 1
    assert "not rendered" in caplog.text
    press.broken = set()
    clock.now += 30
    assert planner(quick, press).plan().deliveries == 1


def test_what_came_in_since_the_last_edition_is_named_in_the_next(quick, clock):
    subscribe(quick, "telegram:1")
    quick.memory.notice_items(item.id for item in LIBRARY.items)
    clock.now = MONDAY
    planner(quick).plan()
    grown = library({"ctr": [*(f"ctr {n}" for n in range(1, 8)), "fresh"], "nlp": ["nlp 1", "nlp 2", "nlp 3"]})
    clock.now = MONDAY + DAY
    quick.memory.notice_items(item.id for item in grown.items)
    clock.now = MONDAY + 7 * DAY
    planner(quick, content=grown).plan()
    latest = quick.planning.editions(limit=1)[0]

    assert latest.data["theme"] == ["nlp"]
    assert [grown.item(one).title for one in latest.data["new"]] == ["fresh"]


def test_posting_with_a_key_posts_once_and_besides_the_schedule(store, clock):
    subscribe(store, "telegram:1", "telegram:2")
    theme = LIBRARY.find_topic("gnn")

    assert planner(store).post(theme=theme, key="k").deliveries == 2
    assert planner(store).post(theme=theme, key="k").deliveries == 0
    assert planner(store).post(theme=theme).deliveries == 2
    clock.now = MONDAY
    assert planner(store).plan().deliveries == 2
    assert store.planning.editions()[-1].data["theme"] == ["gnn"]


def test_posting_to_a_chat_leaves_the_others_alone(store):
    subscribe(store, "telegram:1", "telegram:-5/8", "telegram:-5")

    assert planner(store).post(to=[chat("telegram:-5/8")], key="k").deliveries == 1
    assert editions(store) == [("telegram:-5/8", "post/k")]


def test_posting_to_an_unknown_chat_names_it_and_posts_nothing(quick):
    subscribe(quick, "telegram:1")
    with pytest.raises(ChatNotFound, match="telegram:404"):
        planner(quick).post(to=[chat("telegram:1"), chat("telegram:404")])

    assert editions(quick) == []


def test_paused_and_suspended_chats_get_nothing(quick, clock):
    subscribe(quick, "telegram:1", "telegram:2", "telegram:3")
    quick.subscriptions.pause(chat("telegram:1"))
    quick.subscriptions.suspend(chat("telegram:2"), "kicked")
    clock.now = MONDAY
    planner(quick).plan()

    assert editions(quick) == [("telegram:3", "2026-W48")]


def test_an_unsubscribed_chat_gets_nothing_of_what_was_planned(store, clock):
    subscribe(store, "telegram:1", "telegram:2")
    clock.now = MONDAY
    planner(store).plan()
    store.subscriptions.remove(chat("telegram:1"))

    assert [(row.chat, row.state, row.reason) for row in store.ledger.rows()] == [
        ("telegram:1", "dead", "unsubscribed"),
        ("telegram:2", "pending", ""),
    ]


def test_notices_go_to_their_reader_once(store, clock):
    store.notices.add(Notice("a", "dead", data={"chat": "telegram:1"}), Notice("b", "gone", audience="telegram:9"))
    one = planner(store, curators=[chat("telegram:100"), chat("slack:T1/U1")])
    one.plan()
    one.plan()

    assert [(row.edition[:7], row.chat) for row in store.ledger.rows()] == [
        ("notice/", "telegram:100"),
        ("notice/", "slack:T1/U1"),
        ("notice/", "telegram:9"),
    ]
    assert store.notices.open() == ()


def test_a_planning_that_breaks_off_has_planned_nothing(store, clock, monkeypatch):
    subscribe(store, "telegram:1")
    clock.now = MONDAY

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("bot.store.planning.Desk.deliver", broken)
        with pytest.raises(KeyboardInterrupt):
            planner(store).plan()

    assert store.planning.editions() == ()
    assert planner(store).plan().deliveries == 1
