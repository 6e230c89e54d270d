"""The coming weeks: what a simulation promises of any digest, and of the reference digest."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import pytest
from factories import digest, item
from hypothesis import given, settings
from hypothesis import strategies as st
from rotation import broken_rules

from bot.digest.config import DigestConfig, Themes
from bot.digest.library import Library
from bot.digest.model import Item, Topic
from bot.digest.sources import load
from bot.editions.calendar import periods, row, simulate, unfold
from bot.editions.schedule import PeriodError, parse_schedule
from bot.editions.theme import History

CONTENT = Path(__file__).parent.parent / "content" / "heji.md"


class Shelf(Library):
    """A library that calls everything of other topics related, without a search."""

    def related(self, topic: Topic, n: int) -> tuple[Item, ...]:
        own = {one.id for one in self.items_under(topic.path)}
        return tuple(one for one in {one.id: one for one in self.items}.values() if one.id not in own)[:n]


@cache
def reference() -> Library:
    return load([CONTENT])


# Any digest -----------------------------------------------------------------------------------------------------------

PATHS = ["a", "b", "c", "d", "a/x", "a/y", "b/x", "b/x/p", "c/z", ""]
TITLES = [f"item {number}" for number in range(60)]


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    """Libraries of uneven topics, in which items stand in several topics and beneath each other."""
    tree: dict[str, list[Item | str]] = {}
    for where in draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=7, unique=True)):
        great = draw(st.sampled_from([2, 2, 6, 25]))
        rows: list[Item | str] = []
        for title in draw(st.lists(st.sampled_from(TITLES), max_size=great)):
            beneath = rows and draw(st.integers(0, 4)) == 0
            parent = item(draw(st.sampled_from(TITLES))).id if beneath else None
            rows.append(item(title, parent=parent))
        tree[where] = rows
    themes = Themes(depth=draw(st.integers(1, 3)), skip=draw(st.sampled_from([(), (), ("b",), ("x", "d")])))
    return Shelf.build([digest(tree)], DigestConfig(themes=themes, items_per_edition=draw(st.integers(1, 6))))


@settings(max_examples=60, deadline=None)
@given(libraries(), st.sampled_from([(), (), ("a",), ("b/x", "c"), ("a", "a/x")]))
def test_over_200_weeks_no_rule_of_themes_is_broken(library: Library, topics: tuple[str, ...]) -> None:
    assert broken_rules(library, topics=topics) == []


@settings(max_examples=25, deadline=None)
@given(libraries(), libraries())
def test_a_digest_that_changes_under_way_still_brings_every_new_item(before: Library, after: Library) -> None:
    history = History()
    for edition in simulate(before, history, "2026-W01", 9):
        history = history.after(edition)
    new = {one.id for one in after.items} - history.items.keys()
    brought = {item_id for edition in simulate(after, history, "2026-W20", 400) for item_id in edition.posts}

    reached = {item_id for edition in simulate(after, History(), "2026-W20", 400) for item_id in edition.posts}
    assert new & reached <= brought


# The reference digest -------------------------------------------------------------------------------------------------


def test_over_200_weeks_no_rule_is_broken_by_the_reference_digest() -> None:
    assert broken_rules(reference()) == []
    assert broken_rules(reference(), topics=("nlp", "ctr")) == []


def test_the_reference_digest_goes_round_its_ten_topics_with_items() -> None:
    themes = [edition.theme.title for edition in simulate(reference(), History(), "2026-W48", 20)]

    assert themes[:10] == [
        *("基础研究", "CV", "NLP", "语音", "视频", "多目标", "ctr", "压缩与部署", "架构", "课程资源"),
    ]
    assert themes[10:] == themes[:10]


def test_a_round_of_the_reference_digest_brings_each_of_its_items_once() -> None:
    posts = [item_id for edition in simulate(reference(), History(), "2026-W48", 10) for item_id in edition.posts]

    assert len(posts) == 30
    assert set(posts) == {one.id for one in reference().items}


def test_thin_editions_of_the_reference_digest_are_filled_up_where_anything_is_related() -> None:
    sizes = {
        edition.theme.title: (len(edition.posts), len(edition.related))
        for edition in simulate(reference(), History(), "2026-W48", 10)
    }

    assert sizes["基础研究"] == (3, 0)
    assert sizes["视频"] == (7, 0)
    assert sum(sizes["ctr"]) >= 3
    assert all(posted + related <= 7 for posted, related in sizes.values())


def test_the_theme_ctr_brings_the_article_on_gmv_and_ctr_from_another_topic() -> None:
    (edition,) = unfold(reference(), History(), ["2026-W48"], topics=("ctr",))

    assert [one.title for one in edition.items] == ["传统ctr", "深度学习ctr"]
    assert any("GMV和CTR" in one.title for one in edition.related)


# Dates ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "start", "weeks", "expected"),
    [
        ("mon 09:00", "2026-W52", 3, ["2026-W52", "2026-W53", "2027-W01"]),
        ("sun 09:00", "2026-W52", 1, ["2026-W52"]),
        ("mon,thu 09:00", "2026-W48", 1, ["2026-11-23", "2026-11-26"]),
        (
            "daily 09:00",
            "2026-11-28",
            1,
            [*(f"2026-11-{day}" for day in (28, 29, 30)), *(f"2026-12-0{day}" for day in (1, 2, 3, 4))],
        ),
        ("monthly 31 09:00", "2026-12", 9, ["2026-12", "2027-01"]),
        ("mon 09:00", "2026-11-24", 1, ["2026-W49"]),
        ("mon 09:00", "2026-W48", 0, []),
    ],
)
def test_the_coming_periods_are_those_of_the_schedule(
    schedule: str, start: str, weeks: int, expected: list[str]
) -> None:
    assert list(periods(parse_schedule(schedule), start, weeks)) == expected


def test_a_holiday_takes_no_theme_away() -> None:
    tree = {"a": [*"ABC"], "b": [*"DEF"]}
    library = Shelf.build([digest(tree)], DigestConfig(holidays=(dt.date(2026, 11, 30),)))
    editions = simulate(library, History(), "2026-W48", 3)

    assert [(edition.period, edition.theme.title) for edition in editions] == [("2026-W48", "a"), ("2026-W50", "b")]


def test_a_calendar_from_no_period_is_refused() -> None:
    with pytest.raises(PeriodError):
        simulate(reference(), History(), "next week", 2)


def test_a_vote_is_for_the_first_of_the_coming_editions() -> None:
    library = Shelf.build([digest({"a": [*"ABC"], "b": [*"DEF"], "c": [*"GHI"]})])
    editions = unfold(library, History(), ["2026-W48", "2026-W49"], vote=("c",))

    assert [(edition.theme.title, edition.reason) for edition in editions] == [("c", "vote"), ("a", "never-posted")]


def test_a_row_of_the_calendar_has_the_shape_of_the_contract() -> None:
    library = Shelf.build([digest({"NLP/对话": ["A", item("A1", parent=item("A").id)], "ctr": ["X"]})])
    (edition,) = simulate(library, History(), "2026-W48", 1)

    assert row(edition) == {
        "period": "2026-W48",
        "theme": ["NLP"],
        "items": [item("A").id],
        "related": [item("X").id],
        "reason": "never-posted",
    }
