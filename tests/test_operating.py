"""The verbs of whoever runs the bot, in this process and as one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing, contextmanager, suppress

import pytest
from processes import Process, environment, program, run
from test_cli import heji, place, process  # noqa: F401 - fixtures

from bot.errors import StoreBehind, StoreFull, StoreReadOnly, StoreUnreachable

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


def test_silent_and_pinned_editions_are_chosen_by_rows_and_off_without(heji, place):  # noqa: F811
    rows = [{"chat": "telegram:1", "silent": True, "pin": True}, {"chat": "telegram:2"}]
    (place / "rows").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (place / "wrong").write_text('{"chat": "telegram:3", "pin": "yes"}', encoding="utf-8")
    heji("chats", "import", "rows")
    wrong = heji("chats", "import", "wrong")
    exported = [json.loads(line) for line in heji("chats", "export").out.splitlines()]

    assert [(row["silent"], row["pin"]) for row in exported] == [(True, True), (False, False)]
    assert heji("chats", "list", "--json").json == exported
    assert wrong.mistakes == ["wrong, line 1: “pin” has to be true or false; nothing was imported."]


# State ----------------------------------------------------------------------------------------------------------------


def test_the_state_moves_to_a_new_database_and_not_into_one_that_is_used(heji, place, monkeypatch):  # noqa: F811
    heji("chats", "add", "file:out.jsonl", *MONDAYS)
    heji("post", "--wait")
    exported = heji("export-state", "state.jsonl")
    heji("export-state", "again.jsonl")
    before = heji("deliveries", "--json").json
    refused = heji("import-state", "state.jsonl")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///new/heji.db")
    imported = heji("import-state", "state.jsonl")

    assert exported.out.endswith(" rows exported to state.jsonl\n")
    assert imported.out == exported.out.replace("exported to state.jsonl", "imported")
    assert heji("deliveries", "--json").json == before
    assert refused.status == 2
    assert refused.mistakes[0].startswith("The database holds something already")
    assert (place / "state.jsonl").read_bytes() == (place / "again.jsonl").read_bytes()
    assert {path.name for path in place.iterdir()} == {
        "again.jsonl", "content", "data", "new", "out.jsonl", "state.jsonl",
    }  # fmt: skip


def test_a_state_goes_through_a_pipe_and_a_cut_one_is_a_sentence(place):  # noqa: F811
    process(place, "chats", "add", "file:out.jsonl")
    piped = process(place, "export-state", "-")
    new = {"DATABASE_URL": "sqlite:///new.db"}
    cut = process(place, "import-state", "-", stdin=piped.out.encode()[:-10], **new)
    whole = process(place, "import-state", "-", stdin=piped.out.encode(), **new)

    assert (cut.status, len(cut.mistakes)) == (2, 1)
    assert cut.mistakes[0].startswith("stdin, line ")
    assert (whole.status, whole.err) == (0, "")


def test_a_state_that_cannot_be_written_leaves_nothing_behind(heji, place):  # noqa: F811
    assert heji("export-state", "no/such/folder").mistakes == [
        "no/such/folder cannot be written: No such file or directory; name another place"
    ]
    assert {path.name for path in place.iterdir()} == {"content", "data"}


# A database that cannot be used ---------------------------------------------------------------------------------------

VERBS = (
    ("chats", "list"), ("chats", "add", "file:x"), ("chats", "remove", "file:x"), ("chats", "export"),
    ("post",), ("deliveries",), ("export-state", "s"), ("db", "upgrade"),
)  # fmt: skip


@pytest.mark.parametrize("error", [StoreFull, StoreReadOnly, StoreUnreachable, StoreBehind])
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_database_that_cannot_be_used_is_one_sentence(heji, monkeypatch, verb, error):  # noqa: F811
    def refuse(*_, **__):
        raise error("why")

    monkeypatch.setattr("bot.store.store.Store.open", refuse)
    done = heji(*verb)

    assert (done.status, done.out) == (2, "")
    assert done.mistakes == [str(error("why"))]


def test_a_verb_does_not_tell_how_often_it_tried(place):  # noqa: F811
    done = process(place, "deliveries", DATABASE_URL=f"postgresql://heji@/x?host={place}")

    assert done.status == 2
    assert len(done.mistakes) == 1
    assert "check DATABASE_URL" in done.mistakes[0]


# The end --------------------------------------------------------------------------------------------------------------


@contextmanager
def started(place, verb):  # noqa: F811
    """A process that has delivered one message already: it is up."""
    process(place, "chats", "add", "file:out.jsonl", *MONDAYS)
    process(place, "post")
    with Process(program(verb), place) as working:
        working.wait((place / "out.jsonl").exists)
        yield working


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("verb", ["work", "run"])
def test_a_process_that_stays_ends_in_order_at_a_signal(place, verb, number):  # noqa: F811
    with started(place, verb) as working:
        status = working.stop(number, within=10)

    assert status == 0
    assert "Traceback" not in working.said


IMPATIENT = """
import asyncio, os, signal

make = asyncio.SelectorEventLoop._make_self_pipe

def made_meanwhile(loop):
    os.kill(os.getpid(), signal.SIGTERM)
    make(loop)

asyncio.SelectorEventLoop._make_self_pipe = made_meanwhile
"""
"""A signal comes just when the loop is made."""


@pytest.mark.parametrize("verb", ["run", "chat", "serve", "work"])
def test_a_signal_that_comes_while_the_loop_is_made_ends_it_in_order_too(place, verb):  # noqa: F811
    done = run(program(verb, first=IMPATIENT), place)

    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr


def test_a_blocked_database_does_not_hold_up_the_end(place):  # noqa: F811
    with started(place, "work") as working, closing(sqlite3.connect(place / "data/heji.db")) as blocking:
        blocking.execute("BEGIN IMMEDIATE")
        status = working.stop(within=10)

    assert status == 0
    assert "Traceback" not in working.said


# A terminal -----------------------------------------------------------------------------------------------------------


def test_waiting_for_a_post_shows_a_bar_on_a_terminal_and_none_in_a_pipe(place):  # noqa: F811
    pty = pytest.importorskip("pty")
    process(place, "chats", "add", "file:out.jsonl", *MONDAYS)
    piped = process(place, "post", "--wait")
    keys, inner = pty.openpty()
    posting = subprocess.Popen(
        program("post", "--wait"), cwd=place, env=environment(TERM="xterm-256color"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=inner,
    )  # fmt: skip
    os.close(inner)
    shown = b""
    with suppress(OSError):  # so a terminal ends
        while piece := os.read(keys, 65536):
            shown += piece
    out, _ = posting.communicate()
    os.close(keys)

    assert (piped.status, piped.err) == (0, "")
    assert (posting.returncode, out) == (0, piped.out.encode())
    assert b"delivering" in shown
    assert b"Traceback" not in shown
