"""How a chat stands: what it subscribed to, what its rotation has posted, and what comes if nothing changes.

Reads the store; writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from bot.chat import pages
from bot.chat.address import Address
from bot.chat.conversation import ChatSettings, Missed, Posted, Reader, Subscribed
from bot.chat.message import Message
from bot.digest.library import Library
from bot.digest.model import Topic
from bot.editions.edition import Edition, compose
from bot.editions.theme import History, Rotation, pick
from bot.store.planning import EditionRow, RotationRow
from bot.store.store import Store
from bot.store.subscriptions import Subscriber, moment

RECENT = 30
"""Editions of a rotation that are looked at: a month of a daily one."""

SEARCHED = 1000
"""Subscriptions among which the first active one is looked for."""

TOLD = 5
"""The last editions whose deliveries are told of."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is kept of a chat: its *subscriber* row, if it has one, and its rotation, if anybody ever read that.

    *editions* are the rotation's latest by their period, those that were skipped among them.
    """

    settings: ChatSettings
    subscriber: Subscriber | None = None
    rotation: int | None = None
    history: History = field(default_factory=History)
    editions: Mapping[str, EditionRow] = field(default_factory=dict)

    def edition(self, period: str, library: Library) -> Edition | None:
        """The edition that was composed for *period*, as *library* has it now."""
        row = self.editions.get(period)
        return None if row is None or row.skipped else Edition.from_data(row.data, library)

    def current(self, now: dt.datetime, holidays: Collection[dt.date] = ()) -> str:
        """The period that is running where the chat is."""
        return self.settings.schedule.current(now, self.settings.zone, holidays, self.skipped)

    @property
    def of(self) -> Address | None:
        """Whose subscription it is."""
        return self.subscriber.chat if self.subscriber else None

    @property
    def skipped(self) -> tuple[str, ...]:
        """The periods that the curators let go."""
        return tuple(row.period for row in self.editions.values() if row.skipped)


def standing(store: Store, chat: Address, defaults: ChatSettings, *, language: str | None = None) -> Standing:
    """How *chat* stands; without a subscription as *defaults* say, and in the rotation that these name."""
    subscriber = subscription_of(store, chat)
    if subscriber is None:
        settings = replace(defaults, language=language or defaults.language)
        wanted = (settings.topics, settings.schedule, settings.items_per_edition)
        return _standing(store, settings, None, store.planning.rotation_for(*wanted))
    settings = subscribed(subscriber).settings(language or defaults.language)
    return _standing(store, settings, subscriber, store.planning.rotation_of(chat, subscriber.name))


def community(store: Store, chat: Address, defaults: ChatSettings, *, language: str | None = None) -> Standing:
    """How *chat* stands, and where neither it nor the defaults' rotation is known, what the first active chat reads."""
    found = standing(store, chat, defaults, language=language)
    if found.rotation is not None:
        return found
    first = next((one for one in islice(store.subscriptions.all(), SEARCHED) if one.state == "active"), None)
    if first is None:
        return found
    theirs = standing(store, first.chat, defaults)
    return replace(theirs, settings=replace(theirs.settings, language=found.settings.language, format="normal"))


def subscription_of(store: Store, chat: Address) -> Subscriber | None:
    """The subscription that a chat speaks of when it names none: `weekly`, else its first."""
    mine = store.subscriptions.of(chat)
    return next((one for one in mine if one.name == "weekly"), next(iter(mine), None))


def _standing(store: Store, settings: ChatSettings, subscriber: Subscriber | None, row: RotationRow | None) -> Standing:
    if row is None:
        return Standing(settings, subscriber)
    editions = {one.period: one for one in store.planning.editions(rotation=row.id, limit=RECENT)}
    return Standing(settings, subscriber, row.id, row.history, editions)


def subscribed(one: Subscriber) -> Subscribed:
    """A subscription as conversations know it, without what became of its editions."""
    missed = Missed(one.missed.period, one.missed.at, one.missed.reason) if one.missed else None
    return Subscribed(one.name, one.topics, one.schedule, one.zone, one.format, one.lang, one.items, one.preview,
                      one.silent, one.pin, one.state, one.reason, missed=missed)  # fmt: skip


def told(store: Store, found: Standing) -> Subscribed | None:
    """The subscription of a chat with what became of its latest editions."""
    if found.subscriber is None:
        return None
    rows = {row.id: row for row in [*found.editions.values()][:TOLD] if not row.skipped}
    settled = store.ledger.at(found.subscriber.chat, rows)
    sent = next((one for one in settled if one.state == "sent"), None)
    last = None
    if sent is not None:
        row = rows[sent.edition]
        last = Posted(row.period, tuple(row.data["theme"]), moment(sent.at))
    troubles = tuple(dict.fromkeys(one.reason for one in settled if one.state in ("dead", "uncertain")))
    return replace(subscribed(found.subscriber), last=last, troubles=troubles)


def foreseen(library: Library, found: Standing, periods: Iterable[str]) -> Iterator[Edition]:
    """The editions of *periods*, one after the other: those that were composed as they are, the others as they will be
    if nothing changes. A period that is skipped brings none.
    """
    history, rotation = found.history, Rotation.of(library, found.settings.topics)
    for period in periods:
        if period in found.editions:
            if (kept := found.edition(period, library)) is not None:
                yield kept
            continue
        theme = rotation.pick(history, period)
        if theme is None:
            return
        edition = compose(library, theme, history, period, items_per_edition=found.settings.items_per_edition)
        history = history.after(edition)
        yield edition


def history_before(library: Library, found: Standing, periods: Iterable[str]) -> History:
    """What will have been posted when *periods* are over."""
    history = found.history
    for edition in foreseen(library, found, periods):
        if edition.period not in found.editions:
            history = history.after(edition)
    return history


def preview(
    library: Library,
    found: Standing,
    period: str,
    before: Callable[[], Iterable[str]],
    reader: Reader,
    *,
    theme: Topic | None = None,
) -> Message:
    """The page of *period*'s edition: as it was posted, or as it will be if nothing changes in the periods *before*.

    Those are asked for only where it was not posted, for that one may be called anything.
    """
    edition = found.edition(period, library) if theme is None else None
    if edition is None:
        history = history_before(library, found, before())
        picked = pick(library, history, period, topics=found.settings.topics, theme=theme)
        if picked is None:
            return pages.nothing_to_post(reader)
        if not picked.items:
            return pages.topic(picked.topic, library, reader)
        size = found.settings.items_per_edition
        edition = compose(library, picked, history, period, items_per_edition=size)
    return pages.edition(edition, library, reader)
