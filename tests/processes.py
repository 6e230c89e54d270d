"""The program as a process of its own, the way whoever installed it or a host starts it: asked, listened to, ended."""

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
from signal import SIGTERM
from time import monotonic
from typing import Any, Self

ROOT = Path(__file__).parent.parent
CONTENT = ROOT / "content"

PATIENT = """
from bot.platforms import flood

boundless = flood.Rate(1e9, 1.0)
flood.Flood.__init__.__kwdefaults__.update(user=boundless, chat=boundless)
"""
"""Nobody is told to slow down, so that one reader may ask everything at once."""

PATIENCE = 60.0
"""Seconds after which what a test waits for a process to do will not happen any more."""

LOCALE = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LC_CTYPE")


def environment(**variables: str) -> dict[str, str]:
    """For a process of its own: no locale and no setting but *variables*; `python` is the one that runs the tests."""
    kept = {name: text for name, text in os.environ.items() if name not in LOCALE and not name.startswith("PYTHON")}
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))
    ours = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
    return kept | ours | variables


def program(*arguments: str, first: str = "") -> list[str]:
    """`heji` with these *arguments*; *first* is Python that is run before it, in the same process."""
    start = ["-c", f"{first}\nfrom bot.__main__ import main; main()"] if first else ["-m", "bot"]
    return [sys.executable, *start, *arguments]


def run(command: list[str], folder: Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    """*command* to its end."""
    done = subprocess.run(
        command, cwd=folder, env=environment(**variables), input=stdin,
        capture_output=True, timeout=2 * PATIENCE, check=False,
    )  # fmt: skip
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


class Process:
    """*command* at work in *folder* till the end of the block, on our digest and any port unless *variables* say else.

    Its end is a SIGTERM, at which it has to leave in order.
    """

    def __init__(self, command: list[str], folder: Path, **variables: str) -> None:
        self.folder = folder
        self._command = command
        self._variables = {"CONTENT": str(CONTENT), "PORT": "0"} | variables
        self._options: dict[str, Any] = {
            "cwd": folder, "env": environment(**self._variables), "stdin": subprocess.DEVNULL,
        }  # fmt: skip
        self._lines: list[str] = []
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self._popen = subprocess.Popen(
            self._command, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self._options
        )
        self._reader = threading.Thread(target=self._read, name="reader", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def said(self) -> str:
        """What it wrote so far, on whichever stream: its log."""
        with self._changed:
            return "".join(self._lines)

    @property
    def port(self) -> int:
        """Where it serves its site, once it does."""
        return int(self.wait(lambda: re.search(r"site served\D+(\d+)", self.said))[1])

    def heji(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another verb beside it, in the same environment."""
        return run(program(*arguments), self.folder, **self._variables)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def health(self) -> dict[str, Any]:
        """Each check of `/healthz`; the status of the answer says the same."""
        status, text = self.get("/healthz")
        found = json.loads(text)
        well = all(check["ok"] for check in found["checks"].values())
        assert (status, found["status"]) == ((200, "ok") if well else (503, "red"))
        return dict(found["checks"])

    def red(self) -> set[str]:
        """The checks that are red."""
        return {name for name, check in self.health().items() if not check["ok"]}

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is so; what *condition* said then. Looked at with each line of the log, and in between
        for what is not logged.
        """
        end = monotonic() + PATIENCE
        while not (happened := condition()):
            if self._popen.poll() is not None:
                raise AssertionError(f"it ended with status {self.ended()}; the log ends:\n{self.said[-4000:]}")
            assert monotonic() < end, f"this did not happen within {PATIENCE:.0f} s; the log ends:\n{self.said[-4000:]}"
            with self._changed:
                self._changed.wait(0.1)
        return happened

    def terminate(self) -> None:
        self._popen.terminate()

    def ended(self, within: float = PATIENCE) -> int:
        """The status with which it ends."""
        try:
            return self._popen.wait(within)
        finally:
            self._popen.kill()
            self._popen.wait()
            self._reader.join(PATIENCE)

    def stop(self, number: int = SIGTERM, within: float = PATIENCE) -> int:
        """A signal; the status with which it ends."""
        self._popen.send_signal(number)
        return self.ended(within)

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
