"""Questions of several threads that are asked as one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.store.together import Together


def held(asked, gate):
    """A database that is slow: each question waits for *gate*, and all keys are new but `old`."""

    def work(keys):
        asked.append(list(keys))
        gate.wait(10)
        if "bad" in keys:
            raise RuntimeError("it broke")
        return {key for key in keys if key != "old"}

    return work


def gathered(keys):
    """What each of *keys* got, the first asked alone, the others while it was under way; and what was asked."""
    asked, gate = [], threading.Event()
    together = Together(held(asked, gate))
    with ThreadPoolExecutor(len(keys)) as threads:
        first = threads.submit(together.is_new, keys[0])
        while not asked:
            pass
        others = [threads.submit(together.is_new, key) for key in keys[1:]]
        while len(together._waiting) < len(others):
            pass
        gate.set()
        return [first, *others], asked


def test_who_comes_while_one_is_under_way_is_part_of_the_next():
    found, asked = gathered(["a", "b", "old", "c"])

    assert [one.result() for one in found] == [True, True, False, True]
    assert [sorted(keys) for keys in asked] == [["a"], ["b", "c", "old"]]


def test_of_two_that_ask_for_the_same_one_came_first():
    found, _ = gathered(["a", "b", "b", "b"])

    assert sorted(one.result() for one in found[1:]) == [False, False, True]


def test_what_breaks_breaks_for_all_that_were_asked_for_and_for_no_others():
    found, _ = gathered(["a", "b", "bad"])

    assert found[0].result() is True
    for one in found[1:]:
        with pytest.raises(RuntimeError, match="it broke"):
            one.result()


def test_after_a_failure_it_goes_on():
    asked, gate = [], threading.Event()
    gate.set()
    together = Together(held(asked, gate))
    with pytest.raises(RuntimeError):
        together.is_new("bad")

    assert together.is_new("a")
    assert not together.is_new("old")
