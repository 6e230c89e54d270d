"""Editions lead to the archive, where there is one that others can reach."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from bot.app import build
from bot.chat.address import parse_address
from bot.chat.conversation import Command
from bot.platforms.base import Payload
from bot.settings import Settings
from bot.store.store import Store
from bot.store.subscriptions import Subscriber

ARCHIVE = "https://digest.example.org/"
CHATS = ("telegram:1", "slack:T1/C1", "file:out.jsonl")


def posted(folder, public_url: str | None) -> dict[str, list[Payload]]:
    """What an edition is on each platform."""
    (folder / "list.md").write_text("## ctr\n\n[Wide & Deep](https://example.org/wide)\n", encoding="utf-8")
    app = build(Settings(content=(str(folder),), public_url=public_url))
    app.attach(Store.open())
    app.store.subscriptions.put(Subscriber(parse_address(chat)) for chat in CHATS)
    app.planner.post()
    claims = [claim for name in ("telegram", "slack", "file") for claim in claimed(app.store, name)]
    app.store.close()
    return {claim.chat.platform: claim.payload for claim in claims}


def claimed(store, platform):
    from bot.store.buckets import UNLIMITED

    return store.outbox.claim("test", platform, UNLIMITED, 10)


@pytest.mark.parametrize("platform", ["telegram", "slack", "file"])
def test_an_edition_has_a_link_to_the_archive_where_the_world_reaches_it(tmp_path, platform):
    with_one, without = (posted(tmp_path, url)[platform] for url in ("https://digest.example.org", None))

    assert ARCHIVE in json.dumps(with_one)
    assert ARCHIVE not in json.dumps(without)


def test_the_preview_shows_it_as_well(tmp_path):
    (tmp_path / "list.md").write_text("## ctr\n\n[Wide & Deep](https://example.org/wide)\n", encoding="utf-8")
    app = build(
        Settings(content=(str(tmp_path),), public_url="https://digest.example.org"),
        clock=lambda: dt.datetime(2026, 11, 27, tzinfo=dt.UTC),
    )
    page = app.answer(Command(name="preview", role="curator", language="en")).message

    assert ARCHIVE in repr(page)
