"""`heji run` with a token, as a process of its own: what goes wrong at Telegram is a sentence and passes by itself."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable

import pytest
from fakes.faults import Reply, Slow
from fakes.telegram import FakeTelegram
from telegram_bot import Process

PAGE = b"<!doctype html><title>Welcome to our network</title><p>Please sign in."


@pytest.fixture
def telegram():
    with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
def ann(telegram):
    """A reader with a private chat."""
    ann = telegram.world.user("Ann")
    telegram.world.private(ann)
    return ann


def revoke(telegram: FakeTelegram) -> None:
    telegram.revoke()


def reinstate(telegram: FakeTelegram) -> None:
    telegram.revoked = False


def cut_off(telegram: FakeTelegram) -> None:
    asyncio.run(telegram.stop_listening())


def connect(telegram: FakeTelegram) -> None:
    asyncio.run(telegram.listen())


def sign_in_first(telegram: FakeTelegram) -> None:
    telegram.faults.add(Reply(200, PAGE, "text/html"), times=None)


def clear(telegram: FakeTelegram) -> None:
    telegram.faults.clear()


Deed = Callable[[FakeTelegram], None]

TROUBLES: dict[str, tuple[Deed, Deed, str, str]] = {
    "wrong token": (
        revoke, reinstate, "does not work: Telegram refuses the bot's token (401): check TELEGRAM_BOT_TOKEN",
        "copy the whole token from @BotFather into TELEGRAM_BOT_TOKEN",
    ),
    "no network": (
        cut_off, connect, "does not work: Telegram cannot be reached: the connection was refused",
        "check the network, TELEGRAM_API_BASE_URL and HTTPS_PROXY",
    ),
    "sign in first": (
        sign_in_first, clear, "does not work: the server answers with something that is not the Bot API's (HTTP 200): ",
        "check TELEGRAM_API_BASE_URL and any proxy",
    ),
}  # fmt: skip
"""What goes wrong, how it gets well, the sentence in the log, and the cure that doctor knows."""


def answer(telegram: FakeTelegram, bot: Process, ann) -> str:
    """What the bot says to *ann*, who asks for a topic."""
    chat = telegram.world.private(ann)
    before = len(telegram.messages_in(chat))
    telegram.world.say(ann, chat, "/topic ctr")
    bot.wait(lambda: len(telegram.messages_in(chat)) > before)
    return telegram.last(chat).text


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_wrong_at_the_start_is_a_sentence_and_gets_well_without_a_restart(telegram, ann, tmp_path, trouble):
    spoil, mend, sentence, cure = TROUBLES[trouble]
    spoil(telegram)
    with Process(telegram, tmp_path) as bot:
        bot.wait(lambda: sentence in bot.said)
        red = bot.red()
        doctor = bot.heji("doctor")
        mend(telegram)
        text = answer(telegram, bot, ann)
        bot.wait(lambda: not bot.red())
        status = bot.stop()

    assert "telegram" in red
    assert (doctor.returncode, doctor.stderr) == (1, "")
    assert cure in doctor.stdout
    assert "深度学习" in text
    assert bot.said.count(sentence) == 1
    assert "Traceback" not in bot.said
    assert len(telegram.calls("getMe")) < 10
    assert status == 0


def test_a_token_revoked_at_work_is_red_and_gets_well_without_a_restart(telegram, ann, tmp_path):
    with Process(telegram, tmp_path) as bot:
        answer(telegram, bot, ann)
        bot.wait(lambda: not bot.red())
        telegram.revoke()
        telegram.world.say(ann, telegram.world.private(ann), "/topics")
        bot.wait(lambda: "Telegram refuses the bot's token" in bot.said)
        red = bot.red()
        telegram.revoked = False
        answer(telegram, bot, ann)
        bot.wait(lambda: not bot.red())

    assert "telegram" in red
    assert bot.said.count("Telegram refuses the bot's token") == 1
    assert "telegram works again" in bot.said
    assert "Traceback" not in bot.said


def test_at_its_end_it_finishes_its_answer_and_the_next_process_goes_on_from_there(telegram, ann, tmp_path):
    world, chat = telegram.world, telegram.world.private(ann)
    others = [world.private(world.user(f"Reader {number}")) for number in range(10)]
    with Process(telegram, tmp_path) as bot:
        answer(telegram, bot, ann)
        slow = telegram.faults.add(Slow(1.0), method="sendMessage", chat=chat.id)
        world.say(ann, chat, "/topics")
        for other in others:
            world.say(other.user, other, "/topic ctr")
        bot.wait(lambda: slow.struck)
        status = bot.stop(within=10)
    under_way = [call for call in telegram.calls("sendMessage") if call.params["chat_id"] == chat.id][-1]
    with Process(telegram, tmp_path) as bot:
        bot.wait(lambda: all(telegram.messages_in(other) for other in others))
        bot.wait(lambda: not telegram.updates.queue)

    assert status == 0
    assert (under_way.accepted, under_way.status) == (True, 200)
    assert len(telegram.messages_in(chat)) == 2
    assert [len(telegram.messages_in(other)) for other in others] == [1] * 10


# The database, beside it ----------------------------------------------------------------------------------------------


def test_a_question_that_waited_is_answered_with_what_was_remembered(telegram, ann, tmp_path):
    chat = telegram.world.private(ann)
    with Process(telegram, tmp_path) as bot:
        telegram.world.say(ann, chat, "/lang zh")
        bot.wait(lambda: len(telegram.messages_in(chat)) == 1)
        bot.stop()
        telegram.world.say(ann, chat, "/help")
    with Process(telegram, tmp_path) as bot:
        bot.wait(lambda: len(telegram.messages_in(chat)) == 2)

    assert "命令" in telegram.last(chat).text


def test_a_database_that_is_locked_at_the_start_holds_up_no_update_and_no_answer_for_long(telegram, ann, tmp_path):
    database = tmp_path / "heji.db"
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as somebody:
        somebody.execute("BEGIN EXCLUSIVE")
        with Process(telegram, tmp_path, DATABASE_URL=f"sqlite:///{database}") as bot:
            text = answer(telegram, bot, ann)
            red = bot.red()
            somebody.execute("ROLLBACK")
            bot.wait(lambda: not bot.red())
            status = bot.stop()

    assert "深度学习" in text
    assert "database" in red
    assert bot.said.count("database not opened") == 1
    assert "Traceback" not in bot.said
    assert status == 0


@pytest.mark.parametrize("verb", ["run", "serve"])
def test_of_two_processes_with_one_database_one_polls(telegram, ann, tmp_path, database_url, verb):
    """Those that are made for it never get in each other's way. Of `run` on SQLite nobody expects two: the second asks
    once, and sees then.
    """
    with (
        Process(telegram, tmp_path, verb=verb, DATABASE_URL=database_url) as first,
        Process(telegram, tmp_path, verb=verb, DATABASE_URL=database_url) as second,
    ):
        answer(telegram, first, ann)
        for bot in (first, second):
            bot.wait(lambda bot=bot: not bot.red())
        answer(telegram, second, ann)

    conflicts = [call for call in telegram.calls("getUpdates") if call.status == 409]
    assert len(conflicts) <= (2 if verb == "run" and database_url.startswith("sqlite") else 0)
