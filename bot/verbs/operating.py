"""The verbs of whoever runs the bot: chats, post, deliveries, state, db. Only `post --wait` calls a platform."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from bot.output import at_signals, say, say_json, say_rows, warn

if TYPE_CHECKING:
    from collections import Counter

    from bot.app import App
    from bot.chat.conversation import ChatSettings
    from bot.desk.roster import Roster
    from bot.digest.library import Library
    from bot.digest.model import Topic
    from bot.settings import Settings
    from bot.store.settlement import Delivery
    from bot.store.store import Store
    from bot.store.subscriptions import Subscriber

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
Chat = Annotated[
    str, typer.Argument(metavar="CHAT", help="telegram:-100123, telegram:-100123/45, slack:T1/C1, file:PATH, …")
]
Named = Annotated[str, typer.Option(metavar="NAME", help="Which of the chat's subscriptions.")]

DATABASE = ("database_url", "allow_ephemeral_sqlite")
CHATS = ("content", *DATABASE, "digest_schedule", "digest_timezone", "digest_language")
LOGS = ("log_level", "log_format")
"""The settings that these verbs read: a verb validates only what it needs."""

PATIENCE = 5.0
"""Seconds that somebody at a prompt waits for a database that was cut or is busy."""

chats = typer.Typer(help="Which chats get editions, and how.", add_completion=False, rich_markup_mode=None)
database = typer.Typer(help="The database.", add_completion=False, rich_markup_mode=None)


class State(StrEnum):
    """What may have become of a message."""

    pending = "pending"
    claimed = "claimed"
    sending = "sending"
    sent = "sent"
    retry = "retry"
    uncertain = "uncertain"
    dead = "dead"


class Resolution(StrEnum):
    """What somebody found out about uncertain messages."""

    sent = "sent"
    resend = "resend"


class Format(StrEnum):
    """How much of an item is shown."""

    compact = "compact"
    normal = "normal"
    full = "full"


class Language(StrEnum):
    """What the bot speaks."""

    zh = "zh"
    en = "en"


@contextmanager
def _opened(settings: Settings, *, upgrade: bool | None = None, patience: float | None = PATIENCE) -> Iterator[Store]:
    from bot.app import open_store

    store = open_store(settings, upgrade=upgrade, patience=patience)
    try:
        yield store
    finally:
        store.close()


# -- chats -------------------------------------------------------------------------------------------------------------


@chats.command("list")
def list_chats(as_json: AsJson = False) -> None:
    """Every subscription, in the order they came."""
    from bot.desk.roster import row
    from bot.settings import Settings

    with _opened(Settings.load(*DATABASE)) as store:
        if as_json:
            say_rows(map(row, store.subscriptions.all()), as_array=True)
            return
        empty = True
        for one in store.subscriptions.all():
            say(_shown(one))
            empty = False
    if empty:
        say("no chat has subscribed yet: heji chats add telegram:-100123")


@chats.command()
def add(
    chat: Chat,
    topics: Annotated[str | None, typer.Option(metavar="NAMES", help="Only these, such as nlp,ctr; else all.")] = None,
    schedule: Annotated[str | None, typer.Option(metavar="WHEN", help="Such as 'mon 09:00' or 'daily 08:00'.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Such as Asia/Shanghai.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How much of an item is shown.")] = Format.normal,
    lang: Annotated[Language | None, typer.Option(help="Language of the bot's own words.")] = None,
    name: Named = "weekly",
    as_json: AsJson = False,
) -> None:
    """Subscribe a chat, or change what it chose. What is not given is as the digest has it."""
    from bot.desk.roster import row
    from bot.settings import Settings

    settings = Settings.load(*CHATS)
    wanted = {
        "chat": chat,
        "topics": [word.strip() for word in topics.split(",") if word.strip()] if topics else None,
        "schedule": schedule,
        "timezone": timezone,
        "format": output.value,
        "lang": lang.value if lang else None,
        "name": name,
    }
    subscriber = _subscriber(_roster(settings), wanted)
    with _opened(settings) as store:
        added = store.subscriptions.add(subscriber)
    if as_json:
        say_json(row(added))
    else:
        say(_shown(added))


@chats.command()
def remove(chat: Chat, name: Named = "weekly", as_json: AsJson = False) -> None:
    """End a chat's subscription."""
    from bot.chat.address import parse_address
    from bot.errors import ChatNotFound
    from bot.settings import Settings

    address = parse_address(chat)
    with _opened(Settings.load(*DATABASE)) as store:
        if not store.subscriptions.remove(address, name):
            raise ChatNotFound(str(address), name)
    if as_json:
        say_json({"removed": {"chat": str(address), "name": name}})
    else:
        say(f"{address} {name}: removed")


