"""Logs: one line an event, for people or as JSON, on one stream, and never with a secret in them."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote, unquote

from bot.settings import DEFAULT_LOG_LEVEL, Settings
from bot.thrift import without

logger = logging.getLogger(__name__)

MIN_SECRET = 6
"""Shorter secrets are not looked for in logs: they would blot out ordinary words."""

_LEARNED = re.compile(r"\b(?:xox[a-z]|xapp|xoxe\.xox[a-z])-[\w-]{6,}", re.ASCII)
"""How Slack writes tokens: those of workspaces are learned while the program runs, and no setting names them."""


class Handler(logging.StreamHandler[TextIO]):
    """Writes to a stream, and tells of a record that cannot be written without repeating what is in it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say where it was made: logging itself would print its arguments as they are."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):  # nobody reads the log
            return
        with contextlib.suppress(OSError, ValueError):
            place = f"{record.name} {record.filename}:{record.lineno}"
            self.stream.write(f"log record lost ({type(error).__name__}) in {place}{self.terminator}")
            self.flush()


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
    return replace(settings, log_level=settings.log_level or "WARNING")


def set_up(settings: Settings, stream: TextIO) -> None:
    """Logs go to *stream*, one line an event, for people or as JSON; secrets never do."""
    with without("rich"):  # structlog would load it for tracebacks, and ours are plain
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
    handler = Handler(stream)
    handler.setFormatter(Redacting(formatter, settings.secrets()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level or DEFAULT_LOG_LEVEL)
    for chatty in ("alembic", "apscheduler", "httpcore", "httpx", "slack_bolt", "slack_sdk"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    _take_over()


def _take_over() -> None:
    """What Python would print by itself goes through the log too: tracebacks of threads and destructors, warnings.

    Where somebody else sees to that already, as a test runner does, it is left to them.
    """
    if threading.excepthook is not threading.__excepthook__:
        return

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread else "?"
            logger.error("thread broke name=%s", name, exc_info=args.exc_value)

    def of_nobody(args: Any) -> None:
        logger.error("error ignored where=%r", args.object, exc_info=args.exc_value)

    def of_all(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            logger.critical("program broke", exc_info=(kind, error, trace))

    threading.excepthook, sys.unraisablehook, sys.excepthook = of_thread, of_nobody, of_all
    logging.captureWarnings(capture=True)
