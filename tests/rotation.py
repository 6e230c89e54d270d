"""What must hold of a rotation over any Library: run it on a digest and get a sentence for each rule that is broken.

Written from what `themes` promise a reader, not from how they are picked: only the editions are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.digest.library import Library
from bot.editions.calendar import simulate
from bot.editions.edition import Edition
from bot.editions.theme import History, Rotation

NOTHING_POSTED = History()


def broken_rules(
    library: Library, *, weeks: int = 200, history: History = NOTHING_POSTED, topics: Sequence[str] = ()
) -> list[str]:
    """The rules that *weeks* editions from *history* on break; empty if all is well."""
    rotation = Rotation.of(library, topics)
    editions = simulate(library, history, "2026-W48", weeks, topics=topics)
    if not rotation.candidates:
        return [] if not editions else ["there are editions, though no topic may be a theme"]
    return [
        *([] if len(editions) == weeks else [f"{len(editions)} editions in {weeks} weeks"]),
        *_missing(rotation, editions),
        *_repeated(rotation, editions),
        *_equal_in_a_row(rotation, editions),
        *_badly_composed(library, editions),
    ]


def _missing(rotation: Rotation, editions: Sequence[Edition]) -> Iterator[str]:
    """Every candidate appears, if there is a week for each and it has anything that others did not bring before."""
    themes = {edition.theme.path for edition in editions}
    brought = {item_id for edition in editions for item_id in edition.posts}
    if 2 * len(rotation.candidates) <= len(editions):  # one great topic may take every second week
        for one in rotation.candidates:
            if one.topic.path not in themes and not all(item.id in brought for item in one.items):
                yield f"{one.topic.path} never appears"


def _repeated(rotation: Rotation, editions: Sequence[Edition]) -> Iterator[str]:
    """No item repeats before all of the rotation were posted."""
    everything = _everything(rotation)
    brought: set[str] = set()
    for edition in editions:
        if brought >= everything:
            brought = set()
        for item_id in edition.posts:
            if item_id in brought:
                yield f"{edition.period} repeats {item_id} while {len(everything - brought)} are waiting"
            brought.add(item_id)


def _equal_in_a_row(rotation: Rotation, editions: Sequence[Edition]) -> Iterator[str]:
    """No two equal weeks in a row, and no theme twice in a row while another has an item left for the round."""
    everything = _everything(rotation)
    brought: set[str] = set()
    previous: Edition | None = None
    for edition in editions:
        if brought >= everything:
            brought = set()
        if previous and previous.theme.path == edition.theme.path:
            waiting = [one for one in rotation.candidates if any(item.id not in brought for item in one.items)]
            if [one.topic.path for one in waiting] != [edition.theme.path]:
                yield f"{edition.period} has the theme of the week before, {edition.theme.path}"
            if previous.posts == edition.posts and len(everything) > len(edition.posts):
                yield f"{edition.period} equals the week before"
        brought.update(edition.posts)
        previous = edition


def _badly_composed(library: Library, editions: Sequence[Edition]) -> Iterator[str]:
    """Editions hold one to `items_per_edition` items of their theme, and show nothing twice."""
    for edition in editions:
        if not 1 <= len(edition.items) <= library.config.items_per_edition:
            yield f"{edition.period} has {len(edition.items)} items"
        under = {item.id for item in library.items_under(edition.theme.path)}
        if not {item.id for item in edition.items} <= under:
            yield f"{edition.period} brings items of other topics than {edition.theme.path}"
        shown = [*edition.posts, *(item.id for item in edition.related)]
        if len(shown) != len(set(shown)):
            yield f"{edition.period} shows an item twice"
        if edition.related and len(edition.items) >= 3:
            yield f"{edition.period} brings related items without need"


def _everything(rotation: Rotation) -> set[str]:
    """All that a round has to bring: the top-level items of the candidates; what stands beneath comes with them."""
    return {item.id for one in rotation.candidates for item in one.items}
