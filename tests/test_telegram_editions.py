"""Editions as a chat on Telegram has chosen them: the real store, planner, press, outbox and adapter."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes.telegram import FakeTelegram

from bot.app import build
from bot.chat.address import parse_address
from bot.chat.commands import read
from bot.chat.conversation import Command
from bot.delivery.outbox import Outbox
from bot.platforms.telegram.delivering import Telegram
from bot.settings import Settings
from bot.store.buckets import UNLIMITED
from bot.store.store import Store

CONTENT = Path(__file__).parent.parent / "content"
NO_RIGHT = "400 Bad Request: not enough rights to manage pinned messages in the chat"


@pytest.fixture
def telegram():
    with FakeTelegram() as telegram:
        yield telegram
        assert telegram.complaints == []


@pytest.fixture
def app(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/heji.db")
    app = build(Settings(content=(str(CONTENT),)))
    app.attach(store)
    yield app
    store.close()


@pytest.fixture
def olga(telegram):
    """Who subscribes; she has spoken to the bot."""
    olga = telegram.world.user("Olga")
    telegram.world.private(olga)
    return olga


@pytest.fixture
def group(telegram, olga):
    return telegram.world.supergroup("Readers", owner=olga)


def choose(app, chat, olga, *typed):
    """Olga, who is an admin there, says each of *typed*."""
    who = Command(
        platform="telegram",
        chat=f"telegram:{chat.id}",
        user=f"telegram:{olga.id}",
        role="admin",
        private=False,
        language="en",
    )
    for text in typed:
        app.answer(read(text, who))


def status(app, chat):
    page = app.answer(read("/status", Command(chat=f"telegram:{chat.id}", language="en"))).message
    return dict(page.blocks[1].rows)


def deliver(app, telegram):
    """All that is planned and can be sent, with what is to be told about it."""

    async def drain():
        platform = Telegram(telegram.token, telegram.url)
        try:
            await Outbox(app.store, [platform], rates={"telegram": UNLIMITED}, idle=0.01).drain()
        finally:
            await platform.close()

    asyncio.run(drain())
    app.planner.plan()
    asyncio.run(drain())


def post(app, telegram):
    app.planner.post()
    deliver(app, telegram)


def edition(telegram, chat):
    """The messages of the bot's that say an edition."""
    return [message for message in telegram.messages_in(chat) if message.text]


def test_an_edition_has_sound_and_no_picture_and_is_not_pinned_unless_that_was_chosen(app, telegram, olga, group):
    choose(app, group, olga, "/subscribe")
    post(app, telegram)

    assert [message.silent for message in edition(telegram, group)] == [False]
    assert edition(telegram, group)[0].preview == {"is_disabled": True}
    assert group.pinned == []


def test_an_edition_is_sent_silently_and_pinned_where_a_chat_chose_that(app, telegram, olga, group):
    telegram.world.promote(group, telegram.world.bot)
    choose(app, group, olga, "/subscribe", "/set silent on", "/set pin on", "/set preview on")
    post(app, telegram)
    first, *_ = messages = edition(telegram, group)

    assert all(message.silent for message in messages)
    assert first.preview["url"].startswith("https://")
    assert group.pinned == [first]
    assert telegram.calls("pinChatMessage")[0].params["disable_notification"] is True
    assert app.store.ledger.counts().keys() == {"sent"}
    assert "Error" not in status(app, group)


def test_without_the_right_to_pin_the_edition_is_there_and_the_owner_is_told_once(app, telegram, olga, group):
    choose(app, group, olga, "/subscribe", "/set pin on")
    post(app, telegram)
    told = telegram.messages_in(telegram.world.private(olga))
    post(app, telegram)

    assert len(edition(telegram, group)) == 2
    assert group.pinned == []
    assert len(told) == 1
    assert NO_RIGHT in told[0].text
    assert "/set pin off" in told[0].text
    assert len(telegram.messages_in(telegram.world.private(olga))) == 1
    assert [(row.part, row.reason, row.attempts) for row in app.store.ledger.rows(state="dead")] == [
        (2, NO_RIGHT, 1)
    ] * 2
    assert app.store.subscriptions.find(parse_address(f"telegram:{group.id}")).state == "active"
    assert status(app, group)["Error"] == NO_RIGHT


def test_an_edition_that_does_not_arrive_is_not_pinned(app, telegram, olga, group):
    choose(app, group, olga, "/subscribe", "/set pin on")
    telegram.world.remove_bot(group)
    post(app, telegram)

    assert telegram.calls("pinChatMessage") == []
    assert app.store.ledger.counts() == {"dead": 2, "sent": 1}
    assert "bot was kicked" in telegram.last(telegram.world.private(olga)).text
