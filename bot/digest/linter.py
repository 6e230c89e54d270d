"""What a curator can fix: all Problems of a Library, those that parsing found and those that only the whole shows.

    parsing and reading   broken Markdown, stray markers, refused files, a bad digest.yaml     (`Library.problems`)
    here                  links twice, the table of contents, headings, titles, summaries, names in digest.yaml

Judges nothing by taste: where a file never has summaries, that is its style and told once. Time is linear in the items.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from bot.digest import toc
from bot.digest.findings import shorten
from bot.digest.identity import normalise
from bot.digest.library import Library
from bot.digest.model import Digest, Heading, Item, Note, Path, Problem, Severity, Topic
from bot.digest.names import squeeze
from bot.digest.parsing import shapes
from bot.errors import TopicAmbiguous, TopicNotFound

_SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
_ABSTRACT_LABELS: Final = {"zh": "摘要：…"}


def lint(library: Library) -> tuple[Problem, ...]:
    """Everything that there is to fix, file by file in the library's order, each from its first line to its last."""
    found = [*library.problems, *_names_in_config(library), *_links_twice(library.digests)]
    for digest in library.digests:
        found += toc.drift(digest)
        found += _headings_twice(digest)
        found += _empty_sections(digest)
        found += _poor_titles(digest)
        found += _missing_summaries(digest)
    files = {file: place for place, file in enumerate(dict.fromkeys(problem.file for problem in found))}
    files |= {digest.file: len(files) + place for place, digest in enumerate(library.digests)}
    return tuple(sorted(dict.fromkeys(found), key=lambda p: (files[p.file], p.line, _SEVERITIES.index(p.severity))))


# Links ------------------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where a link stands. *primary* is whether it makes an item of its own there."""

    url: str
    file: str
    topic: Path
    line: int
    primary: bool


def _links_twice(digests: Iterable[Digest]) -> Iterator[Problem]:
    """The same link under two topics, told at each further topic.

    Across files only the items themselves count: a newsletter thanks the same host in every number.
    """
    everywhere = _Seen()
    for digest in digests:
        here = _Seen()
        for place in sorted(_places(digest), key=lambda place: place.line):
            page = normalise(place.url)
            first = here.first_elsewhere(page, place)
            if place.primary:
                first = everywhere.first_elsewhere(page, place) or first
            if first:
                yield _twice(place, first)


class _Seen:
    """The pages met so far: where first, and under which topics."""

    def __init__(self) -> None:
        self._first: dict[str, _Place] = {}
        self._topics: defaultdict[str, set[Path]] = defaultdict(set)

    def first_elsewhere(self, page: str, place: _Place) -> _Place | None:
        """Where *page* stood first, if *place* is the first under a topic of its own; remembers *place*."""
        first = self._first.setdefault(page, place)
        is_new = place.topic not in self._topics[page]
        self._topics[page].add(place.topic)
        return first if is_new and first is not place else None


def _places(digest: Digest) -> Iterator[_Place]:
    for item in digest.items:
        yield _Place(item.url, digest.file, item.topic, item.line, True)
    rows: list[Item | Note] = [*digest.items, *digest.notes]
    for row in rows:
        for link in row.links:
            if not link.url.startswith("mailto:"):
                yield _Place(link.url, digest.file, row.topic, link.line, False)


def _twice(place: _Place, first: _Place) -> Problem:
    where = f"line {first.line}" if first.file == place.file else f"{first.file}:{first.line}"
    under = f"under “{shorten(' / '.join(first.topic))}”" if first.topic else "before the first heading"
    message = f"{shorten(place.url)} stands {under} already ({where}): keep it in one topic"
    return Problem(place.file, place.line, "duplicate-link", "warning", message)


# Headings ---------------------------------------------------------------------------------------------------------


def _headings_twice(digest: Digest) -> Iterator[Problem]:
    places: defaultdict[Path, list[int]] = defaultdict(list)
    for topic in digest.topics:
        places[topic.path].append(topic.line)
    for path, lines in places.items():
        if len(lines) > 1:
            where = f"{', '.join(map(str, lines[:-1]))} and {lines[-1]}"
            message = f"the heading “{shorten(' / '.join(path))}” stands at lines {where}: join them or rename one"
            yield Problem(digest.file, lines[1], "duplicate-heading", "warning", message)


