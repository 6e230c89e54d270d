"""Schedules: how people write them, what a period is called, what daylight saving does, and what is owed when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.editions.schedule import (
    Due,
    PeriodError,
    Schedule,
    ScheduleError,
    Subscription,
    due,
    first_day,
    instant,
    parse_schedule,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def at(text: str, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone)


def subscription(text: str = "mon 09:00", since: str = "2026-11-01 00:00", **fields: object) -> Subscription:
    values = {"zone": SHANGHAI, **fields}
    return Subscription(parse_schedule(text), since=at(since, SHANGHAI), **values)  # type: ignore[arg-type]


# The grammar ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("mon 09:00", "mon 09:00"),
        ("mon,thu 18:30", "mon,thu 18:30"),
        ("daily 08:00", "daily 08:00"),
        ("monthly 1 09:00", "monthly 1 09:00"),
        ("monthly 31 0:00", "monthly 31 00:00"),
        ("  Monday   9:00 ", "mon 09:00"),
        ("THU, mon 18:30", "mon,thu 18:30"),
        ("sun sat 23:59", "sat,sun 23:59"),
        ("mon,Monday,周一 9:00", "mon 09:00"),
        ("every friday 9:00", "fri 09:00"),
        ("weekly tue 9:00", "tue 09:00"),
        ("every day 8:00", "daily 08:00"),
        ("mon,tue,wed,thu,fri,sat,sun 08:00", "daily 08:00"),
        ("ｍｏｎ　９：００", "mon 09:00"),
        ("周一 9：00", "mon 09:00"),
        ("周一9:00", "mon 09:00"),
        ("每周日 09:00", "sun 09:00"),
        ("星期天 9点", "sun 09:00"),
        ("礼拜三 21点30分", "wed 21:30"),
        ("周一、周四 18:30", "mon,thu 18:30"),
        ("每周二，每周五 18:30", "tue,fri 18:30"),
        ("每天 8:00", "daily 08:00"),
        ("每日08:00", "daily 08:00"),
        ("每月1日 9:00", "monthly 1 09:00"),
        ("每月 15 号 9:00", "monthly 15 09:00"),
    ],
)
def test_a_schedule_is_read_as_people_write_it(written: str, canonical: str) -> None:
    schedule = parse_schedule(written)

    assert str(schedule) == canonical
    assert parse_schedule(canonical) == schedule


@pytest.mark.parametrize(
    "text",
    [
        *("", "mon", "09:00", "25:00", "mon 25:00", "mon 24:00", "mon 09:60", "mon 9", "mon 9:0", "mon 009:00"),
        *("0 9 * * 1", "1 09:00", "0,3 09:00", "mon-09:00", "mond 09:00", "mon,xyz 09:00", "mon 09:00 Asia/Shanghai"),
        *("monthly 09:00", "monthly 0 09:00", "monthly 32 09:00", "monthly 109:00", "每月 9:00", "周八 9:00"),
        *("mon ٠٩:٠٠", "daily mon 09:00", "周 09:00", "*" * 5000),
    ],
)
def test_what_is_no_schedule_is_refused_with_its_text_and_a_cure(text: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_schedule(text)

    assert text[:59] in str(refused.value)
    assert "mon 09:00" in str(refused.value)
    assert len(str(refused.value)) < 300


@given(st.text(max_size=40) | st.from_regex(r"(mon|周一|monthly|daily)?[ ,:0-9]{0,12}"))
def test_no_text_breaks_the_reader_of_schedules(text: str) -> None:
    try:
        schedule = parse_schedule(text)
    except ScheduleError:
        return

    assert parse_schedule(str(schedule)) == schedule


# Periods --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "day", "period"),
    [
        ("mon 09:00", "2026-11-23", "2026-W48"),
        ("sun 09:00", "2026-11-29", "2026-W48"),
        ("thu 09:00", "2026-12-31", "2026-W53"),
        ("fri 09:00", "2027-01-01", "2026-W53"),
        ("mon 09:00", "2024-12-30", "2025-W01"),
        ("mon,thu 09:00", "2026-11-23", "2026-11-23"),
        ("daily 09:00", "2026-12-31", "2026-12-31"),
        ("monthly 31 09:00", "2026-12-31", "2026-12"),
    ],
)
def test_a_period_is_named_after_the_iso_week_the_day_or_the_month(schedule: str, day: str, period: str) -> None:
    named = parse_schedule(schedule).period_of(dt.date.fromisoformat(day))

    assert named == period
    assert first_day(named) <= dt.date.fromisoformat(day)


def test_a_month_too_short_for_its_day_takes_its_last_one() -> None:
    days = parse_schedule("monthly 31 09:00").days(dt.date(2027, 12, 1))

    assert [str(day) for day in islice(days, 4)] == ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"]


@pytest.mark.parametrize("text", ["2026-W54", "2027-W53", "2026-W00", "2026-13", "2026-02-30", "2026", "W48", "", "x"])
def test_a_period_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(PeriodError, match="2026-W48"):
        first_day(text)


# The wall clock -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "nominal", "fires"),
    [
        (BERLIN, "2026-03-29 02:00", "2026-03-29T03:00:00+02:00"),
        (BERLIN, "2026-03-29 02:30", "2026-03-29T03:00:00+02:00"),
        (BERLIN, "2026-03-29 03:00", "2026-03-29T03:00:00+02:00"),
        (BERLIN, "2026-10-25 02:30", "2026-10-25T02:30:00+02:00"),
        (LORD_HOWE, "2026-10-04 02:10", "2026-10-04T02:30:00+11:00"),
        (LORD_HOWE, "2027-04-04 01:40", "2027-04-04T01:40:00+11:00"),
        (ZoneInfo("America/Santiago"), "2026-09-06 00:00", "2026-09-06T01:00:00-03:00"),
        (APIA, "2011-12-30 09:00", "2011-12-31T00:00:00+14:00"),
        (ZoneInfo("Pacific/Kwajalein"), "1993-08-21 09:00", "1993-08-22T00:00:00+12:00"),
    ],
)
def test_a_skipped_time_is_the_next_valid_minute_and_a_doubled_one_the_first(
    zone: ZoneInfo, nominal: str, fires: str
) -> None:
    moment = instant(dt.datetime.fromisoformat(nominal), zone)

    assert moment.astimezone(zone).isoformat() == fires


def test_a_day_that_a_zone_never_had_is_owed_all_the_same() -> None:
    coming = parse_schedule("daily 09:00").occurrences(dt.date(2011, 12, 29), APIA)

    assert [(one.period, one.at.astimezone(APIA).strftime("%d %H:%M")) for one in islice(coming, 3)] == [
        ("2011-12-29", "29 09:00"),
        ("2011-12-30", "31 00:00"),
        ("2011-12-31", "31 09:00"),
    ]


def test_what_is_owed_at_the_very_end_of_a_skipped_day_is_not_overlooked() -> None:
    midnight = at("2011-12-31 00:00", APIA)
    owed = due(Subscription(parse_schedule("daily 09:00"), APIA, since=midnight), midnight)

    assert owed is not None
    assert owed.period == "2011-12-30"


def test_the_next_run_is_later_than_now_and_told_in_the_zone_of_the_chat() -> None:
    schedule = parse_schedule("mon 09:00")

    assert schedule.next_run(at("2026-11-23 00:59"), SHANGHAI).isoformat() == "2026-11-23T09:00:00+08:00"
    assert schedule.next_run(at("2026-11-23 01:00"), SHANGHAI).isoformat() == "2026-11-30T09:00:00+08:00"


def test_the_next_run_passes_over_holidays() -> None:
    run = parse_schedule("mon 09:00").next_run(at("2026-11-23 01:00"), SHANGHAI, {dt.date(2026, 11, 30)})

    assert run.date() == dt.date(2026, 12, 7)


def test_a_doubled_time_is_not_run_again_in_its_second_pass() -> None:
    second_pass = at("2026-10-25 02:30", BERLIN).replace(fold=1)

    assert parse_schedule("daily 02:30").next_run(second_pass, BERLIN).date() == dt.date(2026, 10, 26)


# What is owed ---------------------------------------------------------------------------------------------------------


def test_nothing_is_due_before_its_time() -> None:
    assert due(subscription(since="2026-11-20 12:00"), at("2026-11-23 08:59:59", SHANGHAI)) is None


def test_the_period_is_due_from_its_minute_on() -> None:
    owed = due(subscription(since="2026-11-20 12:00"), at("2026-11-23 09:00", SHANGHAI))

    assert owed == Due("2026-W48", "2026-W48", at("2026-11-23 01:00"))


def test_a_settled_period_is_not_due_again() -> None:
    assert due(subscription(last_period="2026-W48"), at("2026-11-23 09:00:30", SHANGHAI)) is None
    assert due(subscription(last_period="2026-W48"), at("2026-11-29 23:00", SHANGHAI)) is None


def test_a_period_is_not_owed_when_its_time_lay_before_subscribing_or_resuming() -> None:
    on_time = at("2026-11-23 09:10", SHANGHAI)

    assert due(subscription(since="2026-11-23 09:00:01"), on_time) is None
    assert due(subscription(since="2026-11-23 09:00:01", last_period="2026-W40"), on_time) is None
    assert due(subscription(since="2026-11-23 09:00"), on_time) is not None


def test_a_missed_period_is_posted_late_within_36_hours_and_says_so() -> None:
    owed = due(subscription(last_period="2026-W47"), at("2026-11-24 21:00", SHANGHAI))

    assert owed == Due("2026-W48", "2026-W48", at("2026-11-23 01:00"), late=True)


def test_a_few_ticks_are_not_called_late() -> None:
    owed = due(subscription(last_period="2026-W47"), at("2026-11-23 09:01:30", SHANGHAI))

    assert owed is not None
    assert not owed.late


def test_a_period_missed_by_more_than_36_hours_is_skipped_once_with_the_reason() -> None:
    chat, now = subscription(last_period="2026-W47"), at("2026-11-24 21:00:01", SHANGHAI)
    missed = due(chat, now)

    assert missed is not None
    assert missed.period is None
    assert [(one.period, one.reason) for one in missed.skipped] == [("2026-W48", "too-late")]
    assert due(subscription(last_period=missed.settles), now) is None


def test_what_was_missed_too_long_ago_does_not_hold_up_what_is_due() -> None:
    owed = due(subscription("daily 09:00", last_period="2026-11-20"), at("2026-11-24 09:00", SHANGHAI))

    assert owed is not None
    assert [one.period for one in owed.skipped] == ["2026-11-21", "2026-11-22"]
    assert (owed.period, owed.late) == ("2026-11-23", True)


def test_two_periods_missed_within_36_hours_are_both_posted_in_order() -> None:
    now = at("2026-11-24 10:00", SHANGHAI)

    owed = ticked(subscription("daily 09:00", last_period="2026-11-22"), [now, now, now])

    assert [one.period for one in owed] == ["2026-11-23", "2026-11-24"]


def test_a_holiday_is_skipped_with_the_reason_and_only_when_its_time_has_come() -> None:
    chat = subscription(last_period="2026-W47", holidays=frozenset({dt.date(2026, 11, 23)}))
    owed = due(chat, at("2026-11-23 09:00", SHANGHAI))

    assert due(chat, at("2026-11-23 08:59", SHANGHAI)) is None
    assert owed is not None
    assert (owed.period, owed.settles) == (None, "2026-W48")
    assert [(one.period, one.reason) for one in owed.skipped] == [("2026-W48", "holiday")]


def test_a_clock_set_back_posts_nothing_twice() -> None:
    assert due(subscription(last_period="2026-W48"), at("2026-11-16 10:00", SHANGHAI)) is None


def test_a_year_off_does_not_list_a_year_of_skipped_days() -> None:
    owed = due(subscription("daily 09:00", since="2025-01-01 00:00"), at("2026-11-24 08:00", SHANGHAI))

    assert owed is not None
    assert 55 < len(owed.skipped) < 65


def test_a_changed_unit_does_not_bring_the_same_day_again() -> None:
    now = at("2026-11-23 20:00", SHANGHAI)

    assert due(subscription("daily 19:00", last_period="2026-W48"), now) is None
    assert due(subscription("mon 19:00", last_period="2026-11-23"), now) is None


def test_moving_the_day_within_a_week_does_not_bring_a_second_edition_of_it() -> None:
    moved = subscription("thu 09:00", last_period="2026-W48")

    assert due(moved, at("2026-11-26 09:00", SHANGHAI)) is None
    assert due(moved, at("2026-12-03 09:00", SHANGHAI)) is not None


@given(
    st.builds(Schedule, st.integers(0, 23), st.integers(0, 59), st.sampled_from([(0,), (2,), (6,), (0, 3)]))
    | st.builds(lambda hour, day: Schedule(hour, 0, month_day=day), st.integers(0, 23), st.integers(1, 31)),
    st.sampled_from([SHANGHAI, BERLIN, LORD_HOWE]),
    st.lists(st.integers(1, 30 * 60), min_size=1, max_size=60),
)
def test_whenever_the_clock_ticks_each_period_is_settled_once_and_posted_if_seen_in_time(
    schedule: Schedule, zone: ZoneInfo, steps: list[int]
) -> None:
    since = at("2026-03-01 00:00")
    ticks = [since + MINUTE * sum(steps[: n + 1]) for n in range(len(steps))]
    settled = [period for owed in ticked(Subscription(schedule, zone, since), ticks) for period in everything(owed)]

    coming = schedule.occurrences(since.astimezone(zone).date(), zone)
    owed = [one.period for one in takewhile(lambda one: one.at <= ticks[-1], coming) if one.at >= since]
    assert settled == owed[: len(settled)]
    assert len(owed) - len(settled) <= 1  # several may have come within the last step, and a tick posts one


def ticked(chat: Subscription, ticks: Iterable[dt.datetime]) -> Iterator[Due]:
    """What is due when the clock ticks at *ticks* and each outcome is written down."""
    for now in ticks:
        if owed := due(chat, now):
            yield owed
            chat = replace(chat, last_period=owed.settles)


def everything(owed: Due) -> list[str]:
    return [*(one.period for one in owed.skipped), *([owed.period] if owed.period else [])]


# Every zone, every change ---------------------------------------------------------------------------------------------

FIRST, LAST = at("2020-01-01 00:00"), at("2038-01-01 00:00")
Change = tuple[dt.datetime, dt.timedelta, dt.timedelta]
"""A moment, and the offsets from UTC before and from it on."""


def changes_of(zone: ZoneInfo) -> tuple[Change, ...]:
    """Every change of offset in the years looked at. The nearest two lie four weeks apart: Fiji's of 2020 and 2021."""
    found = []
    before, offset = FIRST, FIRST.astimezone(zone).utcoffset()
    for days in range(8, (LAST - FIRST).days + 8, 8):
        now = FIRST + days * DAY
        if (changed := now.astimezone(zone).utcoffset()) != offset:
            early, late = before, now
            while late - early > MINUTE:
                middle = early + (late - early) // MINUTE // 2 * MINUTE
                early, late = (middle, late) if middle.astimezone(zone).utcoffset() == offset else (early, middle)
            assert offset is not None
            assert changed is not None
            found.append((late, offset, changed))
        before, offset = now, changed
    return tuple(found)


