from __future__ import annotations

import asyncio

from bot.delivery.clock import Clock


def test_jobs_run_at_once_and_a_broken_one_is_logged_and_stops_nothing(caplog):
    ran: list[str] = []
    done = asyncio.Event()

    async def broken() -> None:
        raise RuntimeError("no such table")

    async def tick() -> None:
        ran.append("tick")
        done.set()

    async def work() -> None:
        clock = Clock()
        clock.every(3600, broken, "broken")
        clock.every(3600, tick, "tick")
        clock.start()
        async with asyncio.timeout(10):
            await done.wait()
        await clock.stop()

    asyncio.run(work())
    assert ran == ["tick"]
    assert "job failed name=broken" in caplog.text


def test_a_clock_that_never_started_can_be_stopped():
    asyncio.run(Clock().stop())


def test_a_clock_that_is_stopped_at_once_has_nothing_to_complain_of(caplog):
    async def tick() -> None:
        await asyncio.sleep(0)

    async def work() -> None:
        clock = Clock()
        clock.every(3600, tick, "tick")
        clock.start()
        await clock.stop()
        await asyncio.sleep(0)

    asyncio.run(work())

    assert caplog.text == ""
