"""Many small questions in one transaction: whoever comes while one is under way is part of the next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from threading import Lock


class Together:
    """Asks *work* which of some keys are new, for several threads at once. What it raises is raised in each of them.

    The first to come leads: it asks for all that wait by then. Who came meanwhile is led by the first of them.
    """

    def __init__(self, work: Callable[[Sequence[str]], Collection[str]]) -> None:
        self._work = work
        self._lock = Lock()
        self._waiting: list[tuple[str, Future[bool | None]]] = []
        self._led = False

    def is_new(self, key: str) -> bool:
        """Whether *key* is."""
        future: Future[bool | None] = Future()
        with self._lock:
            self._waiting.append((key, future))
            leads, self._led = not self._led, True
        if leads or future.result() is None:  # None: it is this one's turn to lead
            return self._lead(future)
        return bool(future.result())

    def _lead(self, mine: Future[bool | None]) -> bool:
        with self._lock:
            batch, self._waiting = self._waiting, []
        own = False
        try:
            found = set(self._work([key for key, _ in batch]))
        except BaseException as error:
            for _, future in batch:
                if future is not mine:
                    future.set_exception(error)
            raise
        else:
            for key, future in batch:
                new = key in found
                found.discard(key)  # of two that ask for the same, one came first
                if future is mine:
                    own = new
                else:
                    future.set_result(new)
        finally:
            with self._lock:
                self._led = bool(self._waiting)
                if self._led:
                    self._waiting[0][1].set_result(None)
        return own
