"""docs/operate.md: its commands are commands, those that matter do what it says, and it knows what there is to know."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
import typer
from processes import ROOT, program, run

from bot.cli import heji
from bot.settings import Settings
from bot.web.health import Health, Signs
from bot.web.metrics import Reading, families

PAGE = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"(?:^heji|python -m bot)((?: (?:--?)?[\w./:-]+| -(?= |$))+)")
"""The program with its arguments, in a line of code."""


def blocks(title):
    """The commands in the section called *title*."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return [block[1] for block in re.finditer(r"```sh\n(.*?)```", section[1], re.DOTALL)]


def commands():
    """Every call of the program on the page, in code."""
    code = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PAGE)
    found = {match[1].strip() for text in code for line in text.splitlines() for match in COMMAND.finditer(line)}
    return sorted(found)


def understood(arguments):
    """Go through the verbs as typer would, and run nothing."""
    command, context = typer.main.get_command(heji), None
    while True:
        context = command.make_context(command.name, list(arguments), parent=context)
        if not hasattr(command, "resolve_command"):
            return command.name
        rest = [*context._protected_args, *context.args]
        _, command, arguments = command.resolve_command(context, rest)


def test_the_page_names_the_verbs_of_whoever_runs_it():
    verbs = {command.split()[0] for command in commands()}

    assert verbs >= {
        "run",
        "serve",
        "work",
        "db",
        "doctor",
        "deliveries",
        "chats",
        "export-state",
        "import-state",
        "check",
    }


@pytest.mark.parametrize("command", commands())
def test_every_command_on_the_page_is_one(command):
    assert understood(shlex.split(command))


def test_a_command_that_is_none_is_noticed():
    for wrong in (["upgrade"], ["db", "downgrade"], ["deliveries", "--retry"], ["export-state"]):
        with pytest.raises(typer.TyperException):
            understood(wrong)


def test_every_setting_and_file_that_is_named_exists():
    known = Settings.variables() | {"POSTGRES_PASSWORD", "PLATFORM", "SIGTERM", "SIGINT"}
    named = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b|`([A-Z]{4,})`", PAGE))
    files = re.findall(r"`((?:deploy/)?[\w-]+\.(?:toml|json|service))`", PAGE)

    assert {name for name in named if name} - known == set()
    assert [name for name in {*files} if not (ROOT / name).exists()] == []


def test_the_page_knows_every_check_and_every_figure():
    reading = Reading(None, Signs(None, ticking=False), Health())
    names = {family.name for family in families(reading)} | {
        "heji_commands",
        "heji_answer_seconds",
        "heji_tick_age_seconds",
    }

    assert [name for name in names if f"`{name}" not in PAGE] == []
    assert [check for check in ("database", "clock", "deliveries") if f"| `{check}` |" not in PAGE] == []


# The commands that one day have to work -------------------------------------------------------------------------------


@pytest.fixture
def bot(tmp_path):
    """A folder with a bot that has something to remember."""
    (tmp_path / "content").symlink_to(ROOT / "content")
    for chat in ("telegram:-100123/45", "file:out.jsonl"):
        assert run(program("chats", "add", chat, "--topics", "nlp"), tmp_path).returncode == 0
    assert run(program("post", "--to", "file:out.jsonl", "--wait"), tmp_path).returncode == 0
    return tmp_path


def typed(script, folder, **variables):
    """*script* in a shell in which `heji` is the program; it ends at the first command that fails."""
    shell = f'set -e\nheji() {{ {shlex.quote(sys.executable)} -m bot "$@"; }}\n{script}'
    return run(["/bin/sh", "-c", shell], folder, **variables)


def state(folder, name, **variables):
    """Everything that is remembered, row by row."""
    assert run(program("export-state", name), folder, **variables).returncode == 0
    return [json.loads(line) for line in (Path(folder) / name).read_text(encoding="utf-8").splitlines()]


def test_a_backup_is_restored_row_by_row(bot):
    before = state(bot, "before.jsonl")
    done = typed(blocks("Back up")[0] + blocks("Restore")[0], bot)

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(before) - 2:,} rows imported" in done.stdout
    assert state(bot, "after.jsonl") == before


def test_the_way_from_sqlite_to_postgresql_and_back_changes_no_row(bot, cluster):
    cluster.sql("CREATE DATABASE operated")
    url = cluster.url("operated").replace("+psycopg", "")
    before = state(bot, "before.jsonl")
    (script,) = blocks("Move from SQLite to PostgreSQL")
    there = typed(script.replace("postgresql://heji:secret@db.example.org/heji", shlex.quote(url)), bot)
    meanwhile = state(bot, "there.jsonl", DATABASE_URL=url)
    back = typed("heji import-state there.jsonl", bot, DATABASE_URL="sqlite:///data/new.db")
    after = state(bot, "back.jsonl", DATABASE_URL="sqlite:///data/new.db")

    assert (there.returncode, there.stderr) == (0, "")
    assert (back.returncode, back.stderr) == (0, "")
    assert len(before) > 10
    assert meanwhile == before
    assert after == before


def test_a_state_does_not_move_into_a_database_that_is_in_use(bot):
    done = typed(blocks("Back up")[0] + "heji import-state backup.jsonl", bot)

    assert done.returncode == 2
    assert "holds something already" in done.stderr
