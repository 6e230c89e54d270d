"""The values of a conversation: what was asked, by whom, what is known about it, what is answered.

`app` and the platforms make a :class:`Command` and a :class:`Context` and carry out the :class:`Answer`'s changes;
nothing in this room stores or sends.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from bot.chat.access import Role, may
from bot.chat.language import Voice, choose, voice
from bot.chat.message import Action, Format, Message
from bot.digest.library import Library
from bot.digest.model import Item, Path, Topic
from bot.editions.edition import Edition
from bot.editions.schedule import Schedule, parse_schedule
from bot.editions.theme import History
from bot.errors import StoreError

UTC = ZoneInfo("UTC")
MONDAYS = parse_schedule("mon 09:00")
EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)

QUESTION = ""
"""The name of a command that has none: a bare question."""


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asked: *name* from the table (or :data:`QUESTION`) and the words behind it.

    *chat* is written as ``console:NAME`` or ``telegram:-100123``, and so is *user*, since that is where somebody is
    told things in private: ``telegram:7``, ``slack:T1/U1``, ``console:me``; empty where nobody knows. *language* is the
    tag that the reader's client names (``zh-hans``), *private* tells whether nobody else reads along.
    """

    name: str = QUESTION
    args: str = ""
    page: int = 1
    platform: str = "console"
    chat: str = "console:terminal"
    user: str = ""
    role: Role = "member"
    language: str | None = None
    private: bool = True


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """How this chat wants it.

    No *language*: the reader's own, as their client tells it, else the digest's. No *topics*: all. No
    *items_per_edition*: as many as the digest says.
    """

    language: str | None = None
    format: Format = "normal"
    schedule: Schedule = MONDAYS
    zone: ZoneInfo = UTC
    topics: tuple[str, ...] = ()
    items_per_edition: int | None = None


State: TypeAlias = Literal["active", "paused", "suspended"]


@dataclass(frozen=True, slots=True)
class Posted:
    """The last edition that went to a chat: its period (`post/…` if out of turn), its theme, and when it was sent."""

    period: str
    theme: Path
    at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """A period that brought nothing, when it was owed, and why: `too-late`, `holiday`, `skipped`, `nothing`."""

    period: str
    at: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A chat's subscription: what it wants and how it stands.

    No *topics*: all; else names that `Library.find_topic` knows. No *language*: the digest's. No *items*: as many as
    the digest says. *reason* says why it is suspended, *troubles* what could not be delivered here lately.
    """

    name: str = "weekly"
    topics: tuple[str, ...] = ()
    schedule: Schedule = MONDAYS
    zone: ZoneInfo = UTC
    format: Format = "normal"
    language: str | None = None
    items: int | None = None
    preview: bool = False
    silent: bool = False
    pin: bool = False
    state: State = "active"
    reason: str = ""
    last: Posted | None = None
    missed: Missed | None = None
    troubles: tuple[str, ...] = ()

    def settings(self, language: str | None = None) -> ChatSettings:
        """How a chat so subscribed wants its answers; *language* where the subscription names none."""
        return ChatSettings(self.language or language, self.format, self.schedule, self.zone, self.topics, self.items)


@dataclass(frozen=True, slots=True)
class News:
    """An item and when it was first seen in the digest."""

    item: Item
    since: dt.datetime


SWITCHES: Mapping[str, tuple[str, ...]] = {"telegram": ("preview", "silent", "pin")}
"""By platform, the settings beyond those that every chat has."""


@dataclass(frozen=True, slots=True)
class Context:
    """All that an answer may depend on, read beforehand.

    *news* runs from the newest; *watched_since* is when the bot began to notice, *loaded* when the library was last
    read. *edition* is this period's where one was composed already. *more* is what the last answer here left to see.
    *root* stands before a command's name: ``/``, on Slack ``/digest ``. *settings* are those of the *subscription*
    where there is one. *archive* is the address of all editions. *skipped* are periods that the curators let go.
    *history* is that of the settings' rotation, *past* finds that of another, and raises StoreError where it cannot.
    *trouble*: what is remembered cannot be looked up, so that all of this is as if there had been nothing.
    """

    library: Library
    now: dt.datetime
    random: Random
    settings: ChatSettings = ChatSettings()
    history: History = field(default_factory=History)
    edition: Edition | None = None
    news: tuple[News, ...] = ()
    watched_since: dt.datetime | None = None
    loaded: dt.datetime | None = None
    more: Action | None = None
    root: str = "/"
    archive: str | None = None
    subscription: Subscribed | None = None
    skipped: tuple[str, ...] = ()
    past: Callable[[ChatSettings], History] = lambda _: History()
    trouble: StoreError | None = None

    def reader(self, command: Command) -> Reader:
        """Whom the answer to *command* is for. The chat's own choice of language goes before the client's."""
        return Reader(
            language=choose(self.settings.language, command.language, self.library.language),
            format=self.settings.format,
            role=command.role,
            private=command.private,
            zone=self.settings.zone,
            now=self.now,
            root=self.root,
            switches=SWITCHES.get(command.platform, ()),
            archive=self.archive,
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a page is made. Says nothing about the platform but the *root* that its commands are typed with, and
    the *switches* that it has: what it can do with an edition beside showing it. *archive* is where all editions are.
    """

    language: str = "en"
    format: Format = "normal"
    role: Role = "member"
    private: bool = True
    zone: ZoneInfo = UTC
    now: dt.datetime = EPOCH
    root: str = "/"
    switches: tuple[str, ...] = ()
    archive: str | None = None

    @property
    def say(self) -> Voice:
        """The bot's voice in this reader's language."""
        return voice(self.language)

    def speaking(self, language: str) -> Reader:
        """The same reader, addressed in *language*."""
        return replace(self, language=language)

    def may(self, needed: Role) -> bool:
        """Whether this reader may do what *needed* may."""
        return may(self.role, needed)

    @property
    def changes_chat(self) -> bool:
        """Whether this reader may change what the chat wants: its admins, and everybody where they are alone."""
        return self.private or self.may("admin")


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """The bot shall speak *language* in this chat."""

    language: str


