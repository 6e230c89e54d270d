"""What is configured, what is missing, and what to do about it: a line and a cure each. Changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.app import Clock, chat_settings, load, now
from bot.digest.library import Library
from bot.errors import ConfigurationError
from bot.settings import Settings


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
        return tuple(Finding("configuration", "fail", sentence, "correct the variable") for sentence in error.mistakes)
    found = [Finding("configuration", "ok", "every variable that is set can be used")]
    try:
        library = load(settings)
    except ConfigurationError as error:
        return (
            *found,
            *(Finding("content", "fail", sentence, "correct the file or CONTENT") for sentence in error.mistakes),
        )
    found += [_content_finding(library), _theme_finding(library, settings, clock())]
    found += _token_findings(settings)
    return tuple(found)


def _content_finding(library: Library) -> Finding:
    errors = sum(problem.severity == "error" for problem in library.problems)
    held = f"{len(library.digests)} files, {len(library.topics)} topics, {len(library.items_under(()))} items"
    if not library.items:
        return Finding("content", "fail", f"nothing to say: {held}", "write headings and links, or name other CONTENT")
    if errors:
        return Finding("content", "warn", f"{held}; {errors} errors", "see heji check")
    return Finding("content", "ok", held)


def _theme_finding(library: Library, settings: Settings, moment: dt.datetime) -> Finding:
    chosen = chat_settings(settings, library.config)
    run = chosen.schedule.next_run(moment, chosen.zone)
    return Finding(
        "schedule", "ok", f"{chosen.schedule} in {chosen.zone.key}; the next edition would come {run:%Y-%m-%d %H:%M %Z}"
    )


def _token_findings(settings: Settings) -> list[Finding]:
    set_up = [
        name
        for name, token in (("Telegram", settings.telegram_bot_token), ("Slack", settings.slack_bot_token))
        if token
    ]
    if not set_up:
        return [Finding("platforms", "ok", "no token is set: the bot answers in the terminal")]
    return [
        Finding(name, "warn", f"a token is set, but this version does not speak {name} yet", "use the terminal for now")
        for name in set_up
    ]
