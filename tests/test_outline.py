"""Anchors, paths and tables of contents, as far as the goldens do not show them."""

from __future__ import annotations

import pytest

from bot.digest.parsing import markdown
from bot.digest.parsing.outline import Outline, is_wrapper, slug_of


def outline(text: str) -> Outline:
    return Outline(markdown.read(text).blocks)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Sleep & Food", "sleep--food"),
        ("tf2.0", "tf20"),
        ("bert蒸馏、量化", "bert蒸馏量化"),
        ("snake_case and kebab-case", "snake_case-and-kebab-case"),
        ("  What? Why!  ", "what-why"),
        ("🔥 Hot", "-hot"),
    ],
)
def test_a_slug_is_the_anchor_that_github_gives(title: str, slug: str) -> None:
    assert slug_of(title) == slug


def test_equal_headings_have_slugs_of_their_own() -> None:
    assert [heading.slug for heading in outline("## a\n## A\n## a\n").headings] == ["a", "a-1", "a-2"]


@pytest.mark.parametrize("title", ["目录", "Contents", "Table of Contents", "内容", "📖 TOC", "Content:"])
def test_these_headings_only_wrap(title: str) -> None:
    assert is_wrapper(title)


@pytest.mark.parametrize("title", ["Content marketing", "目录学", "", "The contents of my bag"])
def test_these_headings_do_not(title: str) -> None:
    assert not is_wrapper(title)


def test_entries_of_a_table_of_contents_know_their_depth_and_line() -> None:
    (toc,) = outline("- [A](#a)\n  - [B](#b%20c)\n    - [C](./#c)\n").tocs

    assert [(entry.anchor, entry.depth, entry.line) for entry in toc.entries] == [
        ("a", 0, 1),
        ("b c", 1, 2),
        ("c", 2, 3),
    ]
    assert (toc.lines, toc.marked) == ((1, 3), False)


def test_a_mark_that_nobody_closes_hides_nothing() -> None:
    found = outline("<!-- TOC -->\n\n## a\n\n[b](https://example.com/b)\n")

    assert found.tocs == ()
    assert [block.kind for block in found.blocks] == ["heading", "paragraph"]
