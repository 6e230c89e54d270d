"""Pages of items picked by something else than their topic: a search, an address, chance, the day they came in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bot.chat.conversation import Reader
from bot.chat.message import Action, Block, Button, Buttons, Heading, Message, Text
from bot.chat.pages import parts
from bot.chat.prose import shortened
from bot.digest.library import Library
from bot.digest.model import Item, Topic

if TYPE_CHECKING:  # most answers need no index, and it takes its time to import
    from bot.digest.search import Hit

SEARCH_LIMIT = 50
"""Nobody turns to the eleventh page of an answer."""

_QUERY_COLUMNS = 60


def search(
    query: str, hits: Sequence[Hit], topics: Sequence[Topic], library: Library, reader: Reader, *, page: int = 1
) -> Message:
    """What the search for *query* found, best first, each with its path; *topics* are those whose name it nears.

    Children are not shown beneath their article here: where they answer the query they are hits themselves.
    """
    say = reader.say
    if not hits:
        return nothing_found(query, topics, library, reader)
    part = parts.sliced(hits, page, parts.page_size(reader))
    corrected = next((hit.corrected for hit in hits if hit.corrected), None)
    return parts.message(
        reader,
        Heading(say("Search: {query}", query=shortened(query, _QUERY_COLUMNS)), aside=_found(len(hits), reader)),
        *((Text(say("Searched for “{query}” instead.", query=corrected), quiet=True),) if corrected else ()),
        *(parts.family(hit.item, (), library, reader, path=True) for hit in part.rows),
        *((Buttons(parts.topic_buttons(topics, library, whole_path=True)),) if topics else ()),
        *parts.pager(part, Action("search", query), reader),
    )


def _found(n: int, reader: Reader) -> str:
    if n >= SEARCH_LIMIT:
        return reader.say("the best {n}", n=SEARCH_LIMIT)
    return reader.say.plural("{n} item", "{n} items", n)


def nothing_found(query: str, topics: Sequence[Topic], library: Library, reader: Reader) -> Message:
    """Nothing in the digest speaks of *query*; the nearest topics instead, or else where to go on."""
    say = reader.say
    asked = shortened(query, _QUERY_COLUMNS)
    offers = parts.topic_buttons(topics, library, whole_path=True)
    onwards = (Button(say("All topics"), Action("topics")), Button(say("One at random"), Action("random")))
    return parts.message(
        reader,
        Text(say("Nothing in the digest mentions “{query}”.", query=asked)),
        *((Text(say("The nearest topics:")),) if offers else ()),
        Buttons(offers or onwards),
    )


def found(items: Sequence[Item], library: Library, reader: Reader) -> Message:
    """Where the digest holds an address that was asked for: as an item's own link or among the links beside one."""
    say = reader.say
    if not items:
        return parts.message(
            reader,
            Text(say("This link is not in the digest.")),
            Buttons((Button(say("All topics"), Action("topics")), Button(say("What is new"), Action("new")))),
        )
    places = [topic for item in items for topic in library.topics_of(item.id)]
    return parts.message(
        reader,
        Text(say("Yes, the digest has it:")),
        *parts.cards(items, library, reader, path=True),
        Buttons(parts.topic_buttons(dict.fromkeys(places), library)),
    )


def random(item: Item | None, topic: Topic | None, library: Library, reader: Reader) -> Message:
    """One item by chance, of *topic* where one was named."""
    say = reader.say
    if item is None:
        return empty_library(reader)
    again = parts.topic_action(topic, library, name="random") if topic else Action("random")
    around = next(iter(library.topics_of(item.id)), None)
    beside = parts.topic_buttons((around,), library) if around and topic is None else ()
    return parts.message(
        reader,
        *parts.cards((item,), library, reader, path=True),
        Buttons((Button(say("Another one"), again), *beside)),
    )


def new(
    rows: Sequence[tuple[dt.date, Item]],
    library: Library,
    reader: Reader,
    *,
    since: dt.datetime | None = None,
    page: int = 1,
) -> Message:
    """What came in lately, day by day from the youngest; with nothing to show, that nothing came *since*."""
    if not rows:
        return _no_news(since, reader)
    say = reader.say
    part = parts.sliced(rows, page, parts.page_size(reader))
    today = reader.now.astimezone(reader.zone).date()
    blocks: list[Block] = []
    for day, group in groupby(part.rows, key=lambda row: row[0]):
        blocks.append(Heading(say.day(day, today=today), level=2))
        blocks += parts.cards((item for _, item in group), library, reader, path=True)
    return parts.message(reader, Heading(say("What is new")), *blocks, *parts.pager(part, Action("new"), reader))


def _no_news(since: dt.datetime | None, reader: Reader) -> Message:
    say = reader.say
    if since is None:
        text = say("The digest carries no dates, so there is nothing to call new yet.")
    else:
        moment = say.moment(since.astimezone(reader.zone), now=reader.now)
        text = say("Nothing has come in since {moment}.", moment=moment)
    return parts.message(
        reader,
        Text(text),
        Buttons((Button(say("This week"), Action("week")), Button(say("One at random"), Action("random")))),
    )


def empty_library(reader: Reader) -> Message:
    """There is nothing to read at all."""
    return parts.message(reader, Text(reader.say("The digest is still empty: it holds no item yet.")))
