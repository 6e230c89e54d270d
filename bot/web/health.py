"""How the process is, judged from what it noticed: what `/healthz` says. Pure: asks no database and no platform.

Whatever is judged may be read by strangers, so no address, no name and no reason of an error is in it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.platforms.base import Status

LATE = dt.timedelta(seconds=55)
"""A clock that ticks every 30 s and has been silent for so long stands still: who looks has to know within a minute."""

STUCK = 600.0
"""Seconds that a message may be due before it is told. Not red: whole towns of chats take longer than that."""

TOLD = ("pending", "uncertain", "dead")
"""What is told of the outbox."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. *at*: when it was last well."""

    name: str
    ok: bool
    message: str
    at: dt.datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """As `/healthz` shows it."""
        shown = {"ok": self.ok, "message": self.message}
        return shown if self.at is None else {**shown, "at": self.at.isoformat(timespec="seconds")}


@dataclass(frozen=True, slots=True)
class Health:
    """All that was looked at."""

    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is well."""
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """``{"status": "ok|red", "checks": {…}}``."""
        return {
            "status": "ok" if self.ok else "red",
            "checks": {check.name: check.as_json() for check in self.checks},
        }


@dataclass(frozen=True, slots=True)
class Signs:
    """What a process has noticed of itself since it *started*.

    *database*: whether it could be used when it was last tried; None before. *ticked*: when the clock last began or
    ended a tick, in a process that has one (*ticking*). *platforms* have what each adapter says of itself, *counts* the
    outbox's states; *due* says for how many seconds the message is due that waits longest, *editions* how many there
    have been, *settled* what became of the messages that this process sent.
    """

    started: dt.datetime
    database: bool | None = None
    ticking: bool = True
    ticked: dt.datetime | None = None
    platforms: Mapping[str, Status] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    due: float = 0.0
    editions: int = 0
    settled: Mapping[str, int] = field(default_factory=dict)


def judge(signs: Signs, now: dt.datetime) -> Health:
    """How a process is that shows *signs*. Nothing is held against it that is over."""
    checks = [_database(signs)]
    if signs.ticking:
        checks.append(_clock(signs, now))
    checks += [Check(name, one.ok, one.message, one.last_success) for name, one in signs.platforms.items()]
    return Health((*checks, _deliveries(signs)))


def _database(signs: Signs) -> Check:
    if signs.database is None:
        return Check("database", False, "not opened yet")
    return Check("database", signs.database, "in use" if signs.database else "cannot be used: the log says why")


def _clock(signs: Signs, now: dt.datetime) -> Check:
    since = signs.ticked or signs.started  # a process that has just begun need not have ticked
    silent = now - since
    if silent <= LATE:
        return Check("clock", True, "ticking" if signs.ticked else "about to tick", signs.ticked)
    return Check("clock", False, f"silent for {silent.total_seconds():.0f} s", signs.ticked)


def _deliveries(signs: Signs) -> Check:
    """Never red: a reader who blocked the bot is no reason for a host to start it anew."""
    told = [f"{signs.counts[state]:,} {state}" for state in TOLD if signs.counts.get(state)]
    if signs.due > STUCK:
        told.append(f"one has been due for {signs.due / 60:,.0f} min")
    return Check("deliveries", True, ", ".join(told) or "nothing is waiting")
