"""The handlers of a chat's subscription, and of the curators' who post and skip. Pure, like all handlers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.chat import handlers, pages
from bot.chat.conversation import (
    Answer,
    Asked,
    Context,
    Pause,
    PostNow,
    Reader,
    Resume,
    SetLanguage,
    SkipNext,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from bot.chat.language import choose, sentence
from bot.chat.message import Action, Message
from bot.chat.pages.parts import reference, topic_words
from bot.chat.wishes import Called, Find, ZoneNotFound, read_language, read_wishes, setting_called, with_setting
from bot.digest.library import Library
from bot.digest.model import Topic
from bot.digest.names import squeeze
from bot.errors import TopicAmbiguous, TopicNotFound


def subscribe(asked: Asked) -> Answer:
    """``/subscribe [topics…] [mon 09:00] [Asia/Shanghai]``: a new subscription, or the one there is as now asked."""
    before = asked.context.subscription
    standing = before or _by_default(asked.context)
    find, called = ways_to_topics(asked.library)
    try:
        wishes = read_wishes(asked.args, asked.library, standing.schedule, find, called)
    except (TopicNotFound, TopicAmbiguous, ZoneNotFound) as error:
        return Answer(_which(error, "subscribe", asked))
    wants = replace(wishes.upon(standing), state="active", reason="")
    changes = () if wants == before else (Subscribe(wants),)
    context = _as_wanted(wants, asked.context)
    run = handlers.next_occurrence(context)
    page = pages.subscribed(before, wants, handlers.coming(run, context), run.at, asked.reader)
    return Answer(page, changes)


def _by_default(context: Context) -> Subscribed:
    """What a chat that chose nothing is subscribed to."""
    chosen = context.settings
    return Subscribed(
        topics=chosen.topics,
        schedule=chosen.schedule,
        zone=chosen.zone,
        format=chosen.format,
        language=chosen.language,
        items=chosen.items_per_edition,
    )


def ways_to_topics(library: Library) -> tuple[Find, Called]:
    """How words become a topic here, and whether they are the very name of one."""
    names = handlers.names_of_topics(library)

    def find(words: str) -> Topic:
        return handlers.topic_called(words, library)

    def called(words: str) -> bool:
        # The names first: what is near to any is a long look, and a question has many runs of words.
        if words.startswith("~"):
            return True
        return squeeze(words.removeprefix("#")) in names and bool(handlers.topics_called(words, library))

    return find, called


def _as_wanted(wants: Subscribed, context: Context) -> Context:
    """The context as it is once *wants* is written down: a changed filter is another rotation with its own past."""
    settings, before = wants.settings(context.settings.language), context.settings
    same = (settings.topics, settings.schedule.unit, settings.items_per_edition) == (
        before.topics,
        before.schedule.unit,
        before.items_per_edition,
    )
    changed = replace(context, subscription=wants, settings=settings)
    if same:
        return changed
    return replace(changed, history=context.past(settings), edition=None, skipped=())


def _which(error: TopicNotFound | TopicAmbiguous | ZoneNotFound, command: str, asked: Asked) -> Message:
    """The sentence of *error*, and the command again with what may be meant in the place of what was said."""
    say, args = asked.reader.say, asked.args

    def again(wrong: str, right: str, ref: str = "") -> Action:
        if wrong not in args:
            return Action(command, right, ref=ref)
        return Action(command, args.replace(wrong, right, 1), ref=args.replace(wrong, ref, 1) if ref else "")

    match error:
        case ZoneNotFound():
            zones = [(zone, again(error.zone, zone)) for zone in error.suggestions]
            return pages.which_zone(say(sentence(ZoneNotFound), zone=error.zone), zones, asked.reader)
        case TopicAmbiguous():
            topics: Sequence[Topic] = error.candidates
            text = say("“{query}” may be several topics.", query=error.query)
        case TopicNotFound():
            topics = error.suggestions
            text = say("No topic is called “{query}”.", query=error.query)
    choice = [(topic, again(error.query, topic_words(topic, asked.library), reference(topic.path))) for topic in topics]
    return pages.which_topic(text, choice, asked.reader)


def unsubscribe(asked: Asked) -> Answer:
    """``/unsubscribe``: nothing more is posted here."""
    if asked.context.subscription is None:
        return Answer(pages.not_subscribed(asked.reader))
    return Answer(pages.unsubscribed(asked.reader), (Unsubscribe(),))


def pause(asked: Asked) -> Answer:
    """``/pause``: nothing is posted here until ``/resume``."""
    match asked.context.subscription:
        case None:
            return Answer(pages.not_subscribed(asked.reader))
        case Subscribed(state="active"):
            return Answer(pages.paused(asked.reader), (Pause(),))
        case Subscribed(state="paused"):
            return Answer(pages.paused(asked.reader, already=True))
        case suspended:  # whoever lets the bot in again is to find it as they wanted it
            return Answer(pages.paused(asked.reader), (Subscribe(replace(suspended, state="paused", reason="")),))


def resume(asked: Asked) -> Answer:
    """``/resume``: it goes on with the next edition, whatever lay in between."""
    before = asked.context.subscription
    if before is None:
        return Answer(pages.not_subscribed(asked.reader))
    wants = replace(before, state="active", reason="")
    context = _as_wanted(wants, asked.context)
    run = handlers.next_occurrence(context)
    page = pages.subscribed(before, wants, handlers.coming(run, context), run.at, asked.reader)
    return Answer(page, () if before.state == "active" else (Resume(),))


def settings(asked: Asked) -> Answer:
    """``/settings``: what this chat has chosen, with buttons."""
    if asked.context.subscription is None:
        return Answer(pages.not_subscribed(asked.reader))
    return Answer(pages.settings(asked.context.subscription, asked.reader))


def set_one(asked: Asked) -> Answer:
    """``/set format compact``; without a value the settings there are."""
    before = asked.context.subscription
    word, _, value = asked.args.replace("=", " ", 1).strip().partition(" ")
    if not word:
        return settings(asked)
    key = setting_called(word, asked.reader.switches)
    if before is None and key == "lang" and value:  # the one that a chat has without subscribing
        spoken = read_language(value.strip())
        return Answer(pages.language_set(asked.reader.speaking(spoken)), (SetLanguage(spoken),))
    if before is None or not value:
        return settings(asked)
    try:
        now = with_setting(before, key, value.strip(), asked.library, *ways_to_topics(asked.library))
    except (TopicNotFound, TopicAmbiguous, ZoneNotFound) as error:
        return Answer(_which(error, "set", asked))
    context = _as_wanted(now, asked.context)
    run = handlers.next_occurrence(context)
    page = pages.setting_changed(before, now, handlers.coming(run, context), run.at, _speaking(now, asked))
    return Answer(page, () if now == before else (Subscribe(now),))


def _speaking(now: Subscribed, asked: Asked) -> Reader:
    """The reader in the language that the chat has now."""
    return asked.reader.speaking(choose(now.language, asked.reader.language))


def status(asked: Asked) -> Answer:
    """``/status``: this chat's editions, last and next, why it was silent, and what the library holds."""
    context = asked.context
    run = handlers.next_occurrence(context)
    page = pages.status(
        asked.library,
        handlers.coming(run, context),
        run.at,
        context.settings.schedule,
        asked.reader,
        loaded=context.loaded,
        subscription=context.subscription,
        known=context.trouble is None,
    )
    return Answer(page)


# -- curators ----------------------------------------------------------------------------------------------------------


def post(asked: Asked) -> Answer:
    """``/post [topic]``: an edition out of turn for all who subscribed; what came of it is said by `pages.posted`."""
    theme = handlers.topic_called(asked.args, asked.library) if asked.args else None
    if theme and not asked.library.items_under(theme.path):
        return Answer(pages.nothing_under(theme, asked.library, asked.reader), discreet=True)
    return Answer(pages.posting(asked.reader), (PostNow(theme),), discreet=True)


def skip(asked: Asked) -> Answer:
    """``/skip``: the coming period brings nothing; whether that was in time is said by `pages.skipped`."""
    period = handlers.next_occurrence(asked.context).period
    return Answer(pages.skipping(period, asked.reader), (SkipNext(period),), discreet=True)
