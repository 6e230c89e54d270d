"""Pages are kept until what they show is another, and take no more room than they are given."""

from __future__ import annotations

import pytest

from bot.web.keeping import Keeping, Made


def test_a_page_is_kept_for_its_version_alone():
    keeping = Keeping()
    keeping.keep(1, "/", Made(b"one"))
    assert keeping.find(1, "/") == Made(b"one")
    assert keeping.find(2, "/") is None

    keeping.keep(2, "/", Made(b"two"))
    keeping.keep(1, "/other", Made(b"late"))  # made from what was, and finished only now

    assert keeping.find(1, "/other") is None
    assert keeping.find(2, "/other") is None
    assert keeping.find(2, "/") == Made(b"two")


def test_no_more_is_kept_than_there_is_room_for_and_one_page_that_is_very_large():
    keeping = Keeping(room=80_000)
    for number in range(100):
        keeping.keep(1, number, Made(b"x" * 5_000))
    for number in range(100, 103):
        keeping.keep(1, number, Made(b"x" * 1_000_000))
    kept = [number for number in range(103) if keeping.find(1, number)]

    assert kept[-1] == 102
    assert all(number >= 85 for number in kept)
    assert sum(number >= 100 for number in kept) == 1


@pytest.mark.parametrize(
    ("marks", "known"),
    [("{}", True), ("W/{}", True), ('"x", {} , "y"', True), ("*", True), ("", False), ('"x"', False), ("{", False)],
)  # fmt: skip
def test_who_names_the_mark_of_a_page_has_it(marks, known):
    made = Made(b"page")

    assert made.is_known(marks.replace("{}", made.mark)) is known


def test_what_is_no_page_is_known_to_nobody():
    assert not Made(b"", status=404).is_known("*")
