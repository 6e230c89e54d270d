"""The bot's front page, where a platform has a place for one, and the words around its forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.chat.conversation import Reader, Subscribed
from bot.chat.message import Block, Card, Heading, Message, Text
from bot.chat.pages import parts
from bot.chat.pages.subscription import STATES


def front(week: Message, coming: Message, choice: Message, reader: Reader) -> Message:
    """What is read this week, what comes next, and the topics to choose from; of each as much as fits in passing."""
    brief = replace(reader, format="compact")
    return parts.message(brief, *_in_passing(week), *_in_passing(coming), *choice.blocks)


def _in_passing(page: Message) -> Iterator[Block]:
    return (block for block in page.blocks if isinstance(block, Heading | Text | Card))


def following(one: Subscribed, reader: Reader) -> str:
    """When the next edition of a subscription comes, in the reader's own zone; its state where none does."""
    if one.state != "active":
        return reader.say(STATES[one.state])
    run = one.schedule.next_run(reader.now, one.zone)
    return f"{reader.say('Next edition')}: {reader.say.moment(run.astimezone(reader.zone), now=reader.now)}"


@dataclass(frozen=True, slots=True)
class Words:
    """What stands on and around forms."""

    ask: str
    question: str
    hint: str
    settings: str
    save: str
    close: str
    wait: str
    subscriptions: str
    nowhere: str
    direct: str
    answer: str
    week: str
    new: str
    topics: str
    schedule: str
    zone: str
    format: str
    language: str
    everything: str
    formats: tuple[tuple[str, str], ...]
    languages: tuple[tuple[str, str], ...]


def words(reader: Reader) -> Words:
    """The same in the reader's language; none of the titles has more than 24 letters."""
    say = reader.say
    return Words(
        ask=say("Ask"),
        question=say("Ask the digest"),
        hint=say("A topic, a few words or a link"),
        settings=say("Settings"),
        save=say("Save"),
        close=say("Close"),
        wait=say("One moment …"),
        subscriptions=say("Subscriptions of your channels"),
        nowhere=say(
            "None of the channels that you share with me is subscribed. Invite me to one, then subscribe there."
        ),
        direct=say("Our conversation"),
        answer=say("From the digest"),
        week=say("This week"),
        new=say("What is new"),
        topics=say("Topics"),
        schedule=say("Schedule"),
        zone=say("Time zone"),
        format=say("Format"),
        language=say("Language"),
        everything=say("all"),
        formats=tuple((code, say(name)) for code, name in parts.FORMAT_NAMES.items()),
        languages=tuple(parts.LANGUAGE_NAMES.items()),
    )
