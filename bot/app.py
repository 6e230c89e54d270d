"""Put the rooms together: `build` makes the App that the command line runs and the platforms ask.

The App holds what changes while the bot runs (the live content, what each chat chose) and does what answers ask for;
what is said and chosen is decided in `chat` and `editions`. Nothing happens at import.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from zoneinfo import ZoneInfo

from bot.chat import commands, pages
from bot.chat.conversation import (
    Change,
    ChatSettings,
    Command,
    Context,
    CountMiss,
    News,
    ReloadContent,
    SetLanguage,
)
from bot.chat.message import Action, Message
from bot.digest import sources
from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.digest.model import Problem
from bot.digest.sources import Content, Reload
from bot.editions.schedule import ScheduleError, parse_schedule
from bot.errors import ConfigurationError
from bot.settings import DEFAULT_SCHEDULE, DEFAULT_TIMEZONE, Settings

Clock = Callable[[], dt.datetime]

MAX_NEWS = 200
"""What came in since the start is told up to this many items."""

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
    """What a chat chose and where it is, as long as the process lives."""

    language: str | None = None
    more: Action | None = None


class App:
    """The running bot. `answer` is what platforms call; it is safe to call from several threads."""

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

    @property
    def library(self) -> Library:
        """The digests, as they are live now."""
        return self.content.library

    def answer(self, command: Command) -> Message:
        """What is said to *command*, after doing what it asks for."""
        context = self.context(command)
        found = commands.answer(command, context)
        message = found.message
        for change in found.changes:
            message = self.apply(change, command, context) or message
        self.remembered(command.chat).more = message.more
        return message

    def context(self, command: Command) -> Context:
        """What an answer may depend on, as it stands now."""
        chat = self.remembered(command.chat)
        return Context(
            library=self.library,
            now=self.clock(),
            random=self.random,
            settings=replace(self.defaults, language=chat.language or self.defaults.language),
            news=tuple(self.news),
            watched_since=self.started,
            loaded=self.loaded,
            more=chat.more,
        )

    def remembered(self, chat: str) -> Remembered:
        """What *chat* chose so far."""
        return self.chats.setdefault(chat, Remembered())

    def apply(self, change: Change, command: Command, context: Context) -> Message | None:
        """Do what an answer asks for; a page where there is more to say than the answer could know."""
        match change:
            case SetLanguage(language=language):
                self.remembered(command.chat).language = language
            case CountMiss(query=query):
                self.misses[query] += 1
            case ReloadContent(force=force):
                outcome = self.content.reload(force)
                self.note(outcome)
                return pages.reloaded(outcome, context.reader(command))
        return None

    def refresh(self) -> None:
        """Take up what changed in the files since the last look; cheap where nothing did."""
        if (outcome := self.content.refresh()) is not None:
            self.note(outcome)

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
