"""Pages about topics: one with everything under it, all of them as a tree, the choice of the outermost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat.conversation import Reader
from bot.chat.message import (
    Action,
    Block,
    Button,
    Buttons,
    Card,
    Heading,
    Message,
    Note,
    Text,
    TopicLine,
    Tree,
    Usage,
    UsageLine,
)
from bot.chat.message import Link as MessageLink
from bot.chat.pages import parts
from bot.digest.library import Library
from bot.digest.model import Item, Path, Topic
from bot.digest.model import Note as DigestNote
from bot.digest.names import fold

_LINES_ON_A_PAGE = 60
_RELATED = 2


@dataclass(frozen=True, slots=True)
class _Entry:
    """A note or an item of the page, and the topic under which it stands."""

    topic: Topic
    row: DigestNote | Item


def topic(topic: Topic, library: Library, reader: Reader, *, page: int = 1) -> Message:
    """*topic* and everything under it, in the order of the digest; an empty one says so and shows what is related."""
    entries, bare = _subtree(topic, library)
    if not entries:
        return _nothing_under(topic, library, reader)
    part = parts.sliced(_by_item(entries), page, parts.page_size(reader))
    return parts.message(
        reader,
        Heading(parts.trail(topic.path), aside=_count(topic, library, reader)),
        *_sections(topic, part, entries, library, reader),
        *(_still_empty(bare, reader) if part.page == part.pages else ()),
        *(_ways_down(topic, library) if part.pages > 1 else ()),
        *parts.pager(part, parts.topic_action(topic, library), reader),
    )


def _by_item(entries: Sequence[_Entry]) -> list[tuple[_Entry, ...]]:
    """The entries in pieces that each hold one item, so that pages are measured in items and notes come with them."""
    pieces: list[tuple[_Entry, ...]] = []
    notes: tuple[_Entry, ...] = ()
    for entry in entries:
        notes = (*notes, entry)
        if isinstance(entry.row, Item):
            pieces.append(notes)
            notes = ()
    if not pieces:
        return [(note,) for note in notes]
    return [*pieces[:-1], (*pieces[-1], *notes)]


def _subtree(topic: Topic, library: Library) -> tuple[tuple[_Entry, ...], tuple[Topic, ...]]:
    """What stands in *topic* and below it, and the headings below it that hold nothing."""
    entries: list[_Entry] = []
    bare: list[Topic] = []
    waiting = [topic]
    while waiting:
        here = waiting.pop()
        items = parts.top_level(library.items_in(here.path))
        entries += [_Entry(here, row) for row in _in_order(library.notes_in(here.path), items)]
        if here.state == "empty" and here is not topic:
            bare.append(here)
        waiting += reversed(library.children(here.path))
    return tuple(entries), tuple(bare)


def _in_order(notes: Sequence[DigestNote], items: Sequence[Item]) -> Sequence[DigestNote | Item]:
    # Two files may both write under one path: their lines count apart.
    return sorted([*notes, *items], key=lambda row: (row.file, row.line)) if notes else items


def _sections(
    topic: Topic,
    part: parts.Slice[tuple[_Entry, ...]],
    entries: Sequence[_Entry],
    library: Library,
    reader: Reader,
) -> list[Block]:
    """The entries of one page under their headings; the first one's is said again if it began on the page before."""
    shown = [entry for piece in part.rows for entry in piece]
    start = entries.index(shown[0])
    before = entries[start - 1].topic.path if start else topic.path
    blocks: list[Block] = []
    if before != topic.path and shown[0].topic.path == before:
        blocks.append(Heading(_below(topic, shown[0].topic), level=2, aside=reader.say("continued")))
    for entry in shown:
        if entry.topic.path != before and not _says_its_heading(entry, entries):
            blocks.append(Heading(_below(topic, entry.topic), level=2))
        before = entry.topic.path
        match entry.row:
            case Item() as item:
                blocks += parts.cards([item], library, reader)
            case DigestNote() as note:
                blocks.append(_note(note, reader))
    return blocks


def _below(topic: Topic, inner: Topic) -> str:
    """The way from *topic* to *inner*."""
    return parts.trail(inner.path[len(topic.path) :]) or inner.title


def _says_its_heading(entry: _Entry, entries: Sequence[_Entry]) -> bool:
    """Whether the heading would only repeat the title of the one item beneath it."""
    alone = sum(other.topic.path == entry.topic.path for other in entries) == 1
    return alone and isinstance(entry.row, Item) and entry.row.title == entry.topic.title


def _note(note: DigestNote, reader: Reader) -> Note:
    return Note(
        note.text,
        tuple(MessageLink(parts.link_name(link.label, link.url, reader.say), link.url) for link in note.links),
    )


def _count(topic: Topic, library: Library, reader: Reader) -> str:
    n = len(library.items_under(topic.path))
    return reader.say.plural("{n} item", "{n} items", n) if n else ""


