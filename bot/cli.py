"""The command line: `heji VERB`. Each verb reads its arguments, asks the rooms and prints; nothing is decided here.

What a verb needs is imported inside it, so that `heji --help` stays quick. Exit status: 0 fine, 1 something was found
wrong (`check`, `doctor`), 2 a mistake in the arguments or the configuration, with a sentence for each on stderr.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    import asyncio
    import datetime as dt

    from bot.app import App
    from bot.chat.conversation import ChatSettings, Reader
    from bot.chat.message import Message
    from bot.digest.library import Library
    from bot.digest.model import Problem, Topic
    from bot.editions.theme import History
    from bot.settings import Settings

heji = typer.Typer(
    name="heji",
    help="A curated reading digest that answers: ask it for a topic, get a themed edition every week.",
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback is for nobody who types commands
    rich_markup_mode=None,  # plain help, and rich is not imported for it
)


class PlatformName(StrEnum):
    """The platforms whose renderers exist."""

    console = "console"


class Role(StrEnum):
    """Who asks."""

    member = "member"
    admin = "admin"
    curator = "curator"


class Language(StrEnum):
    """What the bot speaks."""

    zh = "zh"
    en = "en"


class Format(StrEnum):
    """How much of an item is shown."""

    compact = "compact"
    normal = "normal"
    full = "full"


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


_ENDING = (signal.SIGTERM, signal.SIGINT)

MAX_WEEKS = 520
"""How far ahead themes are foretold: ten years of a weekly digest."""

Paths = Annotated[list[str] | None, typer.Argument(metavar="PATH", help="Folders or files; CONTENT by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
On = Annotated[PlatformName, typer.Option("--platform", help="Whose rendering to show.")]
Speaking = Annotated[Language | None, typer.Option("--lang", help="Language of the bot's own words.")]


def main() -> None:
    """Run the command; every error raised on purpose ends as sentences on stderr and status 2."""
    from bot.errors import BotError

    _open_streams()
    try:
        status = heji(sys.argv[1:] or ["--help"], prog_name="heji", standalone_mode=False)
        sys.stdout.flush()  # here, where it may fail: later nobody could say so
    except typer.TyperException as error:
        fail(_usage(error))
    except BotError as error:
        fail(str(error))
    except BrokenPipeError:
        _print_no_more()
        sys.exit(0)
    except OSError as error:
        _print_no_more()
        fail(f"{error.filename or 'the output'}: {error.strerror or error}")
    sys.exit(status)


def _open_streams() -> None:
    """UTF-8 in and out, whatever the locale; a stream that the caller closed (``heji run <&-``) is an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for as long as we live
        else:
            stream.reconfigure(encoding="utf-8", errors="replace")