def _empty_sections(digest: Digest) -> Iterator[Problem]:
    """Headings with nothing down to the next one, which is no deeper. By position: a path may stand there twice.

    A heading that is a link is an item, and so not empty, unless such headings mostly have something below them here.
    """
    rows: list[Item | Note] = [*digest.items, *digest.notes]
    headings: Sequence[Heading | Topic] = digest.headings or digest.topics
    linked = {heading.line for heading in headings} & {item.line for item in digest.items}
    filled = sorted(
        [row.line for row in rows if row.line not in linked or not _is_bare(row)]
        + [table.lines[0] for table in digest.tocs]
    )
    following = {heading.line: after for heading, after in pairwise(headings)}
    empty = []
    for topic in digest.topics:
        after = following.get(topic.line)
        at = bisect_left(filled, topic.line)
        if (after is None or after.level <= topic.level) and (
            at == len(filled) or (after is not None and filled[at] >= after.line)
        ):
            empty.append(topic)
    empty_links = [topic for topic in empty if topic.line in linked]
    for topic in empty:
        if topic.line not in linked or len(empty_links) * 2 < len(linked):
            message = f"nothing stands under “{shorten(topic.title)}”: add an item or take the heading out"
            yield Problem(digest.file, topic.line, "empty-section", "info", message)


def _is_bare(row: Item | Note) -> bool:
    return isinstance(row, Item) and not (row.body or row.parts or row.links)


# Items ------------------------------------------------------------------------------------------------------------


def _poor_titles(digest: Digest) -> Iterator[Problem]:
    for item in digest.items:
        if item.title_source == "heading":
            message = f"{shorten(item.url)} is called “{shorten(item.title)}” after its heading: write [title](address)"
            yield Problem(digest.file, item.line, "heading-title", "info", message)
        elif item.title_source == "url":
            message = f"{shorten(item.url)} has no title but its address: write [title](address)"
            yield Problem(digest.file, item.line, "generic-title", "warning", message)
        elif shapes.is_generic(item.title):
            message = f"the title “{shorten(item.title)}” does not say what it leads to: write [title](address)"
            yield Problem(digest.file, item.line, "generic-title", "warning", message)


def _missing_summaries(digest: Digest) -> Iterator[Problem]:
    """Where most items have a summary, each that has none; else one line for the file."""
    without = [item for item in digest.items if item.summary is None]
    if not without:
        return
    cure = f"write “{_ABSTRACT_LABELS.get(digest.language, 'Abstract: …')}” or a sentence below the link"
    if len(without) * 2 < len(digest.items):
        yield from (_without_summary(item, cure) for item in without)
    else:
        message = f"{len(without)} of {len(digest.items)} items have no summary: {cure}"
        yield Problem(digest.file, 1, "no-summary", "info", message)


def _without_summary(item: Item, cure: str) -> Problem:
    return Problem(item.file, item.line, "no-summary", "info", f"“{shorten(item.title)}” has no summary: {cure}")


# digest.yaml ------------------------------------------------------------------------------------------------------


def _names_in_config(library: Library) -> Iterator[Problem]:
    """Words in `digest.yaml` that name no topic, and so do nothing."""
    config = library.config
    known = _known_names(library.topics)
    groups = [(key, *words) for key, words in config.aliases.items()]
    named = set(known)
    for group in groups:
        squeezed = {squeeze(word) for word in group}
        if squeezed & known:
            named |= squeezed
        else:
            yield _unknown(library, f"aliases.{group[0]}", f"none of {_listed(group)} names a topic")
    for word in config.themes.skip:
        if squeeze(word) not in named:
            yield _unknown(library, "themes.skip", f"“{shorten(word)}” names no topic")
    for period, name in config.themes.plan.items():
        if wrong := _wrong_plan(library, name):
            yield _unknown(library, f"themes.plan.{period}", wrong)


def _known_names(topics: Iterable[Topic]) -> set[str]:
    """Titles, slugs and paths, also those that begin further in, as `Library.find_topic` compares them."""
    known = {squeeze(topic.slug) for topic in topics}
    for topic in topics:
        known |= {squeeze("/".join(topic.path[start:])) for start in range(len(topic.path))}
    return known - {""}


def _wrong_plan(library: Library, name: str) -> str | None:
    """Why a plan of this name will not come true. Asked as the plan itself is read, so near names are names."""
    try:
        topic = library.find_topic(name)
    except TopicAmbiguous as error:
        return f"“{shorten(name)}” may be {_listed('/'.join(topic.path) for topic in error.candidates)}"
    except TopicNotFound as error:
        hint = f"; did you mean “{shorten(error.suggestions[0].title)}”?" if error.suggestions else ""
        return f"“{shorten(name)}” names no topic{hint}"
    return None if library.items_under(topic.path) else f"“{shorten(topic.title)}” holds no item to post"


def _unknown(library: Library, key: str, message: str) -> Problem:
    config = library.config
    line = config.lines.get(key.removeprefix("themes.") if ".plan." in key else key, 1)
    return Problem(config.file or "digest.yaml", line, "unknown-topic", "warning", f"{key}: {message}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"“{shorten(name)}”" for name in names)
