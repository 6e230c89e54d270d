from __future__ import annotations

import asyncio

import pytest

from bot.app import build
from bot.errors import StoreUnreachable
from bot.processes import running
from bot.processes.crew import Crew
from bot.settings import Settings
from bot.store.memory import Memory


class Worker:
    """A part that notes what becomes of it; *error* is raised as soon as it runs."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.stopped = asyncio.Event()
        self.ended = False

    def stop(self):
        self.stopped.set()

    async def run(self):
        if self.error:
            raise self.error
        await self.stopped.wait()
        self.ended = True


def test_all_run_until_they_are_stopped():
    async def go():
        crew, workers = Crew(), [Worker(), Worker()]
        crew.take_on(*workers)
        asyncio.get_running_loop().call_soon(crew.stop)
        await asyncio.wait_for(crew.finish(), 5)
        return [worker.ended for worker in workers]

    assert asyncio.run(go()) == [True, True]


def test_when_one_breaks_the_others_finish_and_its_error_is_raised():
    async def go():
        crew, worker = Crew(), Worker()
        crew.take_on(worker, Worker(RuntimeError("broken")))
        with pytest.raises(RuntimeError, match="broken"):
            await asyncio.wait_for(crew.finish(), 5)
        return worker.ended

    assert asyncio.run(go())


def test_who_comes_when_all_were_stopped_says_goodbye_at_once():
    async def go():
        crew, late = Crew(), Worker()
        crew.stop()
        crew.take_on(late)
        await asyncio.wait_for(crew.finish(), 5)
        return late.ended

    assert asyncio.run(go())


# Who goes and asks for updates, first ---------------------------------------------------------------------------------


class Listener:
    def __init__(self, after: float) -> None:
        self.listening = asyncio.Event()
        asyncio.get_running_loop().call_later(after, self.listening.set)


def test_the_rest_waits_until_all_listen():
    async def go():
        listeners = [Listener(after=0.0), Listener(after=0.05)]
        await running._listening(listeners)
        return [listener.listening.is_set() for listener in listeners]

    assert asyncio.run(go()) == [True, True]


def test_it_does_not_wait_for_a_network_that_is_away(monkeypatch):
    monkeypatch.setattr(running, "HEAD_START", 0.05)

    async def go():
        away = Listener(after=3600)
        await asyncio.wait_for(running._listening([away]), 60)
        return away.listening.is_set()

    assert not asyncio.run(go())


# The store ------------------------------------------------------------------------------------------------------------


def test_a_store_that_is_open_stays_in_use_though_its_first_write_failed(tmp_path, monkeypatch, caplog):
    def busy(*_):
        raise StoreUnreachable("it is busy")

    (tmp_path / "list.md").write_text("## ctr\n\n[On ctr](https://example.org/ctr)\n")
    app = build(Settings(content=(str(tmp_path),), database_url=f"sqlite:///{tmp_path}/heji.db"))
    monkeypatch.setattr(Memory, "notice_items", busy)
    running._open(app)
    monkeypatch.undo()
    app.tick()
    watched = app.store.memory.watched_since()
    app.store.close()

    assert app.trouble is None
    assert watched is not None
    assert "new items are noticed later" in caplog.text
