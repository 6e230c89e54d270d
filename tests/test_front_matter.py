"""What is cut off the top of a digest. Most of it is told by the goldens; here are the corners."""

from __future__ import annotations

import pytest

from bot.digest.parsing import front_matter


def test_the_rest_keeps_its_line_numbers() -> None:
    text = "---\ntitle: Reading\n---\nbody"

    assert front_matter.cut(text).text == "\n\n\nbody"


def test_scalars_are_the_characters_that_stand_there() -> None:
    values = front_matter.cut("---\na: no\nb: 22:30\nc: 1_000\nd: 2024-01-02\ne: ~\n---\n").values

    assert values == {"a": "no", "b": "22:30", "c": "1_000", "d": "2024-01-02", "e": "~"}


def test_toml_values_are_text_as_well() -> None:
    values = front_matter.cut('+++\na = true\nb = 3\nc = 2024-01-02\n[d]\ne = ["f"]\n+++\n').values

    assert values == {"a": "true", "b": "3", "c": "2024-01-02", "d": {"e": ["f"]}}


def test_a_continued_line_of_pelicans_belongs_to_the_key_above() -> None:
    found = front_matter.cut("Title: Reading\n  on Fridays\nTags: a, b\n\nbody")

    assert found.values == {"title": "Reading on Fridays", "tags": ["a", "b"]}
    assert found.text == "\n\n\n\nbody"


@pytest.mark.parametrize("text", ["", "---", "---\n", "+++\n+++", "---\n---\n", "---\n\n---\nbody", "...\n"])
def test_nothing_between_the_fences_is_no_problem(text: str) -> None:
    found = front_matter.cut(text)

    assert (found.values, found.problems) == ({}, ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\na: [b\n---\n", 3),
        ("---\na: 1\n\tb: 2\n---\n", 3),
        ("---\na: 1\nb: c: d\n---\n", 3),
        ("---\na: \x07\n---\n", 1),
        ("---\na: " + "[" * 20 + "]" * 20 + "\n---\n", 1),
        ("---\na: " + "x" * 70_000 + "\n---\n", 1),
        ("---\na: 1\n", 1),
        ("+++\na = 1\nb = \n+++\n", 3),
        ("+++\na = 1\na = 2\n+++\n", 3),
    ],
)
def test_bad_front_matter_is_one_problem_with_a_line_and_a_sentence(text: str, line: int) -> None:
    (problem,) = front_matter.cut(text + "body").problems

    assert problem[:2] == (line, "front-matter")
    assert len(problem[2]) > 20
    assert front_matter.cut(text + "body").text.strip("\n") == "body"


def test_an_anchor_that_nobody_refers_to_is_harmless() -> None:
    assert front_matter.cut("---\na: &x b\n---\n").values == {"a": "b"}
