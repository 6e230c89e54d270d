"""Pages about this chat's subscription: what it is, what was changed, what comes next, how it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat.conversation import Missed, Posted, Reader, Subscribed
from bot.chat.language import later
from bot.chat.message import Action, Block, Button, Buttons, Facts, Heading, Message, Text, Usage, UsageLine
from bot.chat.pages import parts
from bot.chat.pages.editions import period_name
from bot.digest.library import Library
from bot.digest.model import Topic
from bot.editions.edition import Edition
from bot.editions.schedule import PeriodError

_MISSED = {
    "too-late": later("missed by more than 36 hours, since the bot was not running"),
    "holiday": later("a holiday"),
    "skipped": later("skipped by the curators"),
    "nothing": later("no topic held an item for it"),
}
STATES = {"active": later("subscribed"), "paused": later("paused"), "suspended": later("suspended")}


# -- subscribing -------------------------------------------------------------------------------------------------------


def subscribed(
    before: Subscribed | None, now: Subscribed, coming: Edition | None, run: dt.datetime, reader: Reader
) -> Message:
    """Subscribed, or what of the subscription was changed; and what comes next."""
    say = reader.say
    changed = _changes(before, now, reader) if before else ()
    if before is None:
        first = say("Subscribed to {topics}.", topics=_topics(now, reader))
    elif before.state != "active":
        first = say("Editions are posted here again.")
    elif changed:
        first = say("The subscription is changed.")
    else:
        first = say("This chat is subscribed already.")
    return parts.message(
        reader,
        Text(first),
        *((Facts(changed),) if changed else ()),
        *_what_comes(now, coming, run, reader),
        Buttons(
            (
                Button(say("Settings"), Action("settings")),
                Button(say("What will be in it"), Action("next")),
                Button(say("Unsubscribe"), Action("unsubscribe")),
            )
        ),
    )


def _what_comes(now: Subscribed, coming: Edition | None, run: dt.datetime, reader: Reader) -> tuple[Block, ...]:
    say = reader.say
    theme = parts.trail(coming.theme.path) if coming else say("none: no topic holds an item")
    moment = say.moment(run.astimezone(now.zone), now=reader.now)
    clock = parts.clock(now.schedule, now.zone, say)
    return (Facts(((say("Next edition"), moment), (say("Its theme"), theme), (say("Schedule"), clock))),)


def _topics(one: Subscribed, reader: Reader) -> str:
    return reader.say.listing(one.topics) or reader.say("all topics")


def _changes(before: Subscribed, now: Subscribed, reader: Reader) -> tuple[tuple[str, str], ...]:
    """Name, old and new of what is different."""
    pairs = zip(_settings(before, reader), _settings(now, reader), strict=True)
    return tuple((name, f"{old} → {new}") for (name, old), (_, new) in pairs if old != new)


def _settings(one: Subscribed, reader: Reader) -> tuple[tuple[str, str], ...]:
    say = reader.say
    return (
        (say("Topics"), _topics(one, reader)),
        (say("Schedule"), parts.schedule(one.schedule, say)),
        (say("Time zone"), one.zone.key),
        (say("Format"), say(parts.FORMAT_NAMES[one.format])),
        *((say(switch.name), say("on") if switch.of(one) else say("off")) for switch in _switches(reader)),
        (say("Language"), parts.LANGUAGE_NAMES.get(one.language or "", say("the digest's"))),
        (say("Items in an edition"), str(one.items) if one.items else say("as the digest says")),
    )


@dataclass(frozen=True, slots=True)
class _Switch:
    """A setting that is on or off, what it is called, and what its buttons say."""

    key: str
    name: str
    to_on: str
    to_off: str

    def of(self, one: Subscribed) -> bool:
        return bool(getattr(one, self.key))


_SWITCHES = (
    _Switch("preview", later("Link previews"), later("With link previews"), later("Without link previews")),
    _Switch("silent", later("Sent silently"), later("Send silently"), later("Send with sound")),
    _Switch("pin", later("Pinned"), later("Pin editions"), later("Pin no editions")),
)


def _switches(reader: Reader) -> tuple[_Switch, ...]:
    return tuple(switch for switch in _SWITCHES if switch.key in reader.switches)


def not_subscribed(reader: Reader) -> Message:
    """There is no subscription here that could be changed."""
    say = reader.say
    return parts.message(reader, Text(say("This chat has no subscription.")), _subscribe_button(reader))


def _subscribe_button(reader: Reader) -> Buttons:
    return Buttons((Button(reader.say("Subscribe this chat"), Action("subscribe")),))


def unsubscribed(reader: Reader) -> Message:
    """It is over; how to come back."""
    say = reader.say
    text = say("Unsubscribed: nothing more is posted here. Commands are answered as before.")
    return parts.message(reader, Text(text), _subscribe_button(reader))


def paused(reader: Reader, *, already: bool = False) -> Message:
    """Nothing is posted until it is resumed; what lies in between is not made up for."""
    say = reader.say
    text = say("It is paused already.") if already else say("Paused: nothing is posted here until you resume it.")
    return parts.message(reader, Text(text), Buttons((Button(say("Resume"), Action("resume")),)))


def which_topic(text: str, topics: Sequence[tuple[Topic, Action]], reader: Reader) -> Message:
    """A topic in *text* is unknown or not the only one; the same command with each that may be meant."""
    say = reader.say
    buttons = tuple(Button(parts.trail(topic.path), action) for topic, action in topics)
    return parts.message(
        reader,
        Text(text),
        Text(say("Nothing was changed.")),
        *((Text(say("Did you mean:")), Buttons(buttons)) if buttons else ()),
        *(() if buttons else (Buttons((Button(say("All topics"), Action("topics")),)),)),
    )


def which_zone(text: str, zones: Sequence[tuple[str, Action]], reader: Reader) -> Message:
    """There is no such zone; the same command with each that comes near."""
    say = reader.say
    buttons = tuple(Button(zone, action) for zone, action in zones)
    return parts.message(
        reader,
        Text(text),
        Text(say("Nothing was changed.")),
        *((Text(say("Did you mean:")), Buttons(buttons)) if buttons else ()),
    )


# -- settings ----------------------------------------------------------------------------------------------------------


def settings(one: Subscribed, reader: Reader) -> Message:
    """How this chat has it, and buttons for what takes one of a few values."""
    say = reader.say
    everything = say("all")
    buttons = [
        Button(_marked(say(name), code == one.format), Action("set", f"format {code}"))
        for code, name in parts.FORMAT_NAMES.items()
    ]
    buttons += [
        Button(_marked(name, code == one.language), Action("set", f"lang {code}"))
        for code, name in parts.LANGUAGE_NAMES.items()
    ]
    for switch in _switches(reader):
        label, value = (switch.to_off, "off") if switch.of(one) else (switch.to_on, "on")
        buttons.append(Button(say(label), Action("set", f"{switch.key} {value}")))
    if one.state == "active":
        buttons.append(Button(say("Pause"), Action("pause")))
    else:
        buttons.append(Button(say("Resume"), Action("resume")))
    return parts.message(
        reader,
        Heading(say("Settings of this chat"), aside=say(STATES[one.state])),
        Facts(_settings(one, reader)),
        Usage(
            (
                UsageLine(Action("set"), "schedule " + say("mon,thu 18:30"), say("other days, another time")),
                UsageLine(Action("set"), "timezone Asia/Shanghai", say("another time zone")),
                UsageLine(Action("set"), "items 3", say("fewer or more items")),
                UsageLine(Action("set"), f"topics {everything}", say("other topics")),
            )
        ),
        Buttons(tuple(buttons)),
    )


def _marked(label: str, chosen: bool) -> str:
    return f"✓ {label}" if chosen else label


def setting_changed(
    before: Subscribed, now: Subscribed, coming: Edition | None, run: dt.datetime, reader: Reader
) -> Message:
    """What a setting was and is; with the next edition where that moved or is about something else."""
    say = reader.say
    changed = _changes(before, now, reader)
    moved = (before.schedule, before.zone, before.topics) != (now.schedule, now.zone, now.topics)
    return parts.message(
        reader,
        *((Facts(changed),) if changed else (Text(say("That is how it is already.")),)),
        *(_what_comes(now, coming, run, reader) if moved and now.state == "active" else ()),
        Buttons((Button(say("Settings"), Action("settings")),)),
    )


# -- how it stands -----------------------------------------------------------------------------------------------------


def standing(one: Subscribed | None, reader: Reader, *, known: bool = True) -> tuple[tuple[str, str], ...]:
    """The rows of `/status` about this chat: its state, the last edition, why it was silent, what went wrong."""
    say = reader.say
    if one is None:
        return ((say("This chat"), say("not subscribed") if known else say("cannot be looked up at the moment")),)
    state = say(STATES[one.state])
    rows = [
        (say("This chat"), f"{state}: {one.reason}" if one.reason else state),
        (say("Topics"), _topics(one, reader)),
        (say("Last edition"), _last(one.last, one, reader) if one.last else say("none yet")),
    ]
    if one.missed:
        rows.append((say("Not posted"), _missed(one.missed, one, reader)))
    rows += [(say("Error"), trouble) for trouble in one.troubles]
    return tuple(rows)


def _last(last: Posted, one: Subscribed, reader: Reader) -> str:
    say = reader.say
    said = [parts.trail(last.theme), _period(last.period, reader)]
    if last.at:
        said.append(say.moment(last.at.astimezone(one.zone), now=reader.now))
    return " · ".join(said)


def _missed(missed: Missed, one: Subscribed, reader: Reader) -> str:
    say = reader.say
    moment = say.moment(missed.at.astimezone(one.zone), now=reader.now)
    return f"{_period(missed.period, reader)} · {moment} · {missed_reason(missed.reason, reader)}"


def missed_reason(reason: str, reader: Reader) -> str:
    """Why a period brought nothing, in words; a reason without any of its own is said as it is."""
    return reader.say(_MISSED[reason]) if reason in _MISSED else reason


def _period(period: str, reader: Reader) -> str:
    try:
        return period_name(period, reader.say)
    except PeriodError:  # an edition out of turn is called by its key
        return reader.say("out of turn")


# -- what curators do --------------------------------------------------------------------------------------------------


def posting(reader: Reader) -> Message:
    """An edition is being planned; what came of it is said by `posted`."""
    return parts.message(reader, Text(reader.say("The edition is being prepared.")))


def posted(deliveries: int, reader: Reader) -> Message:
    """How many messages are on their way."""
    say = reader.say
    if not deliveries:
        return parts.message(
            reader, Text(say("Nothing is posted: no active subscription, or no item for those there are."))
        )
    many = say.plural("{n} message is on its way.", "{n} messages are on their way.", deliveries)
    return parts.message(reader, Text(many), Buttons((Button(say("Status"), Action("status")),)))


def nothing_under(topic: Topic, library: Library, reader: Reader) -> Message:
    """A topic that could not be an edition: it holds no item."""
    text = reader.say("“{topic}” holds no item: nothing was posted.", topic=parts.trail(topic.path))
    return parts.message(reader, Text(text), Buttons(parts.topic_buttons((topic,), library)))


def skipping(period: str, reader: Reader) -> Message:
    """*period* is being let go; whether that came in time is said by `skipped`."""
    return skipped(period, True, reader)


def skipped(period: str, done: bool, reader: Reader) -> Message:
    """*period* brings nothing, or it was too late for that."""
    say, name = reader.say, _period(period, reader)
    if not done:
        return parts.message(reader, Text(say("Too late: the edition of {period} was made already.", period=name)))
    text = say("Skipped: there is no edition in {period}. The theme has its turn in the next one.", period=name)
    return parts.message(reader, Text(text), Buttons((Button(say("The coming theme"), Action("next")),)))
