"""The fake Telegram under the real SDK: who is too fast waits, and what is to go wrong goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from fakes.faults import Cut, Hang, Reply, Slow, in_html, mislabelled
from fakes.telegram import FakeTelegram
from fakes.telegram_faults import broken, too_fast
from fakes.telegram_limits import Limits
from fakes.telegram_sdk import ask, post
from simulated import Clock
from telegram import (
    Bot,
)
from telegram.error import (
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)


@pytest.fixture(autouse=True)
def sdk_counts_in_timedeltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the SDK warns whenever it raises RetryAfter."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telegram(clock: Clock) -> Iterator[FakeTelegram]:
    with FakeTelegram(clock=clock) as telegram:
        yield telegram


# Too fast -------------------------------------------------------------------------------------------------------------


def test_limits_refuse_what_is_too_fast_and_note_who_does_not_wait(clock):
    with FakeTelegram(limits=Limits(), clock=clock) as telegram:
        chat = telegram.world.private(telegram.world.user("Ann"))
        other = telegram.world.private(telegram.world.user("Bob"))
        ask(telegram, *[lambda bot: bot.send_message(chat.id, "a")] * 3)
        with pytest.raises(RetryAfter) as told:
            ask(telegram, lambda bot: bot.send_message(chat.id, "a"))
        assert not telegram.violations
        status, answer = post(telegram, "sendMessage", chat_id=chat.id, text="a")

        assert told.value.retry_after.total_seconds() == 3
        assert (status, answer["parameters"]) == (429, {"retry_after": 3})
        assert answer["description"] == "Too Many Requests: retry after 3"
        assert [(one.method, one.where, one.early) for one in telegram.violations] == [
            ("sendMessage", str(chat.id), 3.0)
        ]
        ask(telegram, lambda bot: bot.send_message(other.id, "a"))
        clock.now += 3
        ask(telegram, lambda bot: bot.send_message(chat.id, "a"))
        assert len(telegram.messages_in(chat)) == 4


@pytest.mark.parametrize(("scale", "taken"), [(1, 20), (2, 20), (4, 40)])
def test_groups_have_a_limit_for_a_minute_which_can_be_scaled(clock, scale, taken):
    with FakeTelegram(limits=Limits(scale=scale), clock=clock) as telegram:
        group = telegram.world.group("Reading", owner=telegram.world.user("Ann"))
        statuses = []
        for _ in range(2):
            statuses += [post(telegram, "sendMessage", chat_id=group.id, text="a")[0] for _ in range(20)]
            clock.now += 15

        assert statuses.count(200) == taken


def test_thirty_messages_a_second_are_enough_for_everybody(clock):
    with FakeTelegram(limits=Limits(), clock=clock) as telegram:
        chats = [telegram.world.private(telegram.world.user(f"Reader {n}")) for n in range(31)]
        statuses = [post(telegram, "sendMessage", chat_id=chat.id, text="a")[0] for chat in chats]

        assert statuses == [200] * 30 + [429]


# Mishaps --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "error", "arrived"),
    [
        (too_fast(7), RetryAfter, False),
        (in_html(429), NetworkError, False),
        (broken(500), NetworkError, False),
        (in_html(502), NetworkError, False),
        (Reply(200, b'{"ok": true, "resu', accepted=True), TelegramError, True),
        (Cut(), NetworkError, False),
        (Cut(accepted=True), NetworkError, True),
        (Hang(), TimedOut, False),
        (Hang(accepted=True), TimedOut, True),
    ],
)
def test_mishap_reaches_the_caller_and_the_journal_knows_what_arrived(telegram, deed, error, arrived):
    chat = telegram.world.private(telegram.world.user("Ann"))
    telegram.faults.add(deed, method="sendMessage", chat=chat.id)
    with pytest.raises(error):
        ask(telegram, lambda bot: bot.send_message(chat.id, "a", read_timeout=0.2 if isinstance(deed, Hang) else 10))

    assert len(telegram.messages_in(chat)) == arrived
    (call,) = telegram.calls("sendMessage")
    assert (call.accepted, call.deed) == (arrived, deed)
    assert (call.status is None) == isinstance(deed, Cut | Hang)


@pytest.mark.parametrize("deed", [Slow(0.01), mislabelled()])
def test_slow_or_mislabelled_answer_is_an_answer(telegram, deed):
    chat = telegram.world.private(telegram.world.user("Ann"))
    fault = telegram.faults.add(deed, method="sendMessage")

    assert ask(telegram, lambda bot: bot.send_message(chat.id, "a")).text == "a"
    assert fault.struck == 1


def test_pause_that_a_fault_asked_for_is_to_be_kept(telegram, clock):
    chat = telegram.world.private(telegram.world.user("Ann"))
    telegram.faults.add(too_fast(7), method="sendMessage")
    statuses = [post(telegram, "sendMessage", chat_id=chat.id, text="a")[0] for _ in range(2)]
    clock.now += 7
    statuses.append(post(telegram, "sendMessage", chat_id=chat.id, text="a")[0])

    assert statuses == [429, 429, 200]
    assert len(telegram.violations) == 1


def test_faults_fall_where_they_are_told_to(telegram):
    ann, bob = (telegram.world.private(telegram.world.user(name)) for name in ("Ann", "Bob"))
    telegram.faults.add(broken(), method="sendMessage", chat=bob.id, nth=2, times=2)
    sent = {
        chat.id: [post(telegram, "sendMessage", chat_id=chat.id, text="a")[0] for _ in range(4)] for chat in (ann, bob)
    }

    assert sent == {ann.id: [200] * 4, bob.id: [200, 500, 500, 200]}
    telegram.faults.add(broken(), times=None)
    assert post(telegram, "getMe")[0] == 500
    telegram.faults.clear()
    assert post(telegram, "getMe")[0] == 200


def test_same_seed_brings_the_same_mishaps():
    def struck(seed: int) -> list[int]:
        with FakeTelegram(seed=seed) as telegram:
            telegram.faults.add(broken(), times=None, probability=0.5)
            return [post(telegram, "getMe")[0] for _ in range(30)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert set(struck(1)) == {200, 500}


def test_server_that_does_not_listen_refuses_and_comes_back(telegram):
    async def refused_and_back(bot: Bot) -> str:
        await telegram.stop_listening()
        with pytest.raises(NetworkError, match="ConnectError"):
            await bot.get_me()
        await telegram.listen()
        return (await bot.get_me()).username

    assert ask(telegram, refused_and_back) == "heji_bot"


def test_another_process_can_call_while_the_test_waits(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    script = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], sys.argv[2].encode()).read()"
    url = f"{telegram.url}/bot{telegram.token}/sendMessage"
    process = subprocess.Popen([sys.executable, "-c", script, url, f"chat_id={chat.id}&text=hello"])
    telegram.wait(lambda: telegram.messages_in(chat))

    assert process.wait(20) == 0
    assert telegram.last(chat).text == "hello"


def test_what_does_not_happen_is_said_with_the_latest_calls(telegram):
    post(telegram, "getChat", chat_id=99)
    with pytest.raises(AssertionError, match="getChat 400 Bad Request: chat not found"):
        telegram.wait(lambda: telegram.calls("leaveChat"), patience=0)
