"""What the pages ask of the bot, over one app: what was posted, what comes, and answers with a member's rights.

Reads only. A database that is away takes no page with it: then all is as it was last known.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from threading import Lock
from typing import Any

from bot.app import TERMINAL, App
from bot.chat import commands, pages
from bot.chat.conversation import Command, Reader
from bot.chat.message import Message
from bot.desk.standing import Standing, foreseen, preview
from bot.digest.library import Library
from bot.digest.model import Item
from bot.editions.calendar import periods_until
from bot.editions.edition import Edition
from bot.editions.schedule import first_day
from bot.errors import BotError, StoreError
from bot.store.ledger import Appeared
from bot.store.store import Store
from bot.store.subscriptions import moment
from bot.web.addresses import key_of
from bot.web.room import Coming, Issue, Room, Screen, State, Wish

log = logging.getLogger(__name__)

FRESH = dt.timedelta(seconds=5)
"""For so long nobody looks again what was posted."""

AHEAD = 12
"""Periods whose editions can be seen beforehand."""

VISITOR = "console:web"
"""The chat that everybody who types into a page is in. Nothing is remembered of it."""


class ReadingRoom(Room):
    """Shows what *app* has. Any number of threads may ask."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._looking = Lock()
        self._state: State | None = None
        self._looked = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._found = Standing(app.defaults)
        self._appeared: dict[int, Appeared] = {}
        self._away = False

    # Looking ------------------------------------------------------------------------------------------------------

    def at_hand(self) -> State | None:
        """The last state, as long as it is fresh."""
        fresh = abs(self._app.clock() - self._looked) < FRESH
        return self._state if fresh and self._state and self._state.library is self._app.library else None

    def state(self) -> State:
        """The state, looked up where it is not fresh. While one looks, the others take the last one."""
        if not self._looking.acquire(blocking=self._state is None) and self._state is not None:
            return self._state
        try:
            if (known := self.at_hand()) is not None:
                return known
            self._remember()
            self._state = self._composed(self._state)
            self._looked = self._app.clock()
            return self._state
        finally:
            self._looking.release()

    def _remember(self) -> None:
        """Take up what the database knows by now, if it answers."""
        if (store := self._app.store) is None:
            self._found = Standing(self._app.defaults)
            return
        try:
            self._found, new = self._app.patience.wait(lambda: self._recalled(store))
        except StoreError as error:
            if not self._away:  # once: every page asks again
                log.warning("pages show what was last known: %s", error)
            self._away = True
            return
        self._away = False
        self._appeared |= {one.id: one for one in new}

    def _recalled(self, store: Store) -> tuple[Standing, tuple[Appeared, ...]]:
        return self._app.standing(TERMINAL, store), store.ledger.appeared(self._appeared)

    def _composed(self, before: State | None) -> State:
        library, found, now = self._app.library, self._found, self._app.clock()
        schedule, zone, holidays = found.settings.schedule, found.settings.zone, library.config.holidays
        run = schedule.next_occurrence(now, zone, holidays, found.skipped)
        period = found.current(now, holidays)
        periods = tuple(islice(dict.fromkeys((period, *_periods(found, period, library))), AHEAD))
        ahead = {one.period: one for one in foreseen(library, found, dict.fromkeys((period, run.period)))}
        coming = ahead.get(run.period) if run.period != period else None
        state = State(
            library=library,
            zone=zone,
            issues=self._issues(library, before),
            current=ahead.get(period),
            coming=Coming(coming, run.at.astimezone(zone)) if coming else None,
            periods=periods,
            version=before.version if before else 1,
        )
        return state if before is None or state == before else replace(state, version=state.version + 1)

    def _issues(self, library: Library, before: State | None) -> tuple[Issue, ...]:
        if before is not None and before.library is library and len(before.issues) == len(self._appeared):
            return before.issues
        rows = sorted(self._appeared.values(), key=lambda row: row.id, reverse=True)
        return tuple(
            Issue(row.rotation, key_of(row.period), as_posted(row.data, library), moment(row.at)) for row in rows
        )

    # Answering ----------------------------------------------------------------------------------------------------

    def preview(self, wish: Wish) -> Message:
        """The edition of one of the periods ahead, as it was posted or as it will be if nothing changes."""
        library, found, now = self._app.library, self._found, self._app.clock()
        archive = self._app.settings.archive
        reader = Reader(wish.language, wish.format, private=False, zone=found.settings.zone, now=now, archive=archive)
        try:
            theme = library.find_topic(wish.theme) if wish.theme else None
        except BotError as error:
            return pages.error(error, library, reader)

        def before() -> tuple[str, ...]:
            start = found.current(now, library.config.holidays)
            return periods_until(found.settings.schedule, start, first_day(wish.period), library.config.holidays)

        return preview(library, found, wish.period, before, reader, theme=theme)

    def answer(self, text: str, language: str) -> Message:
        """What is said in a group to a member of it, and done by nobody."""
        who = Command(chat=VISITOR, language=language, private=False)
        command = commands.read(text, who, mentioned=True) or replace(who, name="help")
        return self._app.glance(command).message


def _periods(found: Standing, period: str, library: Library) -> tuple[str, ...]:
    start = first_day(period)
    end = start + dt.timedelta(days=31 * AHEAD)
    return periods_until(found.settings.schedule, period, end, library.config.holidays)


def as_posted(data: Mapping[str, Any], library: Library) -> Edition:
    """An edition with the titles and addresses that were posted, whatever became of them in *library* since."""
    edition = Edition.from_data(data, library)
    items = tuple(_as_posted(edition, library.item(item_id), item_id, *rest) for item_id, *rest in data["items"])
    return replace(edition, items=items)


def _as_posted(edition: Edition, now: Item | None, item_id: str, title: str, url: str) -> Item:
    if now is None:
        return Item(id=item_id, file="", topic=edition.theme.path, title=title, title_source="link", url=url, line=1,
                    lines=(1, 1))  # fmt: skip
    if (now.title, now.url) == (title, url):
        return now
    return Item(**{**{name: getattr(now, name) for name in now.__struct_fields__}, "title": title, "url": url})


def screens(slack_command: str = "/digest") -> tuple[Screen, ...]:
    """The platforms whose look is shown; *slack_command* is typed on Slack. No SDK is imported for it."""
    from bot.platforms.console import Console
    from bot.platforms.slack import buttons
    from bot.platforms.slack.render import Renderer as Slack
    from bot.platforms.telegram import keyboard
    from bot.platforms.telegram.render import Renderer as Telegram
    from bot.web.blocks_html import messages
    from bot.web.plain_html import printed
    from bot.web.telegram_html import bubbles

    return (
        Screen("telegram", Telegram().render, bubbles(_typed(keyboard.asked))),
        Screen("slack", Slack(slack_command).render, messages(_typed(buttons.asked))),
        Screen("console", Console().render, printed),
    )


def _typed(asked: Callable[[str], tuple[str, str, int] | None]) -> Callable[[str], str]:
    """What one types for a button with some value, as *asked* reads that; nothing where it stands for nothing."""
    from bot.chat.message import Action

    def typed(value: str) -> str:
        found = asked(value)
        return Action(found[0], found[1], found[2]).typed() if found else ""

    return typed
