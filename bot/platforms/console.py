"""The console: plain text into a pipe, colour on a terminal; and, collecting instead of printing, the tests' double.

Plain text never breaks a URL or a paragraph: what wraps it is the reader's business. Colours are painted by
:mod:`bot.platforms.terminal`, which is only imported where there is a terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TextIO

from bot.chat.message import (
    Block,
    Buttons,
    Card,
    Facts,
    Heading,
    Labelled,
    Link,
    Message,
    Note,
    Pager,
    Text,
    Tree,
    Usage,
)
from bot.chat.prose import width
from bot.platforms.base import Outcome, Payload, Rejected, Sent

# What moves the cursor, rings or recolours: nothing a digest or a question may do to somebody's terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LABEL_COLUMNS = 24
_NAME_COLUMNS = 40
_MAX_LINE = 10_000


class Console:
    """Prints to *stream*, or collects in *sent* where there is none.

    *columns* is the width of a terminal; without it the text is plain. *next_page* is what a reader types for the next
    page (``/more`` in a chat); where nothing is remembered between two questions, the whole command is shown instead.
    *failures* are the outcomes of the next sends.
    """

    name = "console"

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        columns: int | None = None,
        next_page: str = "",
        failures: Iterable[Outcome] = (),
    ) -> None:
        self.stream = stream
        self.columns = columns
        self.next_page = next_page
        self.failures = list(failures)
        self.sent: list[tuple[str, Payload]] = []

    @classmethod
    def on(cls, stream: TextIO, *, next_page: str = "") -> Console:
        """A console for *stream*: in colour and as wide as it is if that is a terminal, else plain."""
        return cls(stream, columns=_columns(stream), next_page=next_page)

    def render(self, message: Message) -> tuple[Payload, ...]:
        """One call, however long the message: a console has no limits."""
        if self.columns is None:
            text = plain(message, next_page=self.next_page)
        else:
            from bot.platforms.terminal import painted

            text = painted(message, self.columns, next_page=self.next_page)
        return ({"method": "print", "params": {"text": text}},)

    def plain(self, payload: Payload) -> Payload:
        """It is plain already."""
        return payload

    async def send(self, payload: Payload, chat: str = "console:terminal") -> Outcome:
        """Print it. A pipe that nobody reads any more rejects it."""
        if self.failures and not isinstance(failure := self.failures.pop(0), Sent):
            return failure
        if self.stream is None:
            self.sent.append((chat, payload))
            return Sent(str(len(self.sent)))
        try:
            print(_encodable(payload["params"]["text"], self.stream), file=self.stream, flush=True)
        except BrokenPipeError:
            return Rejected("nobody reads this pipe any more")
        return Sent()


def _columns(stream: TextIO) -> int | None:
    if not stream.isatty():
        return None
    import shutil

    return max(shutil.get_terminal_size().columns, 20)


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or sys.getdefaultencoding()
    return text.encode(encoding, "replace").decode(encoding)


# -- plain text --------------------------------------------------------------------------------------------------------


def plain(message: Message, *, next_page: str = "") -> str:
    """*message* as plain text, blocks apart by an empty line where a reader would want one."""
    said: list[str] = []
    before: Block | None = None
    for block in message.blocks:
        lines = _lines(block, message, next_page)
        if before is not None and not close_together(before, block, message):
            said.append("")
        said += lines
        before = block
    return inert("\n".join(said))


def inert(text: str) -> str:
    """*text* without characters that a terminal would obey."""
    return _CONTROL.sub("", text)


def close_together(above: Block, below: Block, message: Message) -> bool:
    """No empty line: between one-line cards, and between a section's heading or question and what it announces."""
    match above, below:
        case Card(), Card():
            return message.format == "compact"
        case Heading(level=1), Text(quiet=True):
            return True
        case Heading(level=level), _:
            return level > 1
        case Text(), Buttons() | Facts():
            return True
    return False


def _lines(block: Block, message: Message, next_page: str) -> Sequence[str]:
    match block:
        case Heading():
            return _heading(block)
        case Text(text=text):
            return text.splitlines() or [""]
        case Card():
            return _compact(block) if message.format == "compact" else _card(block)
        case Note():
            return [*block.text.splitlines(), *map(_link, block.links)]
        case Tree():
            return _tree(block)
        case Facts(rows=rows):
            return _facts(rows)
        case Usage():
            return table(usages(block))
        case Buttons():
            return _buttons(block)
        case Pager():
            return [paged(block, next_page)]


def _heading(heading: Heading) -> list[str]:
    text = f"{heading.text} · {heading.aside}" if heading.aside else heading.text
    return [text, "═" * min(width(text), 72)] if heading.level == 1 else [f"■ {text}"]


def _card(card: Card, bullet: str = "•") -> list[str]:
    lines = [f"{bullet} {_titled(card)}"]
    lines += [f"  {card.url}"] if card.url != card.title else []
    lines += [f"  {line}" for line in with_more(card.summary, card.more).splitlines()]
    for part in (card.recommendation, *card.parts):
        if part:
            lines += [f"  {line}" for line in labelled(part).splitlines()]
    lines += [f"  {_link(link)}" for link in card.links]
    lines += [f"  {line}" for line in places(card)]
    lines += [f"  {line}" for line in _children(card)]
    return lines


def _children(card: Card) -> list[str]:
    lines: list[str] = []
    for lead, child in with_leads(card):
        lines += [lead] if lead else []
        lines += _card(child, "◦")
    return lines


