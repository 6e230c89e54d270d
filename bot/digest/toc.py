"""The table of contents against the headings: where they drifted apart, and the table put right.

`drift` tells, `fix_toc` rewrites. Both ask the table itself which headings it means to list: those of the levels that
it lists already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote

from bot.digest.findings import shorten
from bot.digest.model import Digest, Heading, Problem, Toc, TocEntry
from bot.digest.parsing.outline import is_wrapper, slug_of

_EVERYWHERE: Final = frozenset({"", "top"})
"""Anchors that every page has."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_ENTRY = re.compile(
    r"(?P<indent>[ \t]*)(?P<bullet>[-*+]|\d{1,9}[.)])(?P<gap>[ \t]+)"
    r"(?P<rest>\[.*\]\((?P<dot>(?:\./)?)#(?P<anchor>[^()\s]*)(?:\s[^()]*)?\).*)"
)
_LINK = re.compile(r"\]\((?:\./)?#")
_MARKUP = re.compile(r"[\\`*\[\]<>]|(?<!\w)_|_(?!\w)")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")


def drift(digest: Digest) -> Iterator[Problem]:
    """Entries that lead nowhere, and headings that are not listed although others of their level are."""
    if not digest.tocs:
        return
    there = {heading.slug for heading in digest.headings} | set(digest.anchors) | _EVERYWHERE
    listed = {entry.anchor for toc in digest.tocs for entry in toc.entries}
    for toc in digest.tocs:
        for entry in toc.entries:
            if entry.anchor not in there:
                message = (
                    f"the table of contents leads to #{shorten(entry.anchor)}, which no heading has: correct the entry"
                )
                yield Problem(digest.file, entry.line, "dead-anchor", "warning", message)
    for heading in _meant(digest, _levels_listed(digest, listed), listed):
        if heading.slug not in listed:
            message = (
                f"the table of contents lacks the heading “{shorten(heading.title)}”: add #{shorten(heading.slug)}"
            )
            yield Problem(digest.file, heading.line, "missing-from-toc", "warning", message)


def _levels_listed(digest: Digest, listed: set[str]) -> set[int]:
    return {heading.level for heading in digest.headings if heading.slug in listed}


def _meant(digest: Digest, levels: set[int], listed: set[str]) -> tuple[Heading, ...]:
    """The headings that the table is to list: those it does, and others of *levels* from where it begins.

    Headings above it introduce the page or the table (目录, Contents), and so does the one right above another table.
    """
    above_all = min(toc.lines[0] for toc in digest.tocs)
    start = next((min(heading.line, above_all) for heading in digest.headings if heading.slug in listed), above_all)
    captions = _captions(digest)
    reachable = {heading.slug: heading for heading in reversed(digest.headings)}
    return tuple(
        heading
        for heading in digest.headings
        if reachable[heading.slug] is heading
        and (
            heading.slug in listed
            or (
                heading.level in levels
                and heading.line > start
                and heading.line not in captions
                and slug_of(heading.title)
                and not is_wrapper(heading.title)
            )
        )
    )


def _captions(digest: Digest) -> set[int]:
    """The lines of the headings right above a table."""
    captions = set()
    lines = iter(heading.line for heading in digest.headings)
    above, line = 0, next(lines, None)
    for toc in sorted(digest.tocs, key=lambda toc: toc.lines):
        while line is not None and line < toc.lines[0]:
            above, line = line, next(lines, None)
        captions.add(above)
    return captions


# Rewriting --------------------------------------------------------------------------------------------------------


