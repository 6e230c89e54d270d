"""The outbox against a journal that nothing takes back: nothing lost, nothing twice, in order, at its pace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from correspondents import Correspondent, Lossy, Press, chat, each_once, outbox, planner, states, subscribe
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import Clock, run

from bot.delivery.outbox import IDLE, addressed
from bot.delivery.pace import rates
from bot.errors import StoreUnreachable
from bot.platforms.base import Outcome, Rejected, Retryable, Sent, Uncertain
from bot.store.buckets import Rate
from bot.store.settlement import LEASE, Settlement
from bot.store.store import Store

FAST = {"telegram": Rate()}
DAY = 86400.0
FAIL_POINTS = ("claimed", "begun", "answered", "settled")


class Killed(Exception):
    """What ends the task that is at the fail-point."""


class Mortal:
    """A process that `kill -9` meets when it comes to *point* for the *after*th time.

    From then on it reaches neither the database nor a platform; a request that is under way arrives all the same.
    """

    def __init__(self, point: str, after: int = 1) -> None:
        self.point = point
        self.left = after
        self.killed = asyncio.Event()

    def fail(self, here: str) -> None:
        self.left -= here == self.point
        if self.left <= 0:
            self.killed.set()
        if self.killed.is_set():
            raise Killed

    async def call(self, work: Callable[[], object]) -> object:
        if self.killed.is_set():
            await asyncio.Event().wait()
        return work()

    async def drain(self, store: Store, *platforms: Correspondent, **options: object) -> bool:
        """Work until nothing is left; whether it was killed before."""
        one = outbox(store, *platforms, **{"rates": FAST, **options, "fail_point": self.fail, "call": self.call})
        draining, dying = asyncio.create_task(one.drain()), asyncio.create_task(self.killed.wait())
        await asyncio.wait([draining, dying], return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if draining.done() and (error := draining.exception()) and not self.killed.is_set():
            raise error
        return self.killed.is_set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(open_store, clock) -> Store:
    return open_store(clock=clock)


def post(store: Store, *chats: str, parts: int = 1, replies: bool = False) -> None:
    subscribe(store, *chats)
    planner(store, Press(parts, replies=replies)).post(key="k")


def drain(store: Store, clock: Clock, *platforms: Correspondent, **options: object) -> Counter[str]:
    return run(clock, outbox(store, *platforms, **{"rates": FAST, **options}).drain())


def reasons(store: Store) -> set[str]:
    return {row.reason for row in store.ledger.rows()}


# What arrives ---------------------------------------------------------------------------------------------------------


def test_every_part_arrives_once_and_in_order(store, clock):
    telegram = Correspondent(clock=clock)
    post(store, *(f"telegram:{n}" for n in range(1, 31)), parts=3)

    assert drain(store, clock, telegram) == {"sent": 90}
    assert all([text[-3:] for text in telegram.texts(f"telegram:{n}")] == ["1/3", "2/3", "3/3"] for n in range(1, 31))
    assert max(telegram.most_at_once.values()) == 1
    assert store.ledger.counts() == {"sent": 90}


def test_the_ledger_names_the_platform_s_message(store, clock):
    post(store, "telegram:1")
    drain(store, clock, Correspondent(clock=clock))
    row = next(store.ledger.rows(state="sent"))

    assert (row.edition[-7:], row.chat, row.part, row.attempts, row.message_id) == ("/post/k", "telegram:1", 1, 1, "m1")


def test_what_is_for_another_process_s_platforms_stays(store, clock):
    post(store, "telegram:1", "slack:T1/C1")
    one = outbox(store, Correspondent(clock=clock), rates=FAST)

    async def work() -> None:
        running = asyncio.create_task(one.run())
        await asyncio.sleep(5)
        one.stop()
        await running

    run(clock, work())
    assert states(store) == {"telegram:1 1": "sent", "slack:T1/C1 1": "pending"}


def test_order_is_kept_after_a_retry_and_no_part_overtakes(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:1"] = [Sent(), Retryable(reason="502"), Retryable(reason="502")]
    post(store, "telegram:1", "telegram:2", parts=3)
    drain(store, clock, telegram)

    assert [text[-3:] for text in telegram.texts("telegram:1")] == ["1/3", "2/3", "3/3"]


def test_one_chat_s_trouble_holds_up_nobody_else(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:1"] = [Retryable(reason="502")] * 3
    post(store, *(f"telegram:{n}" for n in range(1, 21)))
    drain(store, clock, telegram)
    begun = telegram.journal[0][0]

    assert [chat for at, chat, _ in telegram.journal if at > begun + 5] == ["telegram:1"]


def test_replies_carry_the_first_part_s_message(store, clock):
    slack = Correspondent("slack", clock)
    post(store, "slack:T1/C1", parts=2, replies=True)
    drain(store, clock, slack, rates={})

    assert [payload["params"].get("thread_ts") for payload in slack.payloads] == [None, "m1"]


def test_a_reply_whose_parent_nobody_knows_is_said_without_it():
    payload = {"params": {"text": "x", "thread_ts": "@parent", "blocks": [{"ts": "@parent", "n": 1}]}}

    assert addressed(payload, None) == {"params": {"text": "x", "blocks": [{"n": 1}]}}
    assert addressed(payload, "1.2")["params"]["blocks"] == [{"ts": "1.2", "n": 1}]


# What the platforms answer --------------------------------------------------------------------------------------------


def test_failures_back_off_over_an_hour_then_die_with_one_note(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.always = lambda _: Retryable(reason="502 Bad Gateway")
    post(store, "telegram:1", "telegram:2")
    begun = clock.now

    assert drain(store, clock, telegram) == {"retry": 14, "dead": 2}
    assert 0.8 * 3600 < clock.now - begun < 1.4 * 3600
    assert reasons(store) == {"given up after 8 tries: 502 Bad Gateway"}
    assert [(notice.kind, notice.audience) for notice in store.notices.open()] == [("dead", "curators")]


def test_a_chat_that_is_gone_dies_suspends_and_tells_who_subscribed_it(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:-1"] = [Rejected("bot was kicked", "gone")]
    subscribe(store, "telegram:-1", "telegram:-1/8", owner="telegram:9")
    subscribe(store, "telegram:2")
    planner(store, Press(parts=2)).post(key="k")
    drain(store, clock, telegram)

    assert store.ledger.counts() == {"sent": 2, "dead": 4}
    assert store.subscriptions.count() == {"suspended": 2, "active": 1}
    assert [(notice.kind, notice.audience) for notice in store.notices.open()] == [("gone", "telegram:9")]
    assert len([chat for _, chat in telegram.calls if chat.startswith("telegram:-1")]) == 1


def test_a_migrated_chat_is_followed_and_its_parts_stay_in_order(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:-5"] = [Rejected("upgraded", "moved", moved_to="telegram:-1005")]
    post(store, "telegram:-5", parts=2)
    drain(store, clock, telegram)

    assert [text[-3:] for text in telegram.texts("telegram:-1005")] == ["1/2", "2/2"]
    assert [str(one.chat) for one in store.subscriptions.all()] == ["telegram:-1005"]


def test_a_closed_topic_falls_back_to_the_general_one(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:-5/8"] = [Rejected("TOPIC_CLOSED", "thread-closed")]
    post(store, "telegram:-5/8", parts=2)
    drain(store, clock, telegram)

    assert len(telegram.texts("telegram:-5")) == 2
    assert [str(one.chat) for one in store.subscriptions.all()] == ["telegram:-5"]
    assert [notice.kind for notice in store.notices.open()] == ["thread-closed"]


def test_a_layout_that_is_refused_is_sent_once_as_plain_text(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:1"] = [Rejected("can't parse entities", "malformed")]
    telegram.answers["telegram:2"] = [Rejected("can't parse entities", "malformed")] * 2
    post(store, "telegram:1", "telegram:2")
    drain(store, clock, telegram)

    assert telegram.texts("telegram:1")[0].startswith("plain ")
    assert states(store) == {"telegram:1 1": "sent", "telegram:2 1": "dead"}


def test_a_revoked_token_stops_its_own_bot_and_a_good_one_goes_on(store, clock):
    slack = Correspondent("slack", clock)
    slack.answers["slack:T1/C1"] = [Rejected("token_revoked", "revoked")]
    post(store, "slack:T1/C1", "slack:T1/C2", "slack:T2/C1")
    one = outbox(store, slack, rates={})

    async def work() -> None:
        running = asyncio.create_task(one.run())
        await asyncio.sleep(20)
        assert states(store)["slack:T1/C1 1"] == "retry"
        assert store.outbox.closed() == {"slack:T1": "token_revoked"}
        assert store.outbox.start("slack:T1")
        await asyncio.sleep(20)
        one.stop()
        await running

    run(clock, work())
    assert store.ledger.counts() == {"sent": 3}
    assert [notice.kind for notice in store.notices.open()] == ["revoked"]


def test_an_adapter_that_breaks_is_uncertain_and_loses_nothing(store, clock, caplog):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:1"] = [ValueError("a bug")]
    post(store, "telegram:1")

    assert drain(store, clock, telegram) == {"retry": 1, "sent": 1}
    assert "platform broke" in caplog.text


# Limits ---------------------------------------------------------------------------------------------------------------


def test_a_limited_chat_waits_as_long_as_it_was_told_and_the_others_go_on(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:1"] = [Retryable(37, "429", limited=True)]
    post(store, *(f"telegram:{n}" for n in range(1, 6)))
    begun = clock.now
    drain(store, clock, telegram)
    at = {chat: when - begun for when, chat, _ in telegram.journal}

    assert at["telegram:1"] >= 37
    assert max(at[f"telegram:{n}"] for n in range(2, 6)) < 1


def test_two_chats_limited_within_a_second_slow_the_whole_bot(store, clock):
    telegram = Correspondent(clock=clock)
    for number in (1, 2):
        telegram.answers[f"telegram:{number}"] = [Retryable(40, "429", limited=True)]
    post(store, *(f"telegram:{n}" for n in range(1, 61)))
    begun = clock.now
    drain(store, clock, telegram, rates=rates())

    early = [chat for at, chat, _ in telegram.journal if at < begun + 40]
    assert len(early) < 10
    assert len(telegram.journal) == 60


@pytest.mark.parametrize("asked", [40, 10 * DAY])
def test_a_block_lasts_as_long_as_was_asked_for_even_where_the_clock_is_set_back(store, clock, asked):
    post(store, *(f"telegram:{n}" for n in range(1, 6)))
    claims = store.outbox.claim("one", "telegram", Rate(), 2)
    store.outbox.begin(claims)
    store.outbox.settle([Settlement(claim, "retry", "429", wait=asked, limited=asked) for claim in claims])
    assert store.outbox.closed() == {"telegram": "limited"}

    clock.now += asked + 1
    assert store.outbox.closed() == {}
    clock.now -= asked + DAY
    assert store.outbox.closed() == {}


def test_a_limit_after_the_clock_was_set_back_brings_no_old_block_to_life(store, clock):
    post(store, *(f"telegram:{n}" for n in range(1, 6)))
    claims = store.outbox.claim("one", "telegram", Rate(), 3)
    store.outbox.begin(claims)
    store.outbox.settle([Settlement(claim, "retry", "429", limited=DAY) for claim in claims[:2]])
    clock.now -= DAY
    store.outbox.settle([Settlement(claims[2], "retry", "429", limited=5)])

    assert store.outbox.closed() == {}


def test_a_chat_is_not_silent_for_a_day_because_the_clock_was_set_back_by_one(store, clock):
    telegram = Correspondent(clock=clock)
    post(store, "telegram:1")
    drain(store, clock, telegram, rates=rates())
    clock.now -= DAY
    planner(store).post(key="another")
    begun = clock.now
    drain(store, clock, telegram, rates=rates())

    assert store.ledger.counts() == {"sent": 2}
    assert clock.now - begun < 60


def test_limits_never_count_towards_giving_up(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:1"] = [Retryable(None, "429", limited=True)] * 30
    post(store, "telegram:1")

    assert drain(store, clock, telegram) == {"retry": 30, "sent": 1}


@pytest.mark.parametrize("processes", [1, 4])
def test_the_pace_is_even_and_shared_by_all_processes(open_store, clock, processes):
    stores = [open_store(clock=clock) for _ in range(processes)]
    telegrams = [Correspondent(clock=clock, delay=0.2) for _ in stores]
    post(stores[0], *(f"telegram:{n}" for n in range(1, 151)))
    workers = [outbox(store, telegram, rates=rates()) for store, telegram in zip(stores, telegrams, strict=True)]

    async def work() -> None:
        await asyncio.gather(*(one.drain() for one in workers))

    run(clock, work())
    calls = sorted(at for telegram in telegrams for at, _ in telegram.calls)
    busiest = max(sum(begin <= at < begin + 1 for at in calls) for begin in calls)

    assert len(calls) == 150
    assert (len(calls) - 1) / (calls[-1] - calls[0]) == pytest.approx(25, rel=0.02)
    assert busiest <= 26


def test_chats_are_spaced_by_their_kind(store, clock):
    telegram = Correspondent(clock=clock)
    post(store, "telegram:1", "telegram:-1", parts=4)
    drain(store, clock, telegram, rates=rates())

    for where, apart in (("telegram:1", 1.0), ("telegram:-1", 3.0)):
        at = [when for when, chat in telegram.calls if chat == where]
        assert all(later - earlier >= apart - 0.01 for earlier, later in pairwise(at))


# Crashes --------------------------------------------------------------------------------------------------------------


def die(store: Store, clock: Clock, telegram: Correspondent, point: str, after: int = 1, **options: object) -> None:
    """Run an outbox until it is killed at *point*."""
    assert run(clock, Mortal(point, after).drain(store, telegram, **options))


@pytest.mark.parametrize("policy", ["resend", "hold"])
@pytest.mark.parametrize("point", FAIL_POINTS)
def test_a_kill_between_any_two_states_loses_nothing(open_store, clock, point, policy):
    telegram = Correspondent(clock=clock)
    store = open_store(clock=clock)
    post(store, *(f"telegram:{n}" for n in range(1, 9)), parts=2)
    die(store, clock, telegram, point, after=1 if point == "claimed" else 3, policy=policy)
    clock.now += LEASE + 2
    drain(open_store(clock=clock), clock, telegram, policy=policy)
    counts = Counter((where, text) for _, where, text in telegram.journal)
    twice = sum(number - 1 for number in counts.values())
    held = store.ledger.counts().get("uncertain", 0)

    assert store.ledger.unsettled() == 0
    assert len(counts) + held >= 16
    if policy == "hold":
        assert twice == 0
    if point == "claimed":
        assert (twice, held) == (0, 0)


def test_a_lapsed_claim_is_taken_again_within_the_lease_and_two_seconds(open_store, clock):
    telegram = Correspondent(clock=clock)
    store = open_store(clock=clock)
    post(store, "telegram:1")
    die(store, clock, telegram, "claimed")
    killed = clock.now
    drain(open_store(clock=clock), clock, telegram, idle=IDLE)

    assert telegram.calls[0][0] - killed <= LEASE + 2


def test_a_process_that_was_held_up_does_not_send_what_another_took(open_store, clock):
    first, second = open_store(clock=clock), open_store(clock=clock)
    post(first, "telegram:1")
    stale = first.outbox.claim("slow", "telegram", Rate(), 10)
    clock.now += LEASE + 2
    second.outbox.rescue("resend")
    fresh = second.outbox.claim("quick", "telegram", Rate(), 10)

    assert first.outbox.begin(stale) == frozenset()
    assert second.outbox.begin(fresh) == {fresh[0].id}


def test_an_answer_that_is_lost_is_asked_for_once_more_and_then_held(store, clock):
    telegram = Lossy(clock=clock)
    post(store, "telegram:1", parts=2)
    drain(store, clock, telegram)

    assert Counter(telegram.texts("telegram:1")).most_common() == [
        (telegram.texts("telegram:1")[0], 2),
        (telegram.texts("telegram:1")[-1], 2),
    ]
    assert states(store) == {"telegram:1 1": "uncertain", "telegram:1 2": "uncertain"}


def test_held_messages_stand_in_nobody_s_way_and_are_settled_by_hand(store, clock):
    telegram = Correspondent(clock=clock)
    telegram.answers["telegram:1"] = [Uncertain("cut")]
    post(store, "telegram:1", "telegram:2", parts=2)
    drain(store, clock, telegram, policy="hold")
    assert states(store)["telegram:1 1"] == "uncertain"
    assert states(store)["telegram:1 2"] == "sent"

    assert store.outbox.resolve("resend") == 1
    drain(store, clock, telegram, policy="hold")
    assert store.ledger.counts() == {"sent": 4}
    assert each_once(telegram.texts("telegram:1"))


def test_replies_to_a_held_message_stay_pending_and_later_editions_go_out(store, clock):
    slack = Correspondent("slack", clock)
    slack.answers["slack:T1/C1"] = [Uncertain("cut")]
    post(store, "slack:T1/C1", parts=3, replies=True)
    planner(store).post(key="later")
    drain(store, clock, slack, rates={}, policy="hold")
    assert store.ledger.counts() == {"uncertain": 1, "pending": 2, "sent": 1}
    assert store.outbox.resolve("sent") == 1
    drain(store, clock, slack, rates={}, policy="hold")
    assert store.ledger.counts() == {"sent": 4}


def test_the_truth_that_comes_late_still_counts(open_store, clock):
    store = open_store(clock=clock)
    post(store, "telegram:1")
    claim = store.outbox.claim("slow", "telegram", Rate(), 10)
    store.outbox.begin(claim)
    clock.now += LEASE + 2
    assert store.outbox.rescue("resend").resent == 1

    assert store.outbox.settle([Settlement(claim[0], "sent", message_id="m1")]) == {claim[0].id}
    assert store.ledger.counts() == {"sent": 1}


def test_a_clock_that_is_set_back_or_forward_loses_nothing(store, clock):
    telegram = Correspondent(clock=clock)
    post(store, *(f"telegram:{n}" for n in range(1, 6)))
    die(store, clock, telegram, "begun")
    clock.now -= 40 * 86400
    drain(store, clock, telegram)
    post(store, "telegram:6")
    planner(store).post(key="another")
    clock.now += 40 * 86400
    drain(store, clock, telegram, rates=rates())

    assert store.ledger.unsettled() == 0
    assert set(store.ledger.counts()) == {"sent"}


# Stopping -------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 10_000), at=st.floats(0, 12))
@settings(max_examples=10)
def test_a_stop_at_any_moment_loses_nothing_sends_nothing_twice_and_is_quick(seed, at):
    clock = Clock()
    store = Store.open(clock=clock)
    random = Random(seed)
    telegram = Correspondent(clock=clock, delay=random.choice([0.01, 0.5, 6.0]))
    post(store, *(f"telegram:{n}" for n in range(1, 21)), parts=2)
    one = outbox(store, telegram, rates=rates())

    async def work() -> float:
        running = asyncio.create_task(one.run())
        await asyncio.sleep(at)
        asked = clock.now
        one.stop()
        await running
        return clock.now - asked

    assert run(clock, work()) < 10
    assert set(store.ledger.counts()) <= {"sent", "pending"}
    drain(store, clock, telegram, rates=rates())
    assert store.ledger.counts() == {"sent": 40}
    assert each_once(f"{where} {text}" for _, where, text in telegram.journal)


def test_a_call_that_never_answers_does_not_hold_up_the_end(store, clock):
    telegram = Lossy(clock=clock)
    post(store, "telegram:1")
    one = outbox(store, telegram, rates=FAST, policy="hold")

    async def work() -> float:
        running = asyncio.create_task(one.run())
        await asyncio.sleep(1)
        asked = clock.now
        one.stop()
        await running
        return clock.now - asked

    assert run(clock, work()) < 10
    assert states(store) == {"telegram:1 1": "uncertain"}


# All of it at once ----------------------------------------------------------------------------------------------------


def outcomes(random: Random) -> Callable[[str], Outcome | None]:
    def answer(chat: str) -> Outcome | None:
        dice = random.random()
        if dice < 0.1:
            return Retryable(reason="502")
        if dice < 0.15:
            return Retryable(random.choice([None, 3, 20]), "429", limited=True)
        return None

    return answer


@given(seed=st.integers(0, 100_000), processes=st.sampled_from([1, 2, 4]), policy=st.sampled_from(["resend", "hold"]))
@settings(max_examples=8)
def test_kills_limits_and_failures_together_lose_nothing(seed, processes, policy):
    clock, random = Clock(), Random(seed)
    store = Store.open(clock=clock)
    telegram = Correspondent(clock=clock, delay=0.3)
    telegram.always = outcomes(random)
    post(store, *(f"telegram:{random.choice([1, -1]) * n}" for n in range(1, 31)), parts=2)
    for _ in range(4):
        mortals = [Mortal(random.choice(FAIL_POINTS), random.randrange(1, 25)) for _ in range(processes)]
        run(clock, _all_of(mortals, store, telegram, policy))
        telegram.flying.clear()  # with the last process its open calls are gone
        clock.now += random.uniform(0, 2 * LEASE)
    drain(store, clock, telegram, rates=rates(), policy=policy)
    arrived = Counter((where, text) for _, where, text in telegram.journal)
    counts = store.ledger.counts()

    assert store.ledger.unsettled() == 0
    assert set(counts) <= {"sent", "uncertain"}
    assert len(arrived) + counts.get("uncertain", 0) >= 60
    if policy == "hold":
        assert max(arrived.values()) == 1
    assert max(telegram.most_at_once.values()) == 1


async def _all_of(mortals: list[Mortal], store: Store, telegram: Correspondent, policy: str) -> None:
    await asyncio.gather(*(one.drain(store, telegram, rates=rates(), policy=policy) for one in mortals))


def test_a_database_that_is_away_for_a_minute_stops_nothing(store, clock, monkeypatch):
    telegram = Correspondent(clock=clock)
    post(store, *(f"telegram:{n}" for n in range(1, 31)))
    until = clock.now + 60
    write = type(store.database).write

    def cut(self: object, work: object) -> object:
        if until - 59 <= clock.now < until:
            raise StoreUnreachable("the server closed the connection")
        return write(self, work)

    monkeypatch.setattr(type(store.database), "write", cut)
    telegram.delay = 1.5
    drain(store, clock, telegram)

    assert store.ledger.counts() == {"sent": 30}
    assert store.subscriptions.find(chat("telegram:1")).state == "active"
