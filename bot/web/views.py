"""Pages as HTML: what a page is made of goes into its template. Pure; jinja2 is imported when the first one is made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.chat.language import LANGUAGES, Voice, voice
from bot.chat.pages.editions import period_name
from bot.chat.prose import cut, shortened
from bot.digest.model import Item, Topic
from bot.digest.model import Path as TopicPath
from bot.editions.edition import Edition
from bot.web import addresses, markup
from bot.web.addresses import Links
from bot.web.room import Issue
from bot.web.shelf import Shelf, issue_place

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")
TAGS = {"zh": "zh-Hans", "en": "en"}
"""The bot's languages as HTML and feeds name them."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has around it: in which *language* the bot speaks, how pages are linked, whose *place* this is.

    *public* is the root of all addresses, where it is known.
    """

    shelf: Shelf
    language: str
    links: Links
    place: str = ""
    public: str = ""

    @property
    def say(self) -> Voice:
        """The bot's voice."""
        return voice(self.language)

    def at(self, place: str) -> Frame:
        """The frame of another page."""
        return replace(self, place=place)


def page(template: str, frame: Frame, **values: Any) -> str:
    """The page that *template* makes of *values*."""
    return environment().get_template(template).render(_context(frame) | values)


@cache
def environment() -> Environment:
    """The templates. Whatever stands in braces in them is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: markup.tidy(value) if type(value) is str else value,
    )
    made.filters |= {
        "safe_url": addresses.safe,
        "host": addresses.host,
        "prose": _prose,
        "trail": _trail,
        "brief": shortened,
        "opening": lambda text, columns: cut(text, columns)[0],
    }
    del made.filters["safe"]  # what is to be put in as it is has to be made so by `markup`
    return made


def as_is(html: str) -> Markup:
    """HTML that `markup` made, for a template."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - every piece of it was escaped there


def _prose(text: str) -> Markup:
    """Paragraphs, in which written-out addresses are links."""
    lines = (line.strip() for line in text.splitlines())
    return as_is("".join(f"<p>{markup.linked(line)}</p>" for line in lines if line))


def _trail(path: Iterable[str]) -> str:
    return " / ".join(path)


def _context(frame: Frame) -> dict[str, Any]:
    shelf, links, say = frame.shelf, frame.links, frame.say
    return {
        "say": say,
        "shelf": shelf,
        "library": shelf.library,
        "state": shelf.state,
        "language": frame.language,
        "tag": TAGS[frame.language],
        "content_tag": TAGS.get(shelf.library.language, shelf.library.language),
        "other": next(one for one in LANGUAGES if one != frame.language),
        "tags": TAGS,
        "place": frame.place,
        "public": frame.public,
        "filed": links.filed,
        "to": links.to,
        "file": links.file,
        "rel": markup.REL,
        "topic_url": lambda path: links.to(shelf.place(tuple(path))),
        "item_url": lambda item: links.to(f"items/{item.id}"),
        "issue_url": lambda issue: links.to(issue_place(issue)),
        "day": lambda moment: say.day(moment.astimezone(shelf.state.zone).date()),
        "date": lambda moment: moment.astimezone(shelf.state.zone).date().isoformat(),
        "moment": lambda moment: say.moment(moment.astimezone(shelf.state.zone), now=moment),
        "period": lambda key: period_name(key, say),
        "families": lambda items: families(items, shelf),
    }


# -- what pages show ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Family:
    """An item with what stands beneath it."""

    item: Item
    children: tuple[Item, ...] = ()


def families(items: Iterable[Item], shelf: Shelf) -> tuple[Family, ...]:
    """*items* in order, each that stands beneath another of them there and not for itself."""
    items = tuple(items)
    here = {item.id for item in items}
    top = (item for item in items if item.parent not in here)
    return tuple(Family(item, _beneath(item, here, shelf, {item.id})) for item in top)


def _beneath(item: Item, here: set[str], shelf: Shelf, met: set[str]) -> tuple[Item, ...]:
    found: list[Item] = []
    for child in shelf.library.children_of(item.id):
        if child.id in here and child.id not in met:
            met.add(child.id)
            found += [child, *_beneath(child, here, shelf, met)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands right under it; *path* is the rest of its way below the page's topic."""

    topic: Topic
    path: TopicPath
    rows: tuple[Any, ...]

    @property
    def heading(self) -> TopicPath:
        """The way, unless its only entry says the same again."""
        alone = self.rows[0] if len(self.rows) == 1 else None
        return () if self.path and isinstance(alone, Family) and alone.item.title == self.path[-1] else self.path


def sections(topic: Topic, shelf: Shelf) -> tuple[Section, ...]:
    """*topic* and all below it, in document order, but for headings that hold nothing themselves."""
    library = shelf.library
    inside = [topic, *(one for one in library.topics if _below(one.path, topic.path))]
    return tuple(
        Section(one, one.path[len(topic.path) :], rows) for one in inside if (rows := _rows(one, shelf)) or one is topic
    )


def _rows(topic: Topic, shelf: Shelf) -> tuple[Any, ...]:
    """Notes and families, as the file has them."""
    kin = families(shelf.library.items_in(topic.path), shelf)
    notes = shelf.library.notes_in(topic.path)
    placed = [((note.file, note.line), note) for note in notes] + [((one.item.file, one.item.line), one) for one in kin]
    return tuple(row for _, row in sorted(placed, key=lambda entry: entry[0]))


def _below(path: TopicPath, root: TopicPath) -> bool:
    return len(path) > len(root) and path[: len(root)] == root


def edition_sections(edition: Edition) -> tuple[Section, ...]:
    """An edition's items under the headings that they have below its theme."""
    found: list[tuple[TopicPath, list[Family]]] = []
    depth = len(edition.theme.path)
    for item in edition.items:
        path = item.topic[depth:] if item.topic[:depth] == edition.theme.path else ()
        if not found or found[-1][0] != path:
            found.append((path, []))
        found[-1][1].append(Family(item, edition.beneath(item)))
    return tuple(Section(edition.theme, path, tuple(rows)) for path, rows in found)


def by_year(issues: Iterable[Issue], zone: dt.tzinfo) -> Mapping[int, list[Issue]]:
    """The editions of each year, the latest first."""
    years: dict[int, list[Issue]] = {}
    for issue in issues:
        years.setdefault(issue.at.astimezone(zone).year, []).append(issue)
    return years
