"""Conversations written down in Markdown: a digest, then cases of what somebody types and what is said to it.

The digest stands in a fence of four back-ticks. A case is a `## Title`, an ``ask`` fence with one command a line, whose
info string may set `lang=en role=curator format=compact where=group`, and a `text` fence with what is expected. With
`GOLDEN=write` in the environment a case that says something else is written down anew, for you to read and commit.
"""

import datetime as dt
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from bot.chat import commands
from bot.chat.conversation import (
    Change,
    ChatSettings,
    Command,
    Context,
    Pause,
    Resume,
    SetLanguage,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from bot.chat.message import Message
from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.digest.parsing.parser import parse

NOW = dt.datetime(2026, 11, 26, 10, 0, tzinfo=dt.UTC)
_DIGEST = re.compile(r"^````markdown\n(.*?)^````$", re.MULTILINE | re.DOTALL)
_ASK = re.compile(r"^```ask(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_EXPECTED = re.compile(r"^```text\n((?:.*\n)*?)```$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Golden:
    """One case of a file."""

    file: Path
    title: str
    settings: dict[str, str]
    typed: tuple[str, ...]
    expected: str

    def __str__(self) -> str:
        return self.title


def goldens(file: Path) -> tuple[Golden, ...]:
    """The cases of *file*, in order."""
    cases = []
    for section in re.split(r"^## ", _DIGEST.sub("", file.read_text("utf-8")), flags=re.MULTILINE)[1:]:
        ask, expected = _ASK.search(section), _EXPECTED.search(section)
        assert ask, f"{file.name} has a case without an ask fence: {section[:60]!r}"
        assert expected, f"{file.name} has a case without a text fence: {section[:60]!r}"
        settings = dict(pair.split("=") for pair in ask[1].split())
        cases.append(Golden(file, section.split("\n")[0], settings, tuple(ask[2].splitlines()), expected[1][:-1]))
    return tuple(cases)


def library_of(file: Path) -> Library:
    """The digest of *file*, parsed as a real one is."""
    digest = _DIGEST.search(file.read_text("utf-8"))
    assert digest, f"{file.name} has no digest"
    config = DigestConfig(aliases={"图学习": ("gnn", "图神经网络")})
    return Library.build([parse(digest[1], file=file.name, config=config)], config)


def conversation(golden: Golden, library: Library, *, root: str = "/") -> Iterator[Message | None]:
    """What is said to each line, in one chat; None where the bot keeps silent."""
    settings = ChatSettings(
        zone=ZoneInfo("Asia/Shanghai"),
        language=golden.settings.get("lang"),
        format=golden.settings.get("format", "normal"),
    )
    who = Command(role=golden.settings.get("role", "member"), private=golden.settings.get("where") != "group")
    more, subscription = None, None
    for line in golden.typed or ("",):
        command = commands.read(line, who)
        if command is None:
            yield None
            continue
        wanted = subscription.settings(settings.language) if subscription else settings
        context = Context(library, NOW, Random(1), settings=wanted, more=more, subscription=subscription, root=root)
        answer = commands.answer(command, context)
        more = answer.message.more
        for change in answer.changes:
            if isinstance(change, SetLanguage):
                settings = replace(settings, language=change.language)
            subscription = subscribed(subscription, change)
        yield answer.message


def subscribed(before: Subscribed | None, change: Change) -> Subscribed | None:
    """The chat's subscription after *change*."""
    match change:
        case Subscribe(wants):
            return wants
        case Unsubscribe():
            return None
        case Pause():
            return replace(before, state="paused")
        case Resume():
            return replace(before, state="active", reason="")
    return before


def settle(golden: Golden, said: str) -> None:
    """Write *said* down as what *golden* expects, if that is asked for."""
    if os.environ.get("GOLDEN") != "write" or said == golden.expected:
        return
    text = golden.file.read_text("utf-8")
    case = text.index(f"\n## {golden.title}\n", _DIGEST.search(text).end())
    expected = _EXPECTED.search(text, case)
    golden.file.write_text(text[: expected.start(1)] + said + "\n" + text[expected.end(1) :], "utf-8")
