"""Pages that nobody asked for: what is told in private, once, to who subscribed a chat or to the curators."""

from __future__ import annotations

from collections.abc import Mapping

from bot.chat.conversation import Reader
from bot.chat.message import Action, Facts, Message, Text, Usage, UsageLine
from bot.chat.pages import parts


def notice(kind: str, data: Mapping[str, str], reader: Reader) -> Message:
    """What happened, what becomes of it and what to do. A *kind* without words of its own still shows its *data*."""
    say = reader.say
    match kind:
        case "dead":
            return parts.message(
                reader,
                Text(say("An edition could not be delivered to {chat}: {reason}", **_filled(data))),
                Text(say("All that were not delivered: {command}", command="heji deliveries --state dead"), quiet=True),
            )
        case "gone":
            return parts.message(
                reader,
                Text(say("I cannot write to {chat} any more: {reason}", **_filled(data))),
                Text(say("Its subscription is suspended and its settings are kept. Let me in again, then ask there:")),
                Usage((UsageLine(Action("resume"), "", say("post here again")),)),
            )
        case "unpinned":
            return parts.message(
                reader,
                Text(say("The edition is in {chat}, but could not be pinned: {reason}", **_filled(data))),
                Text(
                    say(
                        "Where I lack the right to pin messages (in a channel: to edit messages), give it to me. "
                        "To do without, ask there:"
                    )
                ),
                Usage((UsageLine(Action("set"), "pin off", say("editions are not pinned")),)),
            )
        case "thread-closed":
            text = say(
                "The thread or forum topic of {chat} is closed ({reason}). Its editions go to the whole chat now.",
                **_filled(data),
            )
        case "limited":
            text = say(
                "{bucket} lets nothing through for {minutes} minutes. Nothing is lost: it goes on by itself then.",
                **_filled(data),
                minutes=_minutes(data.get("seconds", "")),
            )
        case "revoked":
            text = say(
                "{bucket} refuses the bot's token ({reason}). Everything waits there until the bot has a good one.",
                **_filled(data),
            )
        case _:
            rows = Facts(tuple(data.items()))
            return parts.message(reader, Text(say("Something needs a look: {kind}", kind=kind)), rows)
    return parts.message(reader, Text(text))


def _filled(data: Mapping[str, str]) -> Mapping[str, str]:
    return {"chat": "?", "reason": "?", "bucket": "?", **data}


def _minutes(seconds: str) -> str:
    return str(-(-int(seconds) // 60)) if seconds.isascii() and seconds.isdigit() else "?"
