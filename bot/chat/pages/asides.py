"""What an adapter says by itself: about the way that something was asked, not about what was asked."""

from __future__ import annotations

from bot.chat.conversation import Reader
from bot.chat.language import Voice
from bot.chat.message import Message, Text
from bot.chat.pages import parts


def slow_down(reader: Reader) -> Message:
    """Too much was asked at once; said once a minute at most."""
    return _aside(reader, reader.say("That is more than I can answer at once. Please wait a little."))


def went_wrong(reader: Reader) -> Message:
    """There is a bug of ours. It is in the log; whoever asked learns only that they were heard."""
    return _aside(reader, reader.say("Something went wrong on my side. Please try again later."))


def button_gone(reader: Reader) -> Message:
    """A button whose meaning nobody knows any more."""
    return _aside(reader, reader.say("This button leads nowhere any more. Please ask anew."))


def said_in_private(reader: Reader) -> Message:
    """The answer to a question in a group went to the one who asked."""
    return _aside(reader, reader.say("That is for you alone: I have sent it to you in private."))


def private_chat_first(reader: Reader) -> Message:
    """The answer is for the one who asked, and the bot may not write to them yet."""
    return _aside(reader, reader.say("That is for you alone. Open a private chat with me, then ask again."))


def private_chat_label(reader: Reader) -> str:
    """What stands on the button that leads there."""
    return reader.say("Open the private chat")


def nothing_inline_label(reader: Reader) -> str:
    """What stands in the place of inline results where there are none; it leads to the private chat."""
    return reader.say("Nothing found. Ask me in private")


def channel_unknown(name: str, reader: Reader) -> Message:
    """There is no such channel, or the bot cannot see it."""
    return _aside(reader, reader.say("I cannot see “{name}”. Make me an admin there, then ask again.", name=name))


def channel_closed(name: str, reader: Reader) -> Message:
    """The bot may not post there."""
    text = reader.say("I may not post in “{name}”. Make me an admin there with the right to post.", name=name)
    return _aside(reader, text)


def channel_of_others(name: str, reader: Reader) -> Message:
    """Whoever asked does not run that channel."""
    return _aside(reader, reader.say("Only the admins of “{name}” may do this.", name=name))


def description(say: Voice) -> str:
    """What an empty chat with the bot shows before anybody has asked."""
    reading = say("A reading list that answers. Ask for a topic, search for words, or see this week's selection.")
    posting = say("Added to a group or a channel, I post a theme there every week.")
    return f"{reading}\n\n{posting}"


def short_description(say: Voice) -> str:
    """One line for the bot's profile."""
    return say("A curated reading list that answers, and posts a theme every week.")


def _aside(reader: Reader, text: str) -> Message:
    return parts.message(reader, Text(text))