@pytest.mark.slow
def test_every_change_of_every_zone_brings_exactly_one_edition_a_period() -> None:
    zones = [ZoneInfo(name) for name in sorted(available_timezones())]
    # What clocks do near a change is the same in all zones that change then and so: one of them is tried.
    changes = {change: zone for zone in zones for change in changes_of(zone)}
    for change, zone in changes.items():
        for schedule in around(change):
            brought, expected = through(schedule, zone, change), by_the_wall(schedule, zone, change)
            assert brought == expected, f"{schedule} in {zone}"

    assert len(zones) > 400
    assert len(changes) > 1000


def around(change: Change) -> Iterator[Schedule]:
    """Schedules whose time is skipped or doubled by the change, or lies at an edge of that."""
    moment, before, after = change
    edges = sorted(moment.replace(tzinfo=None) + offset for offset in (before, after))
    inside = edges[0] + (edges[1] - edges[0]) // MINUTE // 2 * MINUTE
    every_day = tuple(range(7))
    yield Schedule(inside.hour, inside.minute, (inside.weekday(),))
    yield Schedule(inside.hour, inside.minute, month_day=inside.day)
    for time in (inside, *edges):
        yield Schedule(time.hour, time.minute, every_day)


def span(change: Change) -> tuple[dt.datetime, dt.datetime]:
    return change[0] - 30 * HOUR, change[0] + 30 * HOUR


