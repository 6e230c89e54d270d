"""Pages about the state of things: when the next edition comes, what was read, what curators want to fix."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.chat.conversation import Reader, Subscribed
from bot.chat.message import Action, Button, Buttons, Facts, Heading, Message, Text
from bot.chat.pages import parts
from bot.chat.pages.subscription import standing
from bot.digest.changes import Changes
from bot.digest.library import Library
from bot.digest.model import Problem
from bot.editions.edition import Edition
from bot.editions.schedule import Schedule

if TYPE_CHECKING:  # what a reload brought is shown here; what reads disks is not needed for that
    from bot.digest.sources import Reload

_PROBLEMS_ON_A_PAGE = 20
_NAMED = 5


def status(
    library: Library,
    coming: Edition | None,
    run: dt.datetime,
    schedule: Schedule,
    reader: Reader,
    *,
    loaded: dt.datetime | None = None,
    subscription: Subscribed | None = None,
    known: bool = True,
) -> Message:
    """How this chat stands, when the next edition comes and about what, what the library holds.

    For curators also how many problems there are. Not *known*: whether the chat subscribed cannot be looked up.
    """
    say = reader.say
    theme = parts.trail(coming.theme.path) if coming else say("none: no topic holds an item")
    items = say.plural("{n} item", "{n} items", len(library.items_under(())))
    topics = say.plural("{n} topic", "{n} topics", len(library.topics))
    files = say.plural("{n} file", "{n} files", len(library.digests))
    rows = list(standing(subscription, reader, known=known))
    if subscription is None or subscription.state == "active":
        moment = say.moment(run.astimezone(reader.zone), now=reader.now)
        rows += [(say("Next edition"), moment), (say("Its theme"), theme)]
    else:
        rows.append((say("Next edition"), say("none until it is resumed")))
    rows += [
        (say("Schedule"), parts.clock(schedule, reader.zone, say)),
        (say("Digest"), f"{library.title} · {say.listing((items, topics, files))}"),
    ]
    if loaded is not None:
        rows.append((say("Last read"), say.moment(loaded.astimezone(reader.zone), now=reader.now)))
    if reader.may("curator"):
        rows.append((say("To fix"), _tally(library.problems, reader)))
    onwards = _ways_on(subscription, reader) if known else ()
    return parts.message(reader, Heading(say("Status")), Facts(tuple(rows)), *onwards)


def _ways_on(subscription: Subscribed | None, reader: Reader) -> tuple[Buttons, ...]:
    """What starts editions here, for those who may."""
    say = reader.say
    if not reader.changes_chat or (subscription and subscription.state == "active"):
        return ()
    if subscription is None:
        return (Buttons((Button(say("Subscribe this chat"), Action("subscribe")),)),)
    return (Buttons((Button(say("Resume"), Action("resume")),)),)


def _tally(problems: Sequence[Problem], reader: Reader) -> str:
    say = reader.say
    n = {
        severity: sum(problem.severity == severity for problem in problems) for severity in ("error", "warning", "info")
    }
    said = [
        say.plural("{n} error", "{n} errors", n["error"]) if n["error"] else "",
        say.plural("{n} warning", "{n} warnings", n["warning"]) if n["warning"] else "",
        say.plural("{n} hint", "{n} hints", n["info"]) if n["info"] else "",
    ]
    return say.listing(filter(None, said)) or say("nothing")


def problems(found: Sequence[Problem], reader: Reader, *, page: int = 1) -> Message:
    """What a curator may want to fix, with file and line, in the linter's own words."""
    say = reader.say
    if not found:
        return parts.message(reader, Text(say("Nothing to fix.")))
    part = parts.sliced(found, page, _PROBLEMS_ON_A_PAGE)
    rows = tuple((f"{problem.file}:{problem.line}", f"{problem.severity}: {problem.message}") for problem in part.rows)
    return parts.message(
        reader,
        Heading(say("To fix"), aside=_tally(found, reader)),
        Facts(rows),
        *parts.pager(part, Action("check"), reader),
    )


def reloading(reader: Reader) -> Message:
    """The content is being read; what came of it is said by `reloaded`."""
    return parts.message(reader, Text(reader.say("Reading the content again.")))


def reloaded(outcome: Reload, reader: Reader) -> Message:
    """What a reload brought, or why the last good snapshot was kept."""
    say = reader.say
    if not outcome.replaced:
        rows = tuple((f"{problem.file}:{problem.line}", problem.message) for problem in outcome.problems[:_NAMED])
        return parts.message(
            reader,
            Text(say("Kept what was there before: the content broke or shrank by more than half.")),
            *((Facts(rows),) if rows else ()),
            Buttons((Button(say("Take it as it is now"), Action("reload", "force")),)),
        )
    changed = _changes(outcome.changes, reader)
    return parts.message(
        reader,
        Text(say("The content was read again.")),
        Facts(changed) if changed else Text(say("Nothing has changed."), quiet=True),
        *(_to_fix(outcome.problems, reader) if outcome.problems else ()),
    )


def _to_fix(problems: Sequence[Problem], reader: Reader) -> tuple[Text | Buttons, ...]:
    say = reader.say
    return (
        Text(say("To fix: {tally}", tally=_tally(problems, reader)), quiet=True),
        Buttons((Button(say("Show what there is to fix"), Action("check")),)),
    )


def _changes(changes: Changes, reader: Reader) -> tuple[tuple[str, str], ...]:
    say = reader.say
    kinds = (
        (say("Added"), [item.title for item in changes.added]),
        (say("Moved"), [change.after.title for change in changes.moved]),
        (say("Retitled"), [change.after.title for change in changes.retitled]),
        (say("Removed"), [item.title for item in changes.removed]),
    )
    return tuple((f"{name} {len(titles)}", _first(titles, reader)) for name, titles in kinds if titles)


def _first(titles: Sequence[str], reader: Reader) -> str:
    return reader.say.listing(titles[:_NAMED]) + (" …" if len(titles) > _NAMED else "")
