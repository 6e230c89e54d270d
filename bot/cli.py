"""The command line: `heji VERB`. Each verb reads its arguments, asks the rooms and prints; nothing is decided here.

What a verb needs is imported inside it, so that `heji --help` stays quick. Exit status: 0 fine, 1 something was found
wrong (`check`, `doctor`), 2 a mistake in the arguments or the configuration, with a sentence for each on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bot.output import client_language, fail, say, say_json, warn
from bot.verbs import archiving, chats, database, posting, provisioning, staying
from bot.verbs.options import AsJson, Format, Language
from bot.verbs.posting import topic

if TYPE_CHECKING:
    import datetime as dt

    from bot.app import App
    from bot.chat.conversation import ChatSettings, Reader
    from bot.desk.standing import Standing
    from bot.digest.library import Library
    from bot.digest.model import Problem
    from bot.settings import Settings

heji = typer.Typer(
    name="heji",
    help="A curated reading digest that answers: ask it for a topic, get a themed edition every week.",
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback is for nobody who types commands
    rich_markup_mode=None,  # plain help, and rich is not imported for it
)


class PlatformName(StrEnum):
    """Where something may be said."""

    console = "console"
    telegram = "telegram"
    slack = "slack"


class Role(StrEnum):
    """Who asks."""

    member = "member"
    admin = "admin"
    curator = "curator"


class Findings(StrEnum):
    """How `check` prints."""

    text = "text"
    json = "json"
    github = "github"


class ExportFormat(StrEnum):
    """How `export` prints."""

    json = "json"
    opml = "opml"
    csv = "csv"


MAX_WEEKS = 520
"""How far ahead themes are foretold: ten years of a weekly digest."""

Paths = Annotated[list[str] | None, typer.Argument(metavar="PATH", help="Folders or files; CONTENT by default.")]
On = Annotated[PlatformName, typer.Option("--platform", help="Whose rendering to show.")]
Speaking = Annotated[Language | None, typer.Option("--lang", help="Language of the bot's own words.")]


def call(words: Sequence[str]) -> int:
    """Run the verb that *words* name, and give its status. What is wrong with them is said, and ends with status 2."""
    try:
        return int(heji(words or ["--help"], prog_name="heji", standalone_mode=False) or 0)
    except typer.TyperException as error:
        fail(_usage(error))


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the arguments, and where to read how they are."""
    context = getattr(error, "ctx", None)
    sentence = " ".join(error.format_message().replace("Value error, ", "").split())
    end = "" if sentence.endswith((".", "?")) else "."
    return f"{sentence}{end} See {context.command_path if context else 'heji'} --help."


# -- the processes that stay -------------------------------------------------------------------------------------------


for verb in staying.VERBS.values():
    heji.command()(verb)


# -- one question ------------------------------------------------------------------------------------------------------


@heji.command()
def ask(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="A command such as '/topic ctr', or a question; empty: help.")
    ],
    platform: On = PlatformName.console,
    role: Annotated[Role, typer.Option(help="Ask as one who may do this much.")] = Role.member,
    lang: Speaking = None,
    page: Annotated[int, typer.Option(metavar="N", min=1, help="Page of a long answer.")] = 1,
    as_json: AsJson = False,
) -> None:
    """One question, one answer. Changes nothing."""
    from dataclasses import replace

    from bot.app import TERMINAL, build, now
    from bot.chat import commands
    from bot.chat.conversation import Command
    from bot.settings import READING, Settings
    from bot.verbs.showing import show_answer

    settings = Settings.load(*READING)
    app = build(settings, clock=now)
    app.rehearsing = True
    chosen = lang.value if lang else None
    app.remembered(str(TERMINAL)).language = chosen
    who = Command(
        platform=platform.value,
        chat=str(TERMINAL),
        user="console:me",
        role=role.value,
        language=chosen or client_language(),
    )
    command = commands.read(text.strip() or "/help", who)
    if command is not None and commands.needs_memory(command):
        _recall(app, settings)
    if command is not None and page > 1:
        command = replace(command, page=page)
    answer = app.answer(command) if command else None
    show_answer(platform.value, command, answer, slack_command=settings.slack_command, as_json=as_json)