def through(schedule: Schedule, zone: ZoneInfo, change: Change) -> list[tuple[str | None, dt.datetime | None]]:
    """What is brought while the clock ticks through the change, densely near it."""
    start, end = span(change)
    ticks = {start + 6 * n * HOUR for n in range(10)} | {change[0] + 25 * n * MINUTE for n in range(-3, 4)} | {end}
    return [(owed.period, owed.at) for owed in ticked(Subscription(schedule, zone, start), sorted(ticks))]


def by_the_wall(schedule: Schedule, zone: ZoneInfo, change: Change) -> list[tuple[str | None, dt.datetime | None]]:
    """The same by looking at the clock on the wall, minute after minute, until it shows the time or a later one."""
    start, end = span(change)
    found: list[tuple[str | None, dt.datetime | None]] = []
    for days in range(-2, 3):
        day = change[0].date() + days * DAY
        if day.weekday() not in schedule.weekdays and day.day != schedule.month_day:
            continue
        nominal = dt.datetime.combine(day, dt.time(schedule.hour, schedule.minute))
        now = (nominal - max(change[1:])).replace(tzinfo=dt.UTC)
        while now.astimezone(zone).replace(tzinfo=None, fold=0) < nominal:
            now += MINUTE
        if start <= now <= end:
            found.append((schedule.period_of(day), now))
    return found


