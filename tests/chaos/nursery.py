"""Workers in a hurry: forked from a process that has imported everything, and how each of them ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Protocol, Self

from chaos.worker import Orders

_SHORTENED = "from chaos.worker import shorten_leases; shorten_leases({}); from bot.__main__ import main; main()"

ROOT = Path(__file__).parent.parent.parent


class Process(Protocol):
    """What can be killed, and says how it ended. *status*: None as long as it lives."""

    name: str

    @property
    def pid(self) -> int: ...

    @property
    def status(self) -> int | None: ...

    def signal(self, number: int) -> None: ...

    def wait(self, timeout: float = 30.0) -> int: ...


class Worker:
    """A child of the nursery."""

    def __init__(self, orders: Orders, pid: int, nursery: Nursery) -> None:
        self.name = orders.name
        self.point = orders.point
        self.pid = pid
        self._nursery = nursery

    @property
    def status(self) -> int | None:
        return self._nursery.ended.get(self.pid)

    def signal(self, number: int) -> None:
        """Where it is dead already, nothing happens."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout: float = 30.0) -> int:
        return self._nursery.wait(self.pid, timeout)


class Nursery:
    """Starts workers, from `with` on; what is still alive then is killed."""

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self._born: list[int] = []
        self._news = threading.Condition()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.worker"], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._listener = threading.Thread(target=self._listen, name="nursery")
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._listener.join()
        self._process.stdout.close()

    def start(self, orders: Orders) -> Worker:
        """A worker with these orders. One at a time: the nursery answers in the order it was asked."""
        assert self._process.stdin is not None
        with self._news:
            self._process.stdin.write(json.dumps(asdict(orders)).encode() + b"\n")
            self._process.stdin.flush()
            if not self._news.wait_for(lambda: self._born, 60):
                raise TimeoutError("the nursery does not answer")
            return Worker(orders, self._born.pop(0), self)

    def listen(self, seconds: float) -> None:
        """Until a worker ends, or for that long."""
        with self._news:
            self._news.wait(seconds)

    def wait(self, pid: int, timeout: float) -> int:
        """How that one ended."""
        with self._news:
            if not self._news.wait_for(lambda: pid in self.ended, timeout):
                raise TimeoutError(f"process {pid} did not end within {timeout:.0f} s")
            return self.ended[pid]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            pid, _, status = line.decode().strip().partition(" ")
            with self._news:
                if pid.startswith("+"):
                    self._born.append(int(pid))
                    self.ended.pop(int(pid), None)  # a number that was used before
                else:
                    self.ended[int(pid)] = int(status)
                self._news.notify_all()


class Command:
    """`heji …` as an operator starts it, but for a *lease* that a test can wait for."""

    _numbers = count(1)

    def __init__(self, folder: Path, *arguments: str, lease: float | None = None, **variables: str) -> None:
        number = next(self._numbers)
        self.name = f"heji {' '.join(arguments)} #{number}"
        self._said = folder / f"said-{number}"
        start = ["-m", "bot"]
        if lease is not None:
            start = ["-c", _SHORTENED.format(lease)]
        with self._said.open("wb") as out, (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *start, *arguments],
                cwd=folder, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=out, stderr=log,
            )  # fmt: skip

    @property
    def status(self) -> int | None:
        return self._process.poll()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self._said.read_text(encoding="utf-8")

    def signal(self, number: int) -> None:
        """Where it is dead already, nothing happens."""
        self._process.send_signal(number)

    def wait(self, timeout: float = 30.0) -> int:
        return self._process.wait(timeout)


def environment(**variables: str) -> Mapping[str, str]:
    """Nobody's settings but *variables*."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    return kept | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"} | variables
