"""Pages about the weekly: an edition as it is posted, and what the coming one will be about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from bot.chat.conversation import Reader
from bot.chat.language import Voice, later
from bot.chat.message import Action, Block, Button, Buttons, Facts, Heading, Link, Message, Note, Text
from bot.chat.pages import parts
from bot.chat.prose import shortened
from bot.digest.library import Library
from bot.digest.model import Item
from bot.editions.edition import Edition
from bot.editions.schedule import first_day

_TITLES = 3
_REASONS = {
    "plan": later("planned by the curators"),
    "vote": later("chosen by vote"),
}


def edition(edition: Edition, library: Library, reader: Reader, *, late: bool = False) -> Message:
    """One number of the weekly, exactly as it is posted: never paged; renderers make several messages of a long one."""
    say = reader.say
    theme = parts.trail(edition.theme.path)
    blocks: list[Block] = [Heading(say("{theme} · {period}", theme=theme, period=period_name(edition.period, say)))]
    if line := _under_the_title(edition, reader, late):
        blocks.append(Text(line, quiet=True))
    blocks += _by_section(edition, library, reader)
    if edition.related:
        blocks.append(Heading(say("Related, from other topics"), level=2))
        blocks += parts.cards(edition.related, library, reader, path=True)
    if edition.new:
        blocks.append(Text(say("New in the digest: {titles}", titles=_titles(edition.new, say))))
    if reader.archive:
        blocks.append(Note("", (Link(say("All editions"), reader.archive),)))
    buttons = [Button(say("The whole topic"), parts.topic_action(edition.theme, library))]
    buttons += [Button(say("What is new"), Action("new"))] if edition.new else []
    return replace(parts.message(reader, *blocks, Buttons(tuple(buttons))), edition=True)


def _titles(items: Sequence[Item], say: Voice) -> str:
    """One line, whatever came in: the first few titles and how many more."""
    titles = say.listing(shortened(item.title, 60) for item in items[:_TITLES])
    rest = len(items) - _TITLES
    return titles if rest <= 0 else say.plural("{titles} and {n} more", "{titles} and {n} more", rest, titles=titles)


def _under_the_title(edition: Edition, reader: Reader, late: bool) -> str:
    say = reader.say
    said = [
        say("part {part}", part=edition.part) if edition.part > 1 else "",
        say.plural("{n} more to come", "{n} more to come", edition.left) if edition.left else "",
        say(_REASONS.get(edition.reason, "")),
        say("late, with apologies") if late else "",
    ]
    return " · ".join(filter(None, said))


def _by_section(edition: Edition, library: Library, reader: Reader) -> list[Block]:
    """The items under the headings that they have below the theme, unless the heading only repeats the item."""
    blocks: list[Block] = []
    depth, before = len(edition.theme.path), edition.theme.path
    for item in edition.items:
        if item.topic != before and item.topic[depth:] and item.topic[-1] != item.title:
            blocks.append(Heading(parts.trail(item.topic[depth:]), level=2))
        before = item.topic
        blocks.append(parts.family(item, edition.beneath(item), library, reader))
    return blocks


def period_name(period: str, say: Voice) -> str:
    """A period as one says it: week 48 of 2026, a day, a month."""
    start = first_day(period)
    if "W" in period:
        year, week = period.split("-W")
        return say("week {week} of {year}", year=int(year), week=int(week))
    return say.day(start) if period.count("-") == 2 else say.month(start)


def coming(edition: Edition | None, run: dt.datetime, library: Library, reader: Reader) -> Message:
    """The theme of the coming edition, when it is posted, and what will be in it: a line each, the rest is for then."""
    if edition is None:
        return nothing_to_post(reader)
    say, brief = reader.say, replace(reader, format="compact")
    return parts.message(
        brief,
        Heading(say("Coming: {theme}", theme=parts.trail(edition.theme.path))),
        Text(say("To be posted {moment}.", moment=say.moment(run.astimezone(reader.zone), now=reader.now)), quiet=True),
        *parts.cards(edition.items, library, brief),
        *parts.cards(edition.related, library, brief, badge=say("related")),
        Buttons(
            (
                Button(say("The whole topic"), parts.topic_action(edition.theme, library)),
                Button(say("This week"), Action("week")),
            )
        ),
    )


def calendar(editions: Sequence[Edition], reader: Reader) -> Message:
    """The coming editions, a line each: period, theme, how many items, and why if that is not simply its turn."""
    if not editions:
        return nothing_to_post(reader)
    say = reader.say
    rows = []
    for edition in editions:
        related = say.plural("{n} related", "{n} related", len(edition.related)) if edition.related else ""
        said = [
            parts.trail(edition.theme.path),
            say("part {part}", part=edition.part) if edition.part > 1 else "",
            say.plural("{n} item", "{n} items", len(edition.items)),
            related,
            say(_REASONS.get(edition.reason, "")),
        ]
        rows.append((edition.period, " · ".join(filter(None, said))))
    return parts.message(reader, Heading(say("The coming themes")), Facts(tuple(rows)))


def nothing_to_post(reader: Reader) -> Message:
    """No topic holds anything that could be a theme."""
    say = reader.say
    return parts.message(
        reader,
        Text(say("There is no edition: no topic of the digest holds an item that could be its theme.")),
        Buttons((Button(say("All topics"), Action("topics")),)),
    )
