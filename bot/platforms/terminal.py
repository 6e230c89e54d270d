"""Paint a message for a terminal: colour, lines that fit, links that can be clicked.

Addresses stand on lines of their own and are never broken by us, so that they can be copied where clicking does not
work. Imported only where there is a terminal: rich takes its time to load. Rich knows the colours; the lines are broken
by :mod:`bot.chat.prose`, since rich breaks Chinese at its spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.console import Console as Canvas
from rich.style import Style
from rich.text import Text as Painted

from bot.chat.message import Block, Buttons, Card, Facts, Heading, Message, Note, Pager, Text, Tree, Usage
from bot.chat.prose import width, wrapped
from bot.platforms import console

_PLAIN = Style()
_QUIET = Style(dim=True)
_STRONG = Style(bold=True)
_TYPED = Style(color="cyan")
_LABEL = Style(color="yellow")
_PRAISE = Style(color="green")
_NOTE = Style(italic=True)
_INDENT = 2
_READABLE_COLUMNS = 100
_WIDEST_NAME = 0.6


class _Lines:
    """Collects painted lines that fit a width."""

    def __init__(self, columns: int) -> None:
        self.columns = min(columns, _READABLE_COLUMNS)
        self._text = StringIO()
        self._canvas = Canvas(
            file=self._text, force_terminal=True, width=columns, highlight=False, markup=False, emoji=False
        )

    def line(self, *pieces: tuple[str, Style]) -> None:
        """Pieces of a line, as they are."""
        # Without soft_wrap rich would fill up the line with spaces and break what is longer than it.
        self._canvas.print(Painted.assemble(*((console.inert(text), style) for text, style in pieces)), soft_wrap=True)

    def prose(self, text: str, style: Style = _PLAIN, indent: int = 0, bullet: str = "") -> None:
        """A paragraph; with a *bullet* before it, its other lines stand under the first."""
        hanging = indent + (width(bullet) + 1 if bullet else 0)
        for number, line in enumerate(wrapped(console.inert(text), self.columns - hanging)):
            lead = (" " * indent + f"{bullet} ") if bullet and not number else " " * hanging
            self.line((lead, _TYPED), (line, style))

    def address(self, url: str, label: str = "", indent: int = 0) -> None:
        """An address in one piece, to be clicked or copied."""
        name = f"{label} " if label and label != url else ""
        self.line((" " * indent + name, _LABEL), (url, Style(dim=True, link=console.inert(url))))

    def table(self, rows: Sequence[tuple[str, str]], left: Style, right: Style = _PLAIN, indent: int = _INDENT) -> None:
        """Two columns, the second one broken within itself; names too long for that stand above."""
        names = [width(name) for name, _ in rows]
        column = max((name for name in names if name <= self.columns * _WIDEST_NAME), default=0)
        for (name, value), taken in zip(rows, names, strict=True):
            first, *rest = wrapped(console.inert(value), self.columns - indent - column - 2) or [""]
            if taken > column:
                self.line((" " * indent + name, left))
                rest.insert(0, first)
            else:
                gap = " " * (column - taken + 2) if first else ""
                self.line((" " * indent + name, left), (gap + first, right))
            for line in rest:
                self.line((" " * (indent + column + 2), _PLAIN), (line, right))

    @property
    def text(self) -> str:
        """All that was painted."""
        return self._text.getvalue().rstrip("\n")


def painted(message: Message, columns: int, *, next_page: str = "") -> str:
    """*message* with the escape sequences of a terminal *columns* wide."""
    lines = _Lines(columns)
    before: Block | None = None
    for block in message.blocks:
        if before is not None and not console.close_together(before, block, message):
            lines.line()
        _paint(lines, block, next_page)
        before = block
    return lines.text


def _paint(lines: _Lines, block: Block, next_page: str) -> None:
    match block:
        case Heading():
            _heading(lines, block)
        case Text():
            lines.prose(block.text, _QUIET if block.quiet else _PLAIN)
        case Card():
            _card(lines, block)
        case Note():
            _note(lines, block)
        case Tree():
            _tree(lines, block)
        case Facts():
            lines.table(block.rows, _LABEL)
        case Usage():
            lines.table(console.usages(block), _TYPED)
        case Buttons():
            lines.table([(f"→ {typed}", meaning) for typed, meaning in console.choices(block)], _TYPED, _QUIET, 0)
        case Pager():
            lines.line((console.paged(block, next_page), _QUIET))


def _heading(lines: _Lines, heading: Heading) -> None:
    mark, style = ("", Style(bold=True, underline=True)) if heading.level == 1 else ("■ ", _STRONG)
    lines.line((mark, _TYPED), (heading.text, style), (f" · {heading.aside}" if heading.aside else "", _QUIET))


def _note(lines: _Lines, note: Note) -> None:
    lines.prose(note.text, _NOTE)
    for link in note.links:
        lines.address(link.url, link.label, _INDENT)


def _tree(lines: _Lines, tree: Tree) -> None:
    for line in tree.lines:
        number = f"{line.number:>4}  " + "   " * line.depth
        lines.line((number, _QUIET), (line.title, _QUIET if line.muted else _PLAIN), (f" · {line.aside}", _QUIET))


def _card(lines: _Lines, card: Card, bullet: str = "•", indent: int = 0) -> None:
    inner = indent + _INDENT
    title = Style(bold=True, link=console.inert(card.url))
    lines.prose(f"[{card.badge}] {card.title}" if card.badge else card.title, title, indent, bullet)
    lines.address(card.url, indent=inner)
    lines.prose(console.with_more(card.summary, card.more), indent=inner)
    for part in (card.recommendation, *card.parts):
        if part:
            lines.prose(console.labelled(part), _PRAISE if part is card.recommendation else _PLAIN, inner)
    for link in card.links:
        lines.address(link.url, link.label, inner)
    for place in console.places(card):
        lines.prose(place, _QUIET, inner)
    for lead, child in console.with_leads(card):
        lines.prose(lead, _QUIET, inner)
        _card(lines, child, "◦", inner)
