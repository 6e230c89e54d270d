"""The command line as its users meet it: every verb once as a real process, the rest in this one."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import logging
import os
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from xml.etree import ElementTree as ET

import pytest
from processes import CONTENT, LOCALE, ROOT, environment, program, run

import bot.app
from bot.__main__ import main
from bot.digest.pinyin import Reading
from bot.platforms.console import Console
from bot.processes import running

CTR = (
    "https://daiwk.github.io/posts/dl-traditional-ctr-models.html",
    "https://daiwk.github.io/posts/dl-dl-ctr-models.html",
)
FIVE = "/topics\n/topic ctr\n/search bert 蒸馏\n/topic gnn\n/week\n"
VERBS = (
    "run", "chat", "serve", "work", "ask", "check", "export", "calendar", "preview", "doctor",
    "post", "deliveries", "archive", "export-state", "import-state", "chats", "db", "telegram", "slack",
)  # fmt: skip
FRIDAY = dt.datetime(2026, 11, 27, 8, 0, tzinfo=dt.UTC)
TOKEN = "123456:ABC-very_secret"


@dataclass(frozen=True)
class Done:
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def mistakes(self):
        """The sentences on stderr; anything else there, such as a traceback, fails."""
        lines = self.err.splitlines()
        assert all(line.startswith("heji: ") for line in lines), self.err
        return [line.removeprefix("heji: ") for line in lines]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the reference digest in `content`, and nobody's `.env`."""
    copytree(CONTENT, tmp_path / "content")
    monkeypatch.chdir(tmp_path)
    for name in LOCALE:
        monkeypatch.delenv(name, raising=False)
    # Pinyin has tests of its own. Here, a process for each library that is searched would take most of the time.
    monkeypatch.setattr(Reading, "start", lambda runs: Reading(runs, None, None))
    return tmp_path


@pytest.fixture
def heji(place, monkeypatch, capsys):
    """Run `heji …` in this process, on Friday, 27 November 2026."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setattr(bot.app, "now", lambda: FRIDAY)

    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", ["heji", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    yield run
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def process(place, *arguments, stdin=b"", **variables):
    """Run `python -m bot …` as a process of its own in the folder *place*."""
    ended = run(program(*arguments), place, stdin, **variables)
    return Done(ended.returncode, ended.stdout, ended.stderr)


def write(path, text):
    path.write_text(text, encoding="utf-8")


def saved(place):
    """What lies below *place*, and when it was written."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in place.rglob("*")}


def section(text, title, before=None):
    """What stands from the line that begins with *title* up to the one that begins with *before*."""
    start = re.search(rf"^{re.escape(title)}", text, re.MULTILINE).start()
    return text[start : text.index(f"\n{before}", start) if before else None]


# Every verb as a process ----------------------------------------------------------------------------------------------


def test_run_answers_five_commands_from_a_pipe(place):
    done = process(place, "run", stdin=FIVE.encode())
    search = section(done.out, "搜索：bert 蒸馏", "GNN\n")
    gnn = section(done.out, "GNN\n", "基础研究 · 2026")
    edition = section(done.out, "基础研究 · 2026")

    assert (done.status, done.err) == (0, "")
    assert all(f"  {url}\n" in section(done.out, "ctr · 2 条", "搜索") for url in CTR)
    assert re.search(r"^• (.*)$", search, re.MULTILINE)[1].startswith("BERT 瘦身之路")
    assert "这个标题下还是空的" in gnn
    assert "• 开源gnn平台\n  https://daiwk.github.io/posts/platform-gnn-frameworks.html\n  架构 / 开源gnn平台" in gnn
    assert 3 <= len(re.findall(r"^• ", edition, re.MULTILINE)) <= 7
    assert "\x1b" not in done.out


def test_chat_takes_bytes_that_no_person_types(place):
    hostile = (
        b"\0\n\xff\xfe\x80 ctr\n"
        + b"x" * 3_000_000
        + b"\n\x1b[2J\x07/topics\n"
        + "字".encode() * 20_000
        + b"\n/topic ctr"
    )
    done = process(
        place, "chat", stdin=hostile, LANG="C", LOG_LEVEL="DEBUG", LOG_FORMAT="json", TELEGRAM_BOT_TOKEN=TOKEN
    )

    assert done.status == 0
    assert all(url in done.out for url in CTR)
    assert len(done.out) < 20_000
    assert not re.search(r"[\x00\x07\x1b]", done.out)
    assert {json.loads(line)["level"] for line in done.err.splitlines()} <= {"debug", "info"}
    assert TOKEN not in done.out + done.err


