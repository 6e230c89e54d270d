"""What every verb prints with: UTF-8 whatever the locale, and a pipe that nobody reads to its end is no mistake."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

_ENDING = (signal.SIGTERM, signal.SIGINT)


def open_streams() -> None:
    """UTF-8 in and out, whatever the locale; a stream that the caller closed (``heji run <&-``) is an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for as long as we live
        else:
            stream.reconfigure(encoding="utf-8", errors="replace")


def say(text: str, end: str = "\n") -> bool:
    """*text* on stdout; whether anybody read it. That nobody does (``heji export | head``) is no mistake."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        say_no_more()
        return False
    return True


def say_json(value: Any) -> None:
    """One JSON value."""
    say(json.dumps(value, ensure_ascii=False))


def say_rows(rows: Iterable[Any], *, as_array: bool) -> None:
    """*rows* as JSON, one a line: as one array, or each by itself. None of them waits in memory."""
    before = "[" if as_array else ""
    for row in rows:
        if not say(before + json.dumps(row, ensure_ascii=False), end="" if as_array else "\n"):
            return
        before = ",\n" if as_array else ""
    if as_array:
        say("[]" if before == "[" else "]")


def say_no_more() -> None:
    """What is still to be written has nowhere to go, and need not be tried once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(sentences: str) -> None:
    """A line for each sentence on stderr."""
    for sentence in sentences.splitlines():
        print(f"heji: {sentence}", file=sys.stderr)


def fail(sentences: str) -> NoReturn:
    """End with status 2, a line for each mistake."""
    warn(sentences)
    sys.exit(2)


@contextmanager
def at_signals(end: Callable[[], object]) -> Iterator[None]:
    """Call *end* when SIGTERM or SIGINT comes."""
    before = {number: signal.signal(number, lambda *_: end()) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """`asyncio.run`. A signal that comes while the loop is made waits until *work* calls `in_loop_at_signals`."""
    import asyncio  # only a chat or a service gets here

    _keep_signals(waiting=True)
    try:
        return asyncio.run(work())
    finally:
        _keep_signals(waiting=False)


def _keep_signals(*, waiting: bool) -> None:
    if hasattr(signal, "pthread_sigmask"):  # else on Windows
        signal.pthread_sigmask(signal.SIG_BLOCK if waiting else signal.SIG_UNBLOCK, _ENDING)


@contextmanager
def in_loop_at_signals(end: Callable[[], object]) -> Iterator[None]:
    """The same inside the running loop, which a signal then wakes even just before it goes to sleep."""
    import asyncio

    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # on Windows, whose loop is woken by every signal
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
    _keep_signals(waiting=False)
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


def client_language() -> str | None:
    """The language of the person at this terminal, as their environment says (POSIX, section 8.2)."""
    tag = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return tag.split(".")[0] if tag.split(".")[0] not in ("", "C", "POSIX") else None