def _recall(app: App, settings: Settings) -> None:
    """What is remembered, if anything is. A database that cannot be used is said aloud, and no hindrance to reading."""
    from bot.app import existing_store
    from bot.errors import StoreError

    try:
        if (store := existing_store(settings)) is not None:
            app.attach(store)
    except StoreError as error:
        warn(f"{error} The answer knows of nothing that was posted.")


# -- what was written --------------------------------------------------------------------------------------------------


@heji.command()
def check(
    paths: Paths = None,
    output: Annotated[
        Findings, typer.Option("--format", help="For people, programs, or GitHub's annotations.")
    ] = Findings.text,
    fix: Annotated[bool, typer.Option("--fix", help="Bring the tables of contents in order.")] = False,
) -> None:
    """Tell what there is to fix in the digests. Each with file and line; status 1 if there is an error."""
    from bot.digest import findings

    library, missing = _library_as_it_is(paths)
    if fix:
        _fix(library)
        library, missing = _library_as_it_is(paths)
    found = (*missing, *_lint(library))
    text = {"text": findings.as_text, "json": findings.as_json, "github": findings.as_github}[output.value](found)
    if text:
        say(text)
    raise typer.Exit(int(any(problem.severity == "error" for problem in found)))


def _library_as_it_is(paths: Sequence[str] | None) -> tuple[Library, tuple[Problem, ...]]:
    """What can be read, and a finding for each path that is not there."""
    from bot.digest import sources
    from bot.digest.library import Library
    from bot.digest.model import Problem
    from bot.errors import ConfigurationError
    from bot.settings import Settings

    name, places = ("PATH", paths) if paths else ("CONTENT", Settings.load("content").content)
    try:
        return sources.load(places, name=name), ()
    except ConfigurationError:
        there, missing = [], []
    for place in places:
        try:
            sources.load([place], name=name)
            there.append(place)
        except ConfigurationError as error:
            missing += [Problem(place, 1, "missing", "error", sentence) for sentence in error.mistakes]
    return sources.load(there, name=name) if there else Library.build(()), tuple(missing)


def _lint(library: Library) -> tuple[Problem, ...]:
    from bot.app import schedule_problems
    from bot.digest.linter import lint

    return (*schedule_problems(library.config), *lint(library))


def _fix(library: Library) -> None:
    import codecs
    from pathlib import Path

    from bot.digest.toc import fix_toc

    for digest in library.digests:
        path = Path(digest.file)
        data = path.read_bytes()
        if (fixed := fix_toc(data.decode("utf-8-sig"), digest)) is not None:
            mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
            path.write_bytes(mark + fixed.encode("utf-8"))
            print(f"{digest.file}: table of contents rewritten", file=sys.stderr)


@heji.command()
def export(
    paths: Paths = None,
    output: Annotated[
        ExportFormat, typer.Option("--format", help="The whole, an outline, or a table.")
    ] = ExportFormat.json,
) -> None:
    """Print what was understood of the digests."""
    from bot.app import refuse_mistakes
    from bot.digest import export as texts
    from bot.digest import sources
    from bot.settings import Settings

    library = sources.load(paths, name="PATH") if paths else sources.load(Settings.load("content").content)
    refuse_mistakes(library)
    for problem in library.problems:
        if problem.code.startswith("file-"):
            print(f"heji: {problem.file}: {problem.message}", file=sys.stderr)
    match output:
        case ExportFormat.json:
            say(texts.as_json(library.digests))
        case ExportFormat.opml:
            say(texts.as_opml(library.digests, library.title), end="")
        case ExportFormat.csv:
            say(texts.as_csv(library.digests), end="")


# -- what comes --------------------------------------------------------------------------------------------------------


@heji.command()
def calendar(
    start: Annotated[
        str | None, typer.Option("--from", metavar="PERIOD", help="The first, such as 2026-W48; now by default.")
    ] = None,
    weeks: Annotated[int, typer.Option(metavar="N", min=1, max=MAX_WEEKS, help="How many weeks.")] = 12,
    as_json: AsJson = False,
) -> None:
    """The themes of the coming weeks, if nothing changes."""
    from bot.app import now
    from bot.desk.standing import foreseen
    from bot.editions.calendar import periods, row
    from bot.editions.schedule import first_day

    library, found = _content_and_standing()
    schedule, holidays = found.settings.schedule, library.config.holidays
    first = first_day(start or found.current(now(), holidays))
    before = _periods_before(first, library, found)
    wanted = periods(schedule, first, weeks, holidays)
    editions = tuple(one for one in foreseen(library, found, (*before, *wanted)) if one.period in wanted)
    if as_json:
        say_json([row(edition) for edition in editions])
        return
    from bot.chat import pages
    from bot.verbs.showing import show_message

    show_message(PlatformName.console.value, pages.calendar(editions, _reader(library, found.settings)))


