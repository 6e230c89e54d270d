"""How the app is told: through a socket or at its door, once or until it takes it.

Events come up to four times, until they are acknowledged within three seconds. Commands and interactions come once.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from fakes.slack_door import Door
from fakes.slack_socket import Sockets
from fakes.slack_telling import ACK_SECONDS, Attempt, Outcome, Told
from fakes.slack_world import App, Shape

RETRIES = (0.0, 60.0, 300.0)
"""Seconds before each retry of an event."""


class Deliveries:
    """*told* is all that the app was told, in order. *patience*: seconds in which it must acknowledge.

    *retries*: the pauses before events come again. *answered* takes what came with an acknowledgement.
    """

    def __init__(
        self, app: App, changed: threading.Condition, clock: Callable[[], float], answered: Callable[[Told, Any], None]
    ) -> None:
        self.told: list[Told] = []
        self.sockets = Sockets(app)
        self.door = Door(app, clock)
        self.patience = ACK_SECONDS
        self.retries = RETRIES
        self.complaints: list[str] = []
        self._app = app
        self._changed = changed
        self._clock = clock
        self._answered = answered
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._acks: dict[str, asyncio.Future[Shape]] = {}
        self._numbers = itertools.count(1)

    def tell(self, told: Told) -> None:
        """From any thread."""
        with self._changed:
            self.told.append(told)
        self._soon(self._deliver, told)

    def again(self, told: Told, reason: str = "timeout") -> None:
        """Tell it once more, acknowledged or not, as Slack does where an acknowledgement got lost. From any thread."""
        self._soon(self._repeat, told, reason)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        self._loop = None
        self.sockets.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def moved(self) -> None:
        """There is one connection more, or one less."""
        with self._changed:
            self._changed.notify_all()

    def heard(self, frame: Shape) -> None:
        """What the app sent through a socket: an acknowledgement, or something that deserves a complaint."""
        # Through whichever connection: the SDK acknowledges through the one that it has by now.
        ack = self._acks.get(frame.get("envelope_id", ""))
        if set(frame) - {"envelope_id", "payload"} or "envelope_id" not in frame:
            self.complaints.append(f"no acknowledgement: {sorted(frame)}")
        elif ack is None:
            self.complaints.append(f"acknowledged too late, or what nobody asked: {frame['envelope_id']}")
        elif not ack.done():
            ack.set_result(frame)
        with self._changed:
            self._changed.notify_all()

    def _soon(self, work: Callable[..., Any], *args: Any) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(lambda: self._keep(loop.create_task(work(*args))))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.complaints.append(f"this broke the fake: {error!r}")

    async def _deliver(self, told: Told) -> None:
        outcome = Outcome()
        pauses = self.retries if told.kind == "events_api" else ()
        for number, pause in enumerate((0.0, *pauses)):
            await asyncio.sleep(pause)
            outcome = await self._attempt(told, number, outcome.reason)
            if outcome.took is not None or outcome.final:
                break
        if not told.acked:
            with self._changed:
                told.failure = outcome.reason
                self._changed.notify_all()

    async def _repeat(self, told: Told, reason: str) -> None:
        await self._attempt(told, len(told.attempts), reason)

    async def _attempt(self, told: Told, number: int, reason: str) -> Outcome:
        # Nobody documents whether a retry keeps the id of its envelope. What happened has an id of its own.
        envelope_id = f"dbdd0ef3-0000-4000-8000-{next(self._numbers):012d}"
        attempt = Attempt(self._clock(), number, envelope_id, reason=reason)
        with self._changed:
            told.attempts.append(attempt)
        way = self._through_a_socket if self._app.socket_mode else self._at_the_door
        outcome = await way(told, attempt)
        with self._changed:
            attempt.took, attempt.status, attempt.answer = outcome.took, outcome.status, outcome.answer
            if outcome.took is not None:
                self._answered(told, outcome.answer)
            self._changed.notify_all()
        return outcome

    async def _through_a_socket(self, told: Told, attempt: Attempt) -> Outcome:
        connection = self.sockets.next()
        if connection is None:
            return Outcome("dispatch_failed")
        attempt.connection = connection.number
        started = time.monotonic()
        ack = self._acks[attempt.envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await connection.hand_over(told, attempt)
            frame = await asyncio.wait_for(ack, self.patience)
        except (TimeoutError, ConnectionError):
            return Outcome("timeout")
        finally:
            del self._acks[attempt.envelope_id]
        if "payload" in frame and told.kind == "events_api":
            self.complaints.append("an event takes no payload with its acknowledgement")
        return Outcome(took=time.monotonic() - started, answer=frame.get("payload"))

    async def _at_the_door(self, told: Told, attempt: Attempt) -> Outcome:
        self.door.patience = self.patience
        answer = await self.door.post(self.door.request(told, attempt))
        final = "X-Slack-No-Retry" in answer.headers
        return Outcome(answer.reason, answer.seconds if answer.taken else None, answer.status, answer.said, final)
