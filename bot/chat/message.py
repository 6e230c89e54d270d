"""The neutral message: what an answer or an edition says, before any platform has a say in how it looks.

Pages build a :class:`Message` out of these blocks, renderers turn each block into their platform's own: N pages and
M renderers. Every string is plain text, already in the reader's language and never markup; what the curator wrote and
what the bot says are both inert. A command that a reader may give stands in an :class:`Action`, never in a sentence, so
that each platform can make it a button or write it with its own root (``/topic ctr``, ``/digest topic ctr``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Format = Literal["compact", "normal", "full"]
FORMATS: tuple[Format, ...] = ("compact", "normal", "full")


@dataclass(frozen=True, slots=True)
class Action:
    """A command that a button gives: ``Action("topic", "nlp/对话", page=2)``.

    *ref* is a short, stable stand-in for *args* where a platform counts bytes (Telegram: 64 for the whole); a command
    with *ref* in the place of *args* means the same.
    """

    name: str
    args: str = ""
    page: int = 1
    ref: str = ""

    def typed(self, root: str = "/") -> str:
        """What a reader types to say it; *root* stands before the name (``/`` or ``/digest ``)."""
        words = f"{root}{self.name} {self.args}".rstrip()
        return f"{words} --page {self.page}" if self.page > 1 else words


@dataclass(frozen=True, slots=True)
class Button:
    """A label and what pressing it asks; *aside* is said beside the label, as a count is."""

    label: str
    action: Action
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """The message's title (level 1) or a section's (2, 3); *aside* is said beside it in a lower voice."""

    text: str
    level: int = 1
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph of the bot's; *quiet* ones matter less."""

    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An address under its name."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A piece of an item under the curator's own label (推荐); *more* is what was cut off after *text*, if anything."""

    label: str
    text: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """An item as a reader sees it.

    *summary* is cut at a sentence to fit the message's format and *more* is the rest of it, for those that can fold.
    *path* is empty where the heading above says it already. *beneath* is the title of the article that this one belongs
    to, when it stands here without it; *group_label* the lead line (两篇) that it shares with its neighbours.
    *badge* is a word such as "new".
    """

    id: str
    title: str
    url: str
    summary: str = ""
    more: str = ""
    recommendation: Labelled | None = None
    parts: tuple[Labelled, ...] = ()
    links: tuple[Link, ...] = ()
    path: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group_label: str = ""
    beneath: str = ""
    badge: str = ""
    children: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A remark of the curator's under a heading, with the links it holds."""

    text: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic in a list: its number, how deep it lies, what there is in it; *muted* where that is nothing."""

    number: int
    depth: int
    title: str
    aside: str
    action: Action
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Topics in document order, each under the one it belongs to."""

    lines: tuple[TopicLine, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, a line each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class UsageLine:
    """How to say a command (*arguments* as they are to be typed, an example or a pattern) and what comes of it."""

    action: Action
    arguments: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Commands explained, a line each."""

    lines: tuple[UsageLine, ...]


@dataclass(frozen=True, slots=True)
class Buttons:
    """What a reader may ask next."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Pager:
    """Where we are in a long answer; always the last block. Editions have none."""

    text: str
    previous: Button | None = None
    next: Button | None = None


Block: TypeAlias = Heading | Text | Card | Note | Tree | Facts | Usage | Buttons | Pager


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, in order; *format* is the room an item is given, *language* that of the bot's words.

    *preview*: the first card's link may be shown with its picture, where the platform does that. *silent*: nobody's
    phone is to ring. *pin*: it stays in view, pinned, where the platform can. *edition*: it is a number of the weekly,
    which may have its details apart, as in a thread.
    """

    blocks: tuple[Block, ...]
    language: str = "en"
    format: Format = "normal"
    preview: bool = False
    silent: bool = False
    pin: bool = False
    edition: bool = False

    @property
    def more(self) -> Action | None:
        """What asks for the next page, if there is one."""
        for block in self.blocks:
            if isinstance(block, Pager) and block.next:
                return block.next.action
        return None

    def cards(self) -> Iterator[Card]:
        """Every card, children after their parent."""
        for block in self.blocks:
            if isinstance(block, Card):
                yield block
                yield from block.children
