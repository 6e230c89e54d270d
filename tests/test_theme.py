"""Which topics may be a theme, whose turn it is, and what a rotation remembers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from factories import digest, item, note

from bot.digest.config import DigestConfig, Themes
from bot.digest.library import Library
from bot.digest.model import Item, Note, Topic
from bot.editions.edition import compose
from bot.editions.theme import History, Rotation, Turn, pick

NOTHING_POSTED = History()


class Shelf(Library):
    """A library in whose topics nothing related is found, so that no test here needs the search."""

    def related(self, topic: Topic, n: int) -> tuple[Item, ...]:
        return ()


def shelf(tree: Mapping[str, Sequence[str | Item | Note]], themes: Themes | None = None, **config: Any) -> Library:
    return Shelf.build([digest(tree)], DigestConfig(themes=themes or Themes(), **config))


def candidates(library: Library, *topics: str) -> list[str]:
    return ["/".join(one.topic.path) for one in Rotation.of(library, topics).candidates]


def themes(library: Library, weeks: int, *topics: str, history: History = NOTHING_POSTED) -> list[str]:
    """The themes of the coming weeks, with their part where it is not the first."""
    found = []
    for week in range(1, weeks + 1):
        theme = pick(library, history, f"2027-W{week:02}", topics=topics)
        assert theme is not None
        history = history.after(compose(library, theme, history, f"2027-W{week:02}"))
        found.append("/".join(theme.topic.path) + (f" {theme.part}" if theme.part > 1 else ""))
    return found


def posted(library: Library, *asked: str) -> History:
    """The history after editions that were asked for by topic."""
    history = History()
    for number, name in enumerate(asked, 1):
        theme = pick(library, history, f"2026-W{number:02}", theme=library.find_topic(name))
        assert theme is not None
        history = history.after(compose(library, theme, history, f"2026-W{number:02}"))
    return history


def many(name: str, count: int) -> list[str]:
    return [f"{name} {number}" for number in range(1, count + 1)]


# Candidates -----------------------------------------------------------------------------------------------------------


def test_candidates_are_the_outermost_topics_with_items_anywhere_below() -> None:
    library = shelf({"NLP": [], "NLP/对话": ["A"], "GNN": [], "其他": [note()], "ctr": ["B"]})

    assert candidates(library) == ["NLP", "ctr"]


def test_topics_to_be_skipped_are_no_candidates_by_any_of_their_names() -> None:
    tree = {"NLP": ["A"], "NLP/其他": ["B"], "其他": ["C"], "语音": ["D"], "ctr": ["E"]}
    library = shelf(tree, Themes(depth=2, skip=("其他", "Speech")), aliases={"语音": ("speech", "asr")})

    assert candidates(library) == ["NLP", "ctr"]


def test_skipping_a_topic_skips_what_is_below_it() -> None:
    library = shelf({"NLP": [], "NLP/对话": ["A"], "NLP/标准": ["B"], "ctr": ["C"]}, Themes(depth=2, skip=("nlp",)))

    assert candidates(library) == ["ctr"]


def test_a_name_that_only_comes_near_skips_nothing() -> None:
    library = shelf({"其他资源": ["A"], "课程资源": ["B"]}, Themes(skip=("其他", "资源")))

    assert candidates(library) == ["其他资源", "课程资源"]


def test_at_a_greater_depth_nothing_becomes_unreachable() -> None:
    tree = {"NLP": ["intro"], "NLP/bert": [], "NLP/bert/蒸馏": ["A"], "NLP/bert/剪枝": ["B"], "ctr": ["C"], "CV": []}
    rotation = Rotation.of(shelf(tree, Themes(depth=2)))

    assert [("/".join(one.topic.path), [item.title for item in one.items]) for one in rotation.candidates] == [
        ("NLP", ["intro"]),
        ("NLP/bert", ["A", "B"]),
        ("ctr", ["C"]),
    ]


def test_a_filter_limits_the_candidates_to_its_topics() -> None:
    library = shelf({"NLP": ["A"], "NLP/对话": ["B"], "CV": ["C"], "ctr": ["D"], "GNN": []})

    assert candidates(library, "nlp", "ctr") == ["NLP", "ctr"]
    assert candidates(library, "nlp", "nlp/对话") == ["NLP"]
    assert candidates(library, "gnn") == []


def test_a_filter_that_names_a_topic_further_in_makes_it_the_candidate() -> None:
    library = shelf({"NLP": ["A"], "NLP/对话": [], "NLP/对话/convai": ["B"], "ctr": ["D"]})

    assert candidates(library, "nlp/对话") == ["NLP/对话"]


def test_a_filter_whose_topics_are_gone_gives_no_theme_rather_than_all() -> None:
    library = shelf({"NLP": ["A"]})

    assert pick(library, History(), "2026-W48", topics=("quantum computing",)) is None


def test_an_empty_library_has_no_theme() -> None:
    assert pick(shelf({"GNN": []}), History(), "2026-W48") is None


def test_items_before_the_first_heading_get_their_turn() -> None:
    assert candidates(shelf({"": ["preface"], "ctr": ["A"]})) == ["合辑", "ctr"]


# Whose turn -----------------------------------------------------------------------------------------------------------


def test_topics_come_in_document_order_and_then_by_the_longest_wait() -> None:
    library = shelf({"a": ["A"], "b": ["B"], "c": ["C"]})

    assert themes(library, 7) == ["a", "b", "c", "a", "b", "c", "a"]


def test_a_topic_with_more_items_continues_as_part_two_when_its_turn_comes_again() -> None:
    library = shelf({"a": many("A", 7), "b": many("B", 6), "c": ["C"]})

    assert themes(library, 6) == ["a", "b", "c", "a 2", "b 2", "c"]


def test_topics_with_items_never_posted_come_before_topics_fully_posted() -> None:
    tree = {"a": ["A"], "b": ["B"], "c": ["C"]}
    history = posted(shelf(tree), "a", "b", "c", "a")
    grown = shelf({**tree, "c": ["C", "new in c"]})

    assert themes(grown, 2, history=history) == ["c", "b"]


def test_a_topic_of_its_own_goes_first_when_it_is_new() -> None:
    tree = {"a": ["A"], "b": ["B"]}
    history = posted(shelf(tree), "a", "b", "a")

    assert themes(shelf({**tree, "z": ["Z"]}), 3, history=history) == ["z", "b", "a"]


def test_the_reason_says_whether_it_holds_anything_never_posted() -> None:
    library = shelf({"a": ["A"], "b": ["B"]})
    first = pick(library, History(), "2026-W48")
    again = pick(library, posted(library, "a", "b"), "2026-W48")

    assert (first and first.reason, again and again.reason) == ("never-posted", "least-recent")


def test_no_theme_follows_itself_while_another_has_something_left() -> None:
    library = shelf({"a": many("A", 20), "b": ["B"], "c": ["C"]})

    assert themes(library, 7) == ["a", "b", "a 2", "c", "a 3", "a 4", "b"]


def test_the_theme_after_a_planned_one_is_another() -> None:
    library = shelf({"a": many("A", 9), "b": ["B"]})

    assert themes(library, 2, history=posted(library, "b", "a")) == ["a 2", "b"]
    assert themes(library, 1, history=posted(library, "a", "b", "a")) == ["b"]


def test_a_single_candidate_is_the_theme_every_week() -> None:
    library = shelf({"a": many("A", 7)})

    assert themes(library, 4) == ["a", "a 2", "a", "a 2"]


def test_an_item_in_two_topics_is_posted_once_a_round_and_hides_neither_topic() -> None:
    shared = item("shared", url="https://example.org/shared")
    library = shelf({"a": [*many("A", 2), shared], "b": [shared], "c": ["C", shared]})

    assert themes(library, 4) == ["a", "b", "c", "a"]


def test_a_topic_whose_only_item_stands_beneath_one_of_another_topic_appears_too() -> None:
    library = shelf({"a": ["A", item("A1", parent=item("A").id)], "b": ["A1"], "c": ["C"]})

    assert themes(library, 4) == ["a", "b", "c", "a"]


def test_two_topics_with_the_same_single_item_take_turns_by_the_round() -> None:
    shared = item("shared", url="https://example.org/shared")
    library = shelf({"a": [shared], "b": [shared], "c": ["C"]})

    assert themes(library, 6) == ["a", "c", "b", "c", "a", "c"]


# Asked, planned, voted ------------------------------------------------------------------------------------------------


def test_a_plan_goes_before_a_vote_and_a_vote_before_the_turn() -> None:
    library = shelf({"a": ["A"], "b": ["B"], "c": ["C"], "d": ["D"]}, Themes(plan={"2026-W50": "C"}))
    rotation = Rotation.of(library)

    def chosen(period: str, **wishes: Any) -> tuple[str, str]:
        theme = rotation.pick(History(), period, **wishes)
        assert theme is not None
        return theme.topic.title, theme.reason

    assert chosen("2026-W49") == ("a", "never-posted")
    assert chosen("2026-W49", vote=("b",)) == ("b", "vote")
    assert chosen("2026-W50", vote=("b",)) == ("c", "plan")
    assert chosen("2026-W50", vote=("b",), theme=library.find_topic("d")) == ("d", "asked")


@pytest.mark.parametrize("planned", ["GNN", "quantum computing", "CV"])
def test_a_plan_that_is_empty_unknown_or_not_in_the_filter_is_passed_over(planned: str) -> None:
    library = shelf({"a": ["A"], "CV": ["B"], "GNN": []}, Themes(plan={"2026-W50": planned}))
    theme = pick(library, History(), "2026-W50", topics=("a",))

    assert theme is not None
    assert (theme.topic.title, theme.reason) == ("a", "never-posted")


def test_a_vote_for_a_topic_that_has_gone_is_passed_over() -> None:
    theme = pick(shelf({"a": ["A"]}), History(), "2026-W50", vote=("gone",))

    assert theme is not None
    assert theme.reason == "never-posted"


def test_a_plan_may_repeat_a_theme_without_upsetting_the_round() -> None:
    library = shelf({"a": ["A"], "b": ["B"], "c": ["C"]}, Themes(plan={"2027-W02": "a", "2027-W04": "a"}))

    assert themes(library, 6) == ["a", "a", "b", "a", "c", "b"]


def test_what_is_asked_for_may_lie_deeper_than_themes_do_or_be_empty() -> None:
    library = shelf({"NLP": ["A"], "NLP/对话": ["B"], "GNN": []})
    deep = pick(library, History(), "2026-W48", theme=library.find_topic("对话"))
    empty = pick(library, History(), "2026-W48", theme=library.find_topic("gnn"))

    assert deep is not None
    assert [item.title for item in deep.items] == ["B"]
    assert empty is not None
    assert empty.items == ()


# What is remembered ---------------------------------------------------------------------------------------------------


def test_a_history_survives_being_written_as_json() -> None:
    library = shelf({"NLP/对话": many("A", 7), "b": ["B"]})
    history = posted(library, "nlp", "b", "nlp")

    assert history.topics == {("NLP",): Turn(3, 2), ("b",): Turn(2, 1)}
    assert History.from_data(json.loads(json.dumps(history.to_data()))) == history
    assert History.from_data(json.loads(json.dumps(History().to_data()))) == History()


def test_a_history_does_not_grow_with_the_years() -> None:
    library = shelf({"a": many("A", 7), "b": ["B"]})
    short, long = posted(library, *"ab" * 3), posted(library, *"ab" * 200)

    assert long.editions == 400
    assert (len(long.items), len(long.topics)) == (len(short.items), len(short.topics)) == (8, 2)


def test_moved_and_retitled_items_are_still_known_as_posted() -> None:
    history = posted(shelf({"a": ["A"], "b": ["B"]}), "a")
    moved = shelf({"b": ["B", item("Better title", url="https://example.org/A")], "c": ["C"]})
    theme = pick(moved, history, "2026-W48")

    assert theme is not None
    assert [one.title for one in compose(moved, theme, history, "2026-W48").items] == ["B"]
