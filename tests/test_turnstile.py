"""Updates that come at about the same moment are looked up as one question."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.platforms.turnstile import Turnstile


class Database:
    """All keys are new to it but `old`; it breaks at `bad`, and is held up while *free* is not set."""

    def __init__(self):
        self.asked = []
        self.begun = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def __call__(self, keys):
        self.asked.append(list(keys))
        self.begun.set()
        assert self.free.wait(20)
        if "bad" in keys:
            raise RuntimeError("it broke")
        return {key for key in keys if key != "old"}


@pytest.fixture
def database():
    made = Database()
    yield made
    made.free.set()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as threads:
        yield threads


async def gathered(turnstile, *keys):
    return await asyncio.gather(*map(turnstile.passes, keys), return_exceptions=True)


def test_who_comes_at_the_same_moment_is_asked_for_together(database, threads):
    async def scene():
        return await gathered(Turnstile(database, threads), "a", "old", "b")

    assert asyncio.run(scene()) == [True, False, True]
    assert database.asked == [["a", "old", "b"]]


def test_who_comes_while_one_is_asked_for_is_part_of_the_next(database, threads):
    async def scene():
        turnstile = Turnstile(database, threads)
        database.free.clear()
        first = asyncio.create_task(turnstile.passes("a"))
        await asyncio.to_thread(database.begun.wait, 20)
        others = [asyncio.create_task(turnstile.passes(key)) for key in "bc"]
        await asyncio.sleep(0)  # each of them has its first turn
        database.free.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(scene()) == [True, True, True]
    assert database.asked == [["a"], ["b", "c"]]


def test_of_two_that_are_the_same_one_came_first(database, threads):
    async def scene():
        return await gathered(Turnstile(database, threads), "a", "a", "b")

    assert asyncio.run(scene()) == [True, False, True]


def test_what_breaks_breaks_for_those_who_were_asked_for_and_it_goes_on(database, threads):
    async def scene():
        turnstile = Turnstile(database, threads)
        return await gathered(turnstile, "a", "bad"), await gathered(turnstile, "b", "old")

    broken, after = asyncio.run(scene())

    assert [str(error) for error in broken] == ["it broke", "it broke"]
    assert after == [True, False]


def test_a_database_that_hangs_holds_up_nobody_and_is_asked_again_when_it_is_back(database, threads):
    async def scene():
        turnstile = Turnstile(database, threads, patience=0.01)
        database.free.clear()
        during = [*await gathered(turnstile, "old"), *await gathered(turnstile, "old")]
        hanging = turnstile._asking
        database.free.set()
        await hanging
        turnstile._patience = 20.0
        return during, await gathered(turnstile, "old")

    during, after = asyncio.run(scene())

    assert during == [True, True]
    assert database.asked == [["old"], ["old"]]
    assert after == [False]


def test_whoever_is_broken_off_takes_nobody_along(database, threads):
    async def scene():
        turnstile = Turnstile(database, threads)
        leaving, staying = (asyncio.create_task(turnstile.passes(key)) for key in "ab")
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying, leaving.cancelled()

    assert asyncio.run(scene()) == (True, True)
