"""The coming editions, as they will be if nothing changes: simulated from a history, written nowhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any

from bot.digest.library import Library
from bot.digest.model import Path
from bot.editions.edition import Edition, compose
from bot.editions.schedule import Schedule, first_day
from bot.editions.theme import History, Rotation

MONDAYS = Schedule(9, 0, weekdays=(0,))


def simulate(
    library: Library,
    history: History,
    start: str | dt.date,
    weeks: int,
    *,
    schedule: Schedule = MONDAYS,
    topics: Sequence[str] = (),
    items_per_edition: int | None = None,
) -> tuple[Edition, ...]:
    """The editions of *weeks* weeks from *start* on, a date or the period key that begins there; fewer on holidays."""
    coming = periods(schedule, start, weeks, library.config.holidays)
    return tuple(unfold(library, history, coming, topics=topics, items_per_edition=items_per_edition))


def periods(
    schedule: Schedule, start: str | dt.date, weeks: int, holidays: Collection[dt.date] = ()
) -> tuple[str, ...]:
    """The periods of *schedule* whose nominal dates lie within *weeks* weeks from *start* on and on no holiday."""
    first = first_day(start) if isinstance(start, str) else start
    end = first + dt.timedelta(weeks=weeks)
    days = takewhile(lambda day: day < end, schedule.days(first))
    return tuple(schedule.period_of(day) for day in days if day not in holidays)


def periods_until(schedule: Schedule, start: str, end: dt.date, holidays: Collection[dt.date] = ()) -> tuple[str, ...]:
    """The periods of *schedule* from the period *start* on whose nominal dates lie before *end* and on no holiday."""
    days = takewhile(lambda day: day < end, schedule.days(first_day(start)))
    return tuple(schedule.period_of(day) for day in days if day not in holidays)


def unfold(
    library: Library,
    history: History,
    periods: Iterable[str],
    *,
    topics: Sequence[str] = (),
    items_per_edition: int | None = None,
    vote: Path | None = None,
) -> Iterator[Edition]:
    """One edition after another for *periods*, each as if those before were posted; *vote* won the first of them."""
    rotation = Rotation.of(library, topics)
    for period in periods:
        theme = rotation.pick(history, period, vote=vote)
        if theme is None:
            return
        edition = compose(library, theme, history, period, items_per_edition=items_per_edition)
        yield edition
        history, vote = history.after(edition), None


def row(edition: Edition) -> dict[str, Any]:
    """What `heji calendar --json` prints of an edition (contract, section 2); *items* are the top-level ones."""
    return {
        "period": edition.period,
        "theme": list(edition.theme.path),
        "items": [item.id for item in edition.items],
        "related": [item.id for item in edition.related],
        "reason": edition.reason,
    }
