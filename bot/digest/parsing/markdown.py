"""Markdown text to a flat run of blocks with line numbers. The only module that knows the Markdown parser.

A digest is read top to bottom, so the tree is not kept: each leaf block (heading, paragraph, table row, …) knows the
list items and the quotation it stands in, and that is all the parser needs to tell what belongs to what.

Beyond CommonMark and tables: bare ``https://`` addresses, ``<a href>``, ``<br>`` and the comments of raw HTML are read,
and what writers get wrong most often is mended and told in `Document.problems`: an empty link definition that swallows
the next one, ``[text] (url)``, ``[text](`` without its end.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, Literal, TypeAlias

import pyromark
from msgspec import Struct

from bot.digest.parsing import html
from bot.digest.parsing.spans import Span, mended_links, shorten, split_urls

BlockKind = Literal["heading", "paragraph", "row", "rule", "code", "comment"]
Mistake: TypeAlias = tuple[int, str, str]
"""Line, code and sentence of something that is wrong in the text."""


class Place(Struct, frozen=True, gc=False):
    """Where a block stands: the list items around it, outermost first, each a number of its own in the document."""

    items: tuple[int, ...] = ()
    list: int = 0
    quotes: int = 0


class Block(Struct, gc=False):
    """A leaf of the document. *opens*: it is the first block of a list item; *cells* and *head* belong to a row."""

    kind: BlockKind
    line: int
    last: int
    place: Place = Place()
    opens: bool = False
    level: int = 0
    spans: Sequence[Span] = ()
    cells: Sequence[Sequence[Span]] = ()
    head: bool = False
    text: str = ""


class Document(Struct):
    """All blocks in order, and what is wrong with the Markdown itself.

    *links* are all link spans once more, *with_urls* the texts in which ``://`` stands, with their line: for those who
    look at addresses alone.
    """

    blocks: list[Block]
    problems: list[Mistake]
    links: list[Span]
    with_urls: list[tuple[int, str]]
    too_deep: int | None = None


MAX_DEPTH: Final = 32
"""Levels of lists and quotations; a document nested deeper is refused by the parser."""

MAX_BLOCKS: Final = 200_000
"""Paragraphs, headings and the like; a document with more is refused by the parser."""

MAX_PROBLEMS: Final = 1_000
"""Mistakes of the Markdown itself that are told of one document."""

_OPTIONS: Final = pyromark.Options.ENABLE_TABLES
_EMPTY_DEFINITION = re.compile(r"^ {0,3}\[[^\[\]\n]+\]:[ \t]*\n(?= {0,3}\[[^\[\]\n]+\]:)", re.MULTILINE)
_UNJOINED = re.compile(rb"(?<!\\)\] ?\((?:https?:|[^()\n]{0,200}\Z)|(?<!\\)\]\([^)\n]")


def read(text: str) -> Document:
    """The blocks of *text*. Lines count from 1; any text is accepted. Time is linear in the length of the text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    problems: list[Mistake] = []
    if "]:" in text:
        text = _without_empty_definitions(text, problems)
    return _Reader(text, problems).read()


def _without_empty_definitions(text: str, problems: list[Mistake]) -> str:
    # CommonMark takes the next line for the target of `[x]:`, so one empty definition kills all that follow it.
    seen = at = 0

    def blank(match: re.Match[str]) -> str:
        nonlocal seen, at
        label = match[0].strip()
        seen, at = seen + text.count("\n", at, match.start()), match.start()
        line = seen + 1
        problems.append((line, "unresolved-reference", f"the definition {label} has no address"))
        return "\n"

    return _EMPTY_DEFINITION.sub(blank, text)


