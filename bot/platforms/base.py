"""What every platform can do, and what may come of sending: the four words that delivery acts upon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from bot.chat.message import Message

Payload: TypeAlias = dict[str, Any]
"""One API call, ready for JSON: ``{"method": …, "params": {…}}``. It names no chat: one payload serves many."""


@dataclass(frozen=True, slots=True)
class Sent:
    """It is there. *message_id* is the platform's name for it, where it has one."""

    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retryable:
    """It was certainly not accepted and may be tried again, not before *after* seconds (None: as back-off says)."""

    after: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never be accepted."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Nobody knows whether it arrived: the answer did not."""

    reason: str = ""


Outcome: TypeAlias = Sent | Retryable | Rejected | Uncertain


class Platform(Protocol):
    """A place where messages are said."""

    @property
    def name(self) -> str:
        """The word before the colon in a chat's name: ``console``, ``telegram``."""
        ...

    def render(self, message: Message) -> tuple[Payload, ...]:
        """The calls that say *message*, in order. Pure."""
        ...

    async def send(self, payload: Payload, chat: str) -> Outcome:
        """Make one call to *chat* (written ``console:NAME``), once: delivery alone retries."""
        ...
