"""Figures for Prometheus: what a parser of its own kind reads out of them, and what they never hold."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from dataclasses import dataclass, replace

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from serving import client

from bot.app import build
from bot.chat.commands import TABLE
from bot.chat.conversation import Command
from bot.settings import Settings
from bot.web.health import Health, Signs, judge
from bot.web.metrics import Metrics, Reading
from bot.web.site import site

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Status:
    ok: bool = True
    message: str = "polling as 123456:secret"
    last_success: dt.datetime | None = NOW - dt.timedelta(seconds=7)


SIGNS = Signs(
    NOW - dt.timedelta(hours=1),
    database=True,
    ticked=NOW - dt.timedelta(seconds=12),
    platforms={"telegram": Status(), "slack": Status(last_success=None, ok=False)},
    counts={"pending": 3, "uncertain": 1, "dead": 0},
    due=42.5,
    editions=17,
    settled={"sent": 90, "dead": 2},
)
READING = Reading(
    NOW, SIGNS, judge(SIGNS, NOW), lag=1.25, items=40, problems={"error": 1, "warning": 5}, loaded=NOW
)  # fmt: skip


def read(metrics: Metrics):
    """Every sample: its name and labels, in the order of these, to its value."""
    text = metrics.page().decode()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def metrics():
    return Metrics(lambda: READING)


def test_what_a_process_shows_is_there_to_read(metrics):
    found = read(metrics)

    assert found["heji_deliveries", "pending"] == 3
    assert found["heji_deliveries_settled_total", "sent"] == 90
    assert found["heji_editions_total",] == 17
    assert found["heji_outbox_lag_seconds",] == 42.5
    assert found["heji_tick_age_seconds",] == 12
    assert found["heji_platform_last_success_age_seconds", "telegram"] == 7
    assert ("heji_platform_last_success_age_seconds", "slack") not in found
    assert found["heji_loop_lag_seconds",] == 1.25
    assert found["heji_content_items",] == 40
    assert found["heji_content_problems", "warning"] == 5
    assert found["heji_content_loaded_timestamp_seconds",] == NOW.timestamp()
    assert (found["heji_healthy", "telegram"], found["heji_healthy", "slack"]) == (1, 0)
    assert found["process_resident_memory_bytes",] > 0


def test_a_clock_that_never_ticked_is_as_old_as_the_process_and_one_that_is_not_there_has_no_age():
    never, none = replace(SIGNS, ticked=None), replace(SIGNS, ticking=False)
    ages = [read(Metrics(lambda s=s: replace(READING, signs=s))).get(("heji_tick_age_seconds",)) for s in (never, none)]

    assert ages == [3600, None]


def test_answers_are_counted_by_platform_and_command_and_timed_by_platform(metrics):
    for name, seconds in (("topic", 0.004), ("topic", 0.2), ("t", 0.004), ("", 0.004)):
        metrics.answered(Command(name=name, platform="telegram"), seconds)
    found = read(metrics)

    assert found["heji_commands_total", "topic", "telegram"] == 3
    assert found["heji_commands_total", "question", "telegram"] == 1
    assert found["heji_answer_seconds_count", "telegram"] == 4
    assert found["heji_answer_seconds_bucket", "0.005", "telegram"] == 3
    assert found["heji_answer_seconds_sum", "telegram"] == pytest.approx(0.212)


def test_whatever_people_type_the_series_are_no_more_than_the_table_has_rows(metrics):
    chosen = random.Random(7)
    for _ in range(2000):
        name = "".join(chosen.choices('abc/词"\n{}\\ 0', k=chosen.randrange(1, 9)))
        metrics.answered(Command(name=name, args="my secret", chat=f"telegram:{chosen.random()}"), 0.01)
    found = read(metrics)
    commands = {key for key in found if key[0] == "heji_commands_total"}

    assert commands <= {("heji_commands_total", row.name, "console") for row in TABLE} | {
        ("heji_commands_total", "unknown", "console")
    }
    assert "secret" not in metrics.page().decode()


def test_two_processes_in_one_do_not_share_a_figure(metrics):
    other = Metrics(lambda: READING)
    metrics.answered(Command(name="topic"), 0.01)

    assert ("heji_commands_total", "topic", "console") not in read(other)
    assert not [family for family in REGISTRY.collect() if family.name.startswith("heji")]


def test_an_app_tells_of_every_answer_and_of_those_at_hand_as_well(tmp_path):
    (tmp_path / "list.md").write_text("## a\n\n[On a](https://example.org/a)\n")
    app, told = build(Settings(content=(str(tmp_path),)), clock=lambda: NOW), []
    app.measured = lambda command, seconds: told.append((command.name, seconds >= 0))
    app.answer(Command(name="topics"))
    app.glance(Command(name="topics"))
    missed = app.at_hand(Command(name="topics"))

    assert missed is None
    assert told == [("topics", True)]


def test_the_page_is_served_as_prometheus_wants_it_and_never_kept(metrics):
    async def ask():
        async with client(site(health=Health, metrics=metrics)) as http:
            return await http.get("/metrics")

    answer = asyncio.run(ask())

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    assert "heji_outbox_lag_seconds 42.5" in answer.text


def test_without_metrics_there_is_no_such_page():
    async def ask():
        async with client(site(health=Health)) as http:
            return await http.get("/metrics")

    assert asyncio.run(ask()).status_code == 404