def _still_empty(bare: Sequence[Topic], reader: Reader) -> tuple[Text, ...]:
    if not bare:
        return ()
    names = reader.say.listing(topic.title for topic in bare)
    return (Text(reader.say("Nothing yet under: {topics}", topics=names), quiet=True),)


def _ways_down(topic: Topic, library: Library) -> tuple[Buttons, ...]:
    """On a long page: the topics right below, so that nobody has to turn pages to reach one."""
    below = [child for child in library.children(topic.path) if child.state != "empty"]
    return (Buttons(parts.topic_buttons(below[:10], library)),) if below else ()


def _nothing_under(topic: Topic, library: Library, reader: Reader) -> Message:
    related = _related(topic, library, reader)
    nearest = () if related else (Buttons((Button(reader.say("All topics"), Action("topics")),)),)
    return parts.message(
        reader,
        Heading(parts.trail(topic.path)),
        Text(reader.say("This heading is still empty: the curators have put nothing under it yet.")),
        *related,
        *nearest,
    )


def _related(topic: Topic, library: Library, reader: Reader) -> tuple[Block, ...]:
    items = library.related(topic, _RELATED)
    found = parts.cards(items, library, reader, path=True)
    return (Heading(reader.say("Related, from other topics"), level=2), *found) if found else ()


def topics(library: Library, reader: Reader, *, word: str = "", page: int = 1) -> Message:
    """The tree of all topics with what each holds; with *word* only those whose title has it, and where they lie."""
    say = reader.say
    shown = _with_family(word, library) if word else library.topics
    if not shown:
        return parts.message(
            reader,
            Heading(say("Topics")),
            Text(say("No topic has “{word}” in its title.", word=word)),
            *_offers(library.suggest(word), library),
            Buttons(
                (Button(say("Search for it"), Action("search", word)), Button(say("All topics"), Action("topics")))
            ),
        )
    part = parts.sliced(shown, page, _LINES_ON_A_PAGE)
    total = say.plural("{n} item", "{n} items", len(library.items_under(())))
    return parts.message(
        reader,
        Heading(library.title, aside=total),
        Tree(tuple(_line(topic, library, reader) for topic in part.rows)),
        Usage((UsageLine(Action("topic"), say("number or title"), say("a topic and everything under it")),)),
        *parts.pager(part, Action("topics", word), reader),
    )


def _with_family(word: str, library: Library) -> tuple[Topic, ...]:
    """The topics whose title has *word*, with those above and below them."""
    wanted = fold(word)
    keep: set[Path] = set()
    for topic in library.topics:
        if any(wanted in fold(title) for title in topic.path):
            keep |= {topic.path[:depth] for depth in range(1, len(topic.path) + 1)}
    return tuple(topic for topic in library.topics if topic.path in keep)


def _line(topic: Topic, library: Library, reader: Reader) -> TopicLine:
    n = len(library.items_under(topic.path))
    if n:
        aside = reader.say.number(n)
    else:
        aside = reader.say("note") if library.notes_under(topic.path) else reader.say("empty")
    depth = max(0, len(topic.path) - 1)
    return TopicLine(library.number(topic), depth, topic.title, aside, parts.topic_action(topic, library), muted=not n)


def choice(library: Library, reader: Reader) -> Message:
    """Which topic? The outermost ones as buttons."""
    filled = [topic for topic in library.children(()) if topic.state != "empty"]
    return parts.message(
        reader,
        Heading(reader.say("Which topic?")),
        Buttons(
            tuple(Button(topic.title, parts.topic_action(topic, library), _size(topic, library)) for topic in filled)
        ),
        Buttons((Button(reader.say("All topics"), Action("topics")),)),
    )


def _size(topic: Topic, library: Library) -> str:
    n = len(library.items_under(topic.path))
    return str(n) if n else ""


def _offers(topics: Sequence[Topic], library: Library) -> tuple[Buttons, ...]:
    return (Buttons(parts.topic_buttons(topics, library, whole_path=True)),) if topics else ()


def not_found(query: str, suggestions: Sequence[Topic], library: Library, reader: Reader) -> Message:
    """No topic is called *query*: did you mean one of these? What a search for it brings stands below."""
    say = reader.say
    hits = [hit.item for hit in library.search.find(query, limit=_RELATED)]
    asked = (Text(say("Did you mean:")),) if suggestions else ()
    found: tuple[Card, ...] = parts.cards(hits, library, reader, path=True)
    mentions: tuple[Block, ...] = (Heading(say("What a search for it finds"), level=2), *found) if found else ()
    nothing = not suggestions and not found
    return parts.message(
        reader,
        Text(say("No topic is called “{query}”.", query=query)),
        *asked,
        *_offers(suggestions, library),
        *mentions,
        *((Buttons((Button(say("All topics"), Action("topics")),)),) if nothing else ()),
    )


def ambiguous(query: str, candidates: Sequence[Topic], library: Library, reader: Reader) -> Message:
    """Several topics are called *query*; the reader is to say which one."""
    return parts.message(
        reader,
        Text(reader.say("Several topics are called “{query}”. Which one?", query=query)),
        *_offers(candidates, library),
    )