# The running period ---------------------------------------------------------------------------------------------------

NOVEMBER = dt.date(2026, 11, 1)
MOMENTS = st.integers(0, 425 * 24 * 60).map(lambda minutes: at("2026-11-01 00:00") + minutes * MINUTE)


@pytest.mark.parametrize(
    ("written", "now", "period"),
    [
        ("mon 09:00", "2026-11-23 00:30", "2026-W48"),
        ("fri 18:00", "2026-11-23 12:00", "2026-W48"),
        ("fri 18:00", "2026-11-29 12:00", "2026-W48"),
        ("daily 08:00", "2026-11-23 00:30", "2026-11-23"),
        ("mon,thu 18:30", "2026-11-25 12:00", "2026-11-23"),
        ("mon,thu 18:30", "2026-11-26 00:30", "2026-11-26"),
        ("monthly 15 09:00", "2026-11-03 12:00", "2026-11"),
        ("monthly 31 09:00", "2026-11-30 12:00", "2026-11"),
    ],
)
def test_the_running_period_is_this_week_s_this_month_s_or_the_latest_day_s(
    written: str, now: str, period: str
) -> None:
    assert parse_schedule(written).current(at(now, SHANGHAI), SHANGHAI) == period


def test_a_period_without_an_edition_does_not_begin() -> None:
    wednesday, monday = at("2026-11-25 12:00", SHANGHAI), dt.date(2026, 11, 23)

    assert parse_schedule("mon 09:00").current(wednesday, SHANGHAI, {monday}) == "2026-W47"
    assert parse_schedule("mon 09:00").current(wednesday, SHANGHAI, (), {"2026-W48", "2026-W47"}) == "2026-W46"
    assert parse_schedule("mon,thu 09:00").current(wednesday, SHANGHAI, {monday}) == "2026-11-19"


