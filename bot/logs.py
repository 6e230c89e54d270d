"""Logs: one line an event, for people or as JSON, on one stream, and never with a secret in them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from typing import TextIO
from urllib.parse import quote, unquote

from bot.settings import Settings

MIN_SECRET = 6
"""Shorter secrets are not looked for in logs: they would blot out ordinary words."""

_LEARNED = re.compile(r"\b(?:xox[a-z]|xapp|xoxe\.xox[a-z])-[\w-]{6,}", re.ASCII)
"""How Slack writes tokens: those of workspaces are learned while the program runs, and no setting names them."""


class Redacting(logging.Formatter):
    """Formats as another formatter does, then takes every secret out, tracebacks included."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self.inner = inner
        forms = {form for secret in secrets for form in _forms(secret)}
        self.secrets = sorted((form for form in forms if len(form) >= MIN_SECRET), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, without any secret in it."""
        text = self.inner.format(record)
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return _LEARNED.sub("***", text)


def _forms(secret: str) -> Iterator[str]:
    """The ways in which *secret* may be written in a line: as it is, in an address, in a `repr`, and these in JSON."""
    for form in (secret, quote(secret, safe=""), unquote(secret), repr(secret)[1:-1]):
        yield form
        yield json.dumps(form)[1:-1]
        yield json.dumps(form, ensure_ascii=False)[1:-1]


def for_people(settings: Settings) -> Settings:
    """*settings* for where somebody sits: between the lines that they read, only those about what went wrong."""
    chosen = "log_level" in settings.model_fields_set
    return settings if chosen else settings.model_copy(update={"log_level": "WARNING"})


def set_up(settings: Settings, stream: TextIO) -> None:
    """Logs go to *stream*, one line an event, for people or as JSON; secrets never do."""
    import structlog

    stamps = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        stamps,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        # Plain: rich, where it is there, shows local variables too, and cuts and wraps them, secrets and all.
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if settings.log_format == "json" else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Redacting(formatter, settings.secrets()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for chatty in ("httpx", "httpcore", "slack_sdk", "slack_bolt", "apscheduler"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
