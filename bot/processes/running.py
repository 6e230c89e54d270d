"""The processes that stay: the chat on a terminal, and what ticks and delivers beside it or alone."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bot import app as rooms
from bot.app import TERMINAL, App, build, open_store
from bot.chat import commands
from bot.chat.conversation import Command
from bot.chat.message import Message
from bot.errors import StoreError
from bot.front import networks
from bot.front.networks import Line
from bot.output import client_language, in_loop, in_loop_at_signals
from bot.platforms.base import Platform, Receiver, Sent
from bot.platforms.console import Console, read_lines
from bot.processes import logs
from bot.processes.crew import Crew
from bot.processes.watchdog import Watchdog
from bot.settings import Settings
from bot.store.patience import Patience, in_thread

if TYPE_CHECKING:
    from bot.processes.presence import Presence
    from bot.processes.service import Service
    from bot.web.health import Signs

log = logging.getLogger(__name__)
T = TypeVar("T")

OPENING = 5.0
"""Seconds that a process waits for its database at the start; then it goes on without, and tries again beside it."""

SETTLED = 2.0
"""Seconds after which a process has imported and made what it keeps."""

HEAD_START = 0.5
"""Seconds that those who go and ask for updates have before all else, which would take turns with them at the CPU."""

LAST_WORD = 3.0
"""Seconds that an answer which was begun may take when a signal comes."""


def chat(settings: Settings) -> None:
    """The chat alone."""
    app = _started(settings, chatting=True)
    console = Console.on(sys.stdout, next_page="/more")
    try:
        in_loop(lambda: alone(app, console, read_lines(sys.stdin, sys.stdout)))
    except asyncio.CancelledError:
        _end_amid_a_line(console)
    finally:
        _close(app)


def run(settings: Settings) -> None:
    """All in one process. Without a token the chat is here, and the end of its input is the end, unless PORT says that
    this is a host.
    """
    chatting = not settings.has_token
    with_store = chatting or settings.on_postgresql  # which is for several, as `serve` is
    app = _started(settings, chatting=chatting and settings.port is None, with_store=with_store)
    console = Console.on(sys.stdout, next_page="/more")
    try:
        in_loop(lambda: _run(app, console) if chatting else _serve(app, console))
    except asyncio.CancelledError:
        _end_amid_a_line(console)
    finally:
        _close(app)


def work(settings: Settings) -> None:
    """Tick and deliver until a signal comes."""
    app = _started(settings)
    try:
        in_loop(lambda: _serve(app, Console.on(sys.stdout), answering=False))
    finally:
        _close(app)


def serve(settings: Settings) -> None:
    """Answer until a signal comes."""
    app = _started(settings)
    if not settings.has_token:
        log.warning("nobody to answer: set TELEGRAM_BOT_TOKEN or SLACK_BOT_TOKEN; the chat on a terminal is heji run")
    try:
        in_loop(lambda: _serve(app, None))
    finally:
        _close(app)


def _started(settings: Settings, *, chatting: bool = False, with_store: bool = True) -> App:
    """The App; with its store, which says who of several processes asks for updates, or without, to open it later."""
    logs.set_up(logs.for_people(settings) if chatting else settings, sys.stderr)
    app = build(settings, clock=rooms.now)
    if with_store:
        _open(app)
    return app


def _open(app: App) -> None:
    """Give *app* its store, if that can be opened: who chats can do without, and `Service` tries again."""
    try:
        app.attach(Patience(OPENING).wait(partial(open_store, app.settings)))
    except StoreError as error:
        app.trouble = error
        log.error("database not opened: %s", error)
    else:
        app.notice_if_possible()


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


async def _serve(app: App, console: Console | None, *, answering: bool = True) -> None:
    """Deliver, also to *console* if there is one, and answer, until a signal comes.

    Whoever goes and asks for updates does so first, and answers when the store is open; it and all else that there is
    to import is, beside them, in a thread.
    """
    opened, crew = asyncio.Event(), Crew()
    if app.store or app.trouble:
        opened.set()
    lines = networks.lines(app, answering=answering, opened=opened)
    asking = [line.receiver for line in lines if line.receiver and not line.receiver.webhook]
    with in_loop_at_signals(crew.stop):
        crew.take_on(*asking)
        await _listening(asking)
        if not opened.is_set():
            await asyncio.to_thread(_open, app)
            opened.set()
        await asyncio.to_thread(_furnish, answering=answering, metrics=app.settings.metrics)
        service, watchdog = _service(app, console, lines), Watchdog()
        crew.take_on(service, watchdog)
        if answering:
            crew.take_on(_presence(app, lines, service, watchdog))
        _settle_soon()
        await crew.finish()
    for line in lines:
        await line.network.close()
    if service.busy:
        _exit()


async def _listening(receivers: Iterable[Receiver]) -> None:
    """Wait until all *receivers* listen, but not for a network that is slow or away."""
    if waiting := [asyncio.create_task(receiver.listening.wait()) for receiver in receivers]:
        _, late = await asyncio.wait(waiting, timeout=HEAD_START)
        for one in late:
            one.cancel()


def _furnish(*, answering: bool, metrics: bool) -> None:
    """Import what `_service` and `_presence` will."""
    from bot.processes import service  # noqa: F401

    if answering:
        from bot.processes import presence  # noqa: F401
    if answering and metrics:
        from bot.web import metrics as _  # noqa: F401


def _settle_soon() -> None:
    """Garbage is looked for again when the process has settled, and only in what is made from then on.

    What a start leaves behind is next to nothing, and to look for it would hold the loop up for a fifth of a second.
    """

    def settle() -> None:
        gc.freeze()
        gc.enable()

    asyncio.get_running_loop().call_later(SETTLED, settle)


async def alone(app: App, console: Console, lines: AsyncIterator[str]) -> None:
    """The chat with nothing beside it but the search for a database that was not there: a signal cancels it."""
    talk = asyncio.current_task()
    assert talk is not None
    service = _service(app) if app.trouble else None
    searching = asyncio.create_task(service.run()) if service else None
    _settle_soon()
    try:
        with in_loop_at_signals(talk.cancel):
            await converse(app, console, lines)
    finally:
        if service and searching:
            service.stop()
            await searching
    if service and service.busy:
        _exit()


async def _run(app: App, console: Console) -> None:
    """The chat, the service and the site beside each other; what ends first decides.

    input ended ──▶ PORT set: the service goes on alone, until a signal
                └─▶ else, or at /quit: the service stops
    a signal ─────▶ both stop; what is in flight is finished
    """
    service, watchdog, crew = _service(app, console), Watchdog(), Crew()
    crew.take_on(service, _presence(app, (), service, watchdog))
    if app.settings.port is not None:  # a host; nobody at a terminal is helped by what it has to say
        crew.take_on(watchdog)
    working = asyncio.create_task(crew.finish())
    talking = asyncio.create_task(converse(app, console, read_lines(sys.stdin, sys.stdout)))

    def end() -> None:
        talking.cancel()
        crew.stop()

    _settle_soon()
    with in_loop_at_signals(end):
        await asyncio.wait([working, talking], return_when=asyncio.FIRST_COMPLETED)
        if working.done():  # it broke: there is no chat over a broken service
            talking.cancel()
        elif talking.cancelled() or talking.exception() or talking.result() or app.settings.port is None:
            crew.stop()
        await working
        cancelled = (await asyncio.gather(talking, return_exceptions=True))[0]
    if isinstance(cancelled, asyncio.CancelledError):
        raise cancelled
    if isinstance(cancelled, Exception):
        raise cancelled
    if service.busy:
        _exit()


def _service(app: App, console: Console | None = None, lines: Sequence[Line] = ()) -> Service:
    """What ticks; it delivers as well where there is a *console*, and on *lines*."""
    from bot.platforms.file import File
    from bot.processes.service import Service

    platforms: list[Platform] | None = None
    if console is not None:
        platforms = [console, File(), *(line.network for line in lines)]
    return Service(app, partial(open_store, app.settings), platforms)


def _presence(app: App, lines: Sequence[Line], service: Service, watchdog: Watchdog) -> Presence:
    from bot.processes.presence import Presence
    from bot.web.health import judge

    def signs() -> Signs:
        return service.signs({line.network.name: (line.receiver or line.network).status for line in lines})

    metrics = None
    if app.settings.metrics:
        from bot.web.metrics import Metrics, Reading

        def reading() -> Reading:
            found, now, library = signs(), app.clock(), app.library
            problems = Counter[str](problem.severity for problem in library.problems)
            return Reading(now, found, judge(found, now), watchdog.lag(), len(library.items), problems, app.loaded)

        metrics = Metrics(reading)
        app.measured = metrics.answered
    return Presence(app, lines, lambda: judge(signs(), app.clock()), metrics)


# -- the chat ----------------------------------------------------------------------------------------------------------


async def converse(app: App, console: Console, lines: AsyncIterator[str]) -> bool:
    """Question and answer until the lines end; whether the reader said goodbye. On a terminal the bot speaks first.

    Cancelled, it ends while it waits for a line; an answer that was begun is said to its end, if that comes soon.
    """
    me = Command(chat=str(TERMINAL), user="console:me", role="curator", language=client_language())
    if console.columns is not None:
        await _to_its_end(_answer(app, replace(me, name="start"), console))
    async for line in lines:
        if line.strip().casefold() in ("/quit", "/exit", "/q"):
            return True
        command = commands.read(line, me) if line.strip() else None
        if command is not None and not await _to_its_end(_answer(app, command, console)):
            return False
    return False


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """What *work* gives; cancelled, it is given LAST_WORD seconds more."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=LAST_WORD)
        raise


async def _answer(app: App, command: Command, console: Console) -> bool:
    """Answer in a thread, so that a database that hangs holds up nothing else; whether anybody reads it."""

    def answer() -> Message:
        app.refresh()
        return app.answer(command).message

    for payload in console.render(await asyncio.wrap_future(in_thread(answer))):
        if not isinstance(await console.send({**payload, "params": {"text": payload["params"]["text"] + "\n"}}), Sent):
            return False
    return True
