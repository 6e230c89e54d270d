"""Readers do not wait for a database that hangs, and neither does the end of the program."""

from __future__ import annotations

import threading

import pytest

from bot.errors import StoreReadOnly, StoreUnreachable
from bot.store.patience import MOST_HANGING, Patience


@pytest.fixture
def hanging():
    """A call that hangs until the test is over."""
    over = threading.Event()
    yield over.wait
    over.set()


def test_what_comes_in_time_is_given_and_what_is_raised_too():
    def refuse():
        raise StoreReadOnly("readonly")

    assert Patience(30).wait(lambda: 7) == 7
    with pytest.raises(StoreReadOnly):
        Patience(30).wait(refuse)


def test_a_time_out_of_the_call_s_own_is_not_taken_for_ours():
    def refuse():
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        Patience(30).wait(refuse)


def test_what_hangs_is_said_to_be_unreachable(hanging):
    with pytest.raises(StoreUnreachable, match=r"no answer within 0\.01 s"):
        Patience(0.01).wait(hanging)


def test_after_a_few_that_hang_nobody_tries_until_one_of_them_is_back():
    patience, free, tried = Patience(0.01), threading.Event(), []
    for _ in range(MOST_HANGING):
        with pytest.raises(StoreUnreachable):
            patience.wait(free.wait)
    with pytest.raises(StoreUnreachable, match="answers nobody"):
        patience.wait(lambda: tried.append(1))
    free.set()
    while patience._hanging:
        threading.Event().wait(0.001)
    patience.seconds = 30

    assert tried == []
    assert patience.wait(lambda: 7) == 7
