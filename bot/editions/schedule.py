"""When a chat is due: schedules on the wall clock of a zone, the periods they name, and what is owed now.

Knows nothing of content and reads no clock: *now* is always given. What daylight saving does to a wall clock is settled
in one place, :func:`instant`.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from bot.errors import BotError

CATCH_UP = dt.timedelta(hours=36)
"""An edition missed by no more than this is still posted, marked as late."""

LATE_AFTER = dt.timedelta(minutes=2)
"""Several ticks of the clock: what comes within it is on time for a reader."""

TOLD_BACK = dt.timedelta(days=62)
"""How far back skipped periods are listed: far enough for a monthly one, too near for a year of daily ones."""

_MINUTE = dt.timedelta(minutes=1)
_DAY = dt.timedelta(days=1)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_DAY = {"daily", "everyday", "every day", "每天", "每日"}
_TIME = re.compile(r"(?<![0-9])([0-9]{1,2})(?::([0-9]{2})|点(?:([0-9]{1,2})分?)?)$")
_MONTHLY = re.compile(r"(?:monthly|每个?月)\s*([0-9]{1,2})\s*[日号]?")
_BETWEEN_DAYS = re.compile(r"[\s,;、和]+")
_PERIOD = re.compile(r"([0-9]{4})-(?:W([0-9]{2})|([0-9]{2})(?:-([0-9]{2}))?)")


def _day_names() -> dict[str, int]:
    names = {"tues": 1, "thur": 3, "thurs": 3}
    for number, (short, full) in enumerate(zip(_DAYS, _FULL_NAMES, strict=True)):
        names |= {short: number, full: number}
    for word in ("周", "星期", "礼拜"):
        names |= {word + numeral: number for number, numeral in enumerate("一二三四五六日")} | {word + "天": 6}
    return names


_DAY_NUMBERS = _day_names()


class ScheduleError(BotError, ValueError):
    """“*text*” is no schedule: write days by name and a time from 00:00 to 23:59, such as “mon 09:00”,
    “mon,thu 18:30”, “daily 08:00” or “monthly 1 09:00”.
    """

    text: str

    def __init__(self, text: str) -> None:
        super().__init__(text=text if len(text) <= 60 else text[:59] + "…")


class PeriodError(BotError, ValueError):
    """“*text*” is no period: write a week (“2026-W48”), a day (“2026-11-23”) or a month (“2026-12”)."""

    text: str

    def __init__(self, text: str) -> None:
        super().__init__(text=text if len(text) <= 60 else text[:59] + "…")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time a schedule comes round: *day* is the nominal local date, *at* the moment it fires.

    The moment is in UTC where it is to be compared, and in the chat's zone where it is to be shown.
    """

    period: str
    day: dt.date
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """Days and a time on a wall clock.

    Either *weekdays*, counted from 0 for Monday, are set (all seven are ``daily``) or *month_day*; a month too short
    for that takes its last day.
    """

    hour: int
    minute: int
    weekdays: tuple[int, ...] = ()
    month_day: int | None = None

    def __str__(self) -> str:
        """The canonical way to write it, which :func:`parse_schedule` reads back."""
        if self.month_day is not None:
            days = f"monthly {self.month_day}"
        else:
            days = "daily" if len(self.weekdays) == 7 else ",".join(_DAYS[day] for day in self.weekdays)
        return f"{days} {self.hour:02}:{self.minute:02}"

    @property
    def unit(self) -> Literal["week", "day", "month"]:
        """What one period of it is: an edition a week, a day (also for several days a week) or a month."""
        if self.month_day is not None:
            return "month"
        return "week" if len(self.weekdays) == 1 else "day"

    def period_of(self, day: dt.date) -> str:
        """The key of the period that the local date *day* belongs to; weeks and their years are ISO 8601's."""
        match self.unit:
            case "week":
                year, week, _ = day.isocalendar()
                return f"{year:04}-W{week:02}"
            case "month":
                return f"{day.year:04}-{day.month:02}"
            case "day":
                return day.isoformat()

    def days(self, start: dt.date) -> Iterator[dt.date]:
        """The nominal dates from *start* on, itself included, without end."""
        if self.month_day is None:
            day = start
            while True:
                if day.weekday() in self.weekdays:
                    yield day
                day += dt.timedelta(days=1)
        year, month = start.year, start.month
        while True:
            day = dt.date(year, month, min(self.month_day, calendar.monthrange(year, month)[1]))
            if day >= start:
                yield day
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def occurrences(self, start: dt.date, zone: ZoneInfo) -> Iterator[Occurrence]:
        """What comes from the local date *start* on, itself included, in the order of time and without end, in UTC."""
        time = dt.time(self.hour, self.minute)
        for day in self.days(start):
            yield Occurrence(self.period_of(day), day, instant(dt.datetime.combine(day, time), zone))

    def current(
        self, now: dt.datetime, zone: ZoneInfo, holidays: Collection[dt.date] = (), skipped: Collection[str] = ()
    ) -> str:
        """The period that is running at *now*: this week's or month's, of several a week the latest day's.

        One that brings no edition, since its day is a holiday or it is among the *skipped*, does not begin: the one
        before it runs on. So the period of the next run is either this one or the one after it.
        """
        today = now.astimezone(zone).date()
        # A week and a month begin before their edition comes; one of several editions a week, with its day.
        day = self._latest(today) if self.unit == "day" else next(self.days(first_day(self.period_of(today))))
        while day in holidays or self.period_of(day) in skipped:
            day = self._latest(day - _DAY)
        return self.period_of(day)

    def _latest(self, day: dt.date) -> dt.date:
        """The last nominal date up to *day*, itself included."""
        while next(self.days(day)) != day:
            day -= _DAY
        return day

    def next_run(self, after: dt.datetime, zone: ZoneInfo, holidays: Collection[dt.date] = ()) -> dt.datetime:
        """The first moment later than *after* at which an edition is to go out, as *zone* shows it."""
        return self.next_occurrence(after, zone, holidays).at

    def next_occurrence(
        self, after: dt.datetime, zone: ZoneInfo, holidays: Collection[dt.date] = (), skipped: Collection[str] = ()
    ) -> Occurrence:
        """The same with its period, none of the *skipped*."""
        # From the day before: a skipped time may fire a day after its date.
        coming = self.occurrences(_day_before(after, zone), zone)
        wanted = (one for one in coming if one.day not in holidays and one.period not in skipped)
        found = next(one for one in wanted if one.at > after)
        return replace(found, at=found.at.astimezone(zone))


