"""One scenario's world: a database, a platform, workers, and the account of every message at the end."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Self

from sqlalchemy import select

from bot.chat.address import Address, parse_address
from bot.delivery.planner import Planner
from bot.digest import sources
from bot.store import tables
from bot.store.store import Store
from bot.store.subscriptions import Subscriber
from chaos.counterparty import Arrival, Counterparty, Mood
from chaos.nursery import Command, Nursery, Process, Worker
from chaos.worker import NumberedPress, Orders

DIGEST = "# 合辑\n" + "".join(
    f"\n## {topic}\n\n" + "".join(f"- [{topic} {n}](https://example.org/{topic}-{n})\n" for n in range(1, 8))
    for topic in ("ctr", "nlp", "gnn", "rl")
)


_alone = Lock()


def open_store(url: str, **options: Any) -> Store:
    """One at a time: Alembic, which makes the tables, knows one database a process."""
    with _alone:
        return Store.open(url, **options)


class Stuck(Exception):
    """What had to happen did not."""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the *messages* that were planned.

    *lost* never arrived, and nobody is asked about them. *held* wait for somebody to look. *strange* arrived and were
    never planned. *disordered* overtook an earlier part. *worst* is the most duplicates that one killed process left,
    *causeless* are those of messages whose senders all lived on, and were answered.
    """

    messages: int
    lost: int
    duplicates: int
    held: int
    strange: int
    disordered: int
    worst: int
    causeless: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A message of the outbox."""

    chat: str
    text: str
    state: str
    edition: str


class Stage:
    """From `with` on; whatever still runs at the end is killed. *orders* are what every worker is told."""

    def __init__(
        self, folder: Path, url: str, seed: int, *, parts: int = 1, mood: Mood = Mood(), **orders: Any
    ) -> None:
        self.folder = folder
        self.url = url
        self.seed = seed
        self.random = Random(seed)
        self.planned = 0
        self.kills = 0
        self.killed: set[str] = set()
        self.crew: list[Process] = []
        self._parts = parts
        self._mood = mood
        self._orders = orders
        self._born = 0
        self._posts = 0

    def __enter__(self) -> Self:
        content = self.folder / "content"
        content.mkdir(parents=True, exist_ok=True)
        (content / "heji.md").write_text(DIGEST, encoding="utf-8")
        self._content = str(content)
        with ExitStack() as stack:
            self.counterparty = stack.enter_context(Counterparty(Random(self.seed), self._mood))
            self.nursery = stack.enter_context(Nursery())
            self.open_store()
            stack.callback(self._close_store)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.crew:
            if process.status is None:
                process.signal(signal.SIGKILL)
        self._stack.close()

    def open_store(self, **options: Any) -> None:
        """The runner's own way into the database."""
        self._close_store()
        self.store = open_store(self.url, **options)
        library = sources.load((self._content,))
        self.planner = Planner(self.store, lambda: library, NumberedPress(self._parts))

    def _close_store(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    # What there is to do ------------------------------------------------------------------------------------------

    def subscribe(self, chats: Iterable[str], **fields: Any) -> None:
        self.store.subscriptions.put(Subscriber(parse_address(chat), **fields) for chat in chats)

    def post(self, to: Sequence[Address] | None = None) -> int:
        """One edition more for everybody, or for those."""
        self._posts += 1
        posted = self.planner.post(key=f"{self._posts}", to=to).deliveries
        self.planned += posted
        return posted

    # Who does it --------------------------------------------------------------------------------------------------

    def worker(self, **changes: Any) -> Worker:
        """One process more, with the stage's orders but for *changes*."""
        self._born += 1
        told = Orders(
            name=f"w{self._born}", url=self.url, content=self._content, log=str(self.folder / "log"),
            port=self.counterparty.port, seed=self.random.randrange(1 << 30),
        )  # fmt: skip
        worker = self.nursery.start(replace(told, **{**self._orders, **changes}))
        self.crew.append(worker)
        return worker

    def command(self, *arguments: str, lease: float | None = None, **variables: str) -> Command:
        """`heji …`, on this stage's database."""
        told = {"DATABASE_URL": self.url, "CONTENT": "content", "LOG_LEVEL": "WARNING"} | variables
        return Command(self.folder, *arguments, lease=lease, **told)

    def heji(self, *arguments: str, **variables: str) -> str:
        """What `heji …` prints, once it ended well."""
        command = self.command(*arguments, **variables)
        if command.wait(60) != 0:
            raise AssertionError(f"{command.name} failed: {self.log()}")
        return command.said

    def bury(self) -> int:
        """Take the dead out of the crew; how many. Who ended otherwise than killed is a bug."""
        dead = [process for process in self.crew if process.status is not None]
        for process in dead:
            self.crew.remove(process)
            if process.status != -signal.SIGKILL:
                raise AssertionError(f"{process.name} ended by itself, status {process.status}: {self.log()}")
            self.kills += 1
            self.killed.add(process.name)
        return len(dead)

    def dismiss(self) -> float:
        """SIGTERM to all; how long the slowest took. Who meets its fate meanwhile counts as killed.

        A command that is only just starting may die of the signal: it held nothing.
        """
        asked = time.monotonic()
        for process in self.crew:
            process.signal(signal.SIGTERM)
        for process in self.crew:
            process.wait(30)
        taken = time.monotonic() - asked
        self.crew = [process for process in self.crew if process.status not in (0, -signal.SIGTERM)]
        self.bury()
        return taken

    # What came of it ----------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], bool], what: str, timeout: float = 120.0) -> None:
        """Wait for *condition*, but not for ever."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise Stuck(f"not within {timeout:.0f} s: {what}; {self.store.ledger.counts()}; {self.log()}")
            self.nursery.listen(0.1)

    def settle(self, timeout: float = 120.0) -> None:
        """Wait until nothing is left that can be sent."""
        self.until(lambda: self.store.ledger.unsettled() == 0, "every message settled", timeout)

    def messages(self) -> list[Planned]:
        """Every message that is in the outbox."""
        d, p, c, e = tables.deliveries, tables.payloads, tables.chats, tables.editions
        query = select(c.c.place, p.c.payload, d.c.state, e.c.rotation_id, e.c.period).join_from(d, c)
        query = query.join(p, (p.c.rendering_id == d.c.rendering_id) & (p.c.part == d.c.part))
        query = query.join(e, e.c.id == d.c.edition_id).order_by(d.c.id)
        rows = self.store.database.read(lambda connection: connection.execute(query).all())
        return [Planned(r.place, _text(r.payload), r.state, f"{r.rotation_id}/{r.period}") for r in rows]

    def arrivals(self) -> list[Arrival]:
        """Everything that anybody received, in order: the counterparty's journal, and what lies in files."""
        found = list(self.counterparty.journal)
        for path in sorted(self.folder.glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                written = json.loads(line)
                found.append(Arrival(0.0, "", written["chat"], written["params"]["text"]))
        return found

    def account(self) -> Account:
        rows = {(one.chat, one.text): one.state for one in self.messages()}
        arrivals = self.arrivals()
        received = Counter((one.chat, one.text) for one in arrivals)
        lost = [key for key, state in rows.items() if state != "uncertain" and key not in received]
        blamed, causeless = self._blamed(arrivals)
        return Account(
            messages=len(rows),
            lost=len(lost) + abs(self.planned - len(rows)),
            duplicates=sum(received.values()) - len(received),
            held=sum(state == "uncertain" for state in rows.values()),
            strange=len(received.keys() - rows.keys()),
            disordered=_disordered(arrivals, {text for (_, text), state in rows.items() if state == "uncertain"}),
            worst=max(blamed.values(), default=0),
            causeless=causeless,
        )

    def _blamed(self, arrivals: Iterable[Arrival]) -> tuple[Mapping[str, int], int]:
        """Duplicates by the process that sent the message before, and how many had no cause at all."""
        before: dict[tuple[str, str], Arrival] = {}
        blamed: Counter[str] = Counter()
        causeless = 0
        for one in arrivals:
            key = (one.chat, one.text)
            if first := before.get(key):
                blamed[first.sender] += first.sender in self.killed
                causeless += not (first.cut or first.sender in self.killed)
            before[key] = one
        return blamed, causeless

    @property
    def policy(self) -> str:
        return self._orders.get("policy", "resend")

    def log(self) -> str:
        """The end of what the workers wrote, for whoever has to find out."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace")[-3000:] if path.exists() else ""


def _text(payload: bytes) -> str:
    text: str = json.loads(payload)["params"]["text"]
    return text


def _disordered(arrivals: Iterable[Arrival], held: Collection[str]) -> int:
    """How many came for the first time before an earlier part of their edition had come to the same chat.

    What is *held* is waited for by nobody.
    """
    parts: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    wrong = 0
    for one in arrivals:
        edition, _, numbers = one.text.rpartition(" ")
        part, of = map(int, numbers.split("/"))
        missing = set(range(1, part)) - parts[one.chat, edition]
        wrong += any(f"{edition} {earlier}/{of}" not in held for earlier in missing)
        parts[one.chat, edition].add(part)
    return wrong
