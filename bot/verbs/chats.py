"""The verbs of chats: which get editions, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.output import say, say_json, say_rows
from bot.verbs.database import lines, opened
from bot.verbs.options import CHATS, DATABASE, AsJson, Format, Language

if TYPE_CHECKING:
    from bot.chat.conversation import ChatSettings
    from bot.desk.roster import Roster
    from bot.digest.library import Library
    from bot.settings import Settings
    from bot.store.subscriptions import Subscriber

Chat = Annotated[
    str, typer.Argument(metavar="CHAT", help="telegram:-100123, telegram:-100123/45, slack:T1/C1, file:PATH, …")
]
Named = Annotated[str, typer.Option(metavar="NAME", help="Which of the chat's subscriptions.")]

chats = typer.Typer(help="Which chats get editions, and how.", add_completion=False, rich_markup_mode=None)


@chats.command("list")
def list_chats(as_json: AsJson = False) -> None:
    """Every subscription, in the order they came."""
    from bot.desk.roster import row
    from bot.settings import Settings

    with opened(Settings.load(*DATABASE)) as store:
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
    with opened(settings) as store:
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
    with opened(Settings.load(*DATABASE)) as store:
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

    with opened(Settings.load(*DATABASE)) as store:
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
    with lines(file) as (rows, source):
        # Read twice: a mistake in the last line of 100,000 must not leave half of them.
        for _ in roster.lines(rows, source):
            pass
        rows.seek(0)
        with opened(settings) as store:
            imported = store.subscriptions.put(roster.lines(rows, source))
    if as_json:
        say_json({"imported": imported})
    else:
        say(f"{imported:,} imported")


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