def with_leads(card: Card) -> Iterator[tuple[str, Card]]:
    """The children, each with the lead line that it is the first under."""
    before = ""
    for child in card.children:
        lead = child.group_label
        yield f"{lead}{colon(lead).rstrip()}" if lead and lead != before else "", child
        before = lead


def _compact(card: Card, bullet: str = "•") -> list[str]:
    links = [card.url, *(_link(link) for link in card.links)]
    first = f"{bullet} {_titled(card)} {' · '.join(links)}"
    return [first, *(f"  {line}" for child in card.children for line in _compact(child, "◦"))]


def _titled(card: Card) -> str:
    return f"[{card.badge}] {card.title}" if card.badge else card.title


def _link(link: Link) -> str:
    return link.url if link.label == link.url else f"{link.label} {link.url}"


def labelled(part: Labelled) -> str:
    """A part under its label, with the curator's own colon."""
    text = with_more(part.text, part.more)
    return f"{part.label}{colon(part.label)}{text}" if part.label else text


def colon(label: str) -> str:
    """The colon that goes with *label*: full-width after Chinese."""
    return ": " if label.isascii() else "："


def with_more(text: str, more: str) -> str:
    """*text*, and a sign where it was cut."""
    return f"{text} …" if more else text


def places(card: Card) -> list[str]:
    """Where the card belongs, in the lower voice: its article, its path, its tags."""
    where = [f"↑ {card.beneath}"] if card.beneath else []
    where += [" / ".join(card.path)] if card.path else []
    where += [" ".join(f"#{tag}" for tag in card.tags)] if card.tags else []
    return where


def _tree(tree: Tree) -> list[str]:
    digits = max((len(str(line.number)) for line in tree.lines), default=1)
    return [f"{line.number:>{digits}}  {'   ' * line.depth}{line.title} · {line.aside}" for line in tree.lines]


def _facts(rows: Sequence[tuple[str, str]]) -> list[str]:
    if all(width(name) <= _LABEL_COLUMNS for name, _ in rows):
        return table(rows)
    return [line for name, value in rows for line in (name, f"  {value}")]


def usages(usage: Usage) -> list[tuple[str, str]]:
    """How each command is typed, and what comes of it."""
    return [(f"{line.action.typed()} {line.arguments}".rstrip(), line.meaning) for line in usage.lines]


def table(rows: Sequence[tuple[str, str]], indent: str = "  ") -> list[str]:
    """Two columns, aligned by what characters take on a screen; a name too long for that only pushes its own value."""
    columns = max((taken for name, _ in rows if (taken := width(name)) <= _NAME_COLUMNS), default=0)
    return [f"{indent}{name}{' ' * (columns - width(name))}  {value}".rstrip() for name, value in rows]


def choices(buttons: Buttons) -> list[tuple[str, str]]:
    """What to type and what it is for; the latter is empty where the words to type say it."""
    rows = []
    for button in buttons.buttons:
        typed = button.action.typed()
        label = "" if button.label.casefold() in typed.casefold() else button.label
        rows.append((typed, " · ".join(filter(None, (label, button.aside)))))
    return rows


def _buttons(buttons: Buttons) -> list[str]:
    return table(choices(buttons), indent="→ ")


def paged(pager: Pager, next_page: str) -> str:
    """Where we are, and what to type to go on."""
    if pager.next is None:
        return pager.text
    typed = next_page or pager.next.action.typed()
    return f"{pager.text} · {pager.next.label}{colon(pager.next.label)}{typed}"


# -- the keyboard ------------------------------------------------------------------------------------------------------


async def read_lines(source: TextIO, screen: TextIO) -> AsyncIterator[str]:
    """The lines of a terminal (with a prompt and a history to go back in) or a pipe, one at a time, until its end.

    Of a line that no person types, only the beginning. Read by a daemon thread: nothing that waits for a keyboard may
    keep the program from ending.
    """
    loop = asyncio.get_running_loop()
    wanted = threading.Semaphore(0)
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    done = threading.Event()
    prompting = source.isatty() and screen.isatty()
    if prompting:
        with contextlib.suppress(ImportError):  # there is none on Windows
            import readline  # noqa: F401 - its import is what makes input() edit lines

    def read() -> str | None:
        try:
            return input("› ") if prompting else _line(source)
        except EOFError:
            print(file=screen)  # what comes next does not belong behind the prompt
            return None

    def work() -> None:
        while wanted.acquire() and not done.is_set():
            line = read()
            loop.call_soon_threadsafe(lines.put_nowait, line)
            if line is None:
                return

    threading.Thread(target=work, daemon=True, name="keyboard").start()
    try:
        with _left_as_it_was(source) if prompting else contextlib.nullcontext():
            while True:
                wanted.release()
                if (line := await lines.get()) is None:
                    return
                yield line
    finally:
        done.set()
        wanted.release()


def _line(source: TextIO) -> str | None:
    """The next line's beginning, however long it is; None at the end."""
    line = piece = source.readline(_MAX_LINE)
    while piece and not piece.endswith("\n"):
        piece = source.readline(_MAX_LINE)
    return line or None


@contextlib.contextmanager
def _left_as_it_was(terminal: TextIO) -> Iterator[None]:
    """Restore *terminal*, also when the program ends amid a line: until its end, readline keeps the echo to itself."""
    try:
        import termios
    except ImportError:  # there is none on Windows
        yield
        return
    before = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
