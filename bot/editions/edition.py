"""Compose an edition: which items of a theme, what beneath them, and what else a thin one brings. Renders nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.digest.library import Library
from bot.digest.model import Item, Topic
from bot.editions.theme import History, Reason, Theme

THIN = 3
"""An edition of fewer top-level items than this brings related ones."""

RELATED = 2


@dataclass(frozen=True, slots=True)
class Edition:
    """One number of the digest.

    *items* are top-level; *children* gives by an item's id what stands beneath it. *related* come from other topics and
    *new* came in since the last edition; both are shown, and posted only when their own turn comes. *left* top-level
    items of the theme are still to come in further parts. *round* is the first edition of the rotation's round.
    """

    period: str
    theme: Topic
    reason: Reason
    items: tuple[Item, ...]
    children: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    related: tuple[Item, ...] = ()
    new: tuple[Item, ...] = ()
    part: int = 1
    left: int = 0
    round: int = 1

    def beneath(self, item: Item) -> tuple[Item, ...]:
        """What stands beneath one of *items*, in document order and at any depth."""
        return self.children.get(item.id, ())

    @property
    def posts(self) -> tuple[str, ...]:
        """The ids that are posted by this edition."""
        return tuple(one.id for item in self.items for one in (item, *self.beneath(item)))

    def to_data(self) -> dict[str, Any]:
        """The edition as JSON can hold it: ids, and of its items title and address too, for the archive."""
        return {
            "period": self.period,
            "theme": list(self.theme.path),
            "reason": self.reason,
            "items": [[item.id, item.title, item.url] for item in self.items],
            "children": {parent: [item.id for item in items] for parent, items in self.children.items()},
            "related": [item.id for item in self.related],
            "new": [item.id for item in self.new],
            "part": self.part,
            "left": self.left,
            "round": self.round,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], library: Library) -> Edition:
        """What `to_data` gave, as *library* has it now: what was removed from the digest meanwhile is left out."""

        def known(ids: Iterable[str]) -> tuple[Item, ...]:
            return tuple(item for item_id in ids if (item := library.item(item_id)) is not None)

        path = tuple(data["theme"])
        gone = Topic(file="", path=path, title=path[-1] if path else "", slug="", level=1, line=1, state="empty")
        return cls(
            period=data["period"],
            theme=library.topic_at(path) or gone,
            reason=data["reason"],
            items=known(item_id for item_id, *_ in data["items"]),
            children={parent: known(ids) for parent, ids in data["children"].items()},
            related=known(data["related"]),
            new=known(data["new"]),
            part=data["part"],
            left=data["left"],
            round=data["round"],
        )


def compose(
    library: Library,
    theme: Theme,
    history: History,
    period: str,
    *,
    items_per_edition: int | None = None,
    new_items: Iterable[Item] = (),
) -> Edition:
    """The edition of *theme*: the items that the round has still to bring, never-posted first, in document order.

    A theme that has none left (it was asked for, planned or voted) repeats those not seen for longest. *new_items* are
    those that `bot.digest.changes` found since the last edition, of the topics that the chat reads.
    """
    limit = library.config.items_per_edition if items_per_edition is None else items_per_edition
    opened = [item for item in theme.items if history.last_brought(item.id) < theme.round]
    wanted = [item for item in opened if item.id not in theme.reserved] or opened or theme.items
    items = tuple(sorted(wanted, key=lambda item: history.last_brought(item.id))[:limit])

    shown = {item.id for item in items}
    children = {}
    for item in items:
        beneath = [child for child in _descendants(library, item) if child.id not in shown]
        if opened:  # a child may stand in another topic too, and have been posted there or be left to it
            beneath = [
                child
                for child in beneath
                if history.last_brought(child.id) < theme.round and child.id not in theme.reserved
            ]
        if beneath:
            children[item.id] = tuple(beneath)
            shown.update(child.id for child in beneath)

    return Edition(
        period=period,
        theme=theme.topic,
        reason=theme.reason,
        items=items,
        children=children,
        related=_related(library, theme.topic, shown) if len(items) < THIN else (),
        new=tuple(item for item in {item.id: item for item in new_items}.values() if item.id not in shown),
        part=theme.part,
        left=sum(item.id not in shown for item in opened),
        round=theme.round,
    )


def _descendants(library: Library, item: Item) -> Iterator[Item]:
    """All beneath *item*, each once; the library sees to it that nothing stands beneath itself."""
    met: set[str] = set()
    rest = [item]
    while rest:
        one = rest.pop()
        if one.id in met:
            continue
        if one is not item:
            yield one
        met.add(one.id)
        rest.extend(reversed(library.children_of(one.id)))


def _related(library: Library, topic: Topic, shown: set[str]) -> tuple[Item, ...]:
    found = library.related(topic, RELATED + len(shown))
    return tuple(item for item in found if item.id not in shown)[:RELATED]
