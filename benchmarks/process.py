"""`heji run` as a process of its own, for measuring: how it is started, when it is well, what it takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parent.parent
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Heji:
    """A process that is well: its *port*, and how many seconds of time and CPU it took to be so since it *begun*."""

    pid: int
    port: int
    begun: float
    seconds: float
    cpu: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, folder: str, **variables: str) -> AsyncIterator[Heji]:
        """`heji run` with its database in *folder*; of platforms it knows what *variables* say."""
        port, environment = _free_port(), _environment(folder)
        begun = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=ROOT, env={**environment, "PORT": str(port), **variables},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            seconds = await _until_well(port) - begun
            yield cls(process.pid, port, begun, seconds, cpu_of(process.pid))
        finally:
            process.terminate()
            await process.wait()


async def post_an_edition(folder: str) -> None:
    """So that there is one on the pages."""
    for verb in (("chats", "add", f"file:{folder}/posted.jsonl"), ("post", "--wait")):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *verb, cwd=ROOT, env=_environment(folder), stdout=subprocess.DEVNULL
        )
        assert await process.wait() == 0


def _environment(folder: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("TELEGRAM", "SLACK"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    ours = {"HOST": "127.0.0.1", "CONTENT": str(ROOT / "content"), "DATABASE_URL": f"sqlite:///{folder}/heji.db"}
    return {**kept, **ours, "LOG_LEVEL": "WARNING"}


async def _until_well(port: int) -> float:
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"http://127.0.0.1:{port}/healthz") as response:
                    if response.status == 200:
                        return time.perf_counter()
            await asyncio.sleep(0.02)


def cpu_of(pid: int) -> float:
    """Seconds of CPU, user and system, that a process and the children that it waited for have taken. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Megabytes that a process holds."""
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True)
    return int(said.stdout) / 1024


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
