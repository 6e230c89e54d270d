from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.thrift import without

ROOT = Path(__file__).parent.parent


def test_what_is_left_out_cannot_be_imported_and_is_there_again_afterwards():
    import colorsys as before

    with without("colorsys"), pytest.raises(ImportError):
        import colorsys  # noqa: F401
    import colorsys as after

    assert after is before


def test_what_was_not_there_before_is_not_there_afterwards(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys"):
        pass

    assert "colorsys" not in sys.modules


@pytest.mark.parametrize("error", [ValueError, ImportError])
def test_it_is_there_again_also_when_an_import_within_breaks(error):
    import colorsys

    with pytest.raises(error), without("colorsys"):
        raise error

    assert sys.modules["colorsys"] is colorsys


def test_who_asks_telegram_for_updates_loads_nothing_of_what_comes_later_or_never():
    script = (
        "import io, sys; from bot.processes import logs, running; from bot.settings import Settings;"
        "import bot.platforms.telegram.receiving; logs.set_up(Settings(), io.StringIO());"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert {"aiohttp", "structlog", "telegram"} <= loaded
    assert loaded & {
        "alembic", "apscheduler", "click", "jinja2", "prometheus_client", "psycopg", "pydantic", "pygments", "pypinyin",
        "rapidfuzz", "rich", "slack_bolt", "sqlalchemy", "starlette", "tenacity", "typer", "uvicorn",
    } == set()  # fmt: skip


def test_who_asks_at_a_prompt_loads_no_database_and_no_network(tmp_path):
    script = (
        "import sys; from contextlib import suppress; from bot.__main__ import main;"
        "sys.argv = ['heji', 'ask', '/topic ctr']\n"
        "with suppress(SystemExit): main()\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    environment = {**os.environ, "CONTENT": str(ROOT / "content"), "DATABASE_URL": f"sqlite:///{tmp_path}/heji.db"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    *answer, loaded = done.stdout.splitlines()

    assert any("深度学习ctr" in line for line in answer)
    assert set(loaded.split()) & {"aiohttp", "slack_bolt", "sqlalchemy", "starlette", "structlog", "telegram"} == set()
