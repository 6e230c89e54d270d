"""A site on a port of loopback, and clients as rude as one needs them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import httpx

from bot.platforms.base import HttpAnswer
from bot.web.server import Server

PATIENCE = 20.0
"""Seconds after which a test that waits for a server has failed."""


OK = HttpAnswer(200, b'{"ok":true}', "application/json")


@dataclass
class Bell:
    """A webhook that admits who knows the word, and remembers what it was told."""

    path: str = "/bell"
    limit: int = 1000
    word: str = "sesame"
    heard: list[bytes] = field(default_factory=list)
    answer: HttpAnswer = OK

    def admits(self, headers: Mapping[str, str]) -> bool:
        return headers.get("x-word") == self.word

    async def take(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        self.heard.append(body)
        return self.answer


KNOWN = {"X-Word": "sesame"}


@contextlib.asynccontextmanager
async def served(app) -> AsyncIterator[Server]:
    server = Server(app, "127.0.0.1", 0)
    await server.start()
    try:
        yield server
    finally:
        await asyncio.wait_for(server.stop(), PATIENCE)


@contextlib.asynccontextmanager
async def client(app) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(app) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE, trust_env=False) as http,
    ):
        yield http


@contextlib.asynccontextmanager
async def connection(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def said(reader: asyncio.StreamReader) -> bytes:
    """The head of the next answer; empty where the server hung up."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    """The head of a request, byte by byte."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: loopback", *lines, "", "")).encode()