def test_ask_prints_the_calls_that_the_console_would_get(place):
    done = process(place, "ask", "/topic ctr", "--json", LC_ALL="en_US.ISO-8859-1")
    (call,) = done.json["calls"]

    assert (done.status, done.err, done.json["platform"]) == (0, "", "console")
    assert (call["method"], list(call["params"])) == ("print", ["text"])
    assert call["params"]["text"].startswith("ctr · 2 items\n")
    assert all(url in call["params"]["text"] for url in CTR)


def test_check_finds_what_the_reference_digest_has(place):
    done = process(place, "check", "content/", "--format", "json")
    found = [(one["code"], one["line"]) for one in done.json]

    assert (done.status, done.err) == (0, "")
    assert ("stray-marker", 102) in found
    assert [line for code, line in found if code == "empty-section"] == [168, 182, 187]
    assert [line for code, line in found if code == "heading-title"] == [176, 180, 222, 234]
    assert not {"dead-anchor", "missing-from-toc"} & {code for code, _ in found}
    assert {tuple(one) for one in done.json} == {("file", "line", "code", "severity", "message")}


def test_export_names_the_file_that_cannot_be_read_and_prints_the_good_one(place):
    (place / "content" / "bad.md").write_bytes(b"## T\n\nfine \xff here\n")
    done = process(place, "export")

    assert done.status == 0
    assert done.mistakes == ["content/bad.md: not UTF-8 at byte 11 (0xff): save the file as UTF-8"]
    assert [one["file"] for one in done.json["digests"]] == ["content/heji.md"]


def test_calendar_preview_and_doctor_run_as_processes_too(place):
    calendar = process(place, "calendar", "--from", "2026-W48", "--weeks", "2", "--json")
    preview = process(place, "preview", "--theme", "ctr")
    doctor = process(place, "doctor")

    assert [done.status for done in (calendar, preview, doctor)] == [0, 0, 0]
    assert [done.err for done in (calendar, preview, doctor)] == ["", "", ""]
    assert len(calendar.json) == 2
    assert all(url in preview.out for url in CTR)
    assert doctor.out.startswith("ok ")