@dataclass(frozen=True, slots=True)
class ReloadContent:
    """The content shall be read again; *force*: also where it broke or shrank. Its outcome goes to `pages.reloaded`."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class CountMiss:
    """*query* was asked for and the digest has nothing: one more for the curators' list."""

    query: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """This chat's subscription shall be as *wants* has it, from its name to its reason: a new one, or settings changed.

    Who asked becomes its owner where it had none. The rest of *wants* (last, missed, troubles) is not for keeping.
    """

    wants: Subscribed


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """This chat's subscription shall end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing shall be posted here until `Resume`."""


@dataclass(frozen=True, slots=True)
class Resume:
    """It shall be posted here again, whether it was paused or suspended."""


@dataclass(frozen=True, slots=True)
class PostNow:
    """An edition shall go to all active subscriptions, now. Its outcome goes to `pages.posted`."""

    theme: Topic | None = None


@dataclass(frozen=True, slots=True)
class SkipNext:
    """*period* shall bring nothing to the rotation of this chat's settings. Its outcome goes to `pages.skipped`."""

    period: str


Change: TypeAlias = (
    SetLanguage | ReloadContent | CountMiss | Subscribe | Unsubscribe | Pause | Resume | PostNow | SkipNext
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, and what shall be remembered or done.

    *discreet*: for the one who asked, not for the group. *refused*: they may not do that here.
    """

    message: Message
    changes: tuple[Change, ...] = ()
    discreet: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a handler is given: the command, what is known, and for whom the answer is."""

    command: Command
    context: Context
    reader: Reader

    @property
    def args(self) -> str:
        """The words behind the command."""
        return self.command.args

    @property
    def library(self) -> Library:
        """The digests, now."""
        return self.context.library


Handler: TypeAlias = Callable[[Asked], Answer]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the command table: what dispatcher, help, menus and manifest know of a command.

    *summary* and *arguments* are ids of the catalogues. *aliases* are typed like the name, *words* are Chinese and need
    no slash. *group_role* is asked for in groups instead of *role*. What is not *listed* needs no place in menus and
    help; what asks for no *memory* reads the library alone, and need not wait for a database. *forgetful* is what
    becomes of the answer while a database cannot be used: it is given all the same, it says so, or only that is said.
    The answer of a *steady* one is the same as long as the library is.
    """

    name: str
    summary: str
    handler: Handler
    role: Role = "member"
    group_role: Role | None = None
    arguments: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    listed: bool = True
    memory: bool = True
    steady: bool = False
    forgetful: Literal["answers", "says so", "refuses"] = "answers"

    def needed(self, *, private: bool) -> Role:
        """The role that it takes here."""
        return self.role if private else self.group_role or self.role
