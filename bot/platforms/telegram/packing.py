"""Cut what does not fit into one message: between blocks, else between lines, else where a reader would pause.

Nothing is left out and the order is kept. No cut falls into an address, a link or a cluster of characters that show as
one; none leaves a heading behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.chat.prose import pause
from bot.platforms.letters import units
from bot.platforms.telegram.text import ROOM, SEPARATOR, Paragraph, Size, Span, inert, size, total

Block = Sequence[Paragraph]
"""What had better stay together."""

_WORTHWHILE = 200
"""Units of room below which it is not worth beginning a long text in a message."""

_JOINT = 12


def packed(blocks: Iterable[Block]) -> list[list[Paragraph]]:
    """The paragraphs of each message, in order."""
    messages = _Messages()
    for block in blocks:
        taken = total(block)
        if not messages.take(block, taken):
            for paragraph in block:
                messages.squeeze(paragraph)
    return messages.all()


class _Messages:
    """Fills one message after the other."""

    def __init__(self) -> None:
        self._full: list[list[Paragraph]] = []
        self._open: list[Paragraph] = []
        self._used = Size()

    def take(self, block: Block, taken: Size) -> bool:
        """Put *block* into the open message, or whole into the next one; False where no message holds it."""
        if self._used.plus(taken).within(ROOM):
            self._open += block
            self._used = self._used.plus(taken)
            return True
        leading = self._leading()
        if not total(leading).plus(taken).within(ROOM):
            return False
        self._turn(leading)
        self._open += block
        self._used = self._used.plus(taken)
        return True

    def squeeze(self, paragraph: Paragraph) -> None:
        """Put *paragraph* in, in as many messages as it takes."""
        while not self.take([paragraph], total([paragraph])):
            room = ROOM.minus(self._used)
            if room.units < _WORTHWHILE or room.entities < 3 or room.weight < ROOM.weight // 4:
                self._turn(self._leading())
                room = ROOM.minus(self._used)
            head, rest = halved(paragraph, room)
            if head is None and self._open:
                self._turn([])
                continue
            self._open += [head] if head else []
            self._turn([])
            if rest is None:
                return
            paragraph = rest

    def all(self) -> list[list[Paragraph]]:
        """Every message, the open one included."""
        return [*self._full, self._open] if self._open else self._full

    def _leading(self) -> list[Paragraph]:
        """The headings at the end of the open message."""
        at = len(self._open)
        while at and self._open[at - 1].leads:
            at -= 1
        return self._open[at:]

    def _turn(self, leading: list[Paragraph]) -> None:
        """Close the open message; *leading* go over to the next."""
        done = self._open[: len(self._open) - len(leading)]
        if done:
            self._full.append(done)
        self._open = list(leading)
        self._used = total(leading)


def halved(paragraph: Paragraph, room: Size) -> tuple[Paragraph | None, Paragraph | None]:
    """What of *paragraph* fits into *room*, and the rest; either may be None."""
    free = room.minus(total([paragraph._replace(spans=())]))
    head: list[Span] = []
    rest: list[Span] = []
    waiting = iter(paragraph.spans)
    for span in waiting:
        if (taken := size(span)).within(free):
            head.append(span)
            free = free.minus(taken)
            continue
        first, rest = _cut(span, free)
        while not first and head and _joins(head[-1]):
            rest.insert(0, head.pop())
        head += first
        break
    rest += waiting
    return _like(paragraph, head), _like(paragraph._replace(gap=False), rest)


def _joins(span: Span) -> bool:
    """Whether *span* is a bullet, a colon or the like, which does not stay behind."""
    return not span.tag and len(span.text) < _JOINT and not any(map(str.isalnum, span.text))


def _like(paragraph: Paragraph, spans: list[Span]) -> Paragraph | None:
    while spans and _keeps_apart(spans[0]):
        spans = spans[1:]
    while spans and _keeps_apart(spans[-1]):
        spans = spans[:-1]
    if spans and (last := spans[-1].text.rstrip()):  # a link that has to stay whole went over, and left its space
        spans = [*spans[:-1], spans[-1]._replace(text=last)]
    made = paragraph._replace(spans=tuple(spans))
    return made if made.visible else None


def _keeps_apart(span: Span) -> bool:
    """Whether *span* does no more than keep two others apart."""
    return span.text == SEPARATOR or span.text.isspace()


def _cut(span: Span, free: Size) -> tuple[list[Span], list[Span]]:
    """*span* in two. One with a style stays whole unless it is longer than any message."""
    taken = size(span)
    if span.tag and (taken.units < ROOM.units - _WORTHWHILE or not taken._replace(units=0).within(free)):
        return [], [span]
    at = _index(span.text, free.units)
    head, rest = span.text[:at].rstrip(), span.text[at:].lstrip()
    if span.tag != "a":
        rest = inert(rest)  # what was harmless behind a word may begin with a stroke now
    return ([span._replace(text=head)] if head else []), ([span._replace(text=rest)] if rest else [])


def _index(text: str, room: int) -> int:
    """Where to cut *text* so that what comes before takes at most *room* units."""
    if room <= 0:
        return 0
    ceiling = _characters(text, room)
    return min(pause(text, ceiling), ceiling)


def _characters(text: str, room: int) -> int:
    """How many characters of *text* take at most *room* units."""
    ceiling = min(len(text), room)
    while (over := units(text[:ceiling]) - room) > 0:
        ceiling -= max(1, over // 2)
    return ceiling
