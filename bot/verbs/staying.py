"""The verbs of the processes that stay. They take no arguments: the environment says all."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from bot.output import at_signals

if TYPE_CHECKING:
    from bot.settings import Settings


@contextmanager
def _starting() -> Iterator[Settings]:
    """A signal ends the process from its first moment on, and nobody looks for garbage until `running` has settled:
    nearly all that a start makes stays, and to go through it again and again takes a sixth of the start.
    """
    gc.disable()
    try:
        with at_signals(partial(sys.exit, 0)):
            from bot.settings import Settings

            settings = Settings.load()
            if settings.has_token:  # reads the world's certificates, for which nobody needs to wait
                Thread(target=import_module, args=("aiohttp",), daemon=True).start()
            yield settings
    finally:
        gc.enable()


def run() -> None:
    """Start the bot: chat, scheduler and delivery in one process. Ends with its input, unless PORT is set."""
    with _starting() as settings:
        from bot.processes import running

        running.run(settings)


def chat() -> None:
    """Chat on this terminal or pipe. One command a line, until its end or /quit."""
    with _starting() as settings:
        from bot.processes import running

        running.chat(settings)


def serve() -> None:
    """Answer only: the one half of run. Any number of processes."""
    with _starting() as settings:
        from bot.processes import running

        running.serve(settings)


def work() -> None:
    """Post editions only: the other half of run. Any number of processes."""
    with _starting() as settings:
        from bot.processes import running

        running.work(settings)


VERBS: dict[str, Callable[[], None]] = {verb.__name__: verb for verb in (run, chat, serve, work)}
