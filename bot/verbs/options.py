"""What several verbs take: their options, and the settings that they read. A verb validates only what it needs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]

DATABASE = ("database_url", "allow_ephemeral_sqlite")
CHATS = ("content", *DATABASE, "digest_schedule", "digest_timezone", "digest_language")


class Format(StrEnum):
    """How much of an item is shown."""

    compact = "compact"
    normal = "normal"
    full = "full"


class Language(StrEnum):
    """What the bot speaks."""

    zh = "zh"
    en = "en"
