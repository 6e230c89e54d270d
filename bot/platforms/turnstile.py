"""Let every update pass once: those that come at about the same moment are looked up together, in one commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor

GATHERING = 0.003
"""Seconds that the first waits for others: a synced commit takes as long, and costs more than all else in an answer."""

PATIENCE = 2.0
"""Seconds that are waited for a database. Who then passes is known to be new to this process alone."""

logger = logging.getLogger(__name__)


class Turnstile:
    """*ask* says which of some keys come for the first time; it is called in *threads*, one call at a time.

    It belongs to one event loop.
    """

    def __init__(
        self, ask: Callable[[Sequence[str]], Collection[str]], threads: Executor, *, patience: float = PATIENCE
    ) -> None:
        self._ask = ask
        self._threads = threads
        self._patience = patience
        self._waiting: list[tuple[str, asyncio.Future[bool]]] = []
        self._turning: asyncio.Task[None] | None = None
        self._asking: asyncio.Future[Collection[str]] | None = None

    async def passes(self, key: str) -> bool:
        """Whether *key* comes for the first time. Raises what *ask* raises."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._turning is None or self._turning.done():
            self._turning = asyncio.create_task(self._turn())
        return await future

    async def _turn(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHERING)
            batch, self._waiting = self._waiting, []
            try:
                new = set(await self._new([key for key, _ in batch]))
            except Exception as error:  # noqa: BLE001 - whoever waits is told
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for key, future in batch:
                    if not future.done():  # whoever waited may have been broken off
                        future.set_result(key in new)
                    new.discard(key)  # of two that are the same, one came first

    async def _new(self, keys: Sequence[str]) -> Collection[str]:
        """Those of *keys* that are new; all of them as long as a question hangs."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().run_in_executor(self._threads, self._ask, keys)
            done, _ = await asyncio.wait((self._asking,), timeout=self._patience)
            if done:
                return self._asking.result()
            logger.warning("updates taken for new: no answer within %g s", self._patience)
        return keys
