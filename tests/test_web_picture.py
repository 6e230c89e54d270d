"""The picture: every topic as large as what it holds, as dark as what was posted of it."""

from __future__ import annotations

import pytest
from factories import library
from hypothesis import given
from hypothesis import strategies as st

from bot.web.picture import MOST, SHADES, drawn

TREE = {"ctr": ["a", "b", "c", "d"], "NLP/对话": ["e", "f"], "NLP/bert": ["g", "h"], "GNN": []}


def test_every_topic_that_holds_something_is_a_tile_and_tiles_of_a_field_lie_together():
    picture = drawn(library(TREE), frozenset(), 1000, 400)
    tiles = {tile.topic.title: tile for tile in picture.tiles}

    assert {*tiles} == {"ctr", "对话", "bert"}
    assert tiles["ctr"].items == 4
    assert tiles["ctr"].width * tiles["ctr"].height == pytest.approx(200_000, rel=0.03)
    assert min(tiles["对话"].x, tiles["bert"].x) >= tiles["ctr"].x + tiles["ctr"].width


def test_a_tile_is_as_dark_as_what_was_posted_of_it():
    books = library({"ctr": ["a", "b", "c", "d"]})
    ids = [item.id for item in books.items]

    assert [drawn(books, frozenset(ids[:n]), 900, 300).tiles[0].shade for n in range(5)] == [0, 1, 2, 3, SHADES]


def test_a_little_of_much_is_not_nothing_and_almost_all_is_not_all():
    books = library({"ctr": [f"{n}" for n in range(100)]})
    ids = [item.id for item in books.items]

    assert drawn(books, frozenset(ids[:1]), 900, 300).tiles[0].shade == 1
    assert drawn(books, frozenset(ids[:99]), 900, 300).tiles[0].shade == SHADES - 1


def test_an_empty_digest_has_an_empty_picture():
    assert drawn(library({"GNN": []}), frozenset(), 900, 300).tiles == ()


@given(st.lists(st.integers(1, 60), min_size=1, max_size=70), st.sampled_from([(1000, 400), (340, 460)]))
def test_tiles_lie_inside_and_never_over_each_other(sizes, size):
    books = library({f"t{n}": [f"{n}-{k}" for k in range(count)] for n, count in enumerate(sizes)})
    tiles = drawn(books, frozenset(), *size).tiles

    assert len(tiles) == min(len(sizes), MOST)
    for n, one in enumerate(tiles):
        assert one.x >= -0.01
        assert one.y >= -0.01
        assert one.x + one.width <= size[0] + 0.01
        assert one.y + one.height <= size[1] + 0.01
        for other in tiles[:n]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert min(across, down) <= 0.01
