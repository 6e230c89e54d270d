"""One function a command: what was asked and all that is known -> what is said and changed. Pure, like its pages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from bot.chat import pages
from bot.chat.conversation import Answer, Asked, Context, CountMiss, ReloadContent, SetLanguage
from bot.chat.pages.parts import reference
from bot.chat.wishes import SettingRefused, read_language
from bot.digest.library import Library
from bot.digest.linter import lint
from bot.digest.model import Item, Topic
from bot.digest.names import squeeze
from bot.editions.edition import Edition, compose
from bot.editions.schedule import Occurrence
from bot.editions.theme import History, pick
from bot.errors import BotError, TopicAmbiguous, TopicNotFound


class TopicGone(BotError, LookupError):
    """That topic is not in the digest any more."""


_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>\"，。）」】]+", re.IGNORECASE)
_ARXIV = re.compile(r"(?:arxiv:\s*)?(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?", re.IGNORECASE)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+/\S*")
_TOPIC_SHORTCUTS = 3


# -- reading -----------------------------------------------------------------------------------------------------------


def topic(asked: Asked) -> Answer:
    """``/topic ctr``; without a word the outermost topics to choose from."""
    if not asked.args:
        return Answer(pages.choice(asked.library, asked.reader))
    try:
        found = topic_called(asked.args, asked.library)
    except TopicNotFound as error:
        return Answer(pages.error(error, asked.library, asked.reader), (CountMiss(asked.args),))
    return Answer(pages.topic(found, asked.library, asked.reader, page=asked.command.page))


def topic_called(words: str, library: Library) -> Topic:
    """The topic that *words* name: a button's reference or anything that the library can make out."""
    if words.startswith("~"):
        for known in library.topics:
            if reference(known.path) == words:
                return known
        raise TopicGone
    return library.find_topic(words)


def topics(asked: Asked) -> Answer:
    """``/topics``, ``/topics nlp``."""
    return Answer(pages.topics(asked.library, asked.reader, word=asked.args, page=asked.command.page))


def search(asked: Asked) -> Answer:
    """``/search bert 蒸馏``; an address is looked up instead."""
    library, query = asked.library, asked.args
    if not query:
        return Answer(pages.choice(library, asked.reader))
    if address := _address_in(query, library):
        return Answer(pages.found(library.find_url(address), library, asked.reader))
    hits = library.search.find(query, limit=pages.SEARCH_LIMIT)
    near = [topic for topic in library.suggest(query) if library.items_under(topic.path)][:_TOPIC_SHORTCUTS]
    changes = () if hits else (CountMiss(query),)
    return Answer(pages.search(query, hits, near, library, asked.reader, page=asked.command.page), changes)


def question(asked: Asked) -> Answer:
    """A bare question: an address is looked up, a topic shown where one is called so, anything else searched for."""
    if not asked.args:
        return Answer(pages.start(asked.library, asked.reader))
    if not _address_in(asked.args, asked.library):
        called = topics_called(asked.args, asked.library)
        if len(called) == 1:
            return Answer(pages.topic(called[0], asked.library, asked.reader, page=asked.command.page))
        if called:
            return Answer(pages.error(TopicAmbiguous(asked.args, called), asked.library, asked.reader))
    return search(asked)


def topics_called(words: str, library: Library) -> tuple[Topic, ...]:
    """The topics whose very name *words* are; what merely contains or nears them is better searched for."""
    try:
        found: tuple[Topic, ...] = (library.find_topic(words),)
    except TopicAmbiguous as error:
        found = error.candidates
    except TopicNotFound:
        return ()
    return tuple(topic for topic in found if _is_called(topic, words, library))


def names_of_topics(library: Library) -> frozenset[str]:
    """All that a topic is called, squeezed: titles, paths, slugs, aliases, numbers."""
    return frozenset(name for topic in library.topics for name in _names(topic, library))


def _is_called(topic: Topic, words: str, library: Library) -> bool:
    return squeeze(words.strip().removeprefix("#")) in _names(topic, library)


def _names(topic: Topic, library: Library) -> Iterator[str]:
    yield from map(squeeze, (topic.title, "/".join(topic.path), topic.slug, str(library.number(topic))))
    for key, values in library.config.aliases.items():
        yield from map(squeeze, (key, *values))


def _address_in(words: str, library: Library) -> str:
    """The first address among *words*, an arXiv number, or a host and path that the digest knows; else nothing."""
    if address := _ADDRESS.search(words):
        return address[0]
    if _ARXIV.fullmatch(words):
        return words
    return words if _HOST.fullmatch(words) and library.find_url(words) else ""


