"""Bots beside each other, each in a process of its own: what a command costs them, asked in turns."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

import aiohttp

IN_FLIGHT = 8
PATIENCE = 30.0
"""Seconds after which what is waited for will not come."""


@contextlib.asynccontextmanager
async def process(command: Sequence[str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """*command* at work, and the port that it tells."""
    started = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert started.stdout is not None
        ready = await asyncio.wait_for(started.stdout.readline(), PATIENCE)
        yield started, json.loads(ready)["port"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


class Bot(ABC):
    """A bot in *process*, and the readers who ask it COMMANDS."""

    COMMANDS: ClassVar[Sequence[str]]

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process

    @abstractmethod
    async def ask(self, http: aiohttp.ClientSession, text: str) -> Any:
        """Ask as some reader, and wait for the answer."""

    async def cpu(self) -> float:
        """Seconds, of user and system, that it has used."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return float(json.loads(await self._process.stdout.readline())["cpu"])

    async def measure(self, commands: int) -> float:
        """CPU milliseconds a command, with as many as IN_FLIGHT at once."""
        turns = iter(range(commands))

        async def reader(http: aiohttp.ClientSession) -> None:
            for turn in turns:
                await self.ask(http, self.COMMANDS[turn % len(self.COMMANDS)])

        async with aiohttp.ClientSession() as http:
            before = await self.cpu()
            await asyncio.gather(*(reader(http) for _ in range(IN_FLIGHT)))
            return (await self.cpu() - before) * 1000 / commands


async def in_turns(bots: Sequence[Bot], rounds: int, commands: int, goals: Mapping[str, float]) -> None:
    """Print what a command costs each, the first of them ours; *goals*: the most that ours may take of another's."""
    spent: dict[str, list[float]] = {one.name: [] for one in bots}
    for _ in range(rounds):
        for one in bots:
            spent[one.name].append(await one.measure(commands))
    print(f"CPU a command, {IN_FLIGHT} in flight, {rounds} rounds of {commands} in turns: median (least to most), ms")
    ours = spent[bots[0].name]
    for name, times in spent.items():
        line = f"  {name:<8} {statistics.median(times):6.3f}  ({min(times):.3f} to {max(times):.3f})"
        if name in goals:
            ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, times, strict=True))
            line += f"   ours is {ratio:.2f}x of it (goal {goals[name]})"
        print(line)
