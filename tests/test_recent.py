"""What need not be found out again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.app import build
from bot.chat.address import Address
from bot.chat.conversation import Answer, Command, Subscribed
from bot.chat.message import Message
from bot.desk.recent import WISHES_KEPT, Recent, Wishes
from bot.settings import Settings

HERE, THERE = Address("telegram:1"), Address("telegram:2")
TOPIC = Command(platform="telegram", chat="telegram:1", user="telegram:7", name="topic", args="ctr", language="en")
SAID = Answer(Message(()))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def app(tmp_path):
    (tmp_path / "list.md").write_text("## ctr\n\n[On ctr](https://example.org/ctr)\n")
    return build(Settings(content=(str(tmp_path),)))


@pytest.fixture
def wishes(app):
    return Wishes(app.defaults)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recent(clock):
    return Recent(clock)


def test_wishes_are_known_for_a_minute(recent, wishes, clock):
    recent.keep_wishes(HERE, wishes)
    clock.now = WISHES_KEPT - 1
    within = recent.wishes(HERE)
    clock.now = WISHES_KEPT + 1

    assert within is wishes
    assert recent.wishes(HERE) is None


def test_wishes_of_one_chat_are_forgotten_or_those_of_all(recent, wishes):
    recent.keep_wishes(HERE, wishes)
    recent.keep_wishes(THERE, wishes)
    recent.forget_wishes(HERE)
    one = recent.wishes(HERE), recent.wishes(THERE)
    recent.forget_wishes()

    assert one == (None, wishes)
    assert recent.wishes(THERE) is None


def test_an_answer_is_the_same_to_whoever_asks_the_same_and_wants_it_so(recent, wishes, app):
    another = replace(TOPIC, chat="telegram:2", user="telegram:8")
    recent.answer(TOPIC, wishes, app.library)
    recent.keep_answer(TOPIC, wishes, app.library, SAID)

    assert recent.answer(another, wishes, app.library) is SAID


@pytest.mark.parametrize(
    "otherwise", [{"args": "nlp"}, {"language": "zh"}, {"private": False}, {"role": "curator"}, {"platform": "slack"}]
)
def test_it_is_another_to_who_asks_otherwise(recent, wishes, app, otherwise):
    recent.answer(TOPIC, wishes, app.library)
    recent.keep_answer(TOPIC, wishes, app.library, SAID)

    assert recent.answer(replace(TOPIC, **otherwise), wishes, app.library) is None


def test_it_is_another_to_who_wants_it_otherwise_or_follows_a_subscription(recent, wishes, app):
    full = replace(wishes, settings=replace(wishes.settings, format="full"))
    subscribed = replace(wishes, subscription=Subscribed())
    recent.answer(TOPIC, wishes, app.library)
    recent.keep_answer(TOPIC, wishes, app.library, SAID)

    assert recent.answer(TOPIC, full, app.library) is None
    assert recent.answer(TOPIC, subscribed, app.library) is None


def test_what_was_said_of_another_library_is_forgotten_and_what_comes_late_of_it_is_not_kept(recent, wishes, app):
    before = app.library
    recent.answer(TOPIC, wishes, before)
    recent.keep_answer(TOPIC, wishes, before, SAID)
    after = build(app.settings).library
    found = recent.answer(TOPIC, wishes, after)
    recent.keep_answer(TOPIC, wishes, before, SAID)

    assert found is None
    assert recent.answer(TOPIC, wishes, after) is None
