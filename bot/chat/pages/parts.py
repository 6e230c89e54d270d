"""What several pages are made of: item cards, buttons that lead to a topic, the cutting of a long answer into pages."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from bot.chat.conversation import Reader
from bot.chat.language import Voice, later
from bot.chat.message import Action, Button, Card, Format, Labelled, Link, Message, Pager
from bot.chat.message import Block as MessageBlock
from bot.chat.prose import cut, shortened
from bot.digest.library import Library
from bot.digest.model import Item, Part, Path, Topic
from bot.editions.schedule import Schedule
from bot.errors import BotError

LEAST = 5
"""No page of a longer answer holds fewer items."""

_ITEMS_ON_A_PAGE: dict[Format, int] = {"compact": 20, "normal": 8, "full": 5}
_SUMMARY_COLUMNS: dict[Format, int] = {"compact": 0, "normal": 280, "full": 1_000_000}
_RECOMMENDATION_COLUMNS: dict[Format, int] = {"compact": 0, "normal": 200, "full": 1_000_000}
_CODE_HOSTS = frozenset({"github.com", "gitlab.com", "gitee.com", "bitbucket.org", "codeberg.org", "gist.github.com"})
_PAPER_HOSTS = frozenset({"arxiv.org", "openreview.net", "aclanthology.org", "dl.acm.org", "doi.org"})

Row = TypeVar("Row")


# -- paging ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """The rows of one page, where they stand among all, and how many pages there are."""

    rows: tuple[Row, ...]
    start: int
    page: int
    pages: int

    @property
    def stop(self) -> int:
        """The index after the last row."""
        return self.start + len(self.rows)


def sliced(rows: Sequence[Row], page: int, size: int) -> Slice[Row]:
    """Page *page* (from 1; too high is the last) of *rows*, split evenly: about *size* on each, never below LEAST."""
    pages = max(1, min(-(-len(rows) // size), len(rows) // LEAST))
    page = min(max(page, 1), pages)
    start = len(rows) * (page - 1) // pages
    stop = len(rows) * page // pages
    return Slice(tuple(rows[start:stop]), start, page, pages)


def page_size(reader: Reader) -> int:
    """How many items a page holds at most, about."""
    return _ITEMS_ON_A_PAGE[reader.format]


def pager(part: Slice[Row], action: Action, reader: Reader) -> tuple[Pager, ...]:
    """The last block of a long answer; none for a short one."""
    if part.pages == 1:
        return ()
    say = reader.say
    back = Button(say("Previous page"), replace(action, page=part.page - 1)) if part.page > 1 else None
    on = Button(say("Next page"), replace(action, page=part.page + 1)) if part.page < part.pages else None
    return (Pager(say("Page {page} of {pages}", page=part.page, pages=part.pages), back, on),)


def message(reader: Reader, *blocks: MessageBlock) -> Message:
    """A message in this reader's language and format."""
    return Message(blocks, reader.language, reader.format)


# -- topics ------------------------------------------------------------------------------------------------------------


def reference(path: Path) -> str:
    """A short name for a topic that no title can have: ``~`` and eight characters made from its path."""
    hashed = hashlib.blake2b("\x1f".join(path).encode("utf-8", "surrogatepass"), digest_size=5).digest()
    return "~" + b32encode(hashed).decode().lower()


def topic_words(topic: Topic, library: Library) -> str:
    """The shortest words that lead to this very topic: its title where that is enough, else its whole path."""
    try:
        if library.find_topic(topic.title).path == topic.path:
            return topic.title
    except BotError:
        pass
    return "/".join(topic.path)


def topic_action(topic: Topic, library: Library, *, name: str = "topic") -> Action:
    """What asks for *topic*."""
    return Action(name, topic_words(topic, library), ref=reference(topic.path))


def topic_buttons(topics: Iterable[Topic], library: Library, *, whole_path: bool = False) -> tuple[Button, ...]:
    """A button for each topic, under its title or its whole path."""
    return tuple(
        Button(trail(topic.path) if whole_path else topic.title, topic_action(topic, library)) for topic in topics
    )


FORMAT_NAMES: Mapping[Format, str] = {"compact": later("compact"), "normal": later("normal"), "full": later("full")}
"""How much of an item is shown, as it is said."""

LANGUAGE_NAMES = {"zh": "中文", "en": "English"}
"""What the bot speaks, each called as its speakers do."""

