"""One process at work, over restarts: what was missed comes late or is told, and nothing waits for what hangs."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
from dataclasses import replace

import pytest

from bot.app import App, build
from bot.chat.conversation import Command
from bot.errors import StoreUnreachable
from bot.platforms.console import Console, plain
from bot.platforms.file import File
from bot.processes.service import Service
from bot.settings import Settings
from bot.store.store import Store
from bot.web.health import judge

MONDAY = dt.datetime(2026, 11, 30, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
ALICE = Command(chat="file:out.jsonl", user="console:me", role="curator")


class House:
    """A bot whose process may be ended and begun again; *now* is the time for it and its database."""

    def __init__(self, folder):
        (folder / "list.md").write_text("".join(f"## {n}\n\n[On {n}](https://example.org/{n})\n\n" for n in "abcdef"))
        self.url = f"sqlite:///{folder}/heji.db"
        self.settings = Settings(content=(str(folder / "list.md"),))
        self.now = MONDAY - 24 * HOUR

    def seconds(self):
        return self.now.timestamp()

    def opened(self):
        return Store.open(self.url, clock=self.seconds)

    def begin(self) -> App:
        app = build(self.settings, clock=lambda: self.now)
        app.attach(self.opened())
        app.notice()
        return app

    def work(self) -> list[str]:
        """A process that starts, does what there is to do, and ends; what it sent."""
        app, console = self.begin(), Console()
        console.name = "file"
        try:
            asyncio.run(self._work(app, console))
        finally:
            app.store.close()
        return [payload["params"]["text"] for _, payload in console.sent]

    async def _work(self, app, console):
        service = Service(app, self.opened, [console])
        running = asyncio.create_task(service.run())
        await asyncio.to_thread(self._wait, lambda: not app.store.planning.is_due())
        await asyncio.to_thread(self._wait, lambda: not app.store.ledger.unsettled())
        service.stop()
        await running

    @staticmethod
    def _wait(done):
        while not done():
            threading.Event().wait(0.01)

    def ask(self, name, args="", language="en"):
        app = self.begin()
        try:
            return plain(app.answer(replace(ALICE, name=name, args=args, language=language)).message)
        finally:
            app.store.close()


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.mark.parametrize(("language", "late"), [("en", "late, with apologies"), ("zh", "抱歉")])
def test_an_edition_missed_by_less_than_36_hours_is_posted_once_and_says_that_it_is_late(house, language, late):
    house.ask("subscribe", "mon 09:00 UTC")
    house.ask("set", f"lang {language}")
    house.now = MONDAY + 35 * HOUR
    sent = house.work()
    house.now += HOUR
    again = house.work()

    assert len(sent) == 1
    assert late in sent[0]
    assert again == []
    assert "36" not in house.ask("status", language=language)


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("en", "week 49 of 2026 · Monday, 30 November, 09:00 (UTC) · missed by more than 36 hours"),
        ("zh", "2026 年第 49 周 · 11月30日星期一 09:00（UTC） · "),
    ],
)
def test_an_edition_missed_by_more_is_skipped_and_the_status_says_why(house, language, why):
    house.ask("subscribe", "mon 09:00 UTC")
    house.ask("set", f"lang {language}")
    house.now = MONDAY + 37 * HOUR
    sent = house.work()
    told = " ".join(house.ask("status", language=language).split())
    house.now = MONDAY + 7 * 24 * HOUR
    following = house.work()

    assert sent == []
    assert why in told
    assert "36" in told
    assert len(following) == 1
    assert "late" not in following[0]


# What hangs -----------------------------------------------------------------------------------------------------------


def test_a_database_that_never_opens_does_not_hold_up_the_end(house):
    app, begun, free = build(house.settings, clock=lambda: house.now), threading.Event(), threading.Event()

    def hang():
        begun.set()
        free.wait()
        raise StoreUnreachable("at last")

    async def work():
        service = Service(app, hang, [File()])
        running = asyncio.create_task(service.run())
        await asyncio.to_thread(begun.wait)
        service.stop()
        await running
        return service.busy

    try:
        busy = asyncio.run(work())
    finally:
        free.set()

    assert busy


def test_a_database_that_is_not_there_is_said_aloud_and_told_to_whoever_asks(house, monkeypatch, caplog):
    monkeypatch.setattr("bot.processes.service.REOPEN", 0.0)
    app, tries = build(house.settings, clock=lambda: house.now), []

    def opened():
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnreachable("refused")
        return house.opened()

    async def work():
        service = Service(app, opened, None)
        running = asyncio.create_task(service.run())
        await asyncio.to_thread(House._wait, lambda: app.store is not None)
        service.stop()
        await running

    with caplog.at_level(logging.ERROR):
        asyncio.run(work())
    app.store.close()

    assert [record.getMessage().count("refused") for record in caplog.records] == [1, 1]
    assert app.trouble is None


def test_a_tick_that_hangs_is_a_clock_that_stands_still_and_one_that_goes_on_is_not(house):
    house.now = MONDAY
    app, begun, free = house.begin(), threading.Event(), threading.Event()

    def hang():
        begun.set()
        free.wait()
        return False

    app.look = hang

    def red(service):
        return {check.name for check in judge(service.signs({}), house.now).checks if not check.ok}

    async def work():
        service = Service(app, house.opened, None)
        running = asyncio.create_task(service.run())
        await asyncio.to_thread(begun.wait)
        await asyncio.to_thread(House._wait, lambda: service.signs({}).database)
        before = red(service)
        house.now += dt.timedelta(seconds=59)
        hanging = red(service)
        free.set()
        await asyncio.to_thread(House._wait, lambda: not red(service))
        service.stop()
        await running
        return before, hanging

    try:
        before, hanging = asyncio.run(work())
    finally:
        free.set()
        app.store.close()

    assert (before, hanging) == (set(), {"clock"})
