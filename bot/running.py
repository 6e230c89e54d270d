"""The processes that stay: the chat on a terminal, and what ticks and delivers beside it or alone."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot import app as rooms
from bot import logs
from bot.app import TERMINAL, App, build, open_store
from bot.chat import commands
from bot.chat.conversation import Command
from bot.chat.message import Message
from bot.errors import StoreError
from bot.output import at_signals, client_language, in_loop_at_signals
from bot.platforms.base import Sent
from bot.platforms.console import Console, read_lines
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.service import Service

log = logging.getLogger(__name__)


def chat() -> None:
    """The chat alone."""
    with at_signals(partial(sys.exit, 0)):
        app = _started(Settings.load(), chatting=True)
        console = Console.on(sys.stdout, next_page="/more")
        try:
            asyncio.run(alone(app, console, read_lines(sys.stdin, sys.stdout)))
        except asyncio.CancelledError:
            _end_amid_a_line(console)
        finally:
            _close(app)


def run() -> None:
    """All in one process. At the end of its input it ends, unless PORT says that this is a host."""
    with at_signals(partial(sys.exit, 0)):
        settings = Settings.load()
        app = _started(settings, chatting=settings.port is None)
        console = Console.on(sys.stdout, next_page="/more")
        try:
            asyncio.run(_run(app, console))
        except asyncio.CancelledError:
            _end_amid_a_line(console)
        finally:
            _close(app)


def work() -> None:
    """Tick and deliver until a signal comes."""
    _serve(delivering=True)


def serve() -> None:
    """Answer until a signal comes."""
    _serve(delivering=False)


def _serve(*, delivering: bool) -> None:
    with at_signals(partial(sys.exit, 0)):
        app = _started(Settings.load(), chatting=False)
        if not delivering:
            log.warning("nothing to answer on: this version speaks no network platform yet; the chat is heji run")
        try:
            asyncio.run(_work(app, delivering=delivering))
        finally:
            _close(app)


def _started(settings: Settings, *, chatting: bool) -> App:
    """The App with its store, if that can be opened: who chats can do without, and `Service` tries again."""
    if chatting and "log_level" not in settings.model_fields_set:
        # Lines of the log between those of the chat are for nobody, unless something went wrong.
        settings = settings.model_copy(update={"log_level": "WARNING"})
    logs.set_up(settings, sys.stderr)
    app = build(settings, clock=rooms.now)
    try:
        app.attach(open_store(settings))
        app.notice()
    except StoreError as error:
        log.error("database not opened: %s", error)
    return app


def _close(app: App) -> None:
    if app.store is not None:
        app.store.close()


def _end_amid_a_line(console: Console) -> None:
    """The thread that waits for the keyboard holds the lock of stdin, without which Python cannot end in order."""
    if console.columns is not None:
        print(flush=True)
    _exit()


def _exit() -> None:
    sys.stdout.flush()
    os._exit(0)


async def _work(app: App, *, delivering: bool) -> None:
    service = _service(app, Console.on(sys.stdout) if delivering else None)
    with in_loop_at_signals(service.stop):
        await service.run()
    if service.busy:
        _exit()


async def alone(app: App, console: Console, lines: AsyncIterator[str]) -> None:
    """The chat with nothing beside it: a signal cancels it."""
    talk = asyncio.current_task()
    assert talk is not None
    with in_loop_at_signals(talk.cancel):
        await converse(app, console, lines)


async def _run(app: App, console: Console) -> None:
    """The chat and the service beside each other; what ends first decides.

    input ended ──▶ PORT set: the service goes on alone, until a signal
                └─▶ else, or at /quit: the service stops
    a signal ─────▶ both stop; what is in flight is finished
    """
    service = _service(app, console)
    working = asyncio.create_task(service.run())
    talking = asyncio.create_task(converse(app, console, read_lines(sys.stdin, sys.stdout)))

    def end() -> None:
        talking.cancel()
        service.stop()

    with in_loop_at_signals(end):
        await asyncio.wait([working, talking], return_when=asyncio.FIRST_COMPLETED)
        if working.done():  # it broke: there is no chat over a broken service
            talking.cancel()
        elif talking.cancelled() or talking.exception() or talking.result() or app.settings.port is None:
            service.stop()
        await working
        cancelled = (await asyncio.gather(talking, return_exceptions=True))[0]
    if isinstance(cancelled, asyncio.CancelledError):
        raise cancelled
    if isinstance(cancelled, Exception):
        raise cancelled
    if service.busy:
        _exit()


def _service(app: App, console: Console | None) -> Service:
    from bot.platforms.file import File
    from bot.service import Service

    platforms = None if console is None else (console, File())
    return Service(app, partial(open_store, app.settings), platforms)


# -- the chat ----------------------------------------------------------------------------------------------------------


async def converse(app: App, console: Console, lines: AsyncIterator[str]) -> bool:
    """Question and answer until the lines end; whether the reader said goodbye. On a terminal the bot speaks first.

    Cancelled, it ends while it waits for a line; an answer that was begun is said to its end.
    """
    me = Command(chat=str(TERMINAL), user="console:me", role="curator", language=client_language())
    if console.columns is not None:
        await _say(app.answer(replace(me, name="start")), console)
    async for line in lines:
        if line.strip().casefold() in ("/quit", "/exit", "/q"):
            return True
        if not line.strip():
            continue
        app.refresh()
        if (command := commands.read(line, me)) is not None and not await _say(app.answer(command), console):
            return False
    return False


async def _say(message: Message, console: Console) -> bool:
    for payload in console.render(message):
        if not isinstance(await console.send({**payload, "params": {"text": payload["params"]["text"] + "\n"}}), Sent):
            return False
    return True