def test_the_next_run_leaves_out_what_is_skipped() -> None:
    wednesday = at("2026-11-25 12:00", SHANGHAI)

    assert parse_schedule("mon 09:00").next_occurrence(wednesday, SHANGHAI, (), {"2026-W49"}).period == "2026-W50"


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    hour, minute = draw(st.integers(0, 23)), draw(st.sampled_from([0, 30]))
    if draw(st.booleans()):
        return Schedule(hour, minute, month_day=draw(st.integers(1, 31)))
    return Schedule(hour, minute, tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1)))))


@given(
    schedules(),
    MOMENTS,
    st.sampled_from([SHANGHAI, BERLIN, LORD_HOWE, ZoneInfo("America/Santiago")]),
    st.sets(st.integers(-60, 500).map(lambda days: NOVEMBER + days * DAY), max_size=60),
)
def test_the_next_run_brings_the_running_period_or_the_one_after_it(
    schedule: Schedule, now: dt.datetime, zone: ZoneInfo, holidays: set[dt.date]
) -> None:
    current = schedule.current(now, zone, holidays)
    ahead = (day for day in schedule.days(first_day(current)) if day not in holidays)
    first, second = (schedule.period_of(day) for day in islice(ahead, 2))

    assert first == current
    assert schedule.next_occurrence(now, zone, holidays).period in (first, second)
    assert first_day(current) <= now.astimezone(zone).date()


@given(schedules(), MOMENTS, st.integers(0, 100))
def test_the_running_period_never_goes_back(schedule: Schedule, now: dt.datetime, hours: int) -> None:
    assert schedule.current(now, BERLIN) <= schedule.current(now + hours * HOUR, BERLIN)
