"""What every platform can do, and what may come of sending: the four words that delivery acts upon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from bot.chat.message import Message

Payload: TypeAlias = dict[str, Any]
"""One API call, ready for JSON: ``{"method": …, "params": {…}}``. It names no chat: one payload serves many."""


@dataclass(frozen=True, slots=True)
class Sent:
    """It is there. *message_id* is the platform's name for it, where it has one."""

    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retryable:
    """It was certainly not accepted and may be tried again, not before *after* seconds (None: as back-off says).

    *limited*: the platform said “too fast” (429), which is nobody's failure: it slows the chat down and never counts
    towards giving up.
    """

    after: float | None = None
    reason: str = ""
    limited: bool = False


Why = Literal["refused", "gone", "moved", "thread-closed", "malformed", "revoked"]
"""Why it will never be accepted as it is, and so what delivery does about it:

- ``refused``: nothing of the below; dead.
- ``gone``: blocked, kicked, deactivated, archived, never there; dead, the subscription is suspended.
- ``moved``: the chat has another id now, *moved_to*; sent there.
- ``thread-closed``: the forum topic or thread is closed or deleted; sent to the chat's general one.
- ``malformed``: cannot be parsed, too long, wrong blocks: our bug; sent once as plain text.
- ``revoked``: the token is good for nothing; the bot or workspace stops, everything stays pending.
"""


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never be accepted as it is. *moved_to* is a place (``telegram:-100123``) where *why* is ``moved``."""

    reason: str = ""
    why: Why = "refused"
    moved_to: str = ""


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

    def plain(self, payload: Payload) -> Payload:
        """The same call without any layout, cut to what is always accepted: for when the layout is refused. Pure."""
        ...

    async def send(self, payload: Payload, chat: str) -> Outcome:
        """Make one call to *chat* (written ``console:NAME``), once: delivery alone retries.

        Every answer is an outcome. Whatever is raised, time-outs and bugs included, counts as Uncertain.
        """
        ...
