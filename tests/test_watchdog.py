"""An event loop that is held is told of: for how long, and by what."""

from __future__ import annotations

import asyncio
import logging
import threading

from bot.processes.watchdog import Watchdog


def hold(seconds):
    threading.Event().wait(seconds)


async def watched(work, **options):
    """The lag that is noticed while *work* is done, and that the watchdog ends when it is told to."""
    watchdog = Watchdog(**options)
    watching = asyncio.create_task(watchdog.run())
    await asyncio.sleep(0)
    await work()
    while not watchdog.lag():  # noqa: ASYNC110 - nobody tells when it has measured
        await asyncio.sleep(0.01)
    lag = watchdog.lag()
    watchdog.stop()
    await asyncio.wait_for(watching, 20)
    return lag


def test_a_held_loop_is_a_warning_with_how_long_and_where(caplog):
    async def work():
        hold(0.5)

    with caplog.at_level(logging.WARNING):
        lag = asyncio.run(watched(work, held=0.1, beat=0.02))
    (record,) = [one for one in caplog.records if "hold" in one.getMessage()]

    assert lag >= 0.4
    assert record.getMessage().startswith("event loop held seconds=0.")
    assert " hold, " in record.getMessage()
    assert "test_watchdog.py:" in record.getMessage()


def test_a_loop_that_is_free_is_no_news(caplog):
    async def work():
        await asyncio.sleep(0.1)

    with caplog.at_level(logging.WARNING):
        asyncio.run(watched(work, held=60, beat=0.02))

    assert caplog.records == []


def test_holds_are_forgotten_after_a_while(monkeypatch):
    monkeypatch.setattr("bot.processes.watchdog.LATELY", -1.0)

    async def work():
        watchdog = Watchdog(beat=0.01)
        watching = asyncio.create_task(watchdog.run())
        await asyncio.sleep(0.05)
        watchdog.stop()
        await watching
        return watchdog.lag()

    assert asyncio.run(work()) == 0.0


def test_its_thread_ends_with_it():
    async def work():
        watchdog = Watchdog(beat=0.01)
        watching = asyncio.create_task(watchdog.run())
        await asyncio.sleep(0.02)
        watchdog.stop()
        await watching

    asyncio.run(work())
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(20)

    assert "watchdog" not in {thread.name for thread in threading.enumerate()}
