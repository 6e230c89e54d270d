from __future__ import annotations

import pytest

from bot.platforms.flood import BUTTON, Flood


class Clock:
    """Seconds, moved by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def flood(clock):
    return Flood(clock=clock)


def judged(flood, n, user="telegram:7", chat="telegram:-1", cost=1.0):
    return [flood.judge(user, chat, cost) for _ in range(n)]


def test_thirty_at_once_are_answered_then_one_slow_down_then_silence(flood):
    verdicts = judged(flood, 40)

    assert verdicts == ["answer"] * 30 + ["slow-down"] + ["silence"] * 9


def test_three_a_second_come_back(flood, clock):
    judged(flood, 40)
    clock.now += 2

    assert judged(flood, 8) == ["answer"] * 6 + ["silence"] * 2


def test_a_button_counts_a_quarter(flood):
    assert judged(flood, 121, cost=BUTTON).count("answer") == 120


def test_slow_down_is_said_once_a_minute(flood, clock):
    judged(flood, 31)
    clock.now += 59
    verdicts = judged(flood, 40)
    clock.now += 2
    later = judged(flood, 40)

    assert "slow-down" not in verdicts
    assert later.count("slow-down") == 1


def test_a_chat_has_its_own_measure_whoever_asks(flood, clock):
    verdicts = [flood.judge(f"telegram:{n}", "telegram:-1") for n in range(70)]

    assert verdicts == ["answer"] * 60 + ["slow-down"] + ["silence"] * 9
    assert flood.judge("telegram:0", "telegram:-2") == "answer"


def test_who_floods_one_group_does_not_use_up_the_measure_of_the_others(flood):
    judged(flood, 500)

    assert flood.judge("telegram:8", "telegram:-1") == "answer"


def test_nobody_in_particular_is_measured_by_their_chat_alone(flood):
    assert judged(flood, 70, user="").count("answer") == 60


def test_what_is_remembered_of_strangers_has_a_limit(clock):
    flood = Flood(kept=10, clock=clock)
    for n in range(1000):
        flood.judge(f"telegram:{n}", "")

    assert len(flood._buckets) == 10


def test_a_clock_that_was_set_back_gives_and_takes_no_more_than_a_bucket(flood, clock):
    judged(flood, 31)
    clock.now -= 5
    judged(flood, 1)
    clock.now += 1_000_000

    assert judged(flood, 40).count("answer") == 30
