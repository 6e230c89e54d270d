"""The archive as files, for any host that serves a folder: the same pages, linked such that they may lie anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bot.web import archive
from bot.web.addresses import Filed, file_of
from bot.web.pages import FILES, STATIC
from bot.web.shelf import Shelf
from bot.web.views import Frame


def filed(shelf: Shelf, language: str, public: str = "") -> Iterator[tuple[str, bytes]]:
    """The name of each file below the folder, and what is in it. *public*: the address that the folder will have."""
    front = Frame(shelf, language, Filed(), public=public)
    for place, maker in archive.everything(shelf):
        yield file_of(place), maker(replace(front, place=place, links=Filed(place))).body
    yield "feed.atom", archive.atom(front).body
    yield "feed.json", archive.json_feed(front).body
    yield "opml.xml", archive.opml(front).body
    for name in FILES:
        yield f"static/{name}", (STATIC / name).read_bytes()
    yield ".nojekyll", b""  # GitHub Pages is to serve it as it is


def write(out: Path, name: str, body: bytes) -> bool:
    """Put a file into the folder *out*; whether it is another than before. What is there already stays untouched."""
    file = out / name
    if file.is_file() and file.read_bytes() == body:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    return True
