"""What was written: the frozen values that every other room reads. Nothing here computes more than a property.

They are msgspec's structs, not dataclasses: a megabyte of Markdown makes ten thousand of them, and a frozen dataclass
of sixteen fields takes 3 µs to make where a struct takes 0.2 µs, which was a third of the whole parse. ``gc=False``:
they hold nothing that could hold them, so the collector need not look.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

Path: TypeAlias = tuple[str, ...]
"""Topic titles from the outermost heading inwards; ``()`` stands for what comes before the first heading."""

Severity = Literal["error", "warning", "info"]
State = Literal["items", "container", "notes-only", "empty"]
TitleSource = Literal["link", "bold", "cell", "heading", "text", "url", "front_matter"]
PartKind = Literal["abstract", "recommendation", "other"]


class Link(Struct, frozen=True, gc=False):
    """A link with the text it was written with; *line* counts from 1 in the file."""

    label: str
    url: str
    line: int


class Part(Struct, frozen=True, gc=False):
    """A labelled piece of an item's text, such as 摘要 or 推荐; *label* is as written, without its colon."""

    kind: PartKind
    label: str
    text: str
    line: int


class Item(Struct, frozen=True, gc=False):
    """A recommended link with its text.

    *id* comes from the normalised primary URL alone (see :mod:`bot.digest.identity`), *url* is that URL as written.
    *links* are all other links of the item; *lines* the first and the last line of the item itself, children excluded.
    *parent* is the id of the item that this one stands beneath, *group_label* a lead line such as ``两篇``.
    *summary* is the abstract, else the body, else None; never a recommendation.
    """

    id: str
    file: str
    topic: Path
    title: str
    title_source: TitleSource
    url: str
    line: int
    lines: tuple[int, int]
    links: tuple[Link, ...] = ()
    parts: tuple[Part, ...] = ()
    body: tuple[str, ...] = ()
    summary: str | None = None
    summary_source: Literal["abstract", "body"] | None = None
    tags: tuple[str, ...] = ()
    parent: str | None = None
    group_label: str | None = None

    @property
    def recommendation(self) -> str | None:
        """The curator's word on why to read it (推荐), or None."""
        texts = [part.text for part in self.parts if part.kind == "recommendation"]
        return "\n".join(texts) or None


class Topic(Struct, frozen=True, gc=False):
    """A heading under which things stand. *slug* is the anchor that GitHub gives it; *level* runs from 1 to 6."""

    file: str
    path: Path
    title: str
    slug: str
    level: int
    line: int
    state: State


class Note(Struct, frozen=True, gc=False):
    """Prose under a heading where no item is open: an introduction or a remark, with the links it holds."""

    file: str
    topic: Path
    text: str
    line: int
    links: tuple[Link, ...] = ()


class Problem(Struct, frozen=True, gc=False):
    """Something the curator may want to fix, with the sentence that says what."""

    file: str
    line: int
    code: str
    severity: Severity
    message: str


class Heading(Struct, frozen=True, gc=False):
    """A heading as it stands in the file, also one that is no topic (the digest's title, a wrapper such as 目录)."""

    title: str
    level: int
    line: int
    slug: str


class TocEntry(Struct, frozen=True, gc=False):
    """One line of the table of contents; *depth* counts from 0, *anchor* is what follows the ``#``, percent-decoded."""

    label: str
    anchor: str
    depth: int
    line: int


class Toc(Struct, frozen=True, gc=False):
    """The table of contents: its first and last line, whether ``<!-- TOC -->`` marks it, and its entries."""

    lines: tuple[int, int]
    marked: bool
    entries: tuple[TocEntry, ...]


class Digest(Struct, frozen=True):
    """One file, understood. All rows are in document order.

    *headings*, *tocs* and *anchors* (those that raw HTML sets, where a table of contents may lead) serve the linter.
    """

    file: str
    title: str
    title_source: Literal["front_matter", "heading", "file"]
    date: dt.date | None
    language: str
    tags: tuple[str, ...] = ()
    front_matter: Mapping[str, Any] = field(default_factory=dict)
    topics: tuple[Topic, ...] = ()
    items: tuple[Item, ...] = ()
    notes: tuple[Note, ...] = ()
    problems: tuple[Problem, ...] = ()
    headings: tuple[Heading, ...] = ()
    tocs: tuple[Toc, ...] = ()
    anchors: tuple[str, ...] = ()