def fix_toc(text: str, digest: Digest) -> str | None:
    """*text* with its table of contents brought in line with the headings, in the style that the table has.

    Entries that lead to their heading stay as written. None where there is nothing to do or where it is not safe:
    several tables, entries that are more than a link to a heading, or a result that would not be read as it was meant.
    *digest* is *text* as parsed. Not a byte outside the table changes, line ends included.
    """
    if len(digest.tocs) != 1:
        return None
    lines = _lines(text)
    old = _Table.read(lines, digest)
    if old is None:
        return None
    wanted = _wanted(digest, old)
    if not wanted:
        return None
    depths = _depths(wanted, digest.tocs[0])
    block = old.written(wanted, depths)
    fixed = "".join([*lines[: old.start], _joined(block, lines, old.start, old.stop), *lines[old.stop :]])
    return fixed if fixed != text and _reads_as_meant(fixed, digest, wanted, depths) else None


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table: *entry* is what it was read as, *rest* its link and whatever follows."""

    entry: TocEntry
    indent: str
    bullet: str
    gap: str
    rest: str


@dataclass(frozen=True, slots=True)
class _Table:
    """The table as it stands in the text's lines *start* to *stop* (from 0, *stop* not included), and its style."""

    start: int
    stop: int
    rows: tuple[_Row, ...]
    blank: bool
    dot: str = ""
    encoded: bool = False

    @classmethod
    def read(cls, lines: Sequence[str], digest: Digest) -> _Table | None:
        """The only table of *digest*, or None if its lines are not all plain entries."""
        toc = digest.tocs[0]
        if not toc.entries:
            return cls._between_marks(lines, toc)
        start, stop = min(e.line for e in toc.entries) - 1, max(e.line for e in toc.entries)
        entries = {entry.line - 1: entry for entry in toc.entries}
        rows, found = [], []
        for number in range(start, min(stop, len(lines))):
            line = lines[number].rstrip("\r\n")
            if line.strip():
                match = _ENTRY.fullmatch(line)
                entry = entries.get(number)
                if match is None or entry is None or len(_LINK.findall(line)) != 1:
                    return None
                if unquote(match["anchor"]) != entry.anchor:
                    return None
                found.append(match)
                rows.append(_Row(entry, match["indent"], match["bullet"], match["gap"], match["rest"]))
        around = [*lines[toc.lines[0] - 1 : start], *lines[stop : toc.lines[1]]]
        if any(_LINK.search(line) for line in around):
            return None  # indented so far that Markdown takes it for code
        blanks = stop - start - len(rows)
        if len(rows) != len(toc.entries) or blanks not in (0, len(rows) - 1):
            return None
        encoded = any(_ENCODED.search(match["anchor"]) for match in found)
        return cls(start, stop, tuple(rows), blanks > 0, found[0]["dot"], encoded)

    @classmethod
    def _between_marks(cls, lines: Sequence[str], toc: Toc) -> _Table | None:
        """An empty table: all between its two marks, which stand on lines of their own."""
        start, stop = toc.lines[0], toc.lines[1] - 1
        if start > stop or any(line.strip() for line in lines[start:stop]):
            return None
        return cls(start, stop, (), blank=False)

    def written(self, wanted: Sequence[Heading], depths: Sequence[int]) -> list[str]:
        """The table's lines, without their ends, for the headings *wanted*."""
        best = self._by_anchor()
        firsts = {row.entry.depth: row for row in reversed(self.rows)}
        base = min(firsts, default=0)
        counts = len({row.bullet for row in self.rows}) > 1 or len(self.rows) == 1
        numbers: list[int] = []
        block = []
        for heading, depth in zip(wanted, depths, strict=True):
            row = best.get(heading.slug)
            numbers = [*numbers[: depth + 1], *[0] * (depth + 1 - len(numbers))]
            numbers[depth] += 1
            like = row if row and row.entry.depth - base == depth else _like(firsts, depth + base)
            bullet = f"{numbers[depth]}{like.bullet[-1]}" if counts and like.bullet[0].isdigit() else like.bullet
            rest = row.rest if row and _label_holds(row.entry, heading) else self._link(heading)
            block.append(f"{like.indent}{bullet}{like.gap}{rest}")
        if not self.rows:
            return ["", *block, ""]
        return [line for entry in block for line in (entry, "")][:-1] if self.blank else block

    def _by_anchor(self) -> Mapping[str, _Row]:
        """The row of each anchor; of several the one that is called like it."""
        best: dict[str, _Row] = {}
        for row in self.rows:
            known = best.setdefault(row.entry.anchor, row)
            if slug_of(known.entry.label) != row.entry.anchor == slug_of(row.entry.label):
                best[row.entry.anchor] = row
        return best

    def _link(self, heading: Heading) -> str:
        anchor = quote(heading.slug) if self.encoded else heading.slug
        return f"[{_MARKUP.sub(_escaped, heading.title)}]({self.dot}#{anchor})"