_WEEKDAYS = (later("mon"), later("tue"), later("wed"), later("thu"), later("fri"), later("sat"), later("sun"))


def schedule(one: Schedule, say: Voice) -> str:
    """A schedule as it is said, and may be typed: ``mon, thu 18:30``."""
    time = f"{one.hour:02}:{one.minute:02}"
    if one.month_day is not None:
        return say("monthly {day} {time}", day=one.month_day, time=time)
    if len(one.weekdays) == len(_WEEKDAYS):
        return say("daily {time}", time=time)
    return f"{say.listing(say(_WEEKDAYS[day]) for day in one.weekdays)} {time}"


def clock(one: Schedule, zone: ZoneInfo, say: Voice) -> str:
    """A schedule and where its clock hangs."""
    return say("{schedule} ({zone})", schedule=schedule(one, say), zone=zone.key)


def trail(path: Path) -> str:
    """A path as readers see it."""
    return " / ".join(path)


# -- items -------------------------------------------------------------------------------------------------------------


def top_level(items: Iterable[Item]) -> tuple[Item, ...]:
    """Those of *items* that no other of them stands above: children show beneath their parent."""
    items = tuple(items)
    here = {(item.id, item.topic) for item in items}
    return tuple(item for item in items if item.parent is None or (item.parent, item.topic) not in here)


def cards(
    items: Iterable[Item], library: Library, reader: Reader, *, path: bool = False, badge: str = ""
) -> tuple[Card, ...]:
    """A card for each item, its children beneath it; *path*: each says in which topic it stands."""

    def card(item: Item) -> Card:
        return family(item, _descendants(item, library, {item.id}), library, reader, path=path, badge=badge)

    return tuple(map(card, items))


def family(
    item: Item, children: Iterable[Item], library: Library, reader: Reader, *, path: bool = False, badge: str = ""
) -> Card:
    """The card of *item* with those of *children* beneath it."""
    parent = library.item(item.parent) if item.parent else None
    return replace(
        _card(item, reader),
        path=item.topic if path else (),
        beneath=shortened(parent.title, 60) if parent else "",
        badge=badge,
        children=tuple(_card(child, reader) for child in children),
    )


def _descendants(item: Item, library: Library, seen: set[str]) -> Iterable[Item]:
    for child in library.children_of(item.id):
        if child.id not in seen and child.topic == item.topic:
            seen.add(child.id)
            yield child
            yield from _descendants(child, library, seen)


def _card(item: Item, reader: Reader) -> Card:
    bare = reader.format == "compact"
    summary, more = ("", "") if bare else cut(item.summary or "", _SUMMARY_COLUMNS[reader.format])
    recommended = next((part for part in item.parts if part.kind == "recommendation"), None)
    return Card(
        id=item.id,
        title=item.title,
        url=item.url,
        summary=summary,
        more=more,
        recommendation=None if bare or recommended is None else _recommendation(item, recommended, reader),
        parts=_further_parts(item) if reader.format == "full" else (),
        links=companions(item, reader.say),
        tags=item.tags,
        group_label=item.group_label or "",
    )


def _recommendation(item: Item, part: Part, reader: Reader) -> Labelled:
    text, more = cut(item.recommendation or "", _RECOMMENDATION_COLUMNS[reader.format])
    return Labelled(part.label, text, more)


def _further_parts(item: Item) -> tuple[Labelled, ...]:
    """What the whole item says beyond its summary and its recommendation."""
    others = tuple(Labelled(part.label, part.text) for part in item.parts if part.kind == "other")
    beside = item.body if item.summary_source == "abstract" else ()
    return (*(Labelled("", paragraph) for paragraph in beside), *others)


def companions(item: Item, say: Voice) -> tuple[Link, ...]:
    """The item's other links under their names; an address that the curator left unnamed gets a plain one."""
    return tuple(Link(link_name(link.label, link.url, say), link.url) for link in item.links)


def link_name(label: str, url: str, say: Voice) -> str:
    """*label*, unless it is empty or an address: then what kind of page it is, or where it lies."""
    label = " ".join(label.split())
    if label and "://" not in label and label.strip("/") != url.strip("/"):
        return label
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return shortened(url, 40)
    if host in _CODE_HOSTS:
        return say("Code")
    if host in _PAPER_HOSTS:
        return say("Paper")
    return host or shortened(unquote(parts.path), 40) or shortened(url, 40)
