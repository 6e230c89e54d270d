"""What adapters are told by the bot's door."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.app import build
from bot.chat.address import Address
from bot.chat.conversation import Command
from bot.errors import StoreUnreachable
from bot.front.reception import Reception
from bot.platforms.console import plain
from bot.settings import Settings
from bot.store.store import Store

ANN = Command(platform="telegram", chat="telegram:7", user="telegram:7", language="en")


@pytest.fixture
def app(tmp_path):
    topics = "".join(f"## {name}\n\n[On {name}](https://example.org/{name})\n\n" for name in "abcdef")
    (tmp_path / "list.md").write_text(topics)
    app = build(Settings(content=(str(tmp_path),)))
    app.attach(Store.open())
    yield app
    app.store.close()


@pytest.fixture
def reception(app):
    return Reception(app)


def away(*_):
    raise StoreUnreachable("it is away")


# New or not -----------------------------------------------------------------------------------------------------------


def test_each_key_is_new_once_to_all_processes(app, reception):
    first = reception.new(["a", "b", "a"])
    elsewhere = Reception(app).new(["b", "c"])

    assert sorted(first) == ["a", "b"]
    assert [*elsewhere] == ["c"]
    assert [*reception.new(["a", "b"])] == []
    assert not reception.is_new("c")
    assert reception.is_new("d")


def test_without_a_database_a_key_is_new_once_to_this_process(app, reception, monkeypatch):
    monkeypatch.setattr(app.store.memory, "note", away)

    assert sorted(reception.new(["a", "b"])) == ["a", "b"]
    assert not reception.is_new("b")


# At hand, and at a glance ---------------------------------------------------------------------------------------------


def test_what_was_answered_before_is_at_hand_without_the_database(app, reception, monkeypatch):
    asked = replace(ANN, name="topic", args="a")
    before = reception.at_hand(asked)
    said = reception.answer(asked)
    monkeypatch.setattr(app.store.database, "read", away)

    assert before is None
    assert reception.at_hand(asked) is said
    assert reception.at_hand(replace(asked, args="b")) is None
    assert reception.at_hand(replace(asked, language="zh")) is None
    assert reception.at_hand(replace(asked, chat="telegram:8")) is None


@pytest.mark.parametrize("name", ["week", "random", "settings", "nonsense"])
def test_what_may_be_another_answer_each_time_is_never_at_hand(reception, name):
    asked = replace(ANN, name=name)
    reception.answer(asked)

    assert reception.at_hand(asked) is None


def test_what_a_chat_chose_shows_at_once_though_another_answer_was_at_hand(reception):
    asked = replace(ANN, name="topic", args="a")
    reception.answer(asked)
    reception.answer(replace(ANN, name="lang", args="zh", role="admin"))
    at_hand = reception.at_hand(asked)

    assert at_hand is None
    assert "1 条" in plain(reception.answer(asked).message)


def test_what_is_at_hand_goes_on_where_it_ended(app, reception):
    asked = replace(ANN, name="topics")
    reception.answer(asked)
    app.remembered(ANN.chat).more = None
    at_hand = reception.at_hand(asked)

    assert at_hand is not None
    assert app.remembered(ANN.chat).more == at_hand.message.more


def test_nothing_is_at_hand_from_a_digest_that_changed(app, reception, tmp_path):
    asked = replace(ANN, name="topics")
    reception.answer(asked)
    (tmp_path / "list.md").write_text("## g\n\n[On g](https://example.org/g)\n")
    app.content.reload(force=True)

    assert reception.at_hand(asked) is None
    assert "1" in plain(reception.answer(asked).message)


def test_who_is_still_typing_asks_for_nothing_in_vain(app, reception):
    asked = replace(ANN, name="search", args="zzz qqq xxx")
    app.remembered(ANN.chat).more = more = object()
    glanced = reception.glance(asked)
    counted_by_a_glance = app.store.memory.misses()
    left_by_a_glance = app.remembered(ANN.chat).more
    answered = reception.answer(asked)

    assert glanced.message == answered.message
    assert glanced.changes == ()
    assert counted_by_a_glance == ()
    assert left_by_a_glance is more
    assert app.store.memory.misses() == (("zzz qqq xxx", 1),)


# Subscriptions --------------------------------------------------------------------------------------------------------


def test_the_subscriptions_of_some_chats_are_told(reception):
    papers, elsewhere = Address("slack:T1/C1"), Address("slack:T1/C2")
    reception.answer(Command(name="subscribe", args="fri 17:30", chat=str(papers), platform="slack", role="admin"))
    found = reception.subscriptions([papers, elsewhere])

    assert [(chat, str(one.schedule), one.state) for chat, one in found] == [(papers, "fri 17:30", "active")]


def test_without_a_database_there_are_no_subscriptions(app, reception):
    store, app.store = app.store, None
    found = reception.subscriptions([Address("slack:T1/C1")])
    app.store = store

    assert found == ()
