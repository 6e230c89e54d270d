"""Table rows as items: a titled link, or a title in one cell and the links in another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from bot.digest.model import TitleSource
from bot.digest.parsing import shapes
from bot.digest.parsing.markdown import Block
from bot.digest.parsing.shapes import GAPS, MAX_CELL_TITLE, NUMBER, STRIP, Opening, has_words
from bot.digest.parsing.spans import Span

_YEAR = re.compile(r"[\d\W]{1,10}")


class _Cell(Struct, gc=False):
    """A cell that says something. *first* is where its first link stands, *words* what it says besides its links."""

    spans: Sequence[Span]
    text: str
    first: int | None
    words: str


def opening(block: Block) -> Opening | None:
    """The item of a row, or None where it holds no link."""
    cells = [cell for spans in block.cells if (cell := _cell(spans)) is not None]
    with_links = [cell for cell in cells if cell.first is not None]
    if not with_links:
        return None
    named = next((cell for cell in cells if _names_something(cell)), with_links[0])
    found = None
    for cell in with_links:
        titled = shapes.link_opening(cell.spans, cell.first or 0)
        if titled is not None and titled.title:
            # `| Sleep | [On cats](…) |` is about cats: the longer of the two is the name.
            if cell is named or len(cell.text) > len(named.text):
                named, found = cell, titled
            break
    if found is not None:
        body = [shapes.body_text(found.rest)] if found.rest else []
    else:
        # A link inside the title's text is not the item's where a cell of links stands beside it.
        links = next((cell for cell in with_links if not cell.words), with_links[0])
        link = links.spans[links.first or 0]
        title, source, after = _title(named)
        found = Opening(shapes.web_address(link.url) or "", link.line, title, source)
        body = [shapes.body_text(after)] if title and after else []
    body += [cell.text for cell in cells if cell is not named and cell.words]
    found.links = shapes.companions([span for cell in with_links for span in cell.spans], found.url)
    found.body = [text for text in body if has_words(text)]
    found.rest = []
    return found


def _cell(spans: Sequence[Span]) -> _Cell | None:
    text = shapes.plain(spans) if spans else ""
    if not text or shapes.is_number_only(text):
        return None
    first = shapes.first_link(spans)
    words = text if first is None else "".join([s.text for s in spans if s.kind in ("text", "code")])
    return _Cell(spans, text, first, words if has_words(words) else "")


def _names_something(cell: _Cell) -> bool:
    lone_generic = len(cell.spans) == 1 and cell.first == 0 and shapes.is_generic(cell.text)
    return has_words(cell.text) and not _YEAR.fullmatch(cell.text) and not lone_generic


def _title(cell: _Cell) -> tuple[str | None, TitleSource, list[Span]]:
    """Title of a cell without a titled link: its bold words, else its first run of words up to a gap, dash or colon."""
    if (bold := shapes.leading_bold(cell.spans)) is not None:
        return bold[0], "bold", bold[1]
    text = cell.text
    if cell.first is not None:
        text = "".join([s.text for s in cell.spans if s.kind not in ("image", "link")])
    text = shapes.without_bullet(text.strip(STRIP))
    text = NUMBER.sub("", text, count=1) if NUMBER.match(text) else text
    if not has_words(text):
        return _label(cell)
    gaps = (gap.search(text, 0, MAX_CELL_TITLE) for gap in GAPS)
    end = next((gap.start() for gap in gaps if gap), len(text))
    if end <= MAX_CELL_TITLE:
        return shapes.title_text(text[:end]), "cell", [Span("text", text[end:])]
    end = text.rfind(" ", 0, MAX_CELL_TITLE) + 1 or MAX_CELL_TITLE
    return shapes.title_text(text[:end]) + "…", "cell", [Span("text", text)]


def _label(cell: _Cell) -> tuple[str | None, TitleSource, list[Span]]:
    for span in cell.spans:
        if span.kind == "link" and not shapes.is_generic(span.text) and not shapes.is_url_text(span.text, span.url):
            return shapes.title_text(span.text), "link", []
    return None, "url", []