def _print(text: str, end: str = "\n") -> None:
    """*text* on stdout. That nobody reads it to its end (``heji export | head``) is no mistake."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _print_no_more()


def _print_no_more() -> None:
    """What is still to be written has nowhere to go, and need not be tried once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the arguments, and where to read how they are."""
    context = getattr(error, "ctx", None)
    sentence = " ".join(error.format_message().replace("Value error, ", "").split())
    end = "" if sentence.endswith((".", "?")) else "."
    return f"{sentence}{end} See {context.command_path if context else 'heji'} --help."


def fail(sentences: str) -> NoReturn:
    """End with status 2, a line for each mistake."""
    for sentence in sentences.splitlines():
        print(f"heji: {sentence}", file=sys.stderr)
    sys.exit(2)


# -- the chat ----------------------------------------------------------------------------------------------------------


@heji.command()
def run() -> None:
    """Start the bot. With no token in the environment: the chat on this terminal or pipe."""
    _chat()


@heji.command()
def chat() -> None:
    """Chat on this terminal or pipe. One command a line, until its end or /quit."""
    _chat()


def _chat() -> None:
    import asyncio

    with _at_signals(partial(sys.exit, 0)):
        from bot import logs
        from bot.app import build, now
        from bot.platforms.console import Console, read_lines
        from bot.settings import Settings

        settings = Settings.load()
        logs.set_up(settings, sys.stderr)
        app = build(settings, clock=now)
        console = Console.on(sys.stdout, next_page="/more")
        try:
            asyncio.run(_converse(app, console, read_lines(sys.stdin, sys.stdout)))
        except asyncio.CancelledError:
            if console.columns is not None:
                print(flush=True)
            # The thread that waits for the keyboard holds the lock of stdin, without which Python cannot end in order.
            os._exit(0)


async def _converse(app: App, console: Any, lines: Any) -> None:
    """Question and answer until the lines end. On a terminal the bot speaks first.

    A signal cancels the waiting for a line; an answer that was begun is said to its end.
    """
    import asyncio
    from dataclasses import replace

    from bot.chat import commands
    from bot.chat.conversation import Command

    talk = asyncio.current_task()
    assert talk is not None
    _cancel_at_signals(talk)
    me = Command(chat="console:terminal", user="console:me", role="curator", language=_client_language())
    if console.columns is not None:
        await _say(app.answer(replace(me, name="start")), console)
    async for line in lines:
        if line.strip().casefold() in ("/quit", "/exit", "/q"):
            return
        if not line.strip():
            continue
        app.refresh()
        if (command := commands.read(line, me)) is not None and not await _say(app.answer(command), console):
            return


async def _say(message: Message, console: Any) -> bool:
    from bot.platforms.base import Sent

    for payload in console.render(message):
        if not isinstance(await console.send({**payload, "params": {"text": payload["params"]["text"] + "\n"}}), Sent):
            return False
    return True


@contextmanager
def _at_signals(end: Callable[[], object]) -> Iterator[None]:
    """Call *end* when SIGTERM or SIGINT comes; afterwards they mean what they meant before."""
    before = {number: signal.signal(number, lambda *_: end()) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cancel_at_signals(task: asyncio.Task[None]) -> None:
    """The same for a *task* of the running loop, which forgets it when it closes."""
    loop = task.get_loop()
    for number in _ENDING:
        try:
            # Not by signal.signal: what comes just before the loop goes to sleep would not wake it.
            loop.add_signal_handler(number, task.cancel)
        except NotImplementedError:  # on Windows, whose loop is woken by every signal
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(task.cancel))


def _client_language() -> str | None:
    """The language of the person at this terminal, as their environment says (POSIX, section 8.2)."""
    tag = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return tag.split(".")[0] if tag.split(".")[0] not in ("", "C", "POSIX") else None


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
    """One question, one answer."""
    from dataclasses import replace

    from bot.app import build, now
    from bot.chat import commands
    from bot.chat.conversation import Command
    from bot.settings import READING, Settings

    app = build(Settings.load(*READING), clock=now)
    chosen = lang.value if lang else None
    app.remembered("console:ask").language = chosen
    who = Command(chat="console:ask", role=role.value, language=chosen or _client_language())
    command = commands.read(text.strip() or "/help", who)
    if command is not None and page > 1:
        command = replace(command, page=page)
    _print_calls(platform, app.answer(command) if command else None, as_json)


def _print_calls(platform: PlatformName, message: Message | None, as_json: bool) -> None:
    """What says *message*; None where the bot keeps silent, since somebody else was asked (``/week@other``)."""
    from bot.platforms.console import Console

    console = Console() if as_json else Console.on(sys.stdout)
    payloads = console.render(message) if message else ()
    if as_json:
        _print(json.dumps({"platform": platform.value, "calls": payloads}, ensure_ascii=False))
        return
    for payload in payloads:
        _print(payload["params"]["text"])


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
        _print(text)
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
            _print(texts.as_json(library.digests))
        case ExportFormat.opml:
            _print(texts.as_opml(library.digests, library.title), end="")
        case ExportFormat.csv:
            _print(texts.as_csv(library.digests), end="")


# -- what comes --------------------------------------------------------------------------------------------------------


@heji.command()
def calendar(
    start: Annotated[
        str | None, typer.Option("--from", metavar="PERIOD", help="The first, such as 2026-W48; now by default.")
    ] = None,
    weeks: Annotated[int, typer.Option(metavar="N", min=1, max=MAX_WEEKS, help="How many weeks.")] = 12,
    as_json: AsJson = False,
) -> None:
    """The themes that the coming weeks will bring if nothing changes."""
    from bot.editions.calendar import row, simulate
    from bot.editions.schedule import first_day

    library, chosen = _content_and_settings()
    first = first_day(start) if start else _this_period(chosen)
    history = _history_before(first, library, chosen)
    editions = simulate(library, history, first, weeks, schedule=chosen.schedule)
    if as_json:
        _print(json.dumps([row(edition) for edition in editions], ensure_ascii=False))
        return
    from bot.chat import pages

    _print_calls(PlatformName.console, pages.calendar(editions, _reader(library, chosen)), as_json=False)


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
    from bot.chat import pages
    from bot.editions.edition import compose
    from bot.editions.schedule import first_day
    from bot.editions.theme import pick

    library, chosen = _content_and_settings()
    run = chosen.schedule.next_occurrence(now(), chosen.zone, library.config.holidays)
    period = week or run.period
    history = _history_before(first_day(period), library, chosen)
    picked = pick(library, history, period, theme=_topic(library, theme) if theme else None)
    reader = replace(_reader(library, chosen, lang), format=output.value)
    if picked is None or not picked.items:
        page = pages.topic(picked.topic, library, reader) if picked else pages.nothing_to_post(reader)
    else:
        page = pages.edition(compose(library, picked, history, period), library, reader)
    _print_calls(platform, page, as_json)


def _content_and_settings() -> tuple[Library, ChatSettings]:
    from bot.app import chat_settings, load
    from bot.settings import READING, Settings

    settings: Settings = Settings.load(*READING)
    library = load(settings)
    return library, chat_settings(settings, library.config)


def _topic(library: Library, name: str) -> Topic:
    """The topic called *name*; not finding it names what comes near."""
    from bot.errors import ConfigurationError, TopicAmbiguous, TopicNotFound

    try:
        return library.find_topic(name)
    except TopicNotFound as error:
        near = error.suggestions
        sentence = f"--theme: no topic is called {name}"
    except TopicAmbiguous as error:
        near = error.candidates
        sentence = f"--theme: more than one topic is called {name}"
    hint = ", ".join(" / ".join(topic.path) for topic in near)
    raise ConfigurationError(f"{sentence}; near are: {hint}" if hint else f"{sentence}; see heji ask /topics")


def _history_before(day: dt.date, library: Library, chosen: ChatSettings) -> History:
    """What will have been posted before *day*, if nothing changes, counted from the present period on."""
    from itertools import takewhile

    from bot.editions.calendar import unfold
    from bot.editions.theme import History
    from bot.errors import ConfigurationError

    start = _this_period(chosen)
    if (day - start).days > MAX_WEEKS * 7:
        raise ConfigurationError(f"{day} is too far ahead: name a period within {MAX_WEEKS} weeks from now")
    days = takewhile(lambda one: one < day, chosen.schedule.days(start))
    coming = [chosen.schedule.period_of(one) for one in days if one not in library.config.holidays]
    history = History()
    for edition in unfold(library, history, coming):
        history = history.after(edition)
    return history


def _this_period(chosen: ChatSettings) -> dt.date:
    """The first day of the period that it is now in the chat's zone."""
    from bot.app import now
    from bot.editions.schedule import first_day

    return first_day(chosen.schedule.period_of(now().astimezone(chosen.zone).date()))


def _reader(library: Library, chosen: ChatSettings, lang: Language | None = None) -> Reader:
    from bot.app import now
    from bot.chat.conversation import Reader
    from bot.chat.language import choose

    language = choose(lang.value if lang else None, chosen.language, _client_language(), library.language)
    return Reader(language=language, zone=chosen.zone, now=now(), role="curator")


# -- the house ---------------------------------------------------------------------------------------------------------


@heji.command()
def doctor(as_json: AsJson = False) -> None:
    """What is configured and what is missing. One line and one cure each; status 1 if something fails."""
    from bot.doctor import diagnose

    found = diagnose()
    if as_json:
        _print(json.dumps([finding.as_json() for finding in found], ensure_ascii=False))
    else:
        for finding in found:
            cure = f": {finding.cure}" if finding.cure else ""
            _print(f"{finding.state:<4}  {finding.check:<13}  {finding.message}{cure}")
    raise typer.Exit(int(any(finding.state == "fail" for finding in found)))
