"""The verbs of whoever runs the bot, in this process and as one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

from test_cli import environment, heji, place, process  # noqa: F401 - fixtures

MONDAYS = ("--schedule", "mon 09:00")


def test_a_posted_edition_lies_in_the_file_once_however_often_its_key_is_posted(heji, place):  # noqa: F811
    heji("chats", "add", "file:out.jsonl", *MONDAYS)
    first = heji("post", "--to", "file:out.jsonl", "--key", "k", "--wait")
    again = heji("post", "--to", "file:out.jsonl", "--key", "k", "--wait")
    rows = heji("deliveries", "--json").json

    assert (first.status, again.status) == (0, 0)
    assert len((place / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    assert [(row["chat"], row["state"]) for row in rows] == [("file:out.jsonl", "sent")]


def test_a_message_that_ends_dead_is_status_1(heji):  # noqa: F811
    heji("chats", "add", "file:no/such/folder.jsonl")

    assert heji("post", "--wait").status == 1


def test_every_mistake_in_a_chat_is_a_sentence_and_nothing_is_kept(heji):  # noqa: F811
    done = heji("chats", "add", "file:a", "--schedule", "25:00", "--topics", "zzzz", "--timezone", "Mars/Base")

    assert (done.status, len(done.mistakes)) == (2, 3)
    assert heji("chats", "list", "--json").json == []


def test_an_import_names_the_line_and_writes_nothing(heji, place):  # noqa: F811
    rows = [{"chat": f"file:{n}"} for n in range(2000)] + [{"chat": "file:x", "schedule": "0 9 * * 1"}]
    (place / "rows").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = heji("chats", "import", "rows")

    assert (done.status, len(done.mistakes)) == (2, 1)
    assert done.mistakes[0].startswith("rows, line 2,001: ")
    assert heji("chats", "list", "--json").json == []


def test_what_is_exported_is_imported_alike(heji, place):  # noqa: F811
    heji("chats", "add", "telegram:-100123/45", "--topics", "nlp,ctr", "--lang", "zh", "--format", "full")
    exported = heji("chats", "export").out
    heji("chats", "remove", "telegram:-100123/45")
    (place / "rows").write_text(exported, encoding="utf-8")
    heji("chats", "import", "rows")

    assert heji("chats", "export").out == exported


def test_work_ends_in_order_at_a_signal(place):  # noqa: F811
    process(place, "chats", "list")
    working = subprocess.Popen([sys.executable, "-m", "bot", "work"], cwd=place, env=environment())
    time.sleep(2)
    began = time.monotonic()
    working.send_signal(signal.SIGTERM)

    assert working.wait(timeout=10) == 0
    assert time.monotonic() - began < 10
