"""Two thousand chats on a bad day: too fast, out of order, cut off, blocked, moved and closed, all at once.

The real store, planner, outbox and adapter, at the pace of production, against a Telegram of our own that keeps the
account. Nobody waits: where all do, time moves on, so that nothing here hangs on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from fakes.faults import Cut, Fault, Slow, in_html
from fakes.telegram import Call, FakeTelegram
from fakes.telegram_faults import broken, too_fast
from fakes.telegram_limits import Limits
from fakes.telegram_world import Chat
from simulated import Clock

from bot.app import App, build
from bot.chat.address import parse_address
from bot.delivery.outbox import Outbox
from bot.platforms.telegram.delivering import Telegram
from bot.settings import Settings
from bot.store.settlement import OnUncertain
from bot.store.store import Store
from bot.store.subscriptions import Subscriber

SEED = 20261126

DIGEST = """
## Sea

- [Tides](https://example.org/tides)

## Stars

- [Comets](https://example.org/comets)
"""
"""Two themes, so that two editions cannot be taken for each other; either is one message."""

QUIET = 0.001
"""Seconds of the machine in which nothing came over loopback: everybody waits for a time then, and it is that time."""

LATENCY = 0.4
"""Seconds till Telegram answers, so that there are always some messages of which nobody knows yet."""

COMMIT = 0.3
"""Seconds that the database takes for each call: a busy disk, on which several messages share a commit."""

ENOUGH = 2 * 3600.0
"""Seconds after which a storm that is not over never will be: a message is given up after one hour."""

KINDS = {
    "blocked": 20, "deactivated": 5, "kicked": 10, "leaving": 10, "moved": 30, "closed": 20, "deleted": 10, "topic": 20,
    "group": 150, "channel": 10, "private": 715,
}  # fmt: skip
"""Chats of each kind in a thousand. Those that leave do so after their first edition."""

GONE = ("blocked", "deactivated", "kicked", "leaving")
REWRITTEN = ("moved", "closed", "deleted")
AFFECTED = GONE + REWRITTEN


class Loop(asyncio.SelectorEventLoop):
    """An event loop on real sockets and simulated time. Both ends of each socket have to be in it."""

    class _Selector(selectors.DefaultSelector):
        clock: Clock

        def select(self, timeout: float | None = None) -> Any:
            found = super().select(timeout and min(timeout, QUIET))
            if not found and timeout:
                self.clock.now += timeout
            return found

    def __init__(self, clock: Clock) -> None:
        selector = self._Selector()
        selector.clock = self._clock = clock
        super().__init__(selector)
        # Seconds since 1970 leave a float no nanoseconds: a timer that is nearer than it can tell is due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._clock.now


async def unhurried(work: Callable[[], Any]) -> Any:
    """A store's call as simulated time sees it."""
    await asyncio.sleep(COMMIT)
    return work()


@dataclass
class Storm:
    """Who is there, by kind, and where their editions have to arrive."""

    runner: asyncio.Runner
    telegram: FakeTelegram
    store: Store
    app: App
    subscribed: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, Chat] = field(default_factory=dict)

    # Before -----------------------------------------------------------------------------------------------------------

    def gather(self, chats: int) -> None:
        """That many chats subscribe, each as its kind does; then it happens to them."""
        kinds = [kind for kind, share in KINDS.items() for _ in range(share * chats // 1000)]
        Random(SEED).shuffle(kinds)
        for kind in kinds:
            name, there = self._arrive(kind)
            self.subscribed.setdefault(kind, []).append(name)
            self.expected[name] = there
        self.store.subscriptions.put(Subscriber(parse_address(name)) for name in self.expected)

    def _arrive(self, kind: str) -> tuple[str, Chat]:
        """A chat of *kind*: under which name it subscribed, and which it is at the end."""
        world = self.telegram.world
        owner = world.user("Olga")
        match kind:
            case "private" | "blocked" | "deactivated" | "leaving":
                chat = world.private(owner)
                if kind == "blocked":
                    world.block(owner)
                elif kind == "deactivated":
                    world.deactivate(owner)
            case "closed" | "deleted" | "topic":
                chat = world.supergroup("Forum", owner=owner, forum=True)
                topic = world.topic(chat, "Weekly")
                if kind == "closed":
                    world.close_topic(chat, topic)
                elif kind == "deleted":
                    world.delete_topic(chat, topic)
                return f"telegram:{chat.id}/{topic.id}", chat
            case "moved":
                chat = world.group("Readers", owner=owner)
                return f"telegram:{chat.id}", world.migrate(chat)
            case "channel":
                chat = world.channel("News", owner=owner)
            case _:
                chat = world.supergroup("Readers", owner=owner)
                if kind == "kicked":
                    world.remove_bot(chat)
        return f"telegram:{chat.id}", chat

    def break_out(self) -> list[Fault]:
        """What may happen to each call from now on."""
        mishaps = [
            (too_fast(1), 0.08), (too_fast(30), 0.02),
            (broken(500), 0.025), (in_html(502), 0.025),
            (Cut(accepted=True), 0.02),
            (Slow(LATENCY), 1.0),
        ]  # fmt: skip
        add = self.telegram.faults.add
        return [add(deed, method="sendMessage", times=None, probability=chance) for deed, chance in mishaps]

    # Meanwhile --------------------------------------------------------------------------------------------------------

    def post(self, policy: OnUncertain, *, to: Collection[str] | None = None) -> int:
        """An edition for everybody, or for the chats *to*, delivered as far as that can be; how many were planned."""
        assert self.app.planner is not None
        planned = self.app.planner.post(to=None if to is None else [parse_address(name) for name in to]).deliveries
        self.deliver(policy)
        return planned

    def deliver(self, policy: OnUncertain) -> None:
        self.runner.run(self._deliver(policy))

    async def _deliver(self, policy: OnUncertain) -> None:
        platform = Telegram(self.telegram.token, self.telegram.url)
        outbox = Outbox(self.store, [platform], policy=policy, random=Random(SEED), call=unhurried)
        try:
            async with asyncio.timeout(ENOUGH):
                await outbox.drain()
        finally:
            await platform.close()

    def clear_up(self, policy: OnUncertain) -> int:
        """The weather is fine again, and an operator settles what is uncertain as the chats say; how many that was."""
        self.telegram.faults.clear()
        reached = {chat for chat, _ in self.arrived}
        uncertain = list(self.store.ledger.rows(state="uncertain"))
        for row in uncertain:
            self.store.outbox.resolve("sent" if int(parse_address(row.chat).id) in reached else "resend", [row.id])
        self.deliver(policy)
        return len(uncertain)

    def leave(self) -> None:
        """Some block the bot when they have had their first edition, of which it hears nothing till the next."""
        for name in self.subscribed["leaving"]:
            user = self.expected[name].user
            assert user is not None
            self.telegram.world.block(user)

    # Afterwards -------------------------------------------------------------------------------------------------------

    @property
    def arrived(self) -> Counter[tuple[int, str]]:
        """How often each text came to each chat, whatever the bot was told of it."""
        accepted = [call for call in self.telegram.calls("sendMessage") if call.accepted]
        return Counter((call.message.chat.id, call.params["text"]) for call in accepted)

    @property
    def duplicates(self) -> int:
        return sum(self.arrived.values()) - len(self.arrived)

    @property
    def doubtful(self) -> int:
        """How many messages arrived without anybody being told."""
        return sum(call.accepted and call.status is None for call in self.telegram.calls("sendMessage"))

    @property
    def hurried(self) -> list[Call]:
        """The calls that were too fast by Telegram's own limits, and not because the weather is bad."""
        calls = self.telegram.calls("sendMessage")
        return [call for call in calls if call.status == 429 and isinstance(call.deed, Slow | None)]

    def chats(self, *kinds: str) -> set[int]:
        """The ids of the chats of some kinds, as they are at the end."""
        return {self.expected[name].id for kind in kinds for name in self.subscribed[kind]}

    def bothered(self, chats: set[int]) -> list[int]:
        """Those of *chats* that were called again after Telegram had said that they are out of reach."""
        refused: set[int] = set()
        again = []
        for call in self.telegram.calls("sendMessage"):
            if (chat := call.params["chat_id"]) in refused:
                again.append(chat)
            if call.status == 403:
                refused.add(chat)
        assert refused == chats, "others were refused than those who are gone"
        return again

    def states(self, *kinds: str) -> set[str]:
        """In which states the subscriptions of some kinds are, under the names that they have at the end."""
        chats = self.chats(*kinds)
        return {one.state for one in self.store.subscriptions.all() if int(one.chat.id) in chats}


@pytest.fixture
def storm(tmp_path):
    """The real thing on a Telegram that has its limits."""
    (tmp_path / "digest.md").write_text(DIGEST, encoding="utf-8")
    clock = Clock()
    store = Store.open(f"sqlite:///{tmp_path}/heji.db", clock=clock)
    app = build(Settings(content=(str(tmp_path / "digest.md"),)))
    app.attach(store)
    telegram = FakeTelegram(limits=Limits(), seed=SEED, clock=clock)
    with asyncio.Runner(loop_factory=lambda: Loop(clock)) as runner:
        runner.run(telegram.start())
        yield Storm(runner, telegram, store, app)
        runner.run(telegram.close())
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "chats"), [("resend", 2000), ("hold", 500)])
def test_a_storm_leaves_nobody_out_and_bothers_nobody(storm, policy, chats):
    storm.gather(chats)
    weather = storm.break_out()
    planned = storm.post(policy)
    duplicates, doubtful = storm.duplicates, storm.doubtful
    uncertain = storm.clear_up(policy)
    storm.leave()
    affected = {str(one.chat) for one in storm.store.subscriptions.all() if int(one.chat.id) in storm.chats(*AFFECTED)}
    planned_then = storm.post(policy, to=affected)

    assert all(fault.struck for fault in weather), "it was no storm"

    # Every reachable chat is served, and nothing is lost.
    everybody, gone, left, served = (storm.chats(*kinds) for kinds in (KINDS, GONE, ("leaving",), REWRITTEN))
    one, two = dict.fromkeys(text for _, text in storm.arrived)
    assert {chat for chat, text in storm.arrived if text == one} == everybody - gone | left
    assert {chat for chat, text in storm.arrived if text == two} == served
    assert planned == len(everybody)
    assert planned_then == len(served | left)
    assert storm.store.ledger.counts() == {"sent": len(everybody - gone | left) + len(served), "dead": len(gone)}

    # Nothing comes twice but what was in doubt, and where that is held, nothing at all.
    assert doubtful > 0
    assert duplicates == 0 if policy == "hold" else 0 < duplicates <= doubtful
    assert uncertain >= doubtful if policy == "hold" else uncertain < doubtful
    assert storm.duplicates <= duplicates + storm.doubtful - doubtful

    # Who asked for a pause gets it, nobody else has to ask, and who is gone is left alone.
    assert storm.telegram.violations == []
    assert storm.hurried == []
    assert storm.bothered(gone) == []
    assert storm.states(*GONE) == {"suspended"}
    assert {int(parse_address(row.chat).id) for row in storm.store.ledger.rows(state="dead")} == gone

    # Who moved is known by the new name, and closed topics gave way to the general one.
    known = {str(subscriber.chat) for subscriber in storm.store.subscriptions.all()}
    assert {f"telegram:{chat}" for chat in storm.chats(*REWRITTEN)} <= known
    assert known.isdisjoint(name for kind in REWRITTEN for name in storm.subscribed[kind])
    assert set(storm.subscribed["topic"]) <= known
    assert storm.states(*set(KINDS) - set(GONE)) == {"active"}
    assert storm.telegram.complaints == []
