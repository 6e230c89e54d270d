"""Put the rooms together: `build` makes the App that the command line runs and the platforms ask.

The App holds the live content and the store, and does what answers ask for; what is said and chosen is decided in
`chat` and `editions`. Without a store it remembers as long as it lives. Nothing happens at import, and what needs the
database is imported where it is used: `heji ask` has to be quick.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.chat import commands, pages
from bot.chat.address import Address, parse_address
from bot.chat.conversation import (
    Answer,
    Change,
    ChatSettings,
    Command,
    Context,
    CountMiss,
    News,
    Pause,
    PostNow,
    ReloadContent,
    Resume,
    SetLanguage,
    SkipNext,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from bot.chat.message import Action, Message
from bot.desk.recent import Recent, Wishes
from bot.digest import sources
from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.digest.model import Problem
from bot.digest.sources import Content, Reload
from bot.editions.schedule import ScheduleError, parse_schedule
from bot.editions.theme import History
from bot.errors import ConfigurationError, StoreError, StoreUnreachable
from bot.settings import DEFAULT_SCHEDULE, DEFAULT_TIMEZONE, Settings
from bot.store.patience import Patience

if TYPE_CHECKING:
    from bot.delivery.planner import Planner
    from bot.desk.standing import Standing
    from bot.store.store import Store

Clock = Callable[[], dt.datetime]

MAX_NEWS = 200
"""What came in is told up to this many items."""

TERMINAL = Address("console:terminal")
"""The chat of whoever sits at the bot: it subscribes like any other, and till then sees what the first one gets."""

READING_PATIENCE = 2.0
"""Seconds that a verb or an answer which only reads waits for a database: it can do without."""

log = logging.getLogger(__name__)


def now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


def build(settings: Settings, *, clock: Clock = now, random: Random | None = None) -> App:
    """An App over the content that *settings* name. Raises ConfigurationError with all that is wrong with either."""
    content = Content(settings.content)
    refuse_mistakes(content.library)
    return App(settings, content, clock, random or Random())


def load(settings: Settings) -> Library:
    """The content that *settings* name, read once. Raises ConfigurationError like `build`."""
    library = sources.load(settings.content)
    refuse_mistakes(library)
    return library


def open_store(settings: Settings, *, upgrade: bool | None = None, patience: float | None = None) -> Store:
    """What is remembered, at DATABASE_URL; SQLite is made and upgraded on the way. Raises StoreError.

    *patience*: seconds that one call tries to get through; by default as long as a process does that stays.
    """
    from bot.store.database import PATIENCE
    from bot.store.store import Store

    return Store.open(settings.sqlalchemy_url, upgrade=upgrade, patience=PATIENCE if patience is None else patience)


def existing_store(settings: Settings) -> Store | None:
    """The same for those who only read: nothing is made, and None where there is nothing. Raises StoreError."""
    if settings.sqlite_file is not None and not Path(settings.sqlite_file).exists():
        return None
    from bot.store.store import Store

    return Store.open(settings.sqlalchemy_url, patience=READING_PATIENCE)


def refuse_mistakes(library: Library) -> None:
    """Raise ConfigurationError if a `digest.yaml` of *library* has a mistake in it."""
    if found := (*sources.mistakes(library), *map(_sentence, schedule_problems(library.config))):
        raise ConfigurationError(found)


def schedule_problems(config: DigestConfig) -> tuple[Problem, ...]:
    """What is wrong with the schedule in `digest.yaml`, which only `editions` can judge."""
    try:
        parse_schedule(config.schedule or DEFAULT_SCHEDULE)
    except ScheduleError as error:
        file, line = config.file or sources.CONFIG_FILE, config.lines.get(f"{sources.CONFIG_FILE}.schedule", 1)
        return (Problem(file, line, "config-value", "error", f"schedule: {error}"),)
    return ()


def _sentence(problem: Problem) -> str:
    return f"{problem.file}, line {problem.line}: {problem.message}"


def chat_settings(settings: Settings, config: DigestConfig) -> ChatSettings:
    """How a chat wants it that chose nothing: environment, then `digest.yaml`, then the defaults."""
    return ChatSettings(
        language=settings.digest_language,
        schedule=parse_schedule(settings.digest_schedule or config.schedule or DEFAULT_SCHEDULE),
        zone=ZoneInfo(settings.digest_timezone or config.timezone or DEFAULT_TIMEZONE),
    )


@dataclass(slots=True)
class Remembered:
    """Where a chat is, as long as the process lives, and the language it chose where nothing else keeps that."""

    language: str | None = None
    more: Action | None = None


class App:
    """The running bot. `answer` is what platforms call; it is safe to call from several threads.

    *store* is None until `attach`, and *trouble* says why where that was tried. An App that is *rehearsing* says what
    it would do, and does nothing of it.
    """

    def __init__(self, settings: Settings, content: Content, clock: Clock, random: Random) -> None:
        self.settings = settings
        self.content = content
        self.clock = clock
        self.random = random
        self.started = self.loaded = clock()
        self.defaults = chat_settings(settings, content.library.config)
        self.news: deque[News] = deque(maxlen=MAX_NEWS)
        self.misses: Counter[str] = Counter()
        self.chats: dict[str, Remembered] = {}
        self.rehearsing = False
        self.measured: Callable[[Command, float], None] | None = None  # told of each answer, and how long it took
        self.store: Store | None = None
        self.trouble: StoreError | None = None
        self.patience = Patience(READING_PATIENCE)
        self.planner: Planner | None = None
        self.noticed: Library | None = None
        self._recent = Recent(lambda: clock().timestamp())

    @property
    def library(self) -> Library:
        """The digests, as they are live now."""
        return self.content.library

    def attach(self, store: Store) -> None:
        """From now on remember there, and plan from there."""
        from bot.delivery.planner import Planner
        from bot.desk.press import Press, renderers

        settings = self.settings
        press = Press(renderers(settings.slack_command), language=settings.digest_language, archive=settings.archive)
        curators = tuple(map(Address, settings.curators))
        self.planner = Planner(store, lambda: self.library, press, curators=curators)
        self.store, self.trouble = store, None

    # Answering ----------------------------------------------------------------------------------------------------

    def answer(self, command: Command) -> Answer:
        """What is said to *command*, after doing what it asks for."""
        began = perf_counter()
        try:
            return self._answer(command)
        finally:
            self._measure(command, began)

    def _measure(self, command: Command, began: float) -> None:
        if self.measured is not None:
            self.measured(command, perf_counter() - began)

    def _answer(self, command: Command) -> Answer:
        context = self.context(command)
        found = self._found(command, context)
        message = found.message
        for change in found.changes:
            message = self.apply(change, command, context) or message
        self.remembered(command.chat).more = message.more
        return replace(found, message=message, changes=()) if found.changes else found

    def at_hand(self, command: Command) -> Answer | None:
        """The same, where this was answered before and it is known how the chat wants it: waits for no database."""
        began = perf_counter()
        if not commands.depends_on_library_alone(command):
            return None
        if (wishes := self._recent.wishes(parse_address(command.chat))) is None:
            return None
        if (found := self._recent.answer(command, wishes, self.library)) is not None:
            self.remembered(command.chat).more = found.message.more
            self._measure(command, began)
        return found

    def glance(self, command: Command) -> Answer:
        """What would be said to *command*. Nothing comes of it: nothing is counted, and `/more` goes on as before."""
        return replace(self._found(command, self.context(command)), changes=())

    def _found(self, command: Command, context: Context) -> Answer:
        """What `chat` answers, out of the last answers where it can only be the same."""
        if not commands.depends_on_library_alone(command) or context.trouble:
            return commands.answer(command, context)
        wishes = Wishes(context.settings, context.subscription)
        if (kept := self._recent.answer(command, wishes, context.library)) is not None:
            return kept
        found = commands.answer(command, context)
        if not found.changes:
            self._recent.keep_answer(command, wishes, context.library, found)
        return found

    def context(self, command: Command) -> Context:
        """What an answer may depend on, as it stands now. A database that is away takes no answer with it."""
        mine = self.remembered(command.chat)
        context = Context(
            library=self.library,
            now=self.clock(),
            random=self.random,
            settings=replace(self.defaults, language=mine.language or self.defaults.language),
            news=tuple(self.news),
            watched_since=self.started,
            loaded=self.loaded,
            more=mine.more,
            archive=self.settings.archive,
            root=f"{self.settings.slack_command} " if command.platform == "slack" else "/",
            trouble=self.trouble,
        )
        if (store := self.store) is None:
            return context
        chat = parse_address(command.chat)
        try:
            if chat != TERMINAL and not commands.needs_memory(command):
                known = self._wishes(chat, mine.language, store)
                return replace(context, settings=known.settings, subscription=known.subscription)
            return self.patience.wait(lambda: self._recalled(context, chat, mine.language, store))
        except StoreError as error:
            log.warning("answered without what is remembered: %s", error)
            return replace(context, trouble=error)

    def _wishes(self, chat: Address, language: str | None, store: Store) -> Wishes:
        """How *chat* wants its answers. Looked up once a minute: what another process changes shows after that, what
        this one changes at once.
        """
        if (known := self._recent.wishes(chat)) is None:
            known = self.patience.wait(lambda: self._looked_up(chat, language, store))
            self._recent.keep_wishes(chat, known)
        return known

    def _looked_up(self, chat: Address, language: str | None, store: Store) -> Wishes:
        from bot.desk import standing

        chosen = language or store.memory.language(chat)
        subscriber = standing.subscription_of(store, chat)
        if subscriber is None:
            return Wishes(replace(self.defaults, language=chosen or self.defaults.language))
        mine = standing.subscribed(subscriber)
        return Wishes(mine.settings(chosen or self.defaults.language), mine)

    def _recalled(self, context: Context, chat: Address, language: str | None, store: Store) -> Context:
        """*context* with what is remembered of *chat*, of its rotation and of the items."""
        from bot.desk import standing

        found = self.standing(chat, store, language or store.memory.language(chat))
        known = ((self.library.item(item_id), since) for item_id, since in store.memory.news(MAX_NEWS))
        return replace(
            context,
            settings=found.settings,
            subscription=standing.told(store, found) if found.of == chat else None,
            history=found.history,
            edition=found.edition(found.current(context.now, self.library.config.holidays), self.library),
            skipped=found.skipped,
            news=tuple(News(item, since) for item, since in known if item is not None),
            watched_since=store.memory.watched_since() or self.started,
            past=lambda settings: self._past(settings, store),
        )

    def _past(self, settings: ChatSettings, store: Store) -> History:
        """What the rotation of chats that want it so has posted."""
        wanted = (settings.topics, settings.schedule, settings.items_per_edition)
        row = self.patience.wait(lambda: store.planning.rotation_for(*wanted))
        return row.history if row else History()

    def standing(self, chat: Address, store: Store, language: str | None = None) -> Standing:
        """How *chat* stands: what it subscribed to, what its rotation has posted."""
        from bot.desk import standing

        see = standing.community if chat == TERMINAL else standing.standing
        return see(store, chat, self.defaults, language=language)

    def remembered(self, chat: str) -> Remembered:
        """What the process itself knows of *chat*."""
        return self.chats.setdefault(chat, Remembered())

    # Doing --------------------------------------------------------------------------------------------------------

    def apply(self, change: Change, command: Command, context: Context) -> Message | None:
        """Do what an answer asks for; a page where there is more to say than the answer could know."""
        if self.rehearsing:
            return None
        self._recent.forget_wishes(chat := parse_address(command.chat))
        try:
            return self._apply(change, command, context)
        finally:  # once more: somebody may have looked it up meanwhile
            self._recent.forget_wishes(chat)

    def _apply(self, change: Change, command: Command, context: Context) -> Message | None:
        try:
            match change:
                case ReloadContent(force=force):
                    outcome = self.content.reload(force)
                    self.note(outcome)
                    return pages.reloaded(outcome, context.reader(command))
                case SetLanguage(language=language):
                    self._set_language(parse_address(command.chat), language)
                case CountMiss(query=query):
                    self._count_miss(query)
                case _:
                    return self._change(change, command, context)
        except StoreError as error:
            log.warning("not kept: %s", error)
            if not isinstance(change, CountMiss):  # whoever asked got their answer all the same
                return pages.error(error, context.library, context.reader(command))
        return None

    def _count_miss(self, query: str) -> None:
        if (store := self.store) is None:
            self.misses[query] += 1
        else:
            self.patience.wait(lambda: store.memory.miss(query))

    def _set_language(self, chat: Address, language: str) -> None:
        if self.store is None:
            self.remembered(str(chat)).language = language
            return
        self.store.memory.set_language(chat, language)
        for one in self.store.subscriptions.of(chat):
            if one.lang:  # who once chose one for the editions means these too
                self.store.subscriptions.add(replace(one, lang=language))

    def _change(self, change: Change, command: Command, context: Context) -> Message | None:
        """What changes a chat's subscription, or posts."""
        store, planner, chat = self.store, self.planner, parse_address(command.chat)
        if store is None or planner is None:
            raise self.trouble.with_traceback(None) if self.trouble else StoreUnreachable("it has not answered yet")
        match change:
            case Subscribe(wants=wants):
                self._subscribe(store, chat, wants, command.user)
            case Unsubscribe():
                store.subscriptions.remove(chat, _name(context))
            case Pause():
                store.subscriptions.pause(chat, _name(context))
            case Resume():
                store.subscriptions.resume(chat, _name(context))
                store.subscriptions.wake(chat)
            case PostNow(theme=theme):
                planned = planner.post(theme=theme)
                return pages.posted(planned.deliveries, context.reader(command))
            case SkipNext(period=period):
                rotation = self.standing(chat, store).rotation
                done = rotation is not None and planner.skip(rotation, period)
                return pages.skipped(period, done, context.reader(command))
        return None

    def _subscribe(self, store: Store, chat: Address, wants: Subscribed, user: str) -> None:
        from bot.store.subscriptions import Subscriber

        before = store.subscriptions.find(chat, wants.name)
        owner = before.owner if before and before.owner else user
        store.subscriptions.add(
            Subscriber(chat, wants.name, wants.topics, wants.schedule, wants.zone, wants.format, wants.language,
                       wants.items, wants.preview, wants.silent, wants.pin, owner, wants.state, wants.reason)
        )  # fmt: skip

    # As time goes by ----------------------------------------------------------------------------------------------

    def tick(self) -> bool:
        """Take up what changed, and plan what is due; whether there is something to send.

        Raises StoreError; the next tick does what this one could not.
        """
        self.look()
        return self.planner is not None and self.planner.plan().deliveries > 0

    def look(self) -> bool:
        """Take up what changed in the content, and notice what is new in it: nothing to send. Raises StoreError."""
        self.refresh()
        self.notice()
        return False

    def refresh(self) -> None:
        """Take up what changed in the files since the last look; cheap where nothing did."""
        if (outcome := self.content.refresh()) is not None:
            self.note(outcome)

    def notice(self) -> None:
        """Remember which items are there, so that it is known which are new. Raises StoreError."""
        library = self.library
        if self.store is not None and self.noticed is not library:
            self.store.memory.notice_items(item.id for item in library.items)
            self.noticed = library

    def notice_if_possible(self) -> None:
        """The same; what the database did not take is noticed by a later tick."""
        try:
            self.notice()
        except StoreError as error:
            log.warning("new items are noticed later: %s", error)

    def note(self, outcome: Reload) -> None:
        """Remember what a reload brought, and tell the log what it refused."""
        for problem in outcome.problems:
            log.warning("content %s: %s:%d: %s", "kept" if not outcome.replaced else "read",
                        problem.file, problem.line, problem.message)  # fmt: skip
        if not outcome.replaced:
            return
        moment = self.loaded = self.clock()
        self.news.extendleft(News(item, moment) for item in reversed(outcome.changes.added))
        if found := schedule_problems(self.library.config):
            log.warning("schedule kept: %s", _sentence(found[0]))
        else:
            self.defaults = chat_settings(self.settings, self.library.config)
            self._recent.forget_wishes()
        self.notice_if_possible()


def _name(context: Context) -> str | None:
    """Which of the chat's subscriptions it speaks of."""
    return context.subscription.name if context.subscription else None