@chats.command("export")
def export_chats(as_json: AsJson = False) -> None:
    """Print every subscription as a line of JSON, for `import`."""
    from bot.desk.roster import row
    from bot.settings import Settings

    with _opened(Settings.load(*DATABASE)) as store:
        say_rows(map(row, store.subscriptions.all()), as_array=as_json)


@chats.command("import")
def import_chats(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Lines of JSON; stdin by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add or change the subscriptions that `export` printed. All of them, or none if a line is wrong."""
    from bot.settings import Settings

    settings = Settings.load(*CHATS)
    roster = _roster(settings)
    with _lines(file) as (lines, source):
        # Read twice: a mistake in the last line of 100,000 must not leave half of them.
        for _ in roster.lines(lines, source):
            pass
        lines.seek(0)
        with _opened(settings) as store:
            imported = store.subscriptions.put(roster.lines(lines, source))
    if as_json:
        say_json({"imported": imported})
    else:
        say(f"{imported:,} imported")


@contextmanager
def _lines(file: str | None) -> Iterator[tuple[BinaryIO, str]]:
    """What is to be imported, such that it can be read twice: a pipe is kept on the disk."""
    import shutil
    import tempfile
    from pathlib import Path

    if file not in (None, "-"):
        with Path(file or "").open("rb") as lines:
            if lines.seekable():
                yield lines, str(file)
                return
            source: Any = lines
            with tempfile.TemporaryFile() as kept:
                shutil.copyfileobj(source, kept)
                kept.seek(0)
                yield kept, str(file)
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.seek(0)
        yield kept, "stdin"


def _roster(settings: Settings) -> Roster:
    from bot.app import chat_settings, load
    from bot.desk.roster import Roster

    library: Library = load(settings)
    defaults: ChatSettings = chat_settings(settings, library.config)
    return Roster(library, defaults)


def _subscriber(roster: Roster, wanted: dict[str, Any]) -> Subscriber:
    """The subscription, or every mistake in it at once."""
    from bot.errors import BotError, ConfigurationError

    mistakes = []
    for field, value in wanted.items():
        if field != "chat":
            try:
                roster.subscriber({"chat": "console:any", field: value})
            except BotError as error:
                mistakes.append(str(error))
    try:
        found = roster.subscriber(wanted)
    except BotError as error:
        if str(error) not in mistakes:
            mistakes.insert(0, str(error))
        raise ConfigurationError(mistakes) from None
    return found


def _shown(one: Subscriber) -> str:
    """A subscription in a line."""
    wants = [f"{one.schedule} {one.zone.key}", ", ".join(one.topics) or "all topics", one.format]
    wants += [one.lang] if one.lang else []
    if one.next_run is not None:
        wants.append(f"next edition {one.next_run:%Y-%m-%d %H:%M %Z}")
    else:
        wants.append(f"{one.state} ({one.reason})" if one.reason else one.state)
    return f"{one.chat} {one.name}: {'; '.join(wants)}"


# -- post --------------------------------------------------------------------------------------------------------------


def post(
    theme: Annotated[str | None, typer.Option(metavar="TOPIC", help="A topic, found as /topic does.")] = None,
    to: Annotated[list[str] | None, typer.Option(metavar="CHAT", help="Only this chat; may be repeated.")] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="The same key never posts twice.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Deliver it here and now, and print what became of it.")] = False,
    more: Annotated[list[str] | None, typer.Argument(metavar="CHAT", help="More chats after --to.")] = None,
) -> None:
    """Post an edition now, to all or to the named chats."""
    import secrets

    from bot.app import build, now
    from bot.errors import ConfigurationError
    from bot.processes import logs
    from bot.settings import Settings

    if more and not to:
        raise ConfigurationError(f"{more[0]}: write --to before the chats that are meant")
    if key is not None and not key.strip():
        raise ConfigurationError("--key is empty: name the edition that is never to be posted twice, or leave it out")
    settings = Settings.load(*CHATS, "curators", "delivery_on_uncertain", "telegram_rate", "slack_rate", *LOGS)
    logs.set_up(logs.for_people(settings), sys.stderr)
    app = build(settings, clock=now)
    chosen = topic(app.library, theme) if theme else None
    with _opened(settings, patience=None) as store:
        chats = _subscribed(store, [*(to or ()), *(more or ())])
        app.attach(store)
        app.notice()
        assert app.planner is not None
        named = key or secrets.token_hex(6)
        planned = app.planner.post(theme=chosen, to=chats, key=named)
        say(_planned(planned.deliveries, planned.editions, store))
        failed = planned.failed > 0
        if failed:
            warn("for some chats the edition could not be rendered: the log above says why")
        if wait:
            counts = _delivered(app, store, f"post/{named}")
            said = ", ".join(f"{counts[state]:,} {state}" for state in State if counts.get(state))
            say(said or "nothing to deliver")
            failed = failed or counts.get("dead", 0) > 0
    raise typer.Exit(int(failed))


def _planned(deliveries: int, editions: int, store: Store) -> str:
    if deliveries:
        return f"{deliveries:,} {'message' if deliveries == 1 else 'messages'} planned"
    if not store.subscriptions.count().get("active"):
        return "nothing planned: no chat has an active subscription; see heji chats add"
    return "nothing planned: " + ("there is nothing to post" if editions else "these chats have this edition already")


def _subscribed(store: Store, chats: list[str]) -> tuple[Any, ...] | None:
    """The chats that are named; those that have no subscription are told all at once. None: all."""
    from bot.chat.address import parse_address
    from bot.errors import BotError, ChatNotFound, ConfigurationError

    if not chats:
        return None
    found, mistakes = [], []
    for chat in chats:
        try:
            address = parse_address(chat)
            if not store.subscriptions.of(address):
                raise ChatNotFound(str(address))
            found.append(address)
        except BotError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigurationError(mistakes)
    return tuple(dict.fromkeys(found))


def topic(library: Library, name: str) -> Topic:
    """The topic called *name* after --theme; not finding it names what comes near."""
    from bot.errors import ConfigurationError, TopicAmbiguous, TopicNotFound

    try:
        return library.find_topic(name)
    except TopicNotFound as error:
        near = error.suggestions
        sentence = f"--theme: no topic is called {name}"
    except TopicAmbiguous as error:
        near = error.candidates
        sentence = f"--theme: more than one topic is called {name}"
    hint = ", ".join(" / ".join(one.path) for one in near)
    raise ConfigurationError(f"{sentence}; near are: {hint}" if hint else f"{sentence}; see heji ask /topics")


def _delivered(app: App, store: Store, edition: str) -> dict[str, int]:
    """Work the outbox until nothing is left that can be sent from here; what became of *edition*."""
    import asyncio

    from bot.front import networks
    from bot.platforms.console import Console
    from bot.platforms.file import File
    from bot.processes.service import outbox

    async def work() -> None:
        there = [line.network for line in networks.lines(app, answering=False)]
        drain = outbox(app.settings, store, (Console.on(sys.stdout), File(), *there))
        with at_signals(partial(asyncio.get_running_loop().call_soon_threadsafe, drain.stop)):
            draining = asyncio.ensure_future(drain.drain())
            await _progress(draining, store, edition)
            await draining
        for network in there:
            await network.close()

    asyncio.run(work())
    return store.ledger.counts(edition)


async def _progress(draining: Any, store: Store, edition: str) -> None:
    """Show how far it is, on a terminal; in a pipe, nothing."""
    import asyncio

    if not sys.stderr.isatty():
        return
    from rich.console import Console as Screen
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Screen(stderr=True), transient=True) as bar:
        task = bar.add_task("delivering", total=None)
        while not draining.done():
            counts: Counter[str] | dict[str, int] = await asyncio.to_thread(store.ledger.counts, edition)
            settled = sum(counts.get(state, 0) for state in ("sent", "dead", "uncertain"))
            bar.update(task, total=sum(counts.values()), completed=settled)
            await asyncio.wait([draining], timeout=0.5)


# -- deliveries --------------------------------------------------------------------------------------------------------


def deliveries(
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    edition: Annotated[
        str | None, typer.Option(metavar="EDITION", help="Only this one, such as 1/2026-W48, 2026-W48 or post/KEY.")
    ] = None,
    resolve: Annotated[
        Resolution | None, typer.Option(help="Settle the uncertain ones: they were sent, or are to be sent again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What became of every message, a row each. Settles what is uncertain."""
    from bot.errors import ConfigurationError
    from bot.settings import Settings

    if resolve is not None and state not in (None, State.uncertain):
        raise ConfigurationError(f"--resolve settles what is uncertain, not what is {state}: leave --state out")
    with _opened(Settings.load(*DATABASE)) as store:
        if resolve is not None:
            ids = [row.id for row in store.ledger.rows(state="uncertain", edition=edition)]
            settled = store.outbox.resolve(resolve.value, ids) if ids else 0
            again = "to be sent again" if resolve is Resolution.resend else "sent"
            if as_json:
                say_json({"resolved": settled})
            else:
                say(f"{settled:,} uncertain settled as {again}" if settled else "nothing is uncertain")
            return
        rows = store.ledger.rows(state=state.value if state else None, edition=edition)
        if as_json:
            say_rows(map(_row, rows), as_array=True)
            return
        for one in rows:
            message = f" as {one.message_id}" if one.message_id else ""
            reason = f": {one.reason}" if one.reason else ""
            tries = f"{one.attempts} {'try' if one.attempts == 1 else 'tries'}"
            say(f"{one.id}  {one.edition}  {one.chat}  part {one.part}  {one.state}{message}  {tries}{reason}")


def _row(one: Delivery) -> dict[str, Any]:
    import datetime as dt

    not_before = dt.datetime.fromtimestamp(one.not_before, dt.UTC).isoformat(timespec="seconds")
    return {
        "id": one.id,
        "edition": one.edition,
        "chat": one.chat,
        "part": one.part,
        "state": one.state,
        "attempts": one.attempts,
        "reason": one.reason,
        "message_id": one.message_id,
        "not_before": not_before,
    }


# -- the database ------------------------------------------------------------------------------------------------------


def export_state(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where it goes; - for stdout.")],
) -> None:
    """Write all that is remembered, as lines of JSON. For import-state."""
    from bot.settings import Settings
    from bot.store import state

    with _opened(Settings.load(*DATABASE)) as store, _whole(file) as out:
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
    with _lines(file) as (lines, source), _opened(settings, upgrade=True) as store:
        rows = state.load(store.database, lines, source)
    say(f"{rows:,} {'row' if rows == 1 else 'rows'} imported")


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


@database.command()
def upgrade() -> None:
    """Bring the tables up to date; SQLite's are by themselves."""
    from bot.settings import Settings

    with _opened(Settings.load(*DATABASE), upgrade=True):
        say("the tables are those of this version")