@heji.command()
def preview(
    week: Annotated[
        str | None, typer.Option("--week", metavar="PERIOD", help="Such as 2026-W48; the coming one by default.")
    ] = None,
    theme: Annotated[
        str | None, typer.Option("--theme", metavar="TOPIC", help="A topic, found as /topic does.")
    ] = None,
    platform: On = PlatformName.console,
    lang: Speaking = None,
    output: Annotated[Format, typer.Option("--format", help="How much of an item is shown.")] = Format.normal,
    as_json: AsJson = False,
) -> None:
    """The edition exactly as it would be posted. Writes and sends nothing."""
    from dataclasses import replace

    from bot.app import now
    from bot.desk.standing import preview as previewed
    from bot.editions.schedule import first_day
    from bot.settings import Settings
    from bot.verbs.showing import show_message

    library, found = _content_and_standing()
    chosen, settings = found.settings, Settings.load("slack_command", "public_url")
    run = chosen.schedule.next_occurrence(now(), chosen.zone, library.config.holidays, found.skipped)
    period = week or run.period
    reader = replace(_reader(library, chosen, lang), format=output.value, archive=settings.archive)

    def before() -> tuple[str, ...]:
        return _periods_before(first_day(period), library, found)

    page = previewed(library, found, period, before, reader, theme=topic(library, theme) if theme else None)
    show_message(platform.value, page, slack_command=settings.slack_command, as_json=as_json)


def _content_and_standing() -> tuple[Library, Standing]:
    """The content, and what was posted of it to whoever sits here, else to the first that subscribed."""
    from bot.app import TERMINAL, build, now
    from bot.desk.standing import Standing
    from bot.settings import READING, Settings

    settings = Settings.load(*READING)
    app = build(settings, clock=now)
    _recall(app, settings)
    if app.store is None:
        return app.library, Standing(app.defaults)
    return app.library, app.standing(TERMINAL, app.store)


def _periods_before(day: dt.date, library: Library, found: Standing) -> tuple[str, ...]:
    """The periods that come before *day*, from the running one on."""
    from bot.app import now
    from bot.editions.calendar import periods_until
    from bot.editions.schedule import first_day
    from bot.errors import ConfigurationError

    holidays = library.config.holidays
    start = found.current(now(), holidays)
    if (day - first_day(start)).days > MAX_WEEKS * 7:
        raise ConfigurationError(f"{day} is too far ahead: name a period within {MAX_WEEKS} weeks from now")
    return periods_until(found.settings.schedule, start, day, holidays)


def _reader(library: Library, chosen: ChatSettings, lang: Language | None = None) -> Reader:
    from bot.app import now
    from bot.chat.conversation import Reader
    from bot.chat.language import choose

    language = choose(lang.value if lang else None, chosen.language, client_language(), library.language)
    return Reader(language=language, zone=chosen.zone, now=now(), role="curator")


# -- the house ---------------------------------------------------------------------------------------------------------


@heji.command()
def doctor(as_json: AsJson = False) -> None:
    """What is configured and what is missing. One line and one cure each; status 1 if something fails."""
    from bot.verbs.doctor import diagnose

    found = diagnose()
    if as_json:
        say_json([finding.as_json() for finding in found])
    else:
        for finding in found:
            cure = f": {finding.cure}" if finding.cure else ""
            say(f"{finding.state:<4}  {finding.check:<13}  {finding.message}{cure}")
    raise typer.Exit(int(any(finding.state == "fail" for finding in found)))


# -- what goes out -----------------------------------------------------------------------------------------------------

heji.command()(posting.post)
heji.command()(posting.deliveries)
heji.command()(archiving.archive)
heji.command("export-state")(database.export_state)
heji.command("import-state")(database.import_state)
heji.add_typer(chats.chats, name="chats")
heji.add_typer(database.database, name="db")
heji.add_typer(provisioning.telegram, name="telegram")
heji.add_typer(provisioning.slack, name="slack")
