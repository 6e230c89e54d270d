"""What an edition brings: items of its theme, what stands beneath them, related and new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from factories import digest, item

from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.digest.model import Item, Note, Topic
from bot.editions.edition import Edition, compose
from bot.editions.theme import History, pick

NOTHING_POSTED = History()


class Shelf(Library):
    """A library in which everything of other topics is related, in document order."""

    def related(self, topic: Topic, n: int) -> tuple[Item, ...]:
        own = {one.id for one in self.items_under(topic.path)}
        return tuple(one for one in {one.id: one for one in self.items}.values() if one.id not in own)[:n]


def shelf(tree: Mapping[str, Sequence[str | Item | Note]], **config: Any) -> Library:
    return Shelf.build([digest(tree)], DigestConfig(**config))


def edition(library: Library, history: History = NOTHING_POSTED, asked: str | None = None, **fields: Any) -> Edition:
    theme = pick(library, history, "2026-W48", theme=library.find_topic(asked) if asked else None)
    assert theme is not None
    return compose(library, theme, history, "2026-W48", **fields)


def titles(items: Sequence[Item]) -> list[str]:
    return [one.title for one in items]


def letters(text: str) -> list[str]:
    return list(text)


def under(parent: str, title: str) -> Item:
    return item(title, parent=item(parent).id)


def test_an_edition_brings_up_to_the_number_of_items_in_document_order() -> None:
    library = shelf({"NLP": ["A"], "NLP/对话": letters("BCD"), "NLP/标准": letters("EFG")})
    first = edition(library)

    assert titles(first.items) == letters("ABCDE")
    assert (first.part, first.left) == (1, 2)
    assert titles(edition(library, items_per_edition=2).items) == letters("AB")


def test_the_next_part_brings_the_rest_and_no_repeats() -> None:
    library = shelf({"a": letters("ABCDEFG")})
    first = edition(library)
    second = edition(library, History().after(first))

    assert titles(second.items) == letters("FG")
    assert (second.part, second.left, second.round) == (2, 0, 1)


def test_items_never_posted_come_first_in_the_next_round() -> None:
    history = History().after(edition(shelf({"a": letters("ABC")})))
    grown = edition(shelf({"a": ["A", "B", "new", "C", "newer"]}), History(1, 2, history.items, history.topics))

    assert titles(grown.items) == ["new", "newer", "A", "B", "C"]


def test_children_come_with_their_item_and_do_not_count() -> None:
    tree = [*"AB", under("B", "B1"), under("B1", "B1a"), under("B", "B2"), *"CDEF"]
    first = edition(shelf({"a": tree}))

    assert titles(first.items) == letters("ABCDE")
    assert titles(first.beneath(first.items[1])) == ["B1", "B1a", "B2"]
    assert first.beneath(first.items[0]) == ()
    assert len(first.posts) == 8


def test_a_child_posted_from_another_topic_is_not_posted_again_beneath_its_item() -> None:
    library = shelf({"a": ["child"], "b": ["B", under("B", "child")], "c": ["C"]})
    first = edition(library)
    second = edition(library, History().after(first))

    assert titles(first.items) == ["child"]
    assert titles(second.items) == ["B"]
    assert second.posts == (item("B").id,)


def test_a_thin_edition_brings_up_to_two_related_items() -> None:
    library = shelf({"a": letters("AB"), "b": letters("XYZ")})
    thin = edition(library)

    assert titles(thin.items) == letters("AB")
    assert titles(thin.related) == letters("XY")
    assert edition(shelf({"a": letters("ABC"), "b": letters("XYZ")})).related == ()


def test_related_items_do_not_count_as_posted() -> None:
    library = shelf({"a": ["A"], "b": letters("XYZ")})
    first = edition(library)
    history = History().after(first)

    assert titles(first.related) == letters("XY")
    assert titles(edition(library, history).items) == letters("XYZ")


def test_what_stands_in_the_edition_is_not_shown_again_as_related_or_new() -> None:
    library = shelf({"a": ["A", under("A", "child")], "b": ["child", "X"], "c": ["Y"]})
    first = edition(library, new_items=[item("child"), item("X"), item("Y"), item("Y")])

    assert titles(first.related) == ["X", "Y"]
    assert titles(first.new) == ["X", "Y"]
    assert "child" in titles(first.beneath(first.items[0]))


def test_new_items_are_shown_whatever_the_theme_and_do_not_count_as_posted() -> None:
    library = shelf({"a": letters("ABC"), "b": ["B1"]})
    first = edition(library, new_items=[item("B1")])

    assert titles(first.new) == ["B1"]
    assert item("B1").id not in History().after(first).items


def test_an_edition_asked_for_again_repeats_what_was_not_seen_for_longest() -> None:
    library = shelf({"a": letters("ABCDEFG"), "b": ["X"]})
    history = History()
    for _ in range(2):
        history = history.after(edition(library, history, asked="a"))
    again = edition(library, history, asked="a")

    assert titles(again.items) == letters("ABCDE")
    assert (again.part, again.round) == (1, 1)


def test_an_empty_topic_that_is_asked_for_brings_what_is_related() -> None:
    empty = edition(shelf({"GNN": [], "架构": ["platforms"]}), asked="gnn")

    assert (empty.items, titles(empty.related)) == ((), ["platforms"])
    assert History().after(empty).theme == ("GNN",)
