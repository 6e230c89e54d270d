"""What is configured, what is missing, and what to do about it: a line and a cure each. Changes nothing.

Networks that have a token are asked; nobody else is called.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.app import Clock, chat_settings, existing_store, load, now
from bot.digest.library import Library
from bot.errors import ConfigurationError, StoreError
from bot.settings import READING, Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `heji doctor`: what was looked at, how it is, and what to do about it."""

    check: str
    state: Literal["ok", "warn", "fail"]
    message: str
    cure: str = ""

    def as_json(self) -> Mapping[str, str]:
        """As `heji doctor --json` prints it."""
        return {"check": self.check, "state": self.state, "message": self.message, "cure": self.cure}


def diagnose(clock: Clock = now) -> tuple[Finding, ...]:
    """What is configured, what is missing and what to do about it. Never raises on a mistake: that is a finding."""
    try:
        settings = Settings.load()
    except ConfigurationError as error:
        return (*_failed("configuration", error), *_reading_findings(clock))
    found = Finding("configuration", "ok", "every variable that is set can be used")
    return (found, *_reading_findings(clock), *_database_findings(settings), *_network_findings(settings))


def _database_findings(settings: Settings) -> tuple[Finding, ...]:
    """Whether the database can be read and written, and what is left undone in it."""
    try:
        store = existing_store(settings)
        if store is None:
            return (_database_to_come(Path(settings.sqlite_file or "")),)
        try:
            store.try_writing()
            counts = store.ledger.counts()
        finally:
            store.close()
    except StoreError as error:
        sentence = str(error).rstrip(".")
        if type(error) is StoreError:  # nobody foresaw it, so that there is only a reason
            return (Finding("database", "fail", sentence, "check DATABASE_URL, the disk and the log of the server"),)
        message, _, cure = sentence.rpartition(": ")
        return (Finding("database", "fail", message, cure),)
    found = Finding("database", "ok", "it can be read and written")
    if uncertain := counts.get("uncertain"):
        return found, Finding("deliveries", "warn", f"{uncertain:,} uncertain", "see heji deliveries --state uncertain")
    return (found,)


def _database_to_come(file: Path) -> Finding:
    """Whether a SQLite database could be made where there is none."""
    folder = next(one for one in file.absolute().parents if one.exists())
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding("database", "ok", "none yet; made at the first run")
    message = f"none yet, and {file} cannot be made: {folder} cannot be written"
    cure = "give heji the right to write there, or name another file in DATABASE_URL"
    return Finding("database", "fail", message, cure)


def _reading_findings(clock: Clock) -> tuple[Finding, ...]:
    """How the content is, as far as the variables that it needs can be used."""
    try:
        settings = Settings.load(*READING)
    except ConfigurationError:
        return ()  # said already
    try:
        library = load(settings)
    except ConfigurationError as error:
        return _failed("content", error)
    return _content_finding(library), _schedule_finding(library, settings, clock())


def _failed(check: str, error: ConfigurationError) -> tuple[Finding, ...]:
    """A finding for each mistake; its sentence ends with the cure."""
    parts = (sentence.rstrip(".").rpartition(": ") for sentence in error.mistakes)
    return tuple(Finding(check, "fail", message, cure) for message, _, cure in parts)


def _content_finding(library: Library) -> Finding:
    errors = sum(problem.severity == "error" for problem in library.problems)
    counts = (("file", library.digests), ("topic", library.topics), ("item", library.items_under(())))
    held = ", ".join(_counted(noun, len(rows)) for noun, rows in counts)
    if not library.items:
        return Finding("content", "fail", f"nothing to say: {held}", "write headings and links, or name other CONTENT")
    if errors:
        return Finding("content", "warn", f"{held}; {_counted('error', errors)}", "see heji check")
    return Finding("content", "ok", held)


def _counted(noun: str, n: int) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _schedule_finding(library: Library, settings: Settings, moment: dt.datetime) -> Finding:
    chosen = chat_settings(settings, library.config)
    run = chosen.schedule.next_run(moment, chosen.zone, library.config.holidays)
    return Finding(
        "schedule", "ok", f"{chosen.schedule} in {chosen.zone.key}; the next edition would come {run:%Y-%m-%d %H:%M %Z}"
    )


def _network_findings(settings: Settings) -> list[Finding]:
    """What the networks say of their tokens."""
    import asyncio

    from bot.front import networks

    found = [
        Finding(name, one.state, one.message, one.cure)
        for name, findings in asyncio.run(networks.check(settings)).items()
        for one in findings
    ]
    return found or [Finding("platforms", "ok", "no token is set: the bot answers in the terminal")]
