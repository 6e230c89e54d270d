"""Cut what does not fit into one message: between blocks, else between lines, else where a reader would pause.

Nothing is left out and the order is kept. No cut falls into an address or a link that fits into a block; none leaves a
heading behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from bot.chat.message import Button
from bot.chat.prose import pause
from bot.platforms.letters import units
from bot.platforms.slack.buttons import MAX_VALUE, MENU, ROW, Purpose
from bot.platforms.slack.text import SEPARATOR, Line, Span

MAX_HEADER = 150
MAX_TEXT = 3000
"""Letters in one block. That of `rich_text` is in no documentation; no other block takes more."""


class Piece(NamedTuple):
    """What becomes one block: a `header` or `quiet` (small and grey) line, `text`, `buttons`, or a `menu` of them.

    One that *leads* (a heading) does not stay behind when what follows moves on. *prompt* stands on a closed menu.
    """

    kind: Literal["header", "quiet", "text", "buttons", "menu"]
    lines: tuple[Line, ...] = ()
    buttons: tuple[Button, ...] = ()
    purpose: Purpose = "ask"
    leads: bool = False
    prompt: str = ""

    @property
    def visible(self) -> bool:
        """Whether there is anything to see."""
        return bool(self.buttons) or any(line.visible for line in self.lines)


Group: TypeAlias = Sequence[Piece]
"""What had better stay together."""


# -- what is counted ---------------------------------------------------------------------------------------------------


class Size(NamedTuple):
    """What Slack limits in a message: blocks, and characters of all that is in them."""

    blocks: int = 0
    characters: int = 0

    def plus(self, other: Size) -> Size:
        """Both together."""
        return Size(self.blocks + other.blocks, self.characters + other.characters)

    def within(self, room: Size) -> bool:
        """Whether there is room for it."""
        return self.blocks <= room.blocks and self.characters <= room.characters


ROOM = Size(46, 9_000)
"""Slack takes 50 blocks, and answers `msg_blocks_too_long` from about 12,000 characters, or fewer: what it counts
nobody knows (slackapi/bolt-js, issue 2867). Nor does anybody read more at once."""

ROOM_WITH_BUTTONS = Size(50, 11_500)
"""Buttons stand under what they belong to: what comes before them leaves that much."""

_PIECE = 8_000
"""Characters of one block, so that a heading before it fits into the same message."""
_WORTHWHILE = 1_000
"""Letters of room below which it is not worth beginning a long text in a block."""
_SPAN = 8
"""Characters that a span counts beyond its own, for what Slack may count of its braces."""


def _measure(line: Line) -> tuple[int, int]:
    """Letters that are seen, and characters of all."""
    letters = 1 + sum([units(span.text) for span in line.spans])
    return letters, letters + sum([units(span.url) + _SPAN for span in line.spans])


def size(piece: Piece) -> Size:
    """What *piece* takes."""
    characters = sum([_measure(line)[1] for line in piece.lines]) + sum(map(_button_weight, piece.buttons))
    return Size(1, characters)


def _button_weight(button: Button) -> int:
    action = button.action
    taken = units(action.name) + max(units(action.args), units(action.ref)) + 8  # the page and what stands between
    return _SPAN + units(button.label) + units(button.aside) + min(taken, MAX_VALUE)


def total(pieces: Iterable[Piece]) -> Size:
    """What *pieces* take together."""
    sizes = [size(piece).characters for piece in pieces]
    return Size(len(sizes), sum(sizes))


# -- pieces ------------------------------------------------------------------------------------------------------------


def pieces(piece: Piece) -> Iterator[Piece]:
    """*piece* in as many as it takes, so that each fits into a block, and any of them into a message."""
    if piece.buttons:
        yield from _rows(piece)
    elif piece.kind == "header" and sum(_measure(line)[0] for line in piece.lines) > MAX_HEADER:
        bold = tuple(Line(tuple(span._replace(style="bold") for span in line.spans)) for line in piece.lines)
        yield from pieces(piece._replace(kind="text", lines=bold))
    else:
        for lines in _cut_between_lines(piece.lines):
            yield piece._replace(lines=lines)


def _rows(piece: Piece) -> Iterator[Piece]:
    row: list[Button] = []
    used, most = 0, MENU if piece.kind == "menu" else ROW
    for one in piece.buttons:
        taken = _button_weight(one)
        if row and (len(row) == most or used + taken > _PIECE):
            yield piece._replace(buttons=tuple(row))
            row, used = [], 0
        row.append(one)
        used += taken
    yield piece._replace(buttons=tuple(row))


def _cut_between_lines(lines: Iterable[Line]) -> Iterator[tuple[Line, ...]]:
    done: list[Line] = []
    letters, weight = MAX_TEXT, _PIECE
    for line in lines:
        rest: Line | None = line
        while rest is not None and rest.spans:
            taken = _measure(rest)
            if taken[0] <= letters and taken[1] <= weight:
                head, rest = rest, None
            elif done and letters < _WORTHWHILE:
                head = Line(())
            else:
                head, rest = halved(rest, letters, weight)
                taken = _measure(head)
            if head.spans:
                done.append(head)
                letters, weight = letters - taken[0], weight - taken[1]
            else:
                yield tuple(done)
                done, letters, weight = [], MAX_TEXT, _PIECE
    if done:
        yield tuple(done)


def halved(line: Line, letters: int, weight: int) -> tuple[Line, Line]:
    """A line that is too long in two: what of it fits, which is something where a block is empty, and the rest."""
    letters, weight = letters - 1, weight - 1
    head: list[Span] = []
    for index, span in enumerate(line.spans):
        taken = units(span.text)
        if taken <= letters and taken + units(span.url) + _SPAN <= weight:
            head.append(span)
            letters, weight = letters - taken, weight - taken - units(span.url) - _SPAN
            continue
        cut = [] if span.url and head else _cut(span, min(letters, weight - units(span.url) - _SPAN))
        rest = [*cut[1:], *line.spans[index + 1 :]] if cut else line.spans[index:]
        return line._replace(spans=_trimmed([*head, *cut[:1]])), Line(_trimmed(rest))
    raise AssertionError("the whole line fits")


def _trimmed(spans: Sequence[Span]) -> tuple[Span, ...]:
    spans = [span for span in spans if span.text]
    while spans and spans[0].text == SEPARATOR:
        spans = spans[1:]
    while spans and spans[-1].text == SEPARATOR:
        spans = spans[:-1]
    return tuple(spans)


def _cut(span: Span, room: int) -> list[Span]:
    """*span* in two, where a reader would pause; nothing where there is no room for a beginning."""
    if room <= 0:
        return []
    ceiling = min(len(span.text), room)
    while (over := units(span.text[:ceiling]) - room) > 0:
        ceiling -= max(1, over // 2)
    at = min(pause(span.text, ceiling), ceiling) or ceiling
    halves = (span.text[:at].rstrip(), span.text[at:].lstrip())
    return [span._replace(text=half) for half in halves]


# -- messages ----------------------------------------------------------------------------------------------------------


def packed(groups: Iterable[Group]) -> list[list[Piece]]:
    """The pieces of each message, in order."""
    messages = _Messages()
    for group in groups:
        fitted = [part for piece in group if piece.visible for part in pieces(piece)]
        if not messages.take(fitted):
            for piece in fitted:
                messages.take([piece])
    return messages.all()


class _Messages:
    """Fills one message after the other."""

    def __init__(self) -> None:
        self._full: list[list[Piece]] = []
        self._open: list[Piece] = []
        self._used = Size()

    def take(self, group: Sequence[Piece]) -> bool:
        """Put *group* into the open message, or whole into the next one; False where no message holds it."""
        taken = total(group)
        room = ROOM_WITH_BUTTONS if all(piece.buttons for piece in group) else ROOM
        if not self._used.plus(taken).within(room):
            leading = self._leading()
            if not total(leading).plus(taken).within(room):
                if len(group) > 1:
                    return False
                leading = []
            self._turn(leading)
        self._open += group
        self._used = self._used.plus(taken)
        return True

    def _turn(self, leading: list[Piece]) -> None:
        """Close the open message; *leading* go over to the next."""
        if len(leading) < len(self._open):
            self._full.append(self._open[: len(self._open) - len(leading)])
        self._open = list(leading)
        self._used = total(leading)

    def all(self) -> list[list[Piece]]:
        """Every message, the open one included."""
        return [*self._full, self._open] if self._open else self._full

    def _leading(self) -> list[Piece]:
        """The headings at the end of the open message."""
        at = len(self._open)
        while at and self._open[at - 1].leads:
            at -= 1
        return self._open[at:]