def _like(firsts: Mapping[int, _Row], depth: int) -> _Row:
    """The row whose looks a new one at *depth* takes: the first there, else one made from those further out."""
    if depth in firsts:
        return firsts[depth]
    if not firsts:
        return _Row(TocEntry("", "", depth, 0), "  " * depth, "-", " ", "")
    near = max((known for known in firsts if known < depth), default=min(firsts))
    like = firsts[near]
    step = " " * (len(like.bullet) + len(like.gap.expandtabs(1)))
    if near - 1 in firsts and len(like.indent) > len(firsts[near - 1].indent):
        step = like.indent[len(firsts[near - 1].indent) :]
    return replace(like, indent=like.indent + step * max(0, depth - near))


def _wanted(digest: Digest, table: _Table) -> tuple[Heading, ...]:
    """The headings to list; none where the table does not list headings in the first place."""
    slugs = {heading.slug for heading in digest.headings}
    listed = {row.entry.anchor for row in table.rows}
    if (listed - slugs) & ({*digest.anchors} | _EVERYWHERE):
        return ()  # it leads to other places too, whose order nobody knows
    live = listed & slugs
    if len(live) * 2 < len(listed) and not digest.tocs[0].marked:
        return ()
    levels = _levels_listed(digest, listed)
    if not levels:
        all_levels = sorted({heading.level for heading in _meant(digest, {1, 2, 3, 4, 5, 6}, set())})
        levels = set(all_levels[: len({row.entry.depth for row in table.rows}) or len(all_levels)])
    return _meant(digest, levels, listed)


def _depths(wanted: Sequence[Heading], toc: Toc) -> list[int]:
    """How far in each heading stands: as the levels nest, or all in one row where that is what the table does."""
    nested = []
    above: list[int] = []
    for heading in wanted:
        while above and above[-1] >= heading.level:
            above.pop()
        nested.append(len(above))
        above.append(heading.level)
    base = min((entry.depth for entry in toc.entries), default=0)
    known = {entry.anchor: entry.depth - base for entry in toc.entries}
    held = [(known[h.slug], depth) for h, depth in zip(wanted, nested, strict=True) if h.slug in known]
    flat_agrees = sum(before == 0 for before, _ in held)
    return [0] * len(nested) if flat_agrees > sum(before == depth for before, depth in held) else nested


def _label_holds(entry: TocEntry, heading: Heading) -> bool:
    """Whether an entry's words may stay: they are the heading's, or the curator's own and not an old spelling of it."""
    return entry.label == heading.title or slug_of(entry.label) != slug_of(heading.title)


def _reads_as_meant(fixed: str, digest: Digest, wanted: Sequence[Heading], depths: Sequence[int]) -> bool:
    from bot.digest.parsing.parser import parse

    again = parse(fixed, file=digest.file)
    if len(again.tocs) != 1:
        return False
    entries = again.tocs[0].entries
    base = min((entry.depth for entry in entries), default=0)
    read = [(entry.anchor, entry.depth - base) for entry in entries]
    meant = [(heading.slug, depth) for heading, depth in zip(wanted, depths, strict=True)]
    same_headings = [(h.slug, h.level) for h in again.headings] == [(h.slug, h.level) for h in digest.headings]
    return read == meant and same_headings


def _lines(text: str) -> list[str]:
    """*text* in lines with their ends, counted as the parser counts them."""
    ends = [match.end() for match in _LINE_END.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _joined(block: Sequence[str], lines: Sequence[str], start: int, stop: int) -> str:
    """*block* in the place of *lines* from *start* to *stop*, with their line ends."""
    ends = [line[len(line.rstrip("\r\n")) :] for line in lines[max(0, start - 1) : stop]]
    end = next(filter(None, reversed(ends)), "\n")
    return end.join(block) + (ends[-1] if start < stop else end)


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match[0]
