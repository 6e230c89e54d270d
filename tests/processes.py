"""The whole program, the way somebody starts it who installed it: a process of its own, its log, and how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import IO, Any, Self

ROOT = Path(__file__).parent.parent
CONTENT = ROOT / "content"

PATIENT = """
import runpy
from bot.platforms import flood

boundless = flood.Rate(1e9, 1.0)
flood.Flood.__init__.__kwdefaults__.update(user=boundless, chat=boundless)
runpy.run_module("bot", run_name="__main__", alter_sys=True)
"""
"""The program, but for one thing: nobody is told to slow down, so that one reader may ask everything at once."""

PATIENCE = 60.0
"""Seconds after which what a test waits for a process to do will not happen any more."""

_LOCALE = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LC_CTYPE")


class Process:
    """`heji run`, or another *verb*, in *folder*, till the end of the block; *variables* are all that it is told.

    *patient*: see `PATIENT`. Its end is a SIGTERM, at which it has to leave in order.
    """

    def __init__(self, folder: Path, *, verb: str = "run", patient: bool = False, **variables: str) -> None:
        kept = {
            name: text for name, text in os.environ.items() if name not in _LOCALE and not name.startswith("PYTHON")
        }
        python = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
        bot = {"CONTENT": str(CONTENT), "DATABASE_URL": f"sqlite:///{folder}/heji.db", "PORT": "0"}
        self._environment = kept | python | bot | variables
        self.folder = folder
        self._verb = verb
        self._program = ("-c", PATIENT) if patient else ("-m", "bot")
        self._said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._changed = threading.Condition()
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._popen = self._start(self._verb)
        for name in self._said:
            stream = getattr(self._popen, name)
            self._readers.append(threading.Thread(target=self._read, args=(name, stream), name=name, daemon=True))
            self._readers[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._popen.poll() is None:
            self.stop()

    @property
    def err(self) -> str:
        """What it wrote to stderr so far: its log."""
        with self._changed:
            return "".join(self._said["stderr"])

    @property
    def out(self) -> str:
        with self._changed:
            return "".join(self._said["stdout"])

    @property
    def port(self) -> int:
        """Where it serves its site, once it does."""
        return int(self.wait(lambda: re.search(r"site served\D+(\d+)", self.err))[1])

    def heji(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another verb beside it, in the same environment."""
        other = self._start(*arguments)
        out, err = other.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(arguments, other.returncode, out, err)

    def health(self) -> tuple[int, dict[str, Any]]:
        """What `/healthz` says: the status, and each thing that was looked at."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())["checks"]
        finally:
            connection.close()

    def wait(self, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is so; what *condition* said then. Looked at with each line of the log, and in between
        for what is not logged.
        """
        end = monotonic() + patience
        while not (happened := condition()):
            assert monotonic() < end, f"this did not happen within {patience:.0f} s; the log ends:\n{self.err[-4000:]}"
            status = self._popen.poll()
            assert status is None, f"it ended with status {status}; the log ends:\n{self.err[-4000:]}"
            with self._changed:
                self._changed.wait(0.1)
        return happened

    def stop(self, within: float = PATIENCE) -> int:
        """SIGTERM; the status with which it ends."""
        self._popen.terminate()
        try:
            return self._popen.wait(within)
        finally:
            self._popen.kill()
            self._popen.wait()
            for reader in self._readers:
                reader.join(PATIENCE)

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *self._program, *arguments], cwd=self.folder, env=self._environment, encoding="utf-8",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _read(self, name: str, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._said[name].append(line)
                    self._changed.notify_all()
