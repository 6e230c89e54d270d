"""Both ends of delivery for tests: a press that prints little, and a platform whose journal nothing takes back."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from factories import library
from simulated import Clock, at_once

from bot.chat.address import Address, parse_address
from bot.chat.message import Message
from bot.delivery.outbox import Outbox
from bot.delivery.planner import Planner
from bot.digest.library import Library
from bot.editions.edition import Edition
from bot.platforms.base import Outcome, Payload, Sent
from bot.store.notices import Notice
from bot.store.planning import Look
from bot.store.store import Store
from bot.store.subscriptions import Subscriber

LIBRARY = library({name: [f"{name} {n}" for n in range(1, 8)] for name in ("ctr", "nlp", "gnn", "rl")})


class Press:
    """Prints an edition in *parts* lines. *broken* looks raise, as a bug would."""

    def __init__(self, parts: int = 1, *, replies: bool = False) -> None:
        self.parts = parts
        self.replies = replies
        self.broken: set[str] = set()
        self.printed: list[tuple[str, Look]] = []

    def edition(self, edition: Edition, look: Look, library: Library) -> Sequence[Payload]:
        if look.platform in self.broken:
            raise RuntimeError("no such block")
        self.printed.append((edition.period, look))
        late = " late" if look.late else ""
        title = f"{edition.period} {'/'.join(edition.theme.path)}{late}"
        payloads: list[dict[str, Any]] = [
            {"method": "print", "params": {"text": f"{title} {part}/{self.parts}"}} for part in range(1, self.parts + 1)
        ]
        for payload in payloads[1:] if self.replies else []:
            payload["params"]["thread_ts"] = "@parent"
        return payloads

    def notice(self, notice: Notice, reader: Address) -> Sequence[Payload]:
        return [{"method": "print", "params": {"text": f"{notice.kind} {notice.data.get('chat', '')}".strip()}}]


class Correspondent:
    """A platform: takes *delay* seconds, answers what *answers* says, and keeps a journal of all that arrived."""

    def __init__(self, name: str = "telegram", clock: Clock | None = None, *, delay: float = 0.05) -> None:
        self.name = name
        self.delay = delay
        self.clock = clock or Clock()
        self.journal: list[tuple[float, str, str]] = []
        self.calls: list[tuple[float, str]] = []
        self.payloads: list[Payload] = []
        self.flying: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.answers: dict[str, list[Outcome | Exception]] = defaultdict(list)
        self.always: Callable[[str], Outcome | None] = lambda chat: None

    def render(self, message: Message) -> tuple[Payload, ...]:
        return ({"method": "print", "params": {"text": str(len(message.blocks))}},)

    def plain(self, payload: Payload) -> Payload:
        return {**payload, "params": {**payload["params"], "text": f"plain {payload['params']['text']}"}}

    async def send(self, payload: Payload, chat: str) -> Outcome:
        self.calls.append((self.clock.now, chat))
        self.flying[chat] += 1
        self.most_at_once[chat] = max(self.most_at_once[chat], self.flying[chat])
        try:
            await asyncio.sleep(self.delay)
            answer = self.answers[chat].pop(0) if self.answers[chat] else self.always(chat)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None and not isinstance(answer, Sent):
                return answer
            self.journal.append((self.clock.now, chat, payload["params"]["text"]))
            self.payloads.append(payload)
            return answer or Sent(f"m{len(self.journal)}")
        finally:
            self.flying[chat] -= 1

    def texts(self, chat: str) -> list[str]:
        """What arrived in a chat, in order."""
        return [text for _, where, text in self.journal if where == chat]


class Lossy(Correspondent):
    """Takes the message in and then does not answer in time."""

    async def send(self, payload: Payload, chat: str) -> Outcome:
        outcome = await super().send(payload, chat)
        await asyncio.sleep(3600)
        return outcome


def chat(text: str) -> Address:
    return parse_address(text)


def subscribe(store: Store, *chats: str, **fields: Any) -> None:
    store.subscriptions.put(Subscriber(chat(one), **fields) for one in chats)


def planner(store: Store, press: Press | None = None, content: Library = LIBRARY, **options: Any) -> Planner:
    return Planner(store, lambda: content, press or Press(), **options)


def outbox(store: Store, *platforms: Correspondent, **options: Any) -> Outbox:
    return Outbox(store, platforms, **{"call": at_once, "random": Random(7), "idle": 10.0, **options})


def states(store: Store) -> dict[str, str]:
    """The state of each delivery, by chat and part."""
    return {f"{row.chat} {row.part}": row.state for row in store.ledger.rows()}


def each_once(texts: Iterable[str]) -> bool:
    return all(number == 1 for number in Counter(texts).values())
