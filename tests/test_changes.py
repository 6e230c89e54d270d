"""What is different between two Libraries."""

from factories import digest, item, library

from bot.digest.changes import Change, Changes, changes
from bot.digest.library import Library


def test_equal_libraries_have_no_changes():
    tree = {"ctr": ["a", "b"], "NLP/对话": ["c"]}
    found = changes(library(tree), library(tree))

    assert found == Changes()
    assert not found


def test_added_and_removed_items_are_told_in_document_order():
    found = changes(library({"A": ["a", "gone", "lost"]}), library({"A": ["new", "a"], "B": ["newer"]}))

    assert [i.title for i in found.added] == ["new", "newer"]
    assert [i.title for i in found.removed] == ["gone", "lost"]
    assert found


def test_a_moved_item_is_told_with_both_topics():
    found = changes(library({"A": ["a", "b"]}), library({"A": ["a"], "B/C": ["b"]}))

    assert [(c.before.topic, c.after.topic) for c in found.moved] == [(("A",), ("B", "C"))]
    assert (found.added, found.removed, found.retitled) == ((), (), ())


def test_a_retitled_item_is_told_with_both_titles():
    before, after = item("rough", url="https://example.org/x"), item("smooth", url="http://www.example.org/x/")
    found = changes(library({"A": [before]}), library({"A": [after]}))

    assert [(c.before.title, c.after.title) for c in found.retitled] == [("rough", "smooth")]
    assert found.moved == ()


def test_an_item_may_be_moved_and_retitled_at_once():
    before, after = item("rough", url="https://example.org/x"), item("smooth", url="https://example.org/x")
    found = changes(library({"A": [before]}), library({"B": [after]}))

    assert len(found.moved) == len(found.retitled) == 1


def test_a_place_gained_or_lost_is_a_move():
    one, two = library({"A": ["a"], "B": []}), library({"A": ["a"], "B": ["a"]})

    assert [(c.before.topic, c.after.topic) for c in changes(one, two).moved] == [(("A",), ("B",))]
    assert [(c.before.topic, c.after.topic) for c in changes(two, one).moved] == [(("B",), ("A",))]


def test_another_line_file_or_summary_is_no_change():
    old = Library.build([digest({"A": ["a", "b"]}, file="content/1.md")])
    new = Library.build([digest({"A": ["b", item("a", summary="More", summary_source="body")]}, file="content/2.md")])

    assert changes(old, new) == Changes()


def test_a_renamed_heading_moves_what_stands_under_it():
    found = changes(library({"RL": ["a", "b"]}), library({"强化学习": ["a", "b"]}))

    assert [c.after.topic for c in found.moved] == [("强化学习",)] * 2
    assert all(isinstance(c, Change) for c in found.moved)
