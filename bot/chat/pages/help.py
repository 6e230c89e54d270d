"""Pages about the bot itself: the greeting, what one can ask, the language, and what it says where it cannot answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.chat.access import NotAllowed
from bot.chat.conversation import Reader, Row
from bot.chat.language import later, sentence, voice
from bot.chat.message import Action, Block, Button, Buttons, Heading, Message, Text, Usage, UsageLine
from bot.chat.pages import parts, topics
from bot.chat.prose import shortened, width
from bot.digest.library import Library
from bot.digest.model import Topic
from bot.errors import BotError, StoreError, TopicAmbiguous, TopicNotFound

_TOPICS_IN_GREETING = 12
_PLAIN_WORDS = 7
_ROLE_NAMES = {
    "member": later("members"),
    "admin": later("this chat's admins"),
    "curator": later("the digest's curators"),
}


def start(library: Library, reader: Reader, *, subscribed: bool = False) -> Message:
    """The greeting: whose digest this is, what to ask, and the outermost topics to begin with.

    Where the weekly is not *subscribed* to, there is a button for that.
    """
    say = reader.say
    filled = [topic for topic in library.roots() if library.items_under(topic.path)]
    n, m = len(library.items_under(())), len(library.topics)
    size = say("{items} in {topics}", items=say.plural("{n} item", "{n} items", n), topics=_topics(m, reader))
    weekly = () if subscribed else (Button(say("The weekly, here"), Action("subscribe")),)
    return parts.message(
        reader,
        Heading(library.title, aside=size),
        Text(say("A reading list that answers. Ask for a topic, search for words, or see this week's selection.")),
        Usage(
            (
                UsageLine(Action("topic"), _example_topic(filled), say("a topic and everything under it")),
                UsageLine(Action("search"), say("words"), say("search all items")),
                UsageLine(Action("week"), "", say("this week's edition")),
                UsageLine(Action("help"), "", say("what else there is")),
            )
        ),
        Buttons((*parts.topic_buttons(filled[:_TOPICS_IN_GREETING], library), *weekly)),
    )


def _topics(n: int, reader: Reader) -> str:
    return reader.say.plural("{n} topic", "{n} topics", n)


def _example_topic(filled: Sequence[Topic]) -> str:
    """The shortest title: the one to type."""
    return min((topic.title for topic in filled), key=width, default="")


def overview(rows: Sequence[Row], library: Library, reader: Reader) -> Message:
    """What this reader may use here, a line a command."""
    say = reader.say
    blocks: list[Block] = [Heading(say("What you can ask")), Usage(tuple(_line(row, reader) for row in rows))]
    if reader.root != "/":
        blocks.append(
            Text(say("Slack keeps /topic for itself, so every command begins with {root}.", root=reader.root.strip()))
        )
    if reader.private:  # elsewhere only commands are read
        blocks.append(Text(say("A topic's name, a few words or a link alone will do as well.")))
    if reader.private and reader.language == "zh":
        words = [f"{row.words[0]} {_example(row, library)}".rstrip() for row in rows if row.words][:_PLAIN_WORDS]
        blocks.append(Text(say("Or in plain Chinese: {words}", words=say.listing(words)), quiet=True))
    return parts.message(reader, *blocks)


def about(row: Row, library: Library, reader: Reader) -> Message:
    """One command: what it does, its other names, an example."""
    say, example = reader.say, _example(row, library)
    others = [Action(alias).typed(reader.root) for alias in row.aliases] + list(row.words)
    return parts.message(
        reader,
        Usage((_line(row, reader),)),
        *((Text(say("Also: {names}", names=say.listing(others)), quiet=True),) if others else ()),
        *((Buttons((Button(say("Try it"), Action(row.name, example)),)),) if example else ()),
    )


def _example(row: Row, library: Library) -> str:
    """Something from this very digest to put behind the command, where it wants anything."""
    if row.name not in ("topic", "search"):
        return ""
    return _example_topic([topic for topic in library.roots() if library.items_under(topic.path)])


def _line(row: Row, reader: Reader) -> UsageLine:
    arguments = " ".join(reader.say(argument) for argument in row.arguments)
    return UsageLine(Action(row.name), arguments, reader.say(row.summary))


def languages(reader: Reader, *, unknown: str = "") -> Message:
    """Which languages the bot speaks; says so where *unknown* was asked for."""
    say = reader.say
    first = (Text(say("“{language}” is not among my languages.", language=shortened(unknown, 20))),) if unknown else ()
    return parts.message(
        reader,
        *first,
        Text(say("I speak English here. What the curators wrote stays as they wrote it.")),
        Buttons(tuple(Button(name, Action("lang", code)) for code, name in parts.LANGUAGE_NAMES.items())),
    )


def language_set(reader: Reader) -> Message:
    """The language was changed; said in the new one."""
    return parts.message(reader, Text(reader.say("From now on I speak English here.")))


def unknown_command(
    name: str, args: str, near: Sequence[Row], found: Sequence[Topic], library: Library, reader: Reader
) -> Message:
    """There is no command *name*: the nearest ones with the words that stood behind it, and topics called like it."""
    say = reader.say
    offers = [Button(say(row.summary), Action(row.name, args if row.arguments else "")) for row in near]
    offers += parts.topic_buttons(found, library, whole_path=True)
    return parts.message(
        reader,
        Text(say("There is no command “{name}”.", name=shortened(name, 40))),
        *((Text(say("Did you mean:")),) if offers else ()),
        Buttons((*offers, Button(say("what else there is"), Action("help")))),
    )


def no_more(reader: Reader) -> Message:
    """Asked for the next page where there is none."""
    return parts.message(reader, Text(reader.say("There is nothing more to show.")))


def sharing(action: Action, language: str) -> Button:
    """What shows the answer to *action*, which one person got, to everybody in the chat."""
    say = voice(language)
    return Button(say("Share here"), action)


def error(error: BotError, library: Library, reader: Reader) -> Message:
    """What went wrong, as a sentence in the reader's language, with what to do instead where that is known."""
    say = reader.say
    match error:
        case TopicNotFound():
            return topics.not_found(error.query, error.suggestions, library, reader)
        case TopicAmbiguous():
            return topics.ambiguous(error.query, error.candidates, library, reader)
        case NotAllowed():
            text = say("Only {who} may do this.", who=say(_ROLE_NAMES[error.role]))
        case StoreError():
            return _no_memory(error, reader)
        case _:
            text = say(sentence(type(error)), **error.data)
    onwards = (Buttons((Button(say("All topics"), Action("topics")),)),) if isinstance(error, LookupError) else ()
    return parts.message(reader, Text(text), *onwards)


def _no_memory(error: StoreError, reader: Reader) -> Message:
    """Nothing can be looked up or written down."""
    text = reader.say("I cannot note anything down at the moment, so nothing was changed. Please try again later.")
    return parts.message(reader, Text(text), *_for_curators(error, reader))


def forgetful(message: Message, error: StoreError, reader: Reader) -> Message:
    """*message*, with the word that it knows nothing of what was posted or chosen before."""
    text = reader.say("At the moment I cannot look up what was posted or chosen here: this is as if nothing had been.")
    blocks = message.blocks
    end = len(blocks) - 1 if blocks and isinstance(blocks[-1], Buttons) else len(blocks)  # buttons stay at the end
    note = (Text(text, quiet=True), *_for_curators(error, reader))
    return replace(message, blocks=(*blocks[:end], *note, *blocks[end:]))


def _for_curators(error: StoreError, reader: Reader) -> tuple[Text, ...]:
    """What is wrong with the database is for those who run it."""
    if not reader.may("curator"):
        return ()
    return (Text(reader.say(sentence(type(error)), **error.data), quiet=True),)
