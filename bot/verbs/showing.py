"""What would be said, shown here: to programs as the calls that an adapter would make, to people as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from bot.chat.conversation import Answer, Command
from bot.chat.message import Message
from bot.desk.press import renderers
from bot.output import say, say_json
from bot.platforms.base import Payload

_SOMEWHERE = {"telegram": {"chat_id": "@chat"}, "slack": {"channel": "@channel"}}
"""What stands for any chat."""


def show_message(platform: str, message: Message, *, slack_command: str = "/digest", as_json: bool = False) -> None:
    """*message* as delivery says it there."""
    _show(platform, _rendered(platform, message, slack_command, as_json=as_json), as_json=as_json)


def show_answer(
    platform: str, command: Command | None, answer: Answer | None, *, slack_command: str, as_json: bool
) -> None:
    """*answer* as who gave *command* gets it; nothing where somebody else was asked (``/week@other``)."""
    payloads: Sequence[Payload] = ()
    if command is not None and answer is not None:
        if platform == "slack":
            payloads = _answered_on_slack(command, answer, slack_command)
        else:
            payloads = _rendered(platform, answer.message, slack_command, as_json=as_json)
    _show(platform, payloads, as_json=as_json)


def _rendered(platform: str, message: Message, slack_command: str, *, as_json: bool) -> Sequence[Payload]:
    from bot.platforms.console import Console

    if platform == Console.name and not as_json:
        return Console.on(sys.stdout).render(message)
    return next(one for one in renderers(slack_command) if one.name == platform).render(message)


def _answered_on_slack(command: Command, answer: Answer, slack_command: str) -> Sequence[Payload]:
    """As a slash command in a channel is answered: for who asked alone, who may share it."""
    from bot.platforms.slack import render
    from bot.platforms.slack.sharing import sharing_button

    root, share = render.Renderer(slack_command).root, sharing_button(command, answer)
    said = render.render(answer.message, root=root, answering=True, share=share)
    return [render.answered(payload) for payload in said]


def _show(platform: str, payloads: Sequence[Payload], *, as_json: bool) -> None:
    if as_json:
        say_json({"platform": platform, "calls": [_to_somebody(platform, payload) for payload in payloads]})
        return
    for payload in payloads:
        say(payload["params"].get("text", payload["method"]))
        for row in _buttons(payload["params"]):
            say("  ".join(f"[{label}]" for label in row))


def _to_somebody(platform: str, payload: Payload) -> Payload:
    """*payload* as the call that an adapter makes. A `response_url` is somewhere by itself."""
    if payload["method"] == "response_url":
        return payload
    return {**payload, "params": {**_SOMEWHERE.get(platform, {}), **payload["params"]}}


def _buttons(params: dict[str, Any]) -> Iterator[list[str]]:
    """What stands on the buttons of each row."""
    for row in params.get("reply_markup", {}).get("inline_keyboard", ()):
        yield [button["text"] for button in row]
    for block in params.get("blocks", ()):
        if block["type"] == "actions":
            yield [(element.get("text") or element["placeholder"])["text"] for element in block["elements"]]
