"""The skeleton of a document: which headings are topics and where, which block is the table of contents.

Takes all blocks and gives back those that hold content: the TOC and its caption are gone, headings know their path.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from bot.digest.model import Heading, Path, Toc, TocEntry
from bot.digest.parsing import shapes
from bot.digest.parsing.markdown import Block, Mistake

_WRAPPER = re.compile(r"[\W_]*(?:table of contents|contents?|toc|目录|目次|内容|index)[\W_]*", re.IGNORECASE)
_TOC_OPENS = re.compile(r"<!--\s*(?:TOC|MarkdownTOC|START doctoc)\b(?!.*ignore)", re.IGNORECASE)
_TOC_CLOSES = re.compile(r"<!--\s*(?:/\s*TOC|/\s*MarkdownTOC|tocstop|toc:?\s*end|END doctoc)\b", re.IGNORECASE)
_NO_SLUG = re.compile(r"[^\w\- ]")


class Outline:
    """*blocks* without the table of contents, *topics* as (heading, path) in document order, the digest's *title*."""

    def __init__(self, blocks: list[Block]) -> None:
        self.problems: list[Mistake] = []
        self.tocs: tuple[Toc, ...] = ()
        self.blocks = self._without_toc(blocks)
        found = [block for block in blocks if block.kind == "heading"]
        self.headings = _headings(found)
        self.title = _find_title(self.headings)
        self.topics: list[tuple[Heading, Path]] = []
        self._places: dict[int, tuple[Heading, Path]] = {}
        self._find_paths(found)
        self._list_parents = {
            block.place.items[-2] for block in self.blocks if block.opens and len(block.place.items) > 1
        }

    def place_of(self, block: Block) -> tuple[Heading, Path]:
        """A heading block's heading, and the topic path that holds below it."""
        return self._places[block.line]

    def opens_list(self, block: Block) -> bool:
        """Whether another list stands in the list item that *block* opens."""
        return bool(block.place.items) and block.place.items[-1] in self._list_parents

    # Headings -----------------------------------------------------------------------------------------------------

    def _find_paths(self, blocks: list[Block]) -> None:
        stack: list[tuple[int, str | None]] = []
        for block, heading in zip(blocks, self.headings, strict=True):
            while stack and stack[-1][0] >= heading.level:
                stack.pop()
            # A wrapper such as 目录 holds its place in the stack, but has no name in the path.
            is_topic = heading is not self.title and heading.title and not is_wrapper(heading.title)
            stack.append((heading.level, heading.title if is_topic else None))
            path = tuple([title for _, title in stack if title is not None])
            self._places[block.line] = heading, path
            if is_topic:
                self.topics.append((heading, path))

    # Table of contents --------------------------------------------------------------------------------------------

    def _without_toc(self, blocks: list[Block]) -> list[Block]:
        drop: set[int] = set()
        self._drop_marked(blocks, drop)
        self._drop_anchor_lists(blocks, drop)
        return [b for number, b in enumerate(blocks) if b.kind != "comment" and number not in drop]

    def _drop_marked(self, blocks: list[Block], drop: set[int]) -> None:
        start: int | None = None
        for number, block in enumerate(blocks):
            if block.kind != "comment":
                continue
            if _TOC_CLOSES.match(block.text) and start is not None:
                self._add(blocks, range(start, number + 1), drop, marked=True)
                start = None
            elif _TOC_OPENS.match(block.text) and start is None:
                start = number

    def _drop_anchor_lists(self, blocks: list[Block], drop: set[int]) -> None:
        end = 0
        for start, block in enumerate(blocks):
            if start < end or not block.place.items or start in drop:
                continue
            end = start + 1
            while end < len(blocks) and blocks[end].place.items and end not in drop:
                end += 1
            anchors = sum(any(shapes.is_anchor(s.url) for s in block.spans) for block in blocks[start:end])
            if anchors >= 2 and anchors * 2 > end - start:
                self._add(blocks, range(start, end), drop, marked=False)

    def _add(self, blocks: list[Block], numbers: range, drop: set[int], *, marked: bool) -> None:
        entries = tuple(
            TocEntry(shapes.title_text(span.text), _anchor(span.url), max(0, len(block.place.items) - 1), span.line)
            for block in (blocks[n] for n in numbers)
            for span in block.spans
            if span.kind == "link" and shapes.is_anchor(span.url)
        )
        self.tocs += (Toc((blocks[numbers[0]].line, blocks[numbers[-1]].last), marked, entries),)
        drop.update(n for n in numbers if blocks[n].kind != "heading" or marked)
        before = blocks[numbers[0] - 1] if numbers[0] else None
        if before is not None and before.kind == "paragraph" and is_wrapper(shapes.plain(before.spans)):
            drop.add(numbers[0] - 1)


def is_wrapper(title: str) -> bool:
    """A heading or caption such as 目录 or Contents, which says nothing of what stands below it."""
    return len(title) < 24 and _WRAPPER.fullmatch(title) is not None


def _find_title(headings: tuple[Heading, ...]) -> Heading | None:
    """The only H1, where it comes first and all other headings are deeper."""
    first = [heading for heading in headings if heading.level == 1]
    return first[0] if len(first) == 1 and headings[0] is first[0] else None


def _anchor(url: str) -> str:
    anchor = url.removeprefix("./").removeprefix("#")
    return unquote(anchor) if "%" in anchor else anchor


def _headings(blocks: list[Block]) -> tuple[Heading, ...]:
    taken: dict[str, int] = {}
    headings = []
    for block in blocks:
        title = shapes.title_text(shapes.plain(block.spans))
        slug = first = slug_of(title)
        while slug in taken:  # as GitHub counts: on until nobody has it
            taken[first] += 1
            slug = f"{first}-{taken[first]}"
        taken[slug] = 0
        headings.append(Heading(title, block.level, block.line, slug))
    return tuple(headings)


def slug_of(title: str) -> str:
    """The anchor that GitHub gives a heading: lower case, punctuation gone, spaces to hyphens."""
    return _NO_SLUG.sub("", title.strip().lower()).replace(" ", "-")
