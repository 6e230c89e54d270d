"""How it stands with a network, for `/healthz`, `/status` and doctor: whether it works, since when not, and why."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

GRACE = dt.timedelta(seconds=45)
"""How long calls may fail before that is more than a hiccup: within a minute `/healthz` has to say so."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """*message* is a sentence for whoever runs the bot; *last_success* is when the network last answered well."""

    ok: bool
    message: str
    last_success: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is that doctor looked at, and what to do about it."""

    state: Literal["ok", "warn", "fail"]
    message: str
    cure: str = ""


def now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


class Health:
    """Notes how calls to *network* went. What is wrong is logged once, not at every call, and so is its end.

    *what* is what the log calls it: there may be two of a network, for what is said and for what is heard.
    """

    def __init__(self, network: str, what: str = "", clock: Callable[[], dt.datetime] = now) -> None:
        self._network = network
        self._what = what or network.lower()
        self._clock = clock
        self._trouble = ""
        self._certain = False
        self._last: dt.datetime | None = None

    def succeeded(self) -> None:
        """The network answered."""
        if self._trouble:
            logger.info("%s works again", self._what)
        self._trouble, self._certain = "", False
        self._last = self._clock()

    def failed(self, message: str) -> None:
        """A call came to nothing; that may pass."""
        self._note(message, certain=False)

    def refused(self, message: str) -> None:
        """It will come to nothing until somebody does something: red at once."""
        self._note(message, certain=True)

    def _note(self, message: str, *, certain: bool) -> None:
        if message != self._trouble:
            logger.warning("%s does not work: %s", self._what, message)
        self._trouble, self._certain = message, certain

    @property
    def trouble(self) -> str:
        """What is wrong now, if anything."""
        return self._trouble

    @property
    def certain(self) -> bool:
        """Whether it stays wrong until somebody does something."""
        return self._certain

    @property
    def status(self) -> Status:
        """Red as soon as the trouble is certain, else when nothing worked for a while."""
        if not self._trouble:
            said = f"{self._network} answers" if self._last else f"nothing was asked of {self._network} yet"
            return Status(True, said, self._last)
        lately = self._last is not None and self._clock() - self._last < GRACE
        return Status(lately and not self._certain, self._trouble, self._last)
