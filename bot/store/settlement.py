"""A message's way through the outbox as values: what was claimed, what became of it, what is written in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.chat.address import Address
from bot.store.notices import Notice

LEASE = 30.0
"""Seconds after which what a process held is anybody's again."""

DeliveryState = Literal["pending", "claimed", "sending", "sent", "retry", "uncertain", "dead"]
OnUncertain = Literal["resend", "hold"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One message that this process, and no other, may send at the moment *slot* of its own clock.

    *attempt* counts from 1.
    """

    id: int
    owner: str
    chat: Address
    chat_id: int
    edition: int | None
    part: int
    payload: Mapping[str, Any]
    attempt: int = 1
    failures: int = 0
    doubtful: bool = False
    plain: bool = False
    parent: str | None = None
    slot: float = 0.0


@dataclass(frozen=True, slots=True)
class Gone:
    """The chat is out of reach: suspend what is subscribed there, and settle what waits for it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The place is called *to* now."""

    to: str


@dataclass(frozen=True, slots=True)
class ThreadClosed:
    """The forum topic or thread is closed: the chat's general one takes its place."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The token is good for nothing: stop the bot or workspace, keep the rows."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim. *wait*: seconds before it may be tried again; *failed*: one more towards giving up.

    *limited*: seconds for which the platform wants nothing more to go to this chat.
    """

    claim: Claim
    state: DeliveryState
    reason: str = ""
    message_id: str | None = None
    wait: float = 0.0
    failed: bool = False
    limited: float | None = None
    doubtful: bool = False
    plain: bool = False
    effect: Gone | Moved | ThreadClosed | Stopped | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Rescued:
    """What lapsed leases gave back: *free* were never sent, *resent* may have been, *held* wait for somebody."""

    free: int = 0
    resent: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the ledger. *edition* is `rotation/period`, or `notice/7`."""

    id: int
    edition: str
    chat: str
    part: int
    state: DeliveryState
    attempts: int
    reason: str
    message_id: str | None
    not_before: float
    doubtful: bool = field(default=False)
