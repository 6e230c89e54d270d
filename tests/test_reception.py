"""What adapters ask of the bot, over a real App and its store."""

from __future__ import annotations

import pytest

from bot.app import build, open_store
from bot.chat.address import Address
from bot.chat.conversation import Command
from bot.reception import Reception
from bot.settings import Settings

PAPERS = Address("slack:T1/C1")


@pytest.fixture
def app(tmp_path):
    (tmp_path / "digest.md").write_text("# Digest\n\n## ctr\n\n- [Wide & Deep](https://example.org/wide)\n")
    app = build(Settings(content=(str(tmp_path / "digest.md"),), database_url=f"sqlite:///{tmp_path}/heji.db"))
    app.attach(open_store(app.settings))
    yield app
    app.store.close()


def test_the_subscriptions_of_some_chats_are_told(app):
    reception = Reception(app)
    reception.answer(Command(name="subscribe", args="fri 17:30", chat=str(PAPERS), platform="slack", role="admin"))
    found = reception.subscriptions([PAPERS, Address("slack:T1/C2")])

    assert [(chat, str(one.schedule), one.state) for chat, one in found] == [(PAPERS, "fri 17:30", "active")]


def test_without_a_database_there_are_none(app):
    store, app.store = app.store, None
    found = Reception(app).subscriptions([PAPERS])
    app.store = store

    assert found == ()