def random(asked: Asked) -> Answer:
    """``/random``, ``/random nlp``."""
    library = asked.library
    around = topic_called(asked.args, library) if asked.args else None
    pool = library.items_under(around.path if around else ())
    if around and not pool:
        return Answer(pages.topic(around, library, asked.reader))
    drawn = asked.context.random.choice(pool) if pool else None
    return Answer(pages.random(drawn, around, library, asked.reader))


def new(asked: Asked) -> Answer:
    """``/new``: what the bot saw come in, else the latest by the digests' own dates."""
    context, reader = asked.context, asked.reader
    today = context.now.astimezone(reader.zone).date()
    rows = [(one.since.astimezone(reader.zone).date(), one.item) for one in context.news]
    rows = rows or _dated(asked.library, today)
    since = context.watched_since or context.loaded
    return Answer(pages.new(rows, asked.library, reader, since=since, page=asked.command.page))


def _dated(library: Library, today: dt.date) -> list[tuple[dt.date, Item]]:
    """The items of dated digests, youngest first; dates to come and dummies such as 1970 order nothing."""
    dates = {one.file: one.date for one in library.digests if one.date and dt.date(1971, 1, 1) < one.date <= today}
    rows = [(date, item) for item in library.items if (date := dates.get(item.file)) and item.parent is None]
    return sorted(rows, key=lambda row: row[0], reverse=True)[: pages.SEARCH_LIMIT]


# -- the weekly --------------------------------------------------------------------------------------------------------


def week(asked: Asked) -> Answer:
    """``/week``: this period's edition, as it was or will be posted."""
    edition = _current(asked.context)
    if edition is None:
        return Answer(pages.nothing_to_post(asked.reader))
    return Answer(pages.edition(edition, asked.library, asked.reader))


def next_edition(asked: Asked) -> Answer:
    """``/next``: the coming theme and when it is posted."""
    run = next_occurrence(asked.context)
    return Answer(pages.coming(coming(run, asked.context), run.at, asked.library, asked.reader))


def preview(asked: Asked) -> Answer:
    """``/preview [topic]``: the coming edition exactly as it would be posted, or one about a given topic."""
    theme = topic_called(asked.args, asked.library) if asked.args else None
    edition = coming(next_occurrence(asked.context), asked.context, theme)
    if edition:
        page = pages.edition(edition, asked.library, asked.reader)
    elif theme:
        page = pages.topic(theme, asked.library, asked.reader)
    else:
        page = pages.nothing_to_post(asked.reader)
    return Answer(page, discreet=True)


def next_occurrence(context: Context) -> Occurrence:
    """When the coming edition of this chat is to be posted; what curators let go does not count."""
    settings, holidays = context.settings, context.library.config.holidays
    return settings.schedule.next_occurrence(context.now, settings.zone, holidays, context.skipped)


def _current(context: Context) -> Edition | None:
    """The running period's edition: the one that was composed, else the one that the calendar has for it."""
    settings, holidays = context.settings, context.library.config.holidays
    period = settings.schedule.current(context.now, settings.zone, holidays, context.skipped)
    if context.edition and context.edition.period == period:
        return context.edition
    return _composed(period, context.history, context)


def coming(run: Occurrence, context: Context, theme: Topic | None = None) -> Edition | None:
    """The edition of *run*, as planning will have it.

    A chat that follows no subscription sees the calendar: after this period's, whether that is posted or not.
    """
    if theme is None and context.edition and context.edition.period == run.period:
        return context.edition  # another chat of the rotation had it already
    history = context.history
    current = None if context.subscription else _current(context)
    if current and history.period != current.period != run.period:
        history = history.after(current)
    return _composed(run.period, history, context, theme)


def _composed(period: str, history: History, context: Context, theme: Topic | None = None) -> Edition | None:
    settings = context.settings
    picked = pick(context.library, history, period, topics=settings.topics, theme=theme)
    if picked is None or not picked.items:
        return None
    return compose(context.library, picked, history, period, items_per_edition=settings.items_per_edition)


# -- the house ---------------------------------------------------------------------------------------------------------


def check(asked: Asked) -> Answer:
    """``/check``: what the linter finds."""
    return Answer(pages.problems(lint(asked.library), asked.reader, page=asked.command.page), discreet=True)


def reload(asked: Asked) -> Answer:
    """``/reload [force]``; what came of it is said by `pages.reloaded`."""
    force = asked.args.casefold() in ("force", "强制")
    return Answer(pages.reloading(asked.reader), (ReloadContent(force),), discreet=True)


def set_language(asked: Asked) -> Answer:
    """``/lang zh``; without a word the choice."""
    if not asked.args:
        return Answer(pages.languages(asked.reader))
    try:
        spoken = read_language(asked.args)
    except SettingRefused:
        return Answer(pages.languages(asked.reader, unknown=asked.args))
    return Answer(pages.language_set(asked.reader.speaking(spoken)), (SetLanguage(spoken),))
