"""What people read in their browsers while they add the bot to a workspace: no messages, for there is no chat yet."""

from __future__ import annotations

from dataclasses import dataclass

from bot.chat.language import Voice


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page in plain words; *label* stands on the one link that leads on."""

    language: str
    title: str
    text: str
    label: str


def offer(say: Voice) -> Sheet:
    """Where it begins."""
    return Sheet(
        say.language,
        say("A reading list for your workspace"),
        say(
            "The bot answers questions about a curated reading list, and posts a theme every week to the channels that "
            "want it. It posts nowhere uninvited. What it may do is shown next, and you decide."
        ),
        say("Add to Slack"),
    )


def installed(say: Voice, command: str) -> Sheet:
    """It is there."""
    return Sheet(
        say.language,
        say("The bot is in your workspace"),
        say(
            "Type {command} in any channel, or write it a direct message. Invite it to the channel that is to get a "
            "theme every week.",
            command=command,
        ),
        say("Open Slack"),
    )


def denied(say: Voice) -> Sheet:
    """Somebody thought better of it."""
    text = say("You did not allow it, so nothing has changed. You can still add it later.")
    return Sheet(say.language, say("Nothing was installed"), text, _anew(say))


def over(say: Voice) -> Sheet:
    """The way back from Slack was not the one that this browser went; or it went there before, or long ago."""
    return Sheet(
        say.language,
        say("Nothing was installed"),
        say(
            "This installation was begun more than ten minutes ago or in another browser, or it is finished already. "
            "Please begin anew."
        ),
        _anew(say),
    )


def refused(say: Voice) -> Sheet:
    """Slack did not take it."""
    text = say("Slack did not carry it out. Please begin anew; if that does not help, tell whoever runs the bot.")
    return Sheet(say.language, say("Nothing was installed"), text, _anew(say))


def put_off(say: Voice) -> Sheet:
    """It cannot be done, or kept, at the moment."""
    text = say("It cannot be finished just now. Please begin anew in a minute.")
    return Sheet(say.language, say("Nothing was installed"), text, _anew(say))


def too_large(say: Voice) -> Sheet:
    """A whole organization at once is more than it can do."""
    text = say("The bot can be added to one workspace at a time, not to a whole organization. Please choose one.")
    return Sheet(say.language, say("Nothing was installed"), text, _anew(say))


def _anew(say: Voice) -> str:
    return say("Begin anew")
