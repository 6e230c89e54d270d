"""One pass over the blocks: openings make items, everything else finds its owner.

Nothing is lost and nothing said twice: each block ends as heading, item, part or body of one, note, group label, stray
marker, or furniture (table of contents, pictures, code).

    block --shapes.opening--> item?  -- a source line takes the quotation above it
                                     -- bare addresses join the item above
                                     -- further paragraphs of the same list item stay its text
                                     -- else a new item, its parent by list nesting or lead line
          --otherwise-------> prose  -- number alone, stray marker, sibling entry, text of the open item, note
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from bot.digest.model import Heading, Item, Link, Path, State, TitleSource, Topic
from bot.digest.parsing import rows, shapes
from bot.digest.parsing.drafts import DraftItem, DraftNote, DraftPart, finished
from bot.digest.parsing.markdown import Block, Mistake, Place
from bot.digest.parsing.outline import Outline
from bot.digest.parsing.spans import Span

MAX_ITEMS: Final = 50_000
"""A file with more is refused by the parser; nobody reads on here."""


class _Group(Struct, eq=False, gc=False):
    """A lead line such as ``两篇：`` and the item above it, for the items that follow."""

    label: str
    parent: DraftItem | None
    place: Place


class _Piece(Struct, eq=False, gc=False):
    """A paragraph just given away, last in *texts* (or a note, where that is None), so that it can be taken back.

    *reached* is the owner's last line before it.
    """

    owner: DraftItem | None
    texts: list[str] | None
    text: str
    links: list[Link]
    line: int
    quoted: bool
    reached: int = 0


class Reading:
    """Finds an owner for each block. `open` is the stack of items that can still take text, outermost first."""

    def __init__(self, outline: Outline, labels: shapes.Labels) -> None:
        self.outline = outline
        self.labels = labels
        self.items: list[DraftItem] = []
        self.notes: list[DraftNote] = []
        self.problems: list[Mistake] = []
        self.path: Path = ()
        self.heading: Heading | None = None
        self.open: list[DraftItem] = []
        self.group: _Group | None = None
        self.pieces: list[_Piece] = []
        self.entry = False  # since a number of its own or a source line, all prose is one quotation's
        self.section_items = 0  # where the items and the notes of the present section begin
        self.section_notes = 0
        self.leads: dict[int, str] = {}  # title-like text of a list item whose links stand in the list below it

    def read(self) -> None:
        blocks = self.outline.blocks
        openings: dict[int, shapes.Opening | None] = {}
        for number, block in enumerate(blocks):
            if block.kind == "heading":
                self.enter(block)
            elif block.kind == "rule":
                self.leave()
            elif block.kind in ("paragraph", "row"):
                found = openings.pop(number) if number in openings else self.opening(block)
                if found is None and number + 1 < len(blocks) and self.lead(block):
                    following = blocks[number + 1]
                    openings[number + 1] = self.opening(following) if following.kind in ("paragraph", "row") else None
                    if openings[number + 1] and not (self.open and self.continues(following)):
                        self.start_group(block)
                        continue
                self.place_block(block, found)
                if len(self.items) > MAX_ITEMS:
                    break
        self.end_section()
        self.items.sort(key=lambda item: item.line)

    def opening(self, block: Block) -> shapes.Opening | None:
        """How *block* opens an item; a label (``推荐：…``) before a link makes it a part of the item above instead."""
        if block.spans and block.spans[0].kind == "text" and self.labels.match(_first_words(block.spans)):
            return None
        return rows.opening(block) if block.kind == "row" else shapes.opening(block)

    # Sections -----------------------------------------------------------------------------------------------------

    def enter(self, block: Block) -> None:
        self.end_section()
        self.heading, self.path = self.outline.place_of(block)
        if len(block.spans) == 1 and block.spans[0].kind == "text":
            return
        if (found := shapes.heading_opening(block.spans)) is not None:
            self.add(block, found)

    def leave(self) -> None:
        """A rule, or an entry with a number of its own: what follows belongs to no item above."""
        self.open.clear()
        self.group = None
        self.pieces.clear()
        self.entry = False

    def end_section(self) -> None:
        """Notes with one link and no item after them become items titled by their link."""
        if len(self.notes) > self.section_notes:
            last = max((item.line for item in self.items[self.section_items :]), default=0)
            section = self.notes[self.section_notes :]
            del self.notes[self.section_notes :]
            for note in section:
                webs = [link for link in note.links if shapes.web_address(link.url)]
                if len(webs) == 1 and note.line > last and not shapes.only_pictures(note.spans):
                    self.items.append(self.item_of_note(note, webs[0]))
                else:
                    self.notes.append(note)
        self.leave()
        self.section_items, self.section_notes = len(self.items), len(self.notes)
        self.leads.clear()

    def item_of_note(self, note: DraftNote, link: Link) -> DraftItem:
        title, source = self.title_for_prose(note.spans, link)
        body = [note.text] if shapes.has_words(note.text.replace(title, "", 1)) else []
        rest = [other for other in note.links if other is not link]
        return DraftItem(note.topic, title, source, link.url, link.line, note.line, note.last, Place(), rest, [], body)

    # Items --------------------------------------------------------------------------------------------------------

    def place_block(self, block: Block, found: shapes.Opening | None) -> None:
        if found is None:
            self.place_prose(block)
        elif shapes.source_line(block.spans):
            self.add_source(block, found)
        elif found.title is None and self.is_companion(block, found):
            owner = self.open[-1]
            owner.links.append(Link(found.prefix or found.url, found.url, found.line))
            owner.links += found.links
            owner.last = max(owner.last, block.last)
        elif self.open and self.continues(block):
            self.add_text(block, shapes.plain(block.spans))
        else:
            self.add(block, found)

    def is_companion(self, block: Block, found: shapes.Opening) -> bool:
        """Links whose text is their address belong to the item above, unless that is such a bare entry of a list."""
        if not self.open or block.kind != "paragraph" or self.group_applies(block):
            return False
        if not shapes.only_addresses(block.spans) and not found.prefix:
            return False
        owner = self.open[-1]
        bare_list = owner.place.list == block.place.list != 0 and block.opens
        return not (bare_list and owner.title_source in ("url", "heading"))

    def continues(self, block: Block) -> bool:
        """A further paragraph of the same list item, or a quotation below an item, opens nothing."""
        owner = self.open[-1]
        if block.place.quotes > owner.place.quotes:
            return True
        inside = owner.place.items and block.place.items[: len(owner.place.items)] == owner.place.items
        return bool(inside) and not block.opens

    def add(self, block: Block, found: shapes.Opening) -> None:
        parent, label = self.relatives(block)
        if label is None and found.prefix and found.title and shapes.says_something(found.prefix):
            label = found.prefix
        title, source = self.title(block, found)
        item = DraftItem(
            self.path, title, source, found.url, found.line, block.line, block.last, block.place,
            found.links, [], found.body, found.tags, parent, label,
        )  # fmt: skip
        item.row = block.kind == "row"
        item.numbered = bool(block.spans) and shapes.is_numbered(block.spans[0].text)
        if found.rest:
            self.read_rest(item, found.rest)
        self.items.append(item)
        self.open.append(item)
        self.pieces.clear()

    def relatives(self, block: Block) -> tuple[DraftItem | None, str | None]:
        """Parent and group label of an item that *block* opens; pops what it is not beneath."""
        if self.group and self.group_applies(block):
            keep = self.open.index(self.group.parent) + 1 if self.group.parent in self.open else 0
            del self.open[keep:]
            return self.group.parent, self.group.label
        self.group = None
        around = block.place.items
        if not around:
            self.open.clear()
            return None, None
        while self.open:
            above = self.open[-1]
            if above.place.items and len(above.place.items) < len(around):
                if around[: len(above.place.items)] == above.place.items:
                    return above, None
            elif not above.place.items and (above.fresh or above.has_list) and not above.row:
                above.has_list = True
                return above, None
            self.open.pop()
        return None, None

    def group_applies(self, block: Block) -> bool:
        group = self.group
        return group is not None and len(block.place.items) >= len(group.place.items)

    def start_group(self, block: Block) -> None:
        parent = self.open[0] if self.open else None
        if block.place.items:
            parent = next(
                (i for i in reversed(self.open) if i.place.items and i.place.items[-1] in block.place.items), None
            )
        self.group = _Group(shapes.lead_line(shapes.plain(block.spans)) or "", parent, block.place)
        self.pieces.clear()

    def lead(self, block: Block) -> bool:
        """Whether *block* is a short line that ends in a colon, holds no link and is no label."""
        if block.kind != "paragraph" or not block.spans or not block.spans[-1].text.rstrip().endswith((":", "：")):
            return False
        text = shapes.plain(block.spans)
        return shapes.lead_line(text) is not None and not self.labels.match(text) and not shapes.links_in(block.spans)

    def title(self, block: Block, found: shapes.Opening) -> tuple[str, TitleSource]:
        if found.title:
            return found.title, found.title_source
        if found.prefix and not shapes.only_addresses(block.spans):
            return found.prefix, "text"
        around = block.place.items
        if len(around) > 1 and (lead := self.leads.pop(around[-2], None)):
            return lead, "text"
        first_here = self.heading is not None and len(self.items) == self.section_items
        if first_here and self.heading and self.heading.title:
            return self.heading.title, "heading"
        if found.prefix:
            return found.prefix, "text"
        if self.group and self.group_applies(block) and self.group.label:
            return self.group.label, "text"
        return _address_title(found.url), "url"

    def title_for_prose(self, spans: Sequence[Span], link: Link) -> tuple[str, TitleSource]:
        if not shapes.is_generic(link.label) and not shapes.is_url_text(link.label, link.url):
            return link.label, "link"
        where = next((n for n, s in enumerate(spans) if s.kind == "link" and s.line == link.line), len(spans))
        before = shapes.title_text(shapes.plain(spans[:where])).strip(" ：:，,（(、-—[")
        if shapes.has_words(before):
            return _cut(before, 80), "text"
        return _address_title(link.url), "url"

    def read_rest(self, item: DraftItem, rest: list[Span]) -> None:
        """What follows the link on its own block: body, and labelled parts on lines of their own."""
        lines = self.labelled_lines(rest, item.line)
        if (body := shapes.body_text(lines[0][1])) and shapes.has_words(body):
            item.body.append(body)
        for line, spans in lines[1:]:
            self.add_part(item, shapes.plain(spans), line)

    def labelled_lines(self, spans: Sequence[Span], line: int) -> list[tuple[int, list[Span]]]:
        """*spans* cut before each line that begins with a label, without the lines that are stray markers."""
        if len(spans) == 1:
            return [(line, list(spans))]
        pieces: list[tuple[int, list[Span]]] = [(line, [])]
        for at, of_line in _lines(spans, line):
            words = of_line[1:] if of_line and of_line[0].kind == "break" else of_line
            if at != line and self.labels.match(_first_words(words)):
                pieces.append((at, words))
            elif at != line and len(words) == 1 and shapes.is_stray(text := shapes.plain(words)):
                self.stray(at, text)
            else:
                pieces[-1][1].extend(of_line)
        return pieces

    def stray(self, line: int, text: str) -> None:
        self.problems.append((line, "stray-marker", f"stray marker {_cut(text, 40)!r}: it is shown nowhere"))

    # Quotations with a source -------------------------------------------------------------------------------------

    def add_source(self, block: Block, found: shapes.Opening) -> None:
        """``-- [source](url)`` takes the quotation above it, which is then its text."""
        quotation = self.quotation()
        for piece in reversed(quotation):
            self.take_back(piece)
        self.leave()
        self.add(block, found)
        item = self.items[-1]
        item.body[:0] = [piece.text for piece in quotation]
        item.links[:0] = [link for piece in quotation for link in piece.links]
        item.first = min([item.first, *(piece.line for piece in quotation)])
        # What comes after is the next quotation, not this one's text.
        self.open.clear()
        self.entry = True

    def quotation(self) -> list[_Piece]:
        """The quoted blocks directly above, else all since the entry began, else the paragraph above."""
        start = len(self.pieces)
        while start and self.pieces[start - 1].quoted:
            start -= 1
        return self.pieces[start:] or (self.pieces[:] if self.entry else self.pieces[-1:])

    def take_back(self, piece: _Piece) -> None:
        """Undo the giving away of the last piece that is still given away."""
        if piece.owner is None:
            self.notes.pop()
        elif piece.texts is not None:
            piece.texts.pop()
            piece.owner.last = piece.reached
            del piece.owner.links[len(piece.owner.links) - len(piece.links) :]

    # Text ---------------------------------------------------------------------------------------------------------

    def place_prose(self, block: Block) -> None:
        if block.kind == "row":
            if not block.head:
                self.add_text(block, " · ".join(filter(None, (shapes.plain(cell) for cell in block.cells))))
            return
        text = shapes.plain(block.spans)
        if not block.place.items and shapes.is_number_only(text):
            self.leave()
            self.entry = True
        elif shapes.is_stray(text):
            self.stray(block.line, text)
        elif self.is_entry(block, text):
            self.add_entry(block, text)
        else:
            if block.opens and self.outline.opens_list(block):
                self.leads[block.place.items[-1]] = shapes.title_text(text).rstrip(":：")
            self.add_text(block, text)

    def is_entry(self, block: Block, text: str) -> bool:
        """Prose that stands where an item of its own would: a sibling in a list or in a run of numbered paragraphs."""
        if block.opens and not block.place.quotes:
            inside = any(item.place.items and item.place.items[-1] in block.place.items for item in self.open)
            beside = bool(self.open) and bool(self.open[-1].place.items)
            siblings = beside or any(item.place.list == block.place.list for item in self.open)
            return not inside and (siblings or (not self.open and bool(shapes.links_in(block.spans))))
        numbered = bool(self.open) and self.open[-1].numbered
        return numbered and not block.place.items and shapes.is_numbered(text)

    def add_entry(self, block: Block, text: str) -> None:
        links = [link for link in shapes.links_in(block.spans) if shapes.web_address(link.url)]
        while self.open and not (self.open[-1].place.items and len(self.open[-1].place.items) < len(block.place.items)):
            self.open.pop()
        if len(links) != 1 or shapes.only_pictures(block.spans):
            parents, self.open = self.open, []
            self.add_text(block, text)
            self.open = parents
            return
        link = links[0]
        title, source = self.title_for_prose(block.spans, link)
        others = [other for other in shapes.links_in(block.spans) if other != link]
        parent = self.open[-1] if self.open else None
        item = DraftItem(self.path, title, source, link.url, link.line, block.line, block.last, block.place, others)
        item.parent = parent
        item.numbered = not block.place.items
        if shapes.has_words(text.replace(title, "", 1)):
            item.body.append(text)
        self.items.append(item)
        self.open.append(item)
        self.pieces.clear()

    def add_text(self, block: Block, text: str) -> None:
        """Give a paragraph to the item that is open, or make a note of it."""
        spans = block.spans or [span for cell in block.cells for span in cell]
        links = shapes.links_in(spans) if len(spans) > 1 or (spans and spans[0].url) else []
        owner = self.owner(block)
        if owner is None:
            if shapes.has_words(text) or any(link.label for link in links):
                self.notes.append(
                    DraftNote(self.path, text, block.line, block.last, links, block.place.quotes > 0, block.spans)
                )
                self.pieces.append(_Piece(None, None, text, links, block.line, block.place.quotes > 0))
            return
        reached, owner.last = owner.last, max(owner.last, block.last)
        links = [link for link in links if link.url != owner.url]
        owner.links += links
        if not shapes.has_words(text):
            return
        owner.fresh = False
        if (
            self.group
            and not block.place.items
            and self.labels.match(text) is None
            and owner.parent is self.group.parent
        ):
            self.group = None  # prose after the grouped items: the next item stands on its own again
        for line, spans in self.labelled_lines(block.spans, block.line) if block.spans else [(block.line, [])]:
            piece = shapes.plain(spans) if block.spans else text
            if shapes.has_words(piece):
                texts = self.add_part(owner, piece, line)
                if texts is None:  # a label begins what is the item's own, whatever source comes below
                    self.pieces.clear()
                else:
                    self.pieces.append(_Piece(owner, texts, piece, links, block.line, block.place.quotes > 0, reached))
                links = []

    def owner(self, block: Block) -> DraftItem | None:
        around = block.place.items
        if around:  # inside a list: the item whose list item this is; else the last one above
            for item in reversed(self.open):
                if item.place.items and item.place.items[-1] in around:
                    return item
        return self.open[-1] if self.open else None

    def add_part(self, item: DraftItem, text: str, line: int) -> list[str] | None:
        """Where *text* went as its last; None where a label made it a part of its own."""
        if (found := self.labels.match(text)) is not None:
            kind, label, rest = found
            item.parts.append(DraftPart(kind, label, [rest] if rest else [], line))
            return None
        texts = item.parts[-1].texts if item.parts else item.body
        texts.append(text)
        return texts

    # Results ------------------------------------------------------------------------------------------------------

    def finished_items(self, file: str) -> tuple[Item, ...]:
        return tuple(finished(item, file) for item in self.items)

    def topics(self, file: str) -> tuple[Topic, ...]:
        with_items = {item.topic for item in self.items}
        with_notes = {note.topic for note in self.notes}
        headings = self.outline.topics
        parents = {path[:-1] for _, path in headings}

        def state(path: Path) -> State:
            if path in with_items:
                return "items"
            if path in parents:
                return "container"
            return "notes-only" if path in with_notes else "empty"

        return tuple(
            Topic(file, path, heading.title, heading.slug, heading.level, heading.line, state(path))
            for heading, path in headings
        )


def _first_words(spans: Sequence[Span]) -> str:
    """Enough of the beginning of *spans* to tell a label or a number by."""
    text = ""
    for span in spans:
        if span.kind in ("link", "image") or len(text) > 40:
            break
        text += span.text
    return text


def _lines(spans: Sequence[Span], line: int) -> Iterator[tuple[int, list[Span]]]:
    """*spans* line by line, each line with the break before it."""
    of_line: list[Span] = []
    for span in spans:
        if span.kind == "break":
            yield line, of_line
            line, of_line = span.line or line, []
        of_line.append(span)
    yield line, of_line


def _address_title(url: str) -> str:
    host, _, path = url.split("://", 1)[-1].partition("/")
    path = path.split("?")[0].split("#")[0].rstrip("/")
    return _cut(host.removeprefix("www.") + (f"/{path}" if path else ""), 80)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
