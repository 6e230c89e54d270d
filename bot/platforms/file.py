"""Files as chats: every message is one JSON line at the end of `file:PATH`. For dry runs, and a journal for tests.

A line is there before `Sent` is said (it is synced), and what is there nothing here takes back.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor

from bot.chat.message import Message
from bot.platforms import console
from bot.platforms.base import Outcome, Payload, Rejected, Retryable, Sent, Uncertain

_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EAGAIN, errno.ENOMEM, errno.EIO}


class File:
    """Appends to the file that a chat names, from any number of processes at once."""

    name = "file"

    def __init__(self) -> None:
        # A disk serves many syncs in the time of one.
        self._threads = ThreadPoolExecutor(16, "file")

    def render(self, message: Message) -> tuple[Payload, ...]:
        """One call with the plain text, however long."""
        return ({"method": "print", "params": {"text": console.plain(message)}},)

    def plain(self, payload: Payload) -> Payload:
        """It is plain already."""
        return payload

    async def send(self, payload: Payload, chat: str) -> Outcome:
        """Append one line, ``{"chat": …, "method": …, "params": {…}}``; its offset in the file is the message's id."""
        line = json.dumps({"chat": chat, **payload}, ensure_ascii=False, separators=(",", ":")) + "\n"
        path, data = chat.partition(":")[2], line.encode("utf-8", "replace")
        return await asyncio.get_running_loop().run_in_executor(self._threads, append, path, data)


def append(path: str, line: bytes) -> Outcome:
    """Write *line* and sync it. Every error is an outcome: a full disk passes, a missing folder does not."""
    try:
        # Not to wait for the reader of a pipe that somebody put there.
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        return _outcome(error)
    try:
        return _append(descriptor, line)
    finally:
        os.close(descriptor)


def _append(descriptor: int, line: bytes) -> Outcome:
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Rejected("it is no regular file", "gone")
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line  # a line that a full disk cut short stays one of its own
        written = os.write(descriptor, line)
    except OSError as error:
        return _outcome(error)
    if written < len(line):
        return Retryable(reason="the disk took only a part of the line")
    try:
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.fsync(descriptor)
    except OSError as error:
        return Uncertain(f"it was written, but not synced: {error.strerror}")
    return Sent(str(end - len(line.removeprefix(b"\n"))))


def _outcome(error: OSError) -> Outcome:
    reason = f"the file cannot be written: {error.strerror}"
    return Retryable(reason=reason) if error.errno in _PASSING else Rejected(reason, "gone")
