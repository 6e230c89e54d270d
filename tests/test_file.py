"""`file:PATH`: the journal that cannot be rolled back."""

from __future__ import annotations

import asyncio
import json
import os
import stat

import pytest

from bot.chat.message import Heading, Message
from bot.platforms.base import Rejected, Retryable, Sent, Uncertain
from bot.platforms.file import File, append

PAYLOAD = {"method": "print", "params": {"text": "合辑 · ctr\n1"}}


def send(path, payload=PAYLOAD):
    return asyncio.run(File().send(payload, f"file:{path}"))


def test_every_message_is_one_json_line_with_its_offset_as_id(tmp_path):
    path = tmp_path / "out.jsonl"
    first, second = send(path), send(path)
    lines = path.read_bytes().splitlines(keepends=True)

    assert [json.loads(line) for line in lines] == [{"chat": f"file:{path}", **PAYLOAD}] * 2
    assert (first, second) == (Sent("0"), Sent(str(len(lines[0]))))


def test_a_message_is_rendered_as_plain_text():
    (payload,) = File().render(Message((Heading("合辑"),)))

    assert payload == {"method": "print", "params": {"text": "合辑\n════"}}
    assert File().plain(payload) == payload


def test_a_line_that_was_cut_short_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text('{"chat":"fi')
    outcome = send(path)

    assert path.read_text().splitlines()[0] == '{"chat":"fi'
    assert json.loads(path.read_text().splitlines()[1])["method"] == "print"
    assert outcome == Sent("12")


def test_many_writers_never_mix_their_lines(tmp_path):
    path = tmp_path / "out.jsonl"

    async def all_at_once() -> None:
        await asyncio.gather(*(File().send(PAYLOAD, f"file:{path}") for _ in range(200)))

    asyncio.run(all_at_once())
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 200


@pytest.mark.parametrize("name", ["missing/out.jsonl", "folder", "pipe"])
def test_what_can_never_be_written_is_gone(tmp_path, name):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    outcome = send(tmp_path / name)

    assert isinstance(outcome, Rejected)
    assert outcome.why == "gone"


def test_a_full_disk_passes(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert append(str(tmp_path / "out"), b"x\n") == Retryable(
        reason="the file cannot be written: No space left on device"
    )


def test_what_is_written_but_not_synced_is_uncertain(tmp_path, monkeypatch):
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    assert isinstance(append(str(tmp_path / "out"), b"x\n"), Uncertain)


def test_the_file_is_nobody_s_program(tmp_path):
    send(tmp_path / "out")

    assert not stat.S_IMODE((tmp_path / "out").stat().st_mode) & 0o133
