"""A database that is slow, and nothing else: sending becomes slower than its pace, and does not stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from correspondents import Correspondent, outbox, planner, subscribe
from simulated import Clock, run

from bot.delivery.pace import rates
from bot.store.store import Store


class Slow:
    """Every call to the store takes *seconds*, one after the other, as on a disk that syncs slowly."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()

    async def __call__(self, work: Callable[[], object]) -> object:
        async with self._turn:
            await asyncio.sleep(self._seconds)
        return work()


# Found by the chaos run on a machine with ten times its load: nothing was sent at all, and much of it was held.
@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.3])
def test_a_slow_database_slows_sending_and_does_not_stop_it(seconds):
    clock = Clock()
    store = Store.open(clock=clock)
    telegram = Correspondent(clock=clock)
    subscribe(store, *(f"telegram:{n}" for n in range(1, 101)))
    planner(store).post(key="k")
    begun = clock.now

    async def work() -> None:
        await asyncio.wait_for(outbox(store, telegram, rates=rates(), call=Slow(seconds)).drain(), 300)

    run(clock, work())
    assert store.ledger.counts() == {"sent": 100}
    assert set(Counter(chat for _, chat, _ in telegram.journal).values()) == {1}
    assert clock.now - begun < 60