class _Reader:
    """Folds the parser's events into blocks. One instance a document.

    Called about 30,000 times a megabyte, the event methods keep to the few things each event needs: lines and places
    are worked out once a block, when it is known.
    """

    def __init__(self, text: str, problems: list[Mistake]) -> None:
        try:
            self.source = text.encode()
        except UnicodeEncodeError:  # half a surrogate pair, which is no letter
            self.source = text.encode(errors="replace")
            text = self.source.decode()
        self.text = text
        # Where each line starts; the last entry lies behind every offset.
        self.starts = [0, *accumulate(map(len, self.source.splitlines(keepends=True))), len(self.source) + 1]
        self.problems = problems
        self.blocks: list[Block] = []
        self.cells: list[list[Span]] = []
        self.links: list[Span] = []
        self.with_urls: list[tuple[int, str]] = []
        self.seen = 1  # the line of the block that was opened last: the next one is not far
        self.block: Block | None = None
        self.spans: list[Span] = []
        self.tight_end: int | None = None  # how far the paragraph of a tight list item reaches; None in any other block
        self.bare_urls = False
        self.items: list[int] = []
        self.lists: list[int] = []
        self.list_count = 0
        self.item_count = 0
        self.opening = False
        self.quotes = 0
        self.place: Place | None = Place()
        self.strong = 0
        # An open link: its target, where it starts, where its label began in `spans`; likewise the open images.
        self.link: tuple[str, int, int] | None = None
        self.images: list[tuple[int, int]] = []
        self.raw: list[str] = []
        self.raw_start = 0
        self.too_deep: int | None = None
        self.starters: dict[str, Callable[[Any, int, int], None]] = {
            "Link": self.start_link,
            "Paragraph": self.start_paragraph,
            "Heading": self.start_heading,
            "Item": self.start_item,
            "List": self.start_list,
            "Strong": self.start_strong,
            "Image": self.start_image,
            "BlockQuote": self.start_quote,
            "TableHead": self.start_head,
            "TableRow": self.start_row,
            "TableCell": self.start_cell,
            "HtmlBlock": self.start_html,
            "CodeBlock": self.start_code,
            "Emphasis": self.start_emphasis,
        }
        self.enders: dict[str, Callable[[], None]] = {
            "Link": self.end_link,
            "Paragraph": self.end_text,
            "Heading": self.end_text,
            "Item": self.end_item,
            "List": self.end_list,
            "Strong": self.end_strong,
            "Image": self.end_image,
            "BlockQuote": self.end_quote,
            "TableHead": self.close,
            "TableRow": self.close,
            "TableCell": self.end_cell,
            "HtmlBlock": self.end_html,
            "CodeBlock": self.close,
        }

    def line(self, offset: int) -> int:
        return bisect_right(self.starts, offset)

    # Events -------------------------------------------------------------------------------------------------------

    def read(self) -> Document:  # noqa: C901 - the one dispatch over events, flat for speed
        starters, enders = self.starters, self.enders
        events: Iterator[tuple[Any, Any]] = pyromark.events_with_range(
            self.text, options=_OPTIONS, merge_text=True, broken_link_callback=self.unresolved
        )
        for event, span in events:
            if event.__class__ is str:
                self.bare(event, span["start"], span["end"])
                continue
            key, value = event.popitem()  # each event is a dictionary of one key
            if key == "Text":
                if self.block is None or self.tight_end is not None or "(" in value or "://" in value:
                    self.add_text(value, span["start"], span["end"])
                else:
                    self.spans.append(Span("text", value, "", 0, self.strong > 0))
            elif key == "Start":
                name, value = (value, None) if value.__class__ is str else value.popitem()
                if starter := starters.get(name):
                    starter(value, span["start"], span["end"])
                    if self.too_deep or len(self.blocks) > MAX_BLOCKS:
                        break
            elif key == "End":
                if ender := enders.get(value if value.__class__ is str else next(iter(value))):
                    ender()
            elif key == "Code":
                self.touch(span["start"], span["end"])
                self.spans.append(Span("code", value, "", 0, self.strong > 0))
            elif key == "InlineHtml":
                self.touch(span["start"], span["end"])
                self.inline_html(value, span["start"])
            elif key == "Html":
                self.raw.append(value)
                self.raw_start = min(self.raw_start, span["start"])
        self.problems.sort()
        return Document(self.blocks, self.problems, self.links, self.with_urls, self.too_deep)

    def bare(self, event: Any, start: int, end: int) -> None:
        if event == "Rule":
            self.close()
            line = self.line(start)
            self.blocks.append(Block("rule", line, line, self.here()))
        else:
            self.touch(start, end)
            # A soft break is only how the text was wrapped, a hard one was meant; the line is that of what follows.
            self.spans.append(Span("break", " " if event == "SoftBreak" else "\n", "", self.line(start) + 1))

    def add_text(self, text: str, start: int, end: int) -> None:
        block = self.block
        if block is None or self.tight_end is not None:
            self.touch(start, end)
        if self.link is None and (block is None or block.kind != "code"):
            if "]" in text and "(" in text:
                self.check_link_syntax(text, start, end)
            if "://" in text:
                self.add_bare(text, self.line(start))
                return
        self.spans.append(Span("text", text, "", 0, self.strong > 0))

    def add_bare(self, text: str, line: int) -> None:
        """A text that may hold bare addresses."""
        self.bare_urls = True
        self.with_urls.append((line, text))
        self.spans.extend(split_urls(text, line, self.strong > 0))

    # Containers ---------------------------------------------------------------------------------------------------

    def start_item(self, _: Any, _start: int, _end: int) -> None:
        if self.block is not None:
            self.close()
        self.item_count += 1
        self.items.append(self.item_count)
        self.opening = True
        self.place = None

    def end_item(self) -> None:
        if self.block is not None:
            self.close()
        self.opening = False
        self.items.pop()
        self.place = None

    def start_list(self, _: Any, start: int, _end: int) -> None:
        self.close()
        self.list_count += 1
        self.lists.append(self.list_count)
        self.deeper(start)

    def end_list(self) -> None:
        self.close()
        self.lists.pop()
        self.place = None

    def start_quote(self, _: Any, start: int, _end: int) -> None:
        self.close()
        self.quotes += 1
        self.deeper(start)

    def end_quote(self) -> None:
        self.close()
        self.quotes -= 1
        self.place = None

    def deeper(self, start: int) -> None:
        self.place = None
        if len(self.lists) + self.quotes > MAX_DEPTH:
            self.too_deep = self.line(start)

    def here(self) -> Place:
        if self.place is None:
            self.place = Place(tuple(self.items), self.lists[-1] if self.lists else 0, self.quotes)
        return self.place

    # Blocks -------------------------------------------------------------------------------------------------------

    def open(self, kind: BlockKind, start: int, end: int) -> Block:
        if self.block is not None:
            self.close()
        starts, line = self.starts, self.seen
        while starts[line] <= start:
            line += 1
        self.seen = last = line
        while starts[last] < end:  # the line break that ends a block still lies on its last line
            last += 1
        self.block = block = Block(kind, line, last, self.place or self.here(), self.opening)
        self.opening = False
        return block

    def start_paragraph(self, _: Any, start: int, end: int) -> None:
        self.open("paragraph", start, end)

    def start_heading(self, value: Any, start: int, end: int) -> None:
        self.open("heading", start, end).level = int(value["level"][1])

    def end_text(self) -> None:
        """The end of a paragraph or heading that was announced, with no list or quotation inside."""
        block = self.block
        if block is None:
            return
        if self.bare_urls or self.link is not None:
            self.finish_spans()
        block.spans = self.spans
        self.blocks.append(block)
        self.block, self.spans = None, []
        if self.strong or self.images:
            self.strong, self.images = 0, []

    def start_row(self, _: Any, start: int, end: int) -> None:
        self.open("row", start, end)

    def start_head(self, _: Any, start: int, end: int) -> None:
        self.open("row", start, end).head = True

    def start_cell(self, _: Any, _start: int, _end: int) -> None:
        self.spans = []

    def end_cell(self) -> None:
        self.finish_spans()
        self.cells.append(self.spans)
        self.spans = []

    def start_code(self, value: Any, start: int, end: int) -> None:
        self.open("code", start, end)
        self.check_fence(value, start, end)

    def touch(self, start: int, end: int) -> None:
        """Open the paragraph that a tight list item does not announce, or stretch the one that is open."""
        if self.block is None:
            self.open("paragraph", start, end)
            self.tight_end = end
        elif self.tight_end is not None:
            self.tight_end = end

    def close(self) -> None:
        block = self.block
        if block is None:
            return
        if block.kind == "row":
            if any(self.cells):
                block.cells = self.cells
                self.blocks.append(block)
            self.cells = []
        elif block.kind == "code":
            self.blocks.append(block)
        else:
            if self.tight_end is not None:
                block.last = bisect_right(self.starts, self.tight_end - 1)
                self.tight_end = None
            self.end_text()
            return
        self.block, self.spans, self.link = None, [], None

    def check_fence(self, kind: Any, start: int, end: int) -> None:
        if kind == "Indented":
            return
        lines = self.source[start:end].decode("utf-8", "replace").rstrip("\n").split("\n")
        fence = re.match(r"(`{3,}|~{3,})", lines[0])
        closing = lines[-1].strip(" \t>") if len(lines) > 1 else ""
        if fence and not (closing.startswith(fence[1]) and not closing.strip(fence[1][0])):
            line = self.line(start)
            self.problems.append((line, "unclosed-fence", f"the code block opened by {fence[1]} is never closed"))

    # Spans --------------------------------------------------------------------------------------------------------

    def start_link(self, value: Any, start: int, end: int) -> None:
        if self.block is None or self.tight_end is not None:
            self.touch(start, end)
        mail = "mailto:" if value["link_type"] == "Email" else ""
        self.link = (mail + value["dest_url"], start, len(self.spans))

    def end_link(self) -> None:
        if self.link is None:
            return
        url, start, first = self.link
        spans = self.spans
        self.link = None
        if len(spans) == first + 1 and (only := spans[first]).kind == "text":
            line = self.seen if start < self.starts[self.seen] else self.line(start)
            spans[first] = link = Span("link", only.text, url, line, only.strong)
            self.links.append(link)
            return
        inner = spans[first:]
        del self.spans[first:]
        label = "".join(" " if s.kind == "break" else s.text for s in inner)
        strong = self.strong > 0 or (bool(inner) and all(s.strong for s in inner))
        image = bool(inner) and all(s.kind == "image" or not s.text.strip() for s in inner)
        link = Span("image" if image else "link", label, url, self.line(start), strong)
        self.spans.append(link)
        self.links.append(link)

    def start_strong(self, _: Any, start: int, end: int) -> None:
        self.touch(start, end)
        self.strong += 1

    def end_strong(self) -> None:
        self.strong = max(0, self.strong - 1)

    def start_emphasis(self, _: Any, start: int, end: int) -> None:
        self.touch(start, end)

    def start_image(self, _: Any, start: int, end: int) -> None:
        self.touch(start, end)
        self.images.append((start, len(self.spans)))

    def end_image(self) -> None:
        if not self.images:
            return
        start, first = self.images.pop()
        alt = "".join(s.text for s in self.spans[first:])
        del self.spans[first:]
        # Of a picture only its words count: the address of a picture is nothing to read.
        self.spans.append(Span("image", alt, "", self.line(start), False))

    def inline_html(self, tag: str, start: int) -> None:
        match = html.TAG.match(tag)
        if match is None or match[2] is None:
            return
        name = match[2].lower()
        if name == "br":
            self.spans.append(Span("break", "\n", "", self.line(start)))
        elif name in ("b", "strong"):
            self.strong = max(0, self.strong - 1) if match[1] else self.strong + 1
        elif name == "a":
            if match[1]:
                self.end_link()
            elif (href := html.attribute(html.HREF, match[3])) and self.link is None:
                self.link = (href, start, len(self.spans))

    def finish_spans(self) -> None:
        if self.link is not None:  # an <a> that nobody closed
            self.end_link()
        if self.bare_urls:
            self.spans = mended_links(self.spans)
            self.bare_urls = False

    # Problems -----------------------------------------------------------------------------------------------------

    def check_link_syntax(self, text: str, start: int, end: int) -> None:
        """What still looks like a link after parsing was meant to be one."""
        if found := _UNJOINED.search(self.source, start, end):
            line = self.line(found.start())
            if len(self.problems) < MAX_PROBLEMS and not any(
                at == line and code == "broken-link" for at, code, _ in self.problems[-3:]
            ):
                opening = max(0, text.rfind("[", 0, text.find("](") if "](" in text else len(text)))
                shown = shorten(text[opening:].split("\n", maxsplit=1)[0])
                self.problems.append(
                    (line, "broken-link", f"{shown!r} is no link: write [text](address) without spaces")
                )

    def unresolved(self, link: Any) -> None:
        """Called for each ``[text][ref]`` whose *ref* nobody defined. Shortcuts such as ``[video]`` are plain text."""
        if link["link_type"] == "Reference" and len(self.problems) < MAX_PROBLEMS:
            line = self.line(link["span"]["start"])
            self.problems.append(
                (line, "unresolved-reference", f"nothing defines the link reference [{link['reference']}]")
            )

    # Raw HTML -----------------------------------------------------------------------------------------------------

    def start_html(self, _: Any, _start: int, end: int) -> None:
        self.close()
        self.raw, self.raw_start = [], end

    def end_html(self) -> None:
        """Paragraphs and comments of a block of raw HTML: its words, line breaks and links, nothing else of it."""
        line = self.line(self.raw_start)
        for kind, text, offset in html.pieces("".join(self.raw)):
            at = line + offset
            if kind == "comment":
                self.close()
                self.blocks.append(Block("comment", at, at + text.count("\n"), self.here(), text=text))
            elif kind == "text":
                if text.strip() or self.block is not None:
                    self.html_text(text, at)
            elif kind in ("p", "/p"):
                self.close()
            elif kind == "br":
                if self.block is not None:
                    self.spans.append(Span("break", "\n", "", at))
            elif kind == "/a":
                self.end_link()
            elif kind == "a" and text and self.link is None:
                self.html_text("", at)
                self.link = (text, self.starts[at - 1], len(self.spans))
            elif kind == "img" and text:
                self.html_text("", at)
                self.spans.append(Span("image", text, "", at))
        self.close()

    def html_text(self, text: str, line: int) -> None:
        if self.block is None:
            self.block = Block("paragraph", line, line, self.here(), self.opening)
            self.opening = False
        self.block.last = max(self.block.last, line + text.rstrip().count("\n"))
        for offset, piece in enumerate(text.split("\n")):
            if offset:
                self.spans.append(Span("break", " ", "", line + offset))
            if piece and self.link is None:
                self.add_bare(piece, line + offset)
            elif piece:
                self.spans.append(Span("text", piece, "", 0))
