"""The verbs of the database: export-state, import-state, db. And how every verb of whoever runs the bot opens it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from bot.output import say
from bot.verbs.options import DATABASE

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.store.store import Store

PATIENCE = 5.0
"""Seconds that somebody at a prompt waits for a database that was cut or is busy."""

database = typer.Typer(help="The database.", add_completion=False, rich_markup_mode=None)


@contextmanager
def opened(settings: Settings, *, upgrade: bool | None = None, patience: float | None = PATIENCE) -> Iterator[Store]:
    """The store, till the end of the block. Raises StoreError."""
    from bot.app import open_store

    store = open_store(settings, upgrade=upgrade, patience=patience)
    try:
        yield store
    finally:
        store.close()


def export_state(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where it goes; - for stdout.")],
) -> None:
    """Write all that is remembered, as lines of JSON. For import-state."""
    from bot.settings import Settings
    from bot.store import state

    with opened(Settings.load(*DATABASE)) as store, _whole(file) as out:
        rows = state.export(store.database, out)
    if file != "-":
        say(f"{rows:,} {'row' if rows == 1 else 'rows'} exported to {file}")


def import_state(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What export-state wrote; - for stdin.")],
) -> None:
    """Put what export-state wrote into a new database. All of it, or nothing if a line is wrong."""
    from bot.settings import Settings
    from bot.store import state

    settings = Settings.load(*DATABASE)
    with lines(file) as (rows, source), opened(settings, upgrade=True) as store:
        n = state.load(store.database, rows, source)
    say(f"{n:,} {'row' if n == 1 else 'rows'} imported")


@database.command()
def upgrade() -> None:
    """Bring the tables up to date; SQLite's are by themselves."""
    from bot.settings import Settings

    with opened(Settings.load(*DATABASE), upgrade=True):
        say("the tables are those of this version")


# What is read and written ---------------------------------------------------------------------------------------------


@contextmanager
def lines(file: str | None) -> Iterator[tuple[BinaryIO, str]]:
    """What is to be imported, such that it can be read twice: a pipe is kept on the disk."""
    import shutil
    import tempfile
    from pathlib import Path

    if file not in (None, "-"):
        with Path(file or "").open("rb") as rows:
            if rows.seekable():
                yield rows, str(file)
                return
            source: Any = rows
            with tempfile.TemporaryFile() as kept:
                shutil.copyfileobj(source, kept)
                kept.seek(0)
                yield kept, str(file)
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.seek(0)
        yield kept, "stdin"


@contextmanager
def _whole(file: str) -> Iterator[BinaryIO]:
    """A file that takes its place once it is whole. What is no regular file, such as stdout, gets it all at once."""
    import os
    import shutil
    import tempfile
    from pathlib import Path

    from bot.errors import ConfigurationError

    path = Path(file)
    if file == "-" or (path.exists() and not path.is_file()):
        with tempfile.TemporaryFile() as kept:
            yield kept
            kept.seek(0)
            if file == "-":
                shutil.copyfileobj(kept, sys.stdout.buffer)
            else:
                with path.open("wb") as out:
                    shutil.copyfileobj(kept, out)
        return
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}; name another place") from None
    try:
        with open(descriptor, "w+b") as kept:  # noqa: PTH123 - it is a descriptor
            yield kept
            kept.flush()
            os.fsync(kept.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