def parse_schedule(text: str) -> Schedule:
    """Read ``mon 09:00``, ``mon,thu 18:30``, ``daily 08:00``, ``monthly 1 09:00`` and the ways people write them.

    Full and Chinese names (周一, 星期一, 每天, 每月1日), any case, ``9:00`` and full-width signs will do. Numbers for
    days are refused, since ``1`` is Monday to some programs and Tuesday to others. Raises :class:`ScheduleError`.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    time = _TIME.search(plain)
    if not time:
        raise ScheduleError(text)
    hour, minute = int(time[1]), int(time[2] or time[3] or 0)
    if hour > 23 or minute > 59:
        raise ScheduleError(text)
    days = plain[: time.start()].strip()
    if days in _EVERY_DAY:
        return Schedule(hour, minute, tuple(range(7)))
    if (monthly := _MONTHLY.fullmatch(days)) and 1 <= int(monthly[1]) <= 31:
        return Schedule(hour, minute, month_day=int(monthly[1]))
    names = _BETWEEN_DAYS.split(re.sub(r"^(?:every|weekly) ", "", days))
    numbers = {_DAY_NUMBERS.get(name.removeprefix("每")) for name in names}
    known = sorted(number for number in numbers if number is not None)
    if len(known) < len(numbers):
        raise ScheduleError(text)
    return Schedule(hour, minute, tuple(known))


def first_day(period: str) -> dt.date:
    """The first date of a period key of any unit. Raises :class:`PeriodError`."""
    parts = _PERIOD.fullmatch(period)
    if not parts:
        raise PeriodError(period)
    year, week, month, day = parts.groups()
    try:
        if week:
            return dt.date.fromisocalendar(int(year), int(week), 1)
        return dt.date(int(year), int(month), int(day or 1))
    except ValueError:
        raise PeriodError(period) from None


def instant(nominal: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The moment, in UTC, at which a clock on the wall in *zone* first shows the naive time *nominal* or a later one.

    A time doubled in autumn is its first pass. A time skipped in spring is the first valid minute after the gap,
    however wide: an hour in Berlin, half an hour on Lord Howe, and the whole 30 December 2011 in Samoa, whose edition
    comes at midnight as the 31st begins. So every nominal date has exactly one moment, in the order of the dates.
    """
    # UTC, because Python compares two times of one zone by what the wall shows: 02:30 would equal the next 02:30.
    first = nominal.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    if _wall(first, zone) == nominal:
        return first
    # In a gap fold 0 still counts with the offset before it and fold 1 with the one after, so that the two readings
    # enclose the change: the clock shows less than nominal at the earlier one, and more at the later one.
    early, late = nominal.replace(tzinfo=zone, fold=1).astimezone(dt.UTC), first
    while (minutes := (late - early) // _MINUTE) > 1:
        middle = early + minutes // 2 * _MINUTE
        early, late = (middle, late) if _wall(middle, zone) < nominal else (early, middle)
    return late


def _wall(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _day_before(moment: dt.datetime, zone: ZoneInfo) -> dt.date:
    return moment.astimezone(zone).date() - dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What of a chat's subscription decides when it is due.

    *since* is the moment of subscribing or resuming, or of changing the schedule; *last_period* is the last one that
    was posted or skipped; *holidays* are nominal dates on which nothing is posted.
    """

    schedule: Schedule
    zone: ZoneInfo
    since: dt.datetime
    last_period: str | None = None
    holidays: frozenset[dt.date] = frozenset()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A period that gets no edition, and why: its day is a holiday, or it was missed by more than :data:`CATCH_UP`."""

    period: str
    at: dt.datetime
    reason: Literal["holiday", "too-late"]


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done now: post *period*, and write down what was *skipped* before it.

    *period* and *at*, the moment it was owed, in UTC, are None where there is only something to write down. *settles*
    is to become the subscription's *last_period*, whereupon the same is never returned again.
    """

    settles: str
    period: str | None = None
    at: dt.datetime | None = None
    late: bool = False
    skipped: tuple[Skipped, ...] = ()


def due(subscription: Subscription, now: dt.datetime) -> Due | None:
    """What the subscription is owed at *now*: at most one edition, the oldest that is not too late; None for nothing.

    After a longer stop each call settles one more period, so a daily digest that was down for a day and a half gets its
    two editions in order.
    """
    now = now.astimezone(dt.UTC)
    skipped: list[Skipped] = []
    for one in _owed(subscription, now):
        if one.day in subscription.holidays:
            skipped.append(Skipped(one.period, one.at, "holiday"))
        elif now - one.at > CATCH_UP:
            skipped.append(Skipped(one.period, one.at, "too-late"))
        else:
            return Due(one.period, one.period, one.at, now - one.at > LATE_AFTER, tuple(skipped))
    return Due(skipped[-1].period, skipped=tuple(skipped)) if skipped else None


def _owed(subscription: Subscription, now: dt.datetime) -> Iterator[Occurrence]:
    """The occurrences up to *now* that are neither settled nor older than the subscription."""
    schedule, last, since = subscription.schedule, subscription.last_period, subscription.since.astimezone(dt.UTC)
    start = _day_before(max(since, now - TOLD_BACK), subscription.zone)
    if last is not None:
        start = max(start, first_day(last))
    for one in schedule.occurrences(start, subscription.zone):
        if one.at > now:
            return
        if one.at >= since and not _settled(one, last):
            yield one


def _settled(one: Occurrence, last: str | None) -> bool:
    if last is None:
        return False
    if len(last) == len(one.period):  # of the same unit, where keys sort as time does
        return one.period <= last
    return one.day <= first_day(last)  # the schedule was changed from another unit
