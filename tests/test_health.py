"""What `/healthz` says of a process: red where it is to be looked after, and green again by itself."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace

import pytest

from bot.delivery.clock import TICK
from bot.web.health import LATE, STUCK, Check, Health, Signs, judge

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Status:
    ok: bool = True
    message: str = "polling"
    last_success: dt.datetime | None = NOW


WELL = Signs(NOW - HOUR, database=True, ticked=NOW, platforms={"telegram": Status()}, counts={"sent": 5})


def check(name, signs, now=NOW):
    return next(one for one in judge(signs, now).checks if one.name == name)


def test_a_process_that_is_well_is_ok():
    health = judge(WELL, NOW)

    assert health.ok
    assert [one.name for one in health.checks] == ["database", "clock", "telegram", "deliveries"]


def test_what_is_shown_is_json_with_a_status_and_the_checks():
    shown = json.loads(json.dumps(judge(WELL, NOW).as_json()))

    assert shown["status"] == "ok"
    assert shown["checks"]["telegram"] == {"ok": True, "message": "polling", "at": "2026-11-23T09:00:00+00:00"}
    assert shown["checks"]["deliveries"] == {"ok": True, "message": "nothing is waiting"}


@pytest.mark.parametrize(
    ("signs", "culprit"),
    [
        (replace(WELL, database=False), "database"),
        (replace(WELL, database=None), "database"),
        (replace(WELL, ticked=NOW - LATE - dt.timedelta(seconds=1)), "clock"),
        (replace(WELL, ticked=None), "clock"),
        (replace(WELL, platforms={"telegram": Status(ok=False, message="the token was revoked")}), "telegram"),
    ],
)
def test_each_trouble_alone_makes_it_red_and_is_named(signs, culprit):
    health = judge(signs, NOW)

    assert [one.name for one in health.checks if not one.ok] == [culprit]
    assert health.as_json()["status"] == "red"


def test_trouble_that_is_over_is_forgotten():
    broken = replace(WELL, database=False, ticked=NOW - HOUR)

    assert not judge(broken, NOW).ok
    assert judge(replace(broken, database=True, ticked=NOW), NOW).ok


def test_a_clock_may_be_a_little_late_and_one_that_has_just_begun_need_not_have_ticked():
    assert check("clock", replace(WELL, ticked=NOW - LATE)).ok
    assert check("clock", replace(WELL, ticked=None, started=NOW - LATE)).message == "about to tick"


def test_a_clock_that_stands_still_says_since_when():
    signs = replace(WELL, ticked=NOW - HOUR)

    assert check("clock", signs) == Check("clock", False, "silent for 3600 s", NOW - HOUR)


def test_a_process_without_a_clock_is_not_asked_for_one():
    health = judge(replace(WELL, ticking=False, ticked=None), NOW)

    assert health.ok
    assert "clock" not in health.as_json()["checks"]


def test_what_waits_or_is_dead_is_told_and_alarms_nobody():
    signs = replace(WELL, counts={"pending": 1200, "dead": 2, "sent": 9})

    assert check("deliveries", signs) == Check("deliveries", True, "1,200 pending, 2 dead")
    assert judge(signs, NOW).ok


def test_nothing_looked_at_is_nothing_wrong():
    assert Health().as_json() == {"status": "ok", "checks": {}}


def test_a_message_that_has_been_due_for_long_is_told_and_alarms_nobody():
    signs = replace(WELL, counts={"pending": 1}, due=STUCK + 5 * 60)

    assert check("deliveries", signs) == Check("deliveries", True, "1 pending, one has been due for 15 min")
    assert "due" not in check("deliveries", replace(signs, due=STUCK)).message


def test_a_clock_that_stands_still_is_red_within_a_minute():
    assert TICK < LATE.total_seconds() < 60
