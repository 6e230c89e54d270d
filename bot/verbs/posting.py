"""The verbs of editions: post, deliveries. Only `post --wait` calls a platform."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.output import at_signals, say, say_json, say_rows, warn
from bot.verbs.database import opened
from bot.verbs.options import CHATS, DATABASE, AsJson

if TYPE_CHECKING:
    from collections import Counter

    from bot.app import App
    from bot.digest.library import Library
    from bot.digest.model import Topic
    from bot.store.settlement import Delivery
    from bot.store.store import Store

SENDING = (*CHATS, "curators", "delivery_on_uncertain", "telegram_rate", "slack_rate", "log_level", "log_format")
"""The settings that `post` reads."""


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
    settings = Settings.load(*SENDING)
    logs.set_up(logs.for_people(settings), sys.stderr)
    app = build(settings, clock=now)
    chosen = topic(app.library, theme) if theme else None
    with opened(settings, patience=None) as store:
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
    with opened(Settings.load(*DATABASE)) as store:
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
