"""The archive: each page out of what there is, whoever asks for it and however it is served.

Pure, but for asking the room.

a place ──▶ Frame ──▶ views, feeds ──▶ Made
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, get_args

from bot.chat.message import Format
from bot.chat.pages import SEARCH_LIMIT
from bot.chat.pages.parts import FORMAT_NAMES
from bot.digest.model import Item
from bot.errors import BotError
from bot.web import feeds, views
from bot.web.keeping import Made
from bot.web.markup import tidy
from bot.web.room import Room, Screen, Wish
from bot.web.shelf import Shelf, issue_place
from bot.web.views import Frame, page

MAX_QUERY = 200
MAX_WORDS = 500
"""Characters that are read of what somebody searches for, and of what they say to the bot."""

_NEAR = 5
_RELATED = 2

Maker: TypeAlias = Callable[[Frame], Made]


# -- pages that are where they are -------------------------------------------------------------------------------------


def home(frame: Frame) -> Made:
    """This period's theme, the digest as a picture, its topics, the last editions."""
    return _html(page("home.html", frame))


def editions(frame: Frame) -> Made:
    """All editions, by year."""
    return _html(page("editions.html", frame, years=views.by_year(frame.shelf.issues, frame.shelf.state.zone)))


def topic(frame: Frame) -> Made | None:
    """A topic with everything under it. One that is asked for by another of its names is somewhere else."""
    shelf, words = frame.shelf, frame.place.removeprefix("topics").strip("/")
    if not words:
        return _elsewhere(frame.links.to("") + "#topics")
    found = shelf.topic_at(frame.place)
    if found is None:
        try:
            return _elsewhere(frame.links.to(shelf.place(shelf.library.find_topic(words).path)))
        except BotError:
            return None
    return _html(
        page(
            "topic.html",
            frame,
            topic=found,
            sections=views.sections(found, shelf),
            about=shelf.issues_about(found.path),
            related=() if shelf.library.items_under(found.path) else shelf.library.related(found, _RELATED),
        )
    )


def item(frame: Frame) -> Made | None:
    """An item with all that was written about it, also when it has left the digest."""
    shelf, item_id = frame.shelf, frame.place.removeprefix("items/")
    found = shelf.item(item_id)
    if found is None:
        return None
    library = shelf.library
    return _html(
        page(
            "item.html",
            frame,
            item=found,
            gone=library.item(item_id) is None,
            topics=library.topics_of(item_id),
            parent=library.item(found.parent) if found.parent else None,
            children=library.children_of(item_id),
            brought=shelf.issues_of(item_id),
        )
    )


def edition(frame: Frame) -> Made | None:
    """An edition that was posted. Of a period alone, its first one."""
    shelf, words = frame.shelf, frame.place.removeprefix("editions/")
    found = shelf.issue_at(frame.place)
    if found is None:
        first = shelf.issue_of(words)
        return _elsewhere(frame.links.to(issue_place(first))) if first else None
    before, after = shelf.beside(found)
    sections = views.edition_sections(found.edition)
    return _html(page("edition.html", frame, issue=found, sections=sections, before=before, after=after))


def atom(frame: Frame) -> Made:
    """The feed."""
    return Made(feeds.atom(frame), feeds.ATOM)


def json_feed(frame: Frame) -> Made:
    """The feed as JSON."""
    return Made(feeds.json_feed(frame), feeds.JSON)


def opml(frame: Frame) -> Made:
    """The outline."""
    return Made(feeds.opml(frame), feeds.OPML)


def everything(shelf: Shelf) -> Iterator[tuple[str, Maker]]:
    """The places of all pages that need no answer, and what makes them."""
    yield "", home
    yield "editions", editions
    for one in shelf.library.topics:
        yield shelf.place(one.path), lambda frame: _there(topic(frame))
    ids = dict.fromkeys(one.id for one in shelf.library.items)
    for issue in shelf.state.issues:
        yield issue_place(issue), lambda frame: _there(edition(frame))
        ids |= dict.fromkeys(one.id for one in issue.edition.items)
    for item_id in ids:
        yield f"items/{item_id}", lambda frame: _there(item(frame))


def _there(made: Made | None) -> Made:
    assert made is not None
    return made


# -- pages that answer -------------------------------------------------------------------------------------------------


def search(frame: Frame, query: str) -> Made:
    """What the digest has on some words, or where it has an address."""
    library = frame.shelf.library
    query = " ".join(tidy(query)[:MAX_QUERY].split())
    items: Sequence[Item] = ()
    corrected = None
    near: Sequence[Any] = ()
    if "://" in query:
        items = library.find_url(query)
    elif query:
        hits = library.search.find(query, limit=SEARCH_LIMIT)
        items = [hit.item for hit in hits]
        corrected = next((hit.corrected for hit in hits if hit.corrected), None)
        near = [one for one in library.suggest(query, _NEAR) if library.items_under(one.path)]
    values = {"query": query, "items": items, "corrected": corrected, "topics": near}
    return replace(_html(page("search.html", frame, **values)), kept=bool(items))


@dataclass(frozen=True, slots=True)
class Screening:
    """One platform's look at a message, as HTML."""

    name: str
    html: Any


def preview(frame: Frame, asked: Mapping[str, str], room: Room, screens: Sequence[Screen], *, chat: bool) -> Made:
    """The next edition, or the answer to what somebody says, as each platform shows it."""
    state = frame.shelf.state
    said = " ".join(tidy(asked.get("say", ""))[:MAX_WORDS].split()) if chat else ""
    period, format_ = asked.get("week", ""), asked.get("format", "")
    wish = Wish(
        period if period in state.periods else _next(frame),
        tidy(asked.get("theme", ""))[:MAX_QUERY],
        next((one for one in get_args(Format) if one == format_), "normal"),
        frame.language,
    )
    message = room.answer(said, frame.language) if said else room.preview(wish)

    def asking(command: str) -> str:
        return frame.links.to("preview", say=command, format=wish.format) + "#chat" if chat else ""

    shown = [Screening(one.name, views.as_is(one.draw(one.render(message), asking))) for one in screens]
    say = frame.say
    made = page(
        "preview.html",
        frame,
        wish=wish,
        said=said,
        chat=chat,
        themes=[one for one in state.library.topics if state.library.items_under(one.path)],
        formats={code: say(name) for code, name in FORMAT_NAMES.items()},
        screens=shown,
    )
    return replace(_html(made), kept=not said)


def _next(frame: Frame) -> str:
    """The period whose edition is the next to be posted: this one, until its time has come."""
    state = frame.shelf.state
    return state.coming.edition.period if state.coming else next(iter(state.periods), "")


def trouble(frame: Frame, status: int) -> Made:
    """That there is nothing here, that it was too much, or that something broke: a sentence, and ways on."""
    say = frame.say
    title, sentence = {
        404: (say("There is nothing here"), say("The page may have moved with its heading, or never have been.")),
        429: (say("Too fast"), say("Please wait a few seconds and ask again.")),
    }.get(status, (say("Something went wrong here"), say("It has been noted; please try again later.")))
    words = frame.place.removeprefix("topics/").replace("/", " ") if frame.place.startswith("topics/") else ""
    near = frame.shelf.library.suggest(words[:MAX_QUERY], _NEAR) if words and status == 404 else ()
    values = {"status": status, "title": title, "sentence": sentence, "topics": near}
    return replace(_html(page("trouble.html", frame.at(""), **values)), status=status, kept=False)


def _html(text: str) -> Made:
    return Made(text.encode(errors="replace"))


def _elsewhere(location: str) -> Made:
    return Made(b"", status=302, location=location)
