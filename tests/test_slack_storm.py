"""Five hundred channels on a bad day: too fast, out of order, cut off, archived, thrown out and revoked.

The real store, planner, outbox and adapter, against a Slack of our own that keeps the account.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from fakes.faults import Cut, in_html
from fakes.slack import Call, FakeSlack
from fakes.slack_faults import broken, too_fast
from fakes.slack_limits import Limits
from fakes.slack_world import Channel
from hurry import SPEED, HurriedLoop, hurried_clock

from bot.app import App, build
from bot.chat.address import parse_address
from bot.delivery import outbox, verdict
from bot.delivery.outbox import Outbox
from bot.delivery.pace import TOLERANCE, rates
from bot.front.reception import Reception
from bot.platforms.slack import transport
from bot.platforms.slack.delivering import Slack
from bot.settings import Settings
from bot.store.settlement import OnUncertain
from bot.store.store import Store
from bot.store.subscriptions import Subscriber

CONTENT = Path(__file__).parent.parent / "content"
SEED = 20261127
CHANNELS = 500

KINDS = {
    "archived": 10,
    "kicked": 10,
    "deleted": 6,
    "leaving": 10,
    "thread": 40,
    "private": 60,
    "im": 60,
    "public": 304,
}
"""How many of each kind there are. Those that leave do so after their first edition."""

GONE = ("archived", "kicked", "deleted", "leaving")


@dataclass
class Storm:
    """Who is there, by kind, and where their editions have to arrive."""

    slack: FakeSlack
    store: Store
    app: App
    channels: dict[str, list[Channel]] = field(default_factory=dict)
    names: dict[str, Channel] = field(default_factory=dict)

    # Before -----------------------------------------------------------------------------------------------------------

    def gather(self, share: int = 1) -> None:
        """Of the channels one in *share* subscribe, each as its kind does; then it happens to them."""
        kinds = [kind for kind, count in KINDS.items() for _ in range(count // share)]
        Random(SEED).shuffle(kinds)
        for number, kind in enumerate(kinds):
            channel, thread = self._arrive(kind, number)
            self.channels.setdefault(kind, []).append(channel)
            self.names[f"slack:{channel.team.id}/{channel.id}{thread}"] = channel
        self.store.subscriptions.put(Subscriber(parse_address(name)) for name in self.names)

    def _arrive(self, kind: str, number: int) -> tuple[Channel, str]:
        """A channel of *kind*, and the thread in it that subscribed, as it is written."""
        world = self.slack.world
        owner = world.user(f"Olga {number}")
        if kind == "im":
            return world.im(owner), ""
        channel = world.channel(f"papers-{number}", owner, private=kind == "private")
        match kind:
            case "thread":
                return channel, f"/{world.say(owner, channel, 'the weekly, here please').ts}"
            case "archived":
                world.archive(channel)
            case "kicked":
                world.kick_bot(channel, owner)
            case "deleted":
                world.delete_channel(channel)
        return channel, ""

    def break_out(self) -> None:
        faults = self.slack.faults
        faults.add(too_fast(), method="chat.postMessage", times=None, probability=0.10)
        faults.add(broken(503), method="chat.postMessage", times=None, probability=0.025)
        faults.add(in_html(502), method="chat.postMessage", times=None, probability=0.025)
        faults.add(Cut(accepted=True), method="chat.postMessage", times=None, probability=0.02)

    # Meanwhile --------------------------------------------------------------------------------------------------------

    def post(self, policy: OnUncertain) -> int:
        """An edition for everybody, delivered as far as that can be; how many were planned."""
        planned = self.plan()
        self.deliver(policy)
        return planned

    def plan(self) -> int:
        assert self.app.planner is not None
        return self.app.planner.post().deliveries

    def deliver(self, policy: OnUncertain, *, until: Callable[[], bool] | None = None) -> None:
        """Work the outbox till nothing is left that can be sent, or *until* something is so."""
        with asyncio.Runner(loop_factory=HurriedLoop) as runner:
            runner.run(self._deliver(policy, until))

    async def _deliver(self, policy: OnUncertain, until: Callable[[], bool] | None) -> None:
        platform = Slack(self.slack.token, self.slack.url)
        worker = Outbox(self.store, [platform], rates=rates(), policy=policy, random=Random(SEED), idle=0.5)
        try:
            working = asyncio.create_task(worker.drain())
            if until is not None:
                await self.slack.until(until)
                worker.stop()
            await working
        finally:
            await platform.close()

    def clear_up(self, policy: OnUncertain) -> int:
        """The weather is fine again, and an operator settles what is uncertain as the channels say; how many."""
        self.slack.faults.clear()
        uncertain = list(self.store.ledger.rows(state="uncertain"))
        for row in uncertain:
            reached = self._parts_in(self.names[row.chat]) >= row.part
            self.store.outbox.resolve("sent" if reached else "resend", [row.id])
        self.deliver(policy)
        return len(uncertain)

    def _parts_in(self, channel: Channel) -> int:
        return len({said for where, said in self.arrived if where == channel.id})

    def leave(self) -> None:
        """Some throw the bot out when they have had their first edition, of which it hears nothing till the next."""
        for channel in self.channels["leaving"]:
            self.slack.world.kick_bot(channel, channel.creator)

    # Afterwards -------------------------------------------------------------------------------------------------------

    @property
    def posts(self) -> list[Call]:
        return self.slack.calls("chat.postMessage")

    @property
    def arrived(self) -> Counter[tuple[str, str]]:
        """How often each message came to each channel, whatever the bot was told of it."""
        return Counter(
            (call.message.channel.id, json.dumps(call.params["blocks"]))
            for call in self.posts
            if call.accepted and call.message
        )

    @property
    def duplicates(self) -> int:
        return sum(self.arrived.values()) - len(self.arrived)

    @property
    def doubtful(self) -> int:
        """How many messages arrived without anybody being told."""
        return sum(call.accepted and call.status is None for call in self.posts)

    def ids(self, *kinds: str) -> set[str]:
        return {channel.id for kind in kinds for channel in self.channels[kind]}

    def bothered(self) -> list[str]:
        """The channels that were called again after the bot was told that they are out of reach."""
        refused: set[str] = set()
        again = []
        for call in self.posts:
            if (channel := call.params["channel"]) in refused:
                again.append(channel)
            if call.status is not None and call.error in {"is_archived", "not_in_channel", "channel_not_found"}:
                refused.add(channel)
        assert refused == self.ids(*GONE), "others were refused than those who are gone"
        return again

    def states(self, *kinds: str) -> set[str]:
        """In which states the subscriptions of some kinds are."""
        wanted = self.ids(*kinds)
        return {one.state for one in self.store.subscriptions.all() if self.names[str(one.chat)].id in wanted}


@pytest.fixture
def storm(tmp_path, monkeypatch):
    """The real thing on a Slack that has its limits."""
    monkeypatch.setattr(verdict, "BACK_OFF", (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0))  # all of it is an hour otherwise
    # The machine is no faster than elsewhere.
    monkeypatch.setattr(outbox, "TOLERANCE", TOLERANCE * SPEED)
    monkeypatch.setattr(outbox, "SEND_TIMEOUT", outbox.SEND_TIMEOUT * SPEED)
    for limit in ("CONNECT_TIMEOUT", "READ_TIMEOUT"):
        monkeypatch.setattr(transport, limit, getattr(transport, limit) * SPEED)
    clock = hurried_clock()
    store = Store.open(f"sqlite:///{tmp_path}/heji.db", clock=clock)
    app = build(Settings(content=(str(CONTENT),)))
    app.attach(store)
    with FakeSlack(limits=Limits(tiers=False), seed=SEED, clock=clock) as slack:
        yield Storm(slack, store, app)
    store.close()


@pytest.mark.parametrize(("policy", "share"), [("resend", 1), ("hold", 2)])
def test_a_storm_leaves_nobody_out_and_bothers_nobody(storm, policy, share):
    storm.gather(share)
    storm.break_out()
    planned = storm.post(policy)
    duplicates, doubtful = storm.duplicates, storm.doubtful
    uncertain = storm.clear_up(policy)
    first = storm.arrived
    storm.leave()
    storm.post(policy)
    storm.clear_up(policy)
    second = storm.arrived - first

    # Every channel that can be reached is served with both editions, whole, and nothing is lost.
    everybody, gone, left = (storm.ids(*kinds) for kinds in (KINDS, GONE, ("leaving",)))
    parts = [Counter(where for where, _ in came) for came in (first, second)]
    assert [came.keys() for came in parts] == [everybody - gone | left, everybody - gone]
    assert [len(set(came.values())) for came in parts] == [1, 1], "a part is missing somewhere"
    assert planned == CHANNELS // share * max(parts[0].values())
    counts = storm.store.ledger.counts()
    assert counts["sent"] == parts[0].total() + parts[1].total()
    assert counts.keys() == {"sent", "dead"}

    # Nothing comes twice but what was in doubt, and where that is held, nothing at all.
    assert doubtful > 0
    assert duplicates == 0 if policy == "hold" else 0 < duplicates <= doubtful
    assert uncertain >= doubtful if policy == "hold" else uncertain < doubtful
    assert storm.duplicates <= duplicates + storm.doubtful - doubtful

    # Who asked for a pause gets it, and who is gone is left alone.
    assert storm.slack.violations == []
    assert storm.bothered() == []
    assert storm.states(*GONE) == {"suspended"}
    assert storm.states(*set(KINDS) - set(GONE)) == {"active"}

    # What a thread subscribed to stays in it.
    threads = {channel.id for channel in storm.channels["thread"]}
    assert all(call.params.get("thread_ts") for call in storm.posts if call.params["channel"] in threads)
    assert storm.slack.complaints == []


def test_a_revoked_token_stops_the_workspace_within_twenty_calls_and_a_good_one_goes_on_with_it(storm):
    storm.gather()
    storm.plan()
    storm.deliver("resend", until=lambda: len(storm.posts) >= 100)
    storm.slack.world.revoke()
    before = len(storm.posts)
    storm.deliver("resend")
    after = len(storm.posts) - before
    waiting = storm.store.ledger.unsettled()
    storm.slack.world.reinstall(storm.slack.world.home)
    storm.deliver("resend")
    stopped = len(storm.posts) - before - after
    Reception(storm.app).reopen(f"slack:{storm.slack.world.home.id}")
    storm.deliver("resend")

    assert 0 < after <= 20
    assert waiting > 300
    assert stopped == 0, "nobody has said yet that there is a good token"
    assert storm.store.ledger.counts().keys() == {"sent", "dead"}
    assert {channel for channel, _ in storm.arrived} == storm.ids(*KINDS) - storm.ids("archived", "kicked", "deleted")
    assert storm.duplicates == 0
