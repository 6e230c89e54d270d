"""What every platform can do, what may come of sending (the four words that delivery acts upon), and what an adapter
may ask of the bot.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from bot.chat.address import Address
from bot.chat.conversation import Answer, Command, Subscribed
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


Why = Literal["refused", "gone", "moved", "thread-closed", "malformed", "unpinned", "revoked"]
"""Why it will never be accepted as it is, and so what delivery does about it:

- ``refused``: nothing of the below; dead.
- ``gone``: blocked, kicked, deactivated, archived, never there; dead, the subscription is suspended.
- ``moved``: the chat has another id now, *moved_to*; sent there.
- ``thread-closed``: the forum topic or thread is closed or deleted; sent to the chat's general one.
- ``malformed``: cannot be parsed, too long, wrong blocks: our bug; sent once as plain text.
- ``unpinned``: the message is there and could not be pinned, mostly for want of a right; dead, who subscribed is told.
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


class Renderer(Protocol):
    """Lays messages out for one platform."""

    @property
    def name(self) -> str:
        """The word before the colon in a chat's name: ``console``, ``telegram``."""
        ...

    def render(self, message: Message) -> tuple[Payload, ...]:
        """The calls that say *message*, in order. Pure."""
        ...


class Platform(Renderer, Protocol):
    """A place where messages are said."""

    def plain(self, payload: Payload) -> Payload:
        """The same call without any layout, cut to what is always accepted: for when the layout is refused. Pure."""
        ...

    async def send(self, payload: Payload, chat: str) -> Outcome:
        """Make one call to *chat* (written ``console:NAME``), once: delivery alone retries.

        Every answer is an outcome. Whatever is raised, time-outs and bugs included, counts as Uncertain.
        """
        ...


class Status(Protocol):
    """How an adapter gets on with its platform, in its own words, which strangers may read."""

    @property
    def ok(self) -> bool:
        """Whether messages come and go."""
        ...

    @property
    def message(self) -> str:
        """Why not, or how."""
        ...

    @property
    def last_success(self) -> dt.datetime | None:
        """When the platform last answered as it should."""
        ...


class Network(Platform, Protocol):
    """A platform at the other end of a wire."""

    @property
    def status(self) -> Status:
        """How it stands with it."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Receiver(Protocol):
    """Hears what is said on a network, and has it answered."""

    @property
    def status(self) -> Status:
        """How it stands with the network, and with hearing from it."""
        ...

    @property
    def webhook(self) -> Webhook | None:
        """The door that has to be served for it, where it does not go and ask by itself."""
        ...

    @property
    def listening(self) -> asyncio.Event:
        """Set once it goes and asks, and hears what is said."""
        ...

    async def run(self) -> None:
        """Receive until `stop`."""
        ...

    def stop(self) -> None:
        """Take nothing new; `run` finishes what is under way and returns."""
        ...


class House(Protocol):
    """What an adapter asks of the bot. Synchronous and safe from any thread: adapters call it in a worker thread.

    None of it raises where the database is away: what cannot be remembered is logged, and answered without.
    """

    @property
    def opened(self) -> asyncio.Event:
        """Set as soon as it is known what is remembered, or that nothing can be: who asks before that waits for it."""
        ...

    def answer(self, command: Command) -> Answer:
        """What is said to *command*; its changes are made already."""
        ...

    def at_hand(self, command: Command) -> Answer | None:
        """The same answer where it is known already: waits for nothing, so it may be asked in the event loop."""
        ...

    def glance(self, command: Command) -> Answer:
        """What would be said to *command*. For who is still typing: nothing is counted, changed or remembered."""
        ...

    def is_new(self, key: str) -> bool:
        """Whether an update (``telegram:update:7``) comes for the first time; from then on it does not."""
        ...

    def new(self, keys: Sequence[str]) -> Collection[str]:
        """The same for several: those of *keys* that come for the first time."""
        ...

    def arrived(self, command: Command) -> Answer | None:
        """The bot was added to the chat that *command* comes from, or unblocked there: its subscription wakes up.

        The greeting, once a chat; None when it was greeted before.
        """
        ...

    def left(self, chat: Address, reason: str) -> None:
        """The bot was removed from *chat*, or blocked: its subscriptions are suspended, and keep their settings."""
        ...

    def moved(self, old: Address, new: Address) -> None:
        """*old* has the id of *new* from now on."""
        ...

    def subscriptions(self, chats: Iterable[Address]) -> tuple[tuple[Address, Subscribed], ...]:
        """What each of *chats* subscribed to, if it did; none where the database is away."""
        ...

    def leads(self, task: str, owner: str, seconds: float) -> bool:
        """Whether *owner* alone may do *task* (poll Telegram) for the next *seconds*; ask again to keep it, and with
        0 seconds to leave it to others.
        """
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a webhook or a page says to its caller. *headers* go with it beside the content type."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


class Webhook(Protocol):
    """A door for a platform's own requests. The web room serves it and knows nothing of what comes in.

    A request to another path is a 404, one whose body is over *limit* bytes a 413, one that is not admitted a 401;
    none of these is read.
    """

    @property
    def path(self) -> str:
        """Where it is: ``/telegram``."""
        ...

    @property
    def limit(self) -> int:
        """Bytes that a body may have."""
        ...

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the body is worth reading, by the headers alone (lower-case names)."""
        ...

    async def take(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """What is said to a request that was admitted. Quick: the work is done afterwards."""
        ...


class Page(Protocol):
    """What a platform shows to people in their browsers. The web room serves it and knows nothing of what it is about.

    Only a GET gets there; whatever else is asked of its path is a 404.
    """

    @property
    def path(self) -> str:
        """Where it is: ``/slack/install``."""
        ...

    async def show(self, query: str, headers: Mapping[str, str]) -> HttpAnswer:
        """The page, for a *query* (what follows the question mark, as it came) and headers (lower-case names)."""
        ...
