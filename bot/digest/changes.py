"""Tell what came in, moved, got another title or went between two Libraries, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.digest.library import Library
from bot.digest.model import Item, Path


@dataclass(frozen=True, slots=True)
class Change:
    """One item as it stood and as it stands."""

    before: Item
    after: Item


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between two Libraries; false where there is none. An item may be both moved and retitled.

    *added*, *moved* and *retitled* are in the new document order, *removed* is in the old one. Another file, line or
    summary is no change: the reader finds the item where it was.
    """

    added: tuple[Item, ...] = ()
    moved: tuple[Change, ...] = ()
    retitled: tuple[Change, ...] = ()
    removed: tuple[Item, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.moved or self.retitled or self.removed)


def changes(old: Library, new: Library) -> Changes:
    """What is different for a reader of *new* who knows *old*; items are the same by their id."""
    before, after = _places(old), _places(new)
    kept = [item_id for item_id in after if item_id in before]
    return Changes(
        added=tuple(_first(places) for item_id, places in after.items() if item_id not in before),
        moved=tuple(_move(before[i], after[i]) for i in kept if before[i].keys() != after[i].keys()),
        retitled=tuple(
            Change(_first(before[i]), _first(after[i]))
            for i in kept
            if _first(before[i]).title != _first(after[i]).title
        ),
        removed=tuple(_first(places) for item_id, places in before.items() if item_id not in after),
    )


def _places(library: Library) -> Mapping[str, Mapping[Path, Item]]:
    """Each item by the topics that it stands in."""
    places: dict[str, dict[Path, Item]] = {}
    for item in library.items:
        places.setdefault(item.id, {}).setdefault(item.topic, item)
    return places


def _first(places: Mapping[Path, Item]) -> Item:
    return next(iter(places.values()))


def _move(before: Mapping[Path, Item], after: Mapping[Path, Item]) -> Change:
    """From a topic that the item left to one that it came to; the first one, where it only gained or lost a place."""
    left = next((item for topic, item in before.items() if topic not in after), _first(before))
    came = next((item for topic, item in after.items() if topic not in before), _first(after))
    return Change(left, came)
