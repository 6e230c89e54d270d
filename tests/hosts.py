"""Processes of the program, as a host runs them: started, asked over HTTP, ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parent.parent
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")
PATIENCE = 60.0
"""Seconds after which a test that waits for a process has failed."""

HURRIED = (
    "import bot.processes.service as service, bot.store.database as database;"
    "service.TICK = service.FEEL = service.REOPEN = database.PATIENCE = 0.2;"
    "from bot.__main__ import main; main()"
)
"""The program with a clock that runs quickly: so long as a test waits, it proves no more."""

T = TypeVar("T")


def environment(**variables: str) -> dict[str, str]:
    """For a process of its own: no locale and no setting but *variables*; `python` is the one that runs the tests."""
    kept = {name: text for name, text in os.environ.items() if name not in LOCALE and not name.startswith("PYTHON")}
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))
    ours = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
    return {**kept, **ours, **variables}


class Process:
    """One at work, whose both streams go to a *log*."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.log = log
        self._process = process

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def port(self) -> int:
        """Where it is heard, as it says in its log."""
        return int(self.until(lambda: re.search(r"site served port=(\d+)", self.said))[1])

    def until(self, condition: Callable[[], T | None]) -> T:
        """What *condition* gives once that is something; it fails where the process has ended before."""
        late = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert self._process.poll() is None, f"it has ended with {self._process.returncode}: {self.said}"
            assert time.monotonic() < late, f"nothing came of it: {self.said}"
            threading.Event().wait(0.05)
        return found

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
        """What `/healthz` says; the status of the answer says the same."""
        status, text = self.get("/healthz")
        found = json.loads(text)
        assert (status, found["status"]) in ((200, "ok"), (503, "red"))
        return dict(found)

    def red(self) -> set[str]:
        """The checks that are red."""
        return {name for name, check in self.health()["checks"].items() if not check["ok"]}

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        return self._process.wait(PATIENCE)

    def end(self) -> int:
        """Its status after SIGTERM."""
        self.terminate()
        return self.wait()

    def remove(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def started(command: list[str], folder: Path, name: str = "process", **variables: str) -> Iterator[Process]:
    """*command* at work in *folder* for the length of the block."""
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = Process(
            subprocess.Popen(
                command, cwd=folder, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            ),
            log,
        )
    try:
        yield process
    finally:
        process.remove()


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bot", *arguments]


def hurried(*arguments: str) -> list[str]:
    return [sys.executable, "-c", HURRIED, *arguments]


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """*command* to its end."""
    return subprocess.run(
        command, cwd=folder, env=environment(**variables), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
