"""What goes wrong between a bot and its network, made to order: a deed, and the calls that it falls upon."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer with these bytes. *accepted*: the call is carried out all the same; *body* None: its true answer."""

    status: int = 200
    body: bytes | None = None
    content_type: str = "application/json"
    accepted: bool = False
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """Drop the connection without an answer; *accepted*: after the call was carried out."""

    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer and never hang up; *accepted*: the call was carried out."""

    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Slow:
    """Carry the call out, and answer *seconds* later."""

    seconds: float


Deed: TypeAlias = Reply | Cut | Hang | Slow


def in_html(status: int) -> Reply:
    """A refusal as a page, as what stands in front of a network says it."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>{title}</body>\r\n</html>\r\n"
    return Reply(status, page.encode(), "text/html")


def mislabelled(content_type: str = "text/html") -> Reply:
    """The true answer under a wrong content type."""
    return Reply(content_type=content_type, accepted=True)


@dataclass(slots=True, eq=False)
class Fault:
    """A deed that falls upon the calls of *method* and *chat* (None: any): from the *nth* on, *times* times.

    *times* None is for ever; *probability* is that of each matching call.
    """

    deed: Deed
    method: str | None = None
    chat: str | int | None = None
    nth: int = 1
    times: int | None = 1
    probability: float = 1.0
    seen: int = 0
    struck: int = 0

    def falls_upon(self, method: str, chat: str | int | None, random: Random) -> bool:
        if self.method not in {None, method} or self.chat not in {None, chat}:
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.struck >= self.times):
            return False
        if self.probability < 1 and random.random() >= self.probability:
            return False
        self.struck += 1
        return True


class Faults:
    """The faults in force. The same *seed* and the same calls bring the same mishaps."""

    def __init__(self, seed: int = 0) -> None:
        self.all: list[Fault] = []
        self._random = Random(seed)

    def add(
        self, deed: Deed, *, method: str | None = None, chat: str | int | None = None, nth: int = 1,
        times: int | None = 1, probability: float = 1.0,
    ) -> Fault:  # fmt: skip
        """From now on, until it is used up or cleared. What comes back tells how often it struck."""
        fault = Fault(deed, method, chat, nth, times, probability)
        self.all.append(fault)
        return fault

    def clear(self) -> None:
        self.all.clear()

    def deed(self, method: str, chat: str | int | None) -> Deed | None:
        """What happens to this call, if anything: the first fault that falls upon it."""
        return next((fault.deed for fault in self.all if fault.falls_upon(method, chat, self._random)), None)
