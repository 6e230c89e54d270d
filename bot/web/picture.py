"""The digest as one picture: a map on which every topic is as large as what it holds. Pure geometry.

The map is a squarified treemap (Bruls, Huizing, van Wijk, 2000): rows are filled along the shorter side as long as that
makes their tiles more square.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.chat.prose import shortened, width
from bot.digest.library import Library
from bot.digest.model import Topic

SHADES = 4
"""Shades from 0, nothing of it was posted, to this, all of it was."""

MOST = 48
"""Tiles; of a digest with more topics, the largest."""

_COLUMN = 7.2  # width of a column of text, at the size that labels have
_LINE = 17.0
_FIELD = 2.0  # between fields, besides what is between tiles


@dataclass(frozen=True, slots=True)
class Tile:
    """A topic on the map. *label* is as much of its title as there is room for, and *aside* of what stands beneath it:
    in which topic it lies, how much of it was posted.
    """

    topic: Topic
    x: float
    y: float
    width: float
    height: float
    items: int
    posted: int
    label: str
    aside: str

    @property
    def shade(self) -> int:
        """How much of it was posted; something is never nothing, and not everything is never all."""
        if not self.posted:
            return 0
        return SHADES if self.posted == self.items else max(1, min(SHADES - 1, SHADES * self.posted // self.items))


@dataclass(frozen=True, slots=True)
class Picture:
    """A map of *width* by *height* units."""

    width: int
    height: int
    tiles: tuple[Tile, ...]


def drawn(library: Library, posted: frozenset[str], wide: int, high: int) -> Picture:
    """The map of a library's topics. A topic with topics beneath it is a field of these; what stands right in it is a
    tile of its own among them.
    """
    fields = [(topic, len(library.items_under(topic.path))) for topic in library.roots()]
    fields = sorted(((topic, n) for topic, n in fields if n), key=lambda field: -field[1])
    tiles: list[Tile] = []
    for (topic, _), field in zip(fields, _laid(_Box(0, 0, wide, high), [n for _, n in fields]), strict=True):
        if len(tiles) < MOST:
            tiles += _divided(topic, field.within(_FIELD), library, posted)
    return Picture(wide, high, tuple(tiles[:MOST]))


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float

    def within(self, by: float) -> _Box:
        """The box without its edge."""
        return _Box(self.x + by, self.y + by, max(0.0, self.width - 2 * by), max(0.0, self.height - 2 * by))


def _divided(topic: Topic, box: _Box, library: Library, posted: frozenset[str]) -> Iterable[Tile]:
    below = [(one, {item.id for item in library.items_under(one.path)}) for one in library.children(topic.path)]
    parts = [(one, ids) for one, ids in below if ids]
    if own := {item.id for item in library.items_in(topic.path)}:
        parts.insert(0, (topic, own))
    parts.sort(key=lambda part: -len(part[1]))
    boxes = [*_laid(box, [len(ids) for _, ids in parts])]
    if len(parts) < 2 or any(one.width < 56 or one.height < 30 for one in boxes):
        ids = {item.id for item in library.items_under(topic.path)}
        return [_tile(topic, box, ids, posted)]
    return [_tile(one, place, ids, posted) for (one, ids), place in zip(parts, boxes, strict=True)]


def _tile(topic: Topic, box: _Box, ids: set[str], posted: frozenset[str]) -> Tile:
    columns = int((box.width - 18) / _COLUMN)
    seen = len(ids & posted)
    label = shortened(topic.title, columns) if columns >= 3 and box.height >= _LINE + 8 else ""
    asides = (f"{topic.path[0]} · {seen}/{len(ids)}" if len(topic.path) > 1 else "", f"{seen}/{len(ids)}")
    fitting = (one for one in asides if one and width(one) <= columns * 1.2)
    aside = next(fitting, "") if label and box.height >= 2 * _LINE + 12 else ""
    return Tile(topic, box.x, box.y, box.width, box.height, len(ids), seen, label, aside)


def _laid(box: _Box, sizes: Sequence[int]) -> Iterable[_Box]:
    """A box inside *box* for each of *sizes*, which run from the largest; their areas are as the sizes are."""
    rest = [*sizes]
    while rest:
        scale = box.width * box.height / sum(rest)
        side = min(box.width, box.height)
        n = 1
        while n < len(rest) and _worst(rest[: n + 1], side, scale) <= _worst(rest[:n], side, scale):
            n += 1
        row, rest = rest[:n], rest[n:]
        thick = sum(row) * scale / side if side else 0.0
        at = 0.0
        for size in row:
            long = size * scale / thick if thick else 0.0
            if box.width >= box.height:
                yield _Box(box.x, box.y + at, thick, long)
            else:
                yield _Box(box.x + at, box.y, long, thick)
            at += long
        if box.width >= box.height:
            box = _Box(box.x + thick, box.y, max(0.0, box.width - thick), box.height)
        else:
            box = _Box(box.x, box.y + thick, box.width, max(0.0, box.height - thick))


def _worst(row: Sequence[int], side: float, scale: float) -> float:
    """How far from a square the least square tile of *row* is."""
    area = sum(row) * scale
    if not side or not area:
        return float("inf")
    return max(max(row) * scale * side**2 / area**2, area**2 / (min(row) * scale * side**2))