def test_help_is_quick_because_it_loads_nothing_that_it_does_not_need(place):
    script = (
        "import sys\nfrom bot.__main__ import main\nsys.argv = ['heji', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    ended = run([sys.executable, "-c", script], place)
    loaded = set(ended.stdout.splitlines()[-1].split())

    assert "typer" in loaded
    assert loaded & {
        "aiohttp", "asyncio", "babel", "msgspec", "pydantic", "pypinyin", "pyromark", "rapidfuzz",
        "rich", "slack_bolt", "sqlite3", "structlog", "telegram", "yaml", "zoneinfo",
    } == set()  # fmt: skip


# Ends -----------------------------------------------------------------------------------------------------------------


def test_a_terminated_chat_ends_at_once_and_in_order(place):
    with subprocess.Popen(
        program("run"), cwd=place, env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        running.stdin.write(b"/topic ctr\n")
        running.stdin.flush()
        while CTR[1].encode() not in running.stdout.readline():
            pass
        began = time.monotonic()
        running.terminate()
        status = running.wait(timeout=10)

        assert status == 0
        assert time.monotonic() - began < 5
        assert running.stderr.read() == b""


@pytest.mark.parametrize(("command", "stdin"), [("run", FIVE * 20), ("export", "")])
def test_a_pipe_that_nobody_reads_to_its_end_is_no_mistake(place, command, stdin):
    unread, pipe = os.pipe()
    os.close(unread)
    ended = subprocess.run(
        program(command), cwd=place, env=environment(),
        input=stdin.encode(), stdout=pipe, stderr=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    os.close(pipe)

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_full_disk_is_a_sentence(place):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            program("calendar"), cwd=place, env=environment(),
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (2, "heji: the output: No space left on device\n")


def test_streams_that_the_caller_closed_are_empty_ones(place):
    ended = run(["/bin/sh", "-c", '"$0" -m bot run <&- >&- 2>&-', sys.executable], place)

    assert ended.returncode == 0


def test_run_without_input_ends_fine(heji):
    assert heji("run") == Done(0, "", "")


def test_a_signal_waits_for_the_answer_that_was_begun(place, monkeypatch):
    console = Console()
    app = bot.app.build(bot.app.Settings.load())

    async def lines():
        os.kill(os.getpid(), signal.SIGTERM)
        yield "/topic ctr"
        await asyncio.Event().wait()
        yield "/topics"

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(running.alone(app, console, lines()))

    assert [CTR[1] in payload["params"]["text"] for _, payload in console.sent] == [True]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


# A terminal -----------------------------------------------------------------------------------------------------------


class Terminal:
    """A process on a terminal of its own, and what stands on it."""

    def __init__(self, place):
        import pty

        self.keys, inner = pty.openpty()
        self.running = subprocess.Popen(
            program("run"), cwd=place, stdin=inner, stdout=inner, stderr=inner,
            env=environment(TERM="xterm-256color", LANG="zh_CN.UTF-8"), start_new_session=True,
        )  # fmt: skip
        os.close(inner)

    def until(self, *wanted):
        """Read until every text of *wanted* has come, in this order."""
        seen, place, deadline = b"", 0, time.monotonic() + 30
        for text in wanted:
            while (found := seen.find(text.encode(), place)) < 0:
                assert select.select([self.keys], [], [], max(0, deadline - time.monotonic()))[0], seen.decode()
                seen += os.read(self.keys, 65536)
            place = found + len(text.encode())
        return seen.decode(errors="replace")

    def type(self, line):
        os.write(self.keys, line.encode())


@pytest.fixture
def terminal(place):
    pytest.importorskip("pty")
    there = Terminal(place)
    yield there
    if there.running.poll() is None:
        there.running.kill()
    there.running.wait()
    os.close(there.keys)


def test_a_terminal_gets_a_greeting_a_prompt_colour_and_a_way_out(terminal):
    greeting = terminal.until("/help", "› ")
    terminal.type("/topic ctr\n")
    answer = terminal.until(CTR[0], CTR[1], "› ")
    terminal.type("/quit\n")

    assert terminal.running.wait(timeout=10) == 0
    assert "合辑" in greeting
    assert re.search(r"\x1b\[1;4m(ctr|.*ctr)", answer)


def test_an_interrupt_at_the_prompt_leaves_the_terminal_as_it_was(terminal):
    import termios

    def echoes():
        return bool(termios.tcgetattr(terminal.keys)[3] & termios.ECHO)

    terminal.until("› ")
    while echoes():  # readline takes over the echo right after its prompt
        os.sched_yield()
    terminal.running.send_signal(signal.SIGINT)

    assert terminal.running.wait(timeout=10) == 0
    assert echoes()


# Mistakes in the arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["aks", "/topics"], "No such command 'aks'. Did you mean 'ask'? See heji --help."),
        (["ask"], "Missing argument 'TEXT'. See heji ask --help."),
        (["ask", "a", "b"], "Got unexpected extra argument(s) (b). See heji ask --help."),
        (
            ["ask", "a", "--lang", "fr"],
            "Invalid value for '--lang': 'fr' is not one of 'zh', 'en'. See heji ask --help.",
        ),
        (["ask", "a", "--page", "0"], "Invalid value for '--page': "),
        (["check", "--json"], "No such option: --json. See heji check --help."),
        (["calendar", "--weeks", "many"], "Invalid value for '--weeks': "),
        (["calendar", "--from", "soon"], "“soon” is no period: "),
        (["calendar", "--from", "9999-W50"], "9999-12-13 is too far ahead: name a period within 520 weeks from now"),
        (["preview", "--week", "2026-W54"], "“2026-W54” is no period: "),
        (["preview", "--week", "9999-W01"], "9999-01-04 is too far ahead: "),
        (["preview", "--theme", "qqqqqq"], "--theme: no topic is called qqqqqq; see heji ask /topics"),
        (["export", "nowhere"], "PATH is nowhere, which does not exist: name a folder or a Markdown file"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_sentence(heji, arguments, sentence):
    done = heji(*arguments)
    (told,) = done.mistakes

    assert (done.status, done.out) == (2, "")
    assert told.startswith(sentence)


def test_no_verb_is_a_question_for_help(heji):
    assert heji() == heji("--help")
    assert heji().status == 0


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_under_its_own_name(heji, verb):
    done = heji(verb, "--help")

    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: heji {verb} ")


def test_help_lists_every_verb_in_whole_sentences(heji):
    lines = dict(re.findall(r"^  ([\w-]+)  +(.*)$", section(heji("--help").out, "Commands:"), re.MULTILINE))

    assert tuple(lines) == VERBS
    assert all(line.endswith(".") and not line.endswith("..") for line in lines.values())


def test_the_commands_page_names_every_verb_and_none_that_is_not_there():
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    table = section(page, "## From the shell", "`--help`")

    assert set(re.findall(r"^\| `heji ([\w-]+)", table, re.MULTILINE)) == set(VERBS)
    assert set(re.findall(r"`heji ([\w-]+)", page)) == set(VERBS)


# Mistakes in the configuration ----------------------------------------------------------------------------------------

WRONG_YAML = "titel: x\ntimezone: Mars/Base\nschedule: 1 09:00\n"


@pytest.mark.parametrize(
    "arguments", [["run"], ["chat"], ["ask", "/topics"], ["export"], ["calendar"], ["preview"]], ids=lambda a: a[0]
)
def test_a_wrong_digest_yaml_is_a_sentence_for_each_mistake(heji, place, arguments):
    write(place / "content/digest.yaml", WRONG_YAML)
    done = heji(*arguments)

    assert (done.status, done.out) == (2, "")
    assert [told.split(":")[0] for told in done.mistakes] == [f"content/digest.yaml, line {line}" for line in (1, 2, 3)]
    assert "did you mean title?" in done.mistakes[0]


def test_content_that_is_not_there_is_told_with_all_else_that_is_wrong(heji, place, monkeypatch):
    write(place / "content/digest.yaml", WRONG_YAML)
    monkeypatch.setenv("CONTENT", "gone content lost")
    done = heji("ask", "/topics")

    assert done.status == 2
    assert [told[:16] for told in done.mistakes[:2]] == ["CONTENT is gone,", "CONTENT is lost,"]
    assert all("digest.yaml, line" in told for told in done.mistakes[2:])


def test_for_check_the_same_are_findings(heji, place):
    write(place / "content/digest.yaml", WRONG_YAML)
    done = heji("check", "gone", "content", "--format", "json")
    errors = [(one["file"], one["line"]) for one in done.json if one["severity"] == "error"]

    assert (done.status, done.err) == (1, "")
    assert ("gone", 1) in errors
    assert sorted(line for file, line in errors if file == "content/digest.yaml") == [1, 2, 3]
    assert any(one["code"] == "stray-marker" for one in done.json)


def test_a_schedule_that_is_none_is_found_where_it_stands(heji, place):
    write(place / "content/digest.yaml", "title: x\n\nschedule: 25:00\n")

    assert (
        heji("ask", "/topics").mistakes[0].startswith("content/digest.yaml, line 3: schedule: “25:00” is no schedule")
    )
    assert "content/digest.yaml:3: error: schedule: “25:00” is no schedule" in heji("check").out


def test_a_verb_looks_only_at_the_variables_that_it_needs(heji, monkeypatch):
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "nonsense")

    assert heji("ask", "/topics").status == 0
    assert [told.split()[0] for told in heji("run").mistakes] == ["TELEGRAM_BOT_TOKEN", "PORT"]
    assert heji("doctor").status == 1


# ask ------------------------------------------------------------------------------------------------------------------


def test_asking_nothing_is_asking_for_help(heji):
    assert heji("ask", "").out == heji("ask", "/help").out
    assert "/topic" in heji("ask", "   ").out


def test_a_page_can_be_asked_for(heji, place):
    write(
        place / "content/long.md",
        "## t\n\n" + "".join(f"[Item {n:02}](https://example.org/{n:02})\n\n" for n in range(30)),
    )
    first, second = heji("ask", "/topic t").out, heji("ask", "/topic t", "--page", "2").out

    assert "https://example.org/00" in first
    assert "https://example.org/" in second
    assert "https://example.org/00" not in second
    assert re.search(r"/topic t .*2", first), "a reader who has no /more is told the whole command"


def test_roles_decide_what_is_answered(heji):
    asked = {role: heji("ask", "/check", "--role", role).out for role in ("member", "admin", "curator")}

    assert "content/heji.md:102" in asked["curator"]
    assert "content/heji.md" not in asked["member"] + asked["admin"]


@pytest.mark.parametrize(
    ("variables", "arguments", "word"),
    [
        ({}, [], "状态"),
        ({"LANG": "C"}, [], "状态"),
        ({"LC_ALL": "C.UTF-8", "LANG": "en_US.UTF-8"}, [], "状态"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN"}, [], "Status"),
        ({"LANG": "en_GB"}, [], "Status"),
        ({"LC_MESSAGES": "zh_CN", "LANG": "en_US"}, [], "状态"),
        ({"LANG": "nonsense"}, [], "状态"),
        ({"LANG": "zh_TW.UTF-8"}, ["--lang", "en"], "Status"),
        ({"LANG": "en_US.UTF-8"}, ["--lang", "zh"], "状态"),
        ({"LANG": "en_US.UTF-8", "DIGEST_LANGUAGE": "zh"}, [], "状态"),
    ],
)
def test_the_bot_speaks_as_asked_else_as_the_chat_else_as_the_reader_else_as_the_digest(
    heji, monkeypatch, variables, arguments, word
):
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    assert heji("ask", "/status", *arguments).out.startswith(word)


def test_whatever_is_asked_ask_ends_fine(heji):
    for text in (
        "qqqqqq zzzzzz",
        "/nonsense",
        "\udcff\udcfe",
        "/topic",
        "/more",
        "🤖",
        "/week@other",
        "--",
        "a" * 5000,
    ):
        done = heji("ask", "--", text)

        assert (done.status, done.err) == (0, ""), text
        assert done.out.strip() or "@other" in text, text


# check ----------------------------------------------------------------------------------------------------------------


def test_findings_for_people_end_with_a_tally(heji):
    lines = heji("check").out.splitlines()

    assert "content/heji.md:102: warning: stray marker '===here': it is shown nowhere [stray-marker]" in lines
    assert lines[-1] == "1 warning, 8 remarks"


def test_findings_for_github_are_workflow_commands(heji):
    lines = heji("check", "--format", "github").out.splitlines()

    assert (
        "::warning file=content/heji.md,line=102,title=stray-marker::stray marker '===here': it is shown nowhere"
        in lines
    )
    assert all(line.startswith(("::warning file=", "::notice file=")) for line in lines)


def test_files_that_cannot_be_read_are_findings_beside_those_of_the_good_ones(heji, place):
    (place / "content/bad.md").write_bytes("## T\n\nfine\n".encode("utf-16"))
    os.mkfifo(place / "content/pipe.md")
    (place / "content/out.md").symlink_to(ROOT / "README.md")
    done = heji("check", "--format", "json")

    assert done.status == 1
    assert {(one["file"], one["line"]) for one in done.json if one["severity"] == "error"} == {
        ("content/bad.md", 1), ("content/out.md", 1), ("content/pipe.md", 1),
    }  # fmt: skip
    assert any(one["code"] == "stray-marker" for one in done.json)


def test_nothing_to_fix_is_said_to_people_and_silence_to_github(heji, place):
    write(place / "fine.md", "# T\n\n## A\n\n[On a](https://example.org/a) tells it.\n\nAbstract: all of it.\n")

    assert heji("check", "fine.md").out == "nothing to fix\n"
    assert heji("check", "fine.md", "--format", "json").json == []
    assert heji("check", "fine.md", "--format", "github").out == ""


@pytest.mark.parametrize("begins", ["", "\ufeff"])
def test_fix_brings_the_table_of_contents_in_order_and_touches_nothing_else(heji, place, begins):
    toc = "* [A](#a)\n* [Gone](#gone)\n"
    body = "\n## A\n\n[On a](https://example.org/a)\r\n\n## B\n\n[On b](https://example.org/b)"
    path = place / "toc.md"
    path.write_bytes((begins + toc + body).encode())
    before = {one["code"] for one in heji("check", "toc.md", "--format", "json").json}
    done = heji("check", "toc.md", "--fix", "--format", "json")

    assert {"dead-anchor", "missing-from-toc"} <= before
    assert not {"dead-anchor", "missing-from-toc"} & {one["code"] for one in done.json}
    assert done.err == "toc.md: table of contents rewritten\n"
    assert path.read_bytes().decode() == begins + "* [A](#a)\n* [B](#b)\n" + body


def test_fix_leaves_files_alone_that_need_none(heji, place):
    before = saved(place)
    done = heji("check", "--fix")

    assert done.err == ""
    assert saved(place) == before


# export ---------------------------------------------------------------------------------------------------------------


def test_export_speaks_three_formats(heji):
    told = heji("export").json["digests"][0]["items"]
    opml = ET.fromstring(heji("export", "--format", "opml").out.encode())
    rows = list(csv.DictReader(io.StringIO(heji("export", "--format", "csv").out, newline="")))
    urls = [one["url"] for one in told]

    assert len(urls) == 30
    assert [row["url"] for row in rows] == urls
    assert set(urls) <= {outline.get("url") for outline in opml.iter("outline")}


def test_export_of_paths_leaves_content_alone(heji, place, monkeypatch):
    monkeypatch.setenv("CONTENT", "gone")
    write(place / "one.md", "# One\n\n[On a](https://example.org/a)\n")

    assert [one["title"] for one in heji("export", "one.md", "content").json["digests"]] == ["One", "合辑"]


# calendar and preview -------------------------------------------------------------------------------------------------


def test_calendar_rows_have_the_promised_keys(heji):
    rows = heji("calendar", "--from", "2026-W48", "--weeks", "14", "--json").json
    known = {one["id"] for one in heji("export").json["digests"][0]["items"]}

    assert [row["period"] for row in rows][:6] == [f"2026-W{week}" for week in range(48, 54)]
    assert [row["period"] for row in rows][6:8] == ["2027-W01", "2027-W02"]
    assert {tuple(row) for row in rows} == {("period", "theme", "items", "related", "reason")}
    assert all(row["items"] and set(row["items"] + row["related"]) <= known for row in rows)
    assert all(row["theme"] != after["theme"] for row, after in pairwise(rows))


def test_the_calendar_begins_now_and_foretells_twelve_weeks(heji):
    rows = heji("calendar", "--json").json

    assert (len(rows), rows[0]["period"]) == (12, "2026-W48")
    assert "2026-W48  基础研究 · 3 条" in heji("calendar").out


def test_a_calendar_that_begins_later_counts_the_weeks_before(heji):
    whole = heji("calendar", "--weeks", "20", "--json").json

    assert heji("calendar", "--from", "2027-W02", "--weeks", "5", "--json").json == whole[7:12]


def test_calendar_and_preview_write_nothing(heji, place):
    before = saved(place)
    heji("calendar")
    heji("preview")

    assert saved(place) == before


def test_preview_takes_a_week_a_theme_a_language_and_a_format(heji):
    planned = heji(
        "preview", "--week", "2026-W50", "--theme", "点击率", "--lang", "en", "--format", "compact", "--json"
    )
    (call,) = planned.json["calls"]
    text = call["params"]["text"]

    assert planned.json["platform"] == "console"
    assert text.startswith("ctr · week 50 of 2026\n")
    assert all(re.search(rf"^• .* {re.escape(url)}$", text, re.MULTILINE) for url in CTR)
    assert len(heji("preview", "--format", "full").out) > len(heji("preview", "--format", "compact").out)


def test_preview_of_an_empty_heading_says_so_and_of_nothing_too(heji, place, monkeypatch):
    assert "这个标题下还是空的" in heji("preview", "--theme", "gnn").out

    write(place / "empty.md", "# Nothing yet\n")
    monkeypatch.setenv("CONTENT", "empty.md")
    done, calendar = heji("preview", "--lang", "en"), heji("calendar")

    assert done.status == calendar.status == 0
    assert done.out.strip()
    assert calendar.out.strip()


def test_an_ambiguous_theme_names_what_it_may_be(heji, place):
    write(
        place / "content/more.md",
        "## A\n\n### Twin\n\n[1](https://example.org/1)\n\n## B\n\n### Twin\n\n[2](https://example.org/2)\n",
    )

    assert heji("preview", "--theme", "twin").mistakes == [
        "--theme: more than one topic is called twin; near are: A / Twin, B / Twin"
    ]


@pytest.mark.parametrize("schedule", ["mon 09:00", "fri 18:00", "daily 08:00", "monthly 15 09:00"])
def test_week_next_status_preview_and_calendar_tell_one_story(heji, place, monkeypatch, schedule):
    items = "".join(f"[Item {{name}}{n}](https://example.org/{{name}}{n})\n\n" for n in range(3))
    write(place / "story.md", "".join(f"## {name}\n\n{items.format(name=name)}" for name in "abcdef"))
    monkeypatch.setenv("CONTENT", "story.md")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    monkeypatch.setenv("DIGEST_SCHEDULE", schedule)
    rows = heji("calendar", "--json", "--weeks", "14").json
    coming = rows[0 if schedule == "fri 18:00" else 1]
    title = coming["theme"][-1]

    assert heji("preview", "--week", rows[0]["period"]).out == heji("ask", "/week").out
    assert heji("preview").out == heji("preview", "--week", coming["period"]).out
    assert heji("preview").out == heji("ask", "/preview", "--role", "curator").out
    assert heji("ask", "/next").out.startswith(f"下一期：{title}\n")
    assert re.search(rf"^  主题 +{title}$", heji("ask", "/status").out, re.MULTILINE)
    if len(rows) > 2:
        assert heji("preview", "--week", rows[2]["period"]).out.startswith(f"{rows[2]['theme'][-1]} · ")


# doctor and the chat --------------------------------------------------------------------------------------------------


def test_doctor_prints_a_line_each_or_one_json_value(heji, monkeypatch):
    fine, told = heji("doctor").out.splitlines(), heji("doctor", "--json").json

    assert len(fine) == len(told) == 5
    assert {tuple(one) for one in told} == {("check", "state", "message", "cure")}
    monkeypatch.setenv("PORT", "x")
    wrong = heji("doctor")
    assert wrong.status == 1
    assert 'fail  configuration  PORT is "x": write a number from 0 to 65535, such as 8080' in wrong.out.splitlines()
    assert heji("doctor", "--json").status == 1


@pytest.mark.parametrize("bye", ["/quit", "/exit", " /Q "])
def test_the_chat_ends_when_it_is_told_to(heji, bye):
    done = heji("chat", stdin=f"\n  \n/topic ctr\n{bye}\n/topics\n")

    assert done.status == 0
    assert done.out.startswith("ctr · 2 条")
    assert done.out.count("═\n") == 1


def test_the_chat_goes_on_with_more(heji, place):
    write(
        place / "content/long.md",
        "## t\n\n" + "".join(f"[Item {n:02}](https://example.org/{n:02})\n\n" for n in range(30)),
    )
    done = heji("chat", stdin="/topic t\n" + "/more\n" * 10)

    assert all(f"https://example.org/{n:02}\n" in done.out for n in range(30))


def test_what_is_saved_while_the_chat_runs_is_there_at_the_next_question(place, caplog):
    console = Console()
    app = bot.app.build(bot.app.Settings.load())
    digest = place / "content/heji.md"
    whole = digest.read_text(encoding="utf-8")

    async def lines():
        yield "/topic ctr"
        write(digest, whole + "\n## fresh\n\n[On fresh](https://example.org/fresh)\n")
        yield "/topic fresh"
        write(digest, "## fresh\n\n[On fresh](https://example.org/fresh)\n")
        yield "/topic ctr"
        write(digest, whole)
        yield "/topic fresh"

    asyncio.run(running.converse(app, console, lines()))
    first, fresh, kept, back = (payload["params"]["text"] for _, payload in console.sent)

    assert "https://example.org/fresh" in fresh
    assert kept == first
    assert "https://example.org/fresh" not in back
    (record,) = caplog.records
    assert record.getMessage().startswith("content kept: content/heji.md:1: shrank from 31 items to 1: ")
