"""Real processes, really killed: nothing is lost, and no message comes twice but those in flight at a kill.

Fifty kills in all. `make chaos` does the same a thousand times over; what it found is in docs/reliability.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from chaos import scenarios
from chaos.counterparty import Mood
from chaos.disk import NoDisk, small_disk
from chaos.stage import Account, Stage
from chaos.worker import SharedClock
from postgresql import Cluster, programs

SEED = 20261126
LEASE = 3.0
"""A tenth of production's, so that nobody has to wait: it may only ever cause duplicates, and those are bounded."""

PER_KILL = 3
"""How many duplicates a kill may leave at 25 messages a second; four times the pace, four times as many in flight."""


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Sets the stage on the test's database."""
    with ExitStack() as stack:
        yield lambda **orders: stack.enter_context(Stage(tmp_path, database_url, SEED, **orders))


@pytest.fixture
def durable(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A PostgreSQL that may crash: what it has committed is on the disk."""
    request.getfixturevalue("requires_program")("psql")
    where = programs()
    assert where is not None
    cluster = Cluster(where, durable=True)
    try:
        cluster.start()
        cluster.sql("CREATE DATABASE heji")
        yield cluster
    finally:
        cluster.remove()


def complete(account: Account) -> bool:
    """Whether every message arrived, or is on the list of those that somebody has to look at."""
    return (account.lost, account.strange) == (0, 0) and account.messages > 0


# Killed ---------------------------------------------------------------------------------------------------------------


def test_kills_at_the_pace_of_production_lose_nothing_and_leave_three_duplicates_each_at_most(stage):
    here = stage(parts=2, lease=LEASE, rate=25.0)
    scenarios.kill(here, 10, processes=4, chats=100, life=2.0)
    scenarios.finish(here)
    account = here.account()

    assert complete(account)
    assert account.duplicates <= PER_KILL * here.kills
    assert account.disordered == 0


def test_where_doubtful_messages_are_held_nothing_comes_twice_and_an_operator_settles_the_rest(stage):
    here = stage(policy="hold", lease=LEASE, rate=100.0)
    scenarios.kill(here, 10, processes=4, chats=200, life=1.5)
    scenarios.finish(here)
    account = here.account()
    listed = json.loads(here.heji("deliveries", "--state", "uncertain", "--json"))

    assert complete(account)
    assert account.duplicates == 0
    assert 0 < account.held == len(listed)

    scenarios.resolve(here)
    assert here.store.ledger.counts() == {"sent": account.messages}
    assert here.account().lost == 0


def test_the_real_command_is_killed_and_started_again_and_loses_nothing(stage):
    here = stage(policy="hold", lease=LEASE)
    scenarios.kill_commands(here, 5, processes=2, lease=LEASE, rate=25.0, life=2.5)
    scenarios.finish(here)
    account = here.account()

    assert here.kills == 5
    assert complete(account)
    assert account.duplicates == 0


# Answers that do not come ---------------------------------------------------------------------------------------------


def test_cut_lines_and_lost_commits_lose_nothing(stage):
    here = stage(parts=2, mood=Mood(cut=0.05, limited=0.05), forgets=0.1, rate=100.0)
    scenarios.under_way(here, processes=2, chats=60)
    scenarios.finish(here)
    account = here.account()
    cuts = sum(one.cut for one in here.counterparty.journal)

    assert complete(account)
    assert account.causeless == 0
    assert account.duplicates <= cuts
    assert account.disordered == 0


def test_a_stop_with_messages_in_flight_is_quick_loses_nothing_and_sends_nothing_twice(stage):
    here = stage(mood=Mood(latency=0.5), rate=50.0)
    scenarios.under_way(here, processes=2, chats=100)
    crew = list(here.crew)
    taken = here.dismiss()
    left = here.store.ledger.unsettled()
    scenarios.finish(here)
    account = here.account()

    assert taken < 10
    assert [process.status for process in crew] == [0, 0]
    assert left > 0
    assert complete(account)
    assert account.duplicates == 0


# Databases in trouble -------------------------------------------------------------------------------------------------


def test_a_postgresql_that_crashes_or_drops_its_connections_loses_nothing_and_nobody_restarts_a_worker(
    durable, tmp_path
):
    url = durable.url("heji")
    scenarios.make_tables(url)
    with Stage(tmp_path, url, SEED, rate=50.0, lease=15.0) as here:
        crew = list(scenarios.under_way(here, processes=2, chats=200))
        scenarios.crash(here, durable, 2)
        scenarios.cut(here, durable, 5)
        here.settle()
        alive = [process.status for process in crew]
        account = here.account()

        assert alive == [None, None]
        assert complete(account)
        assert account.duplicates == 0


def test_a_clock_that_is_set_wrong_loses_nothing(stage, tmp_path):
    clock = SharedClock.make(tmp_path / "clock", 0.0, running=True)
    here = stage(clock=str(tmp_path / "clock"), rate=50.0, lease=LEASE)
    here.open_store(clock=clock)
    scenarios.under_way(here, processes=2, chats=60)
    jumps = (-1, 0, -24, 0, 1, 25)
    scenarios.jump(here, clock, jumps)
    here.settle()
    account = here.account()

    assert account.lost == account.strange == 0
    assert account.duplicates <= 2 * PER_KILL * len(jumps)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(small_disk(tmp_path / "disk"))
        except NoDisk as error:
            if os.environ.get("REQUIRE_ALL") == "1":
                pytest.fail(f"no small disk ({error}), and REQUIRE_ALL=1 wants every test", pytrace=False)
            pytest.skip(f"no small disk: {error}")


def test_a_full_disk_stops_nothing_for_good_and_loses_nothing(disk, tmp_path):
    url = f"sqlite:///{disk}/heji.db"
    with Stage(tmp_path, url, SEED, rate=50.0) as here:
        crew = scenarios.under_way(here, processes=2, chats=300)
        full = scenarios.fill(here, disk)
        here.settle()

        assert full
        assert [process.status for process in crew] == [None, None]
        assert complete(account := here.account())
        assert account.duplicates == 0


# Firings --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("processes", "days", "kills"), [(1, 5, 0), (2, 5, 0), (4, 8, 5)])
def test_each_chat_gets_one_edition_a_period_however_many_processes_plan(stage, tmp_path, processes, days, kills):
    clock = SharedClock.make(tmp_path / "clock", scenarios.STARTED.timestamp())
    here = stage(clock=str(tmp_path / "clock"), running=False, rate=None, tick=0.1, mood=Mood(latency=0.0))
    here.open_store(clock=clock)
    ended = scenarios.fire(here, clock, days, processes=processes, kills=kills)
    account, delivered = here.account(), scenarios.delivered(here)

    assert delivered == scenarios.owed(ended)
    assert set(delivered.values()) == {1}
    assert set(scenarios.editions(here).values()) == {1}
    assert complete(account)
    assert kills or account.duplicates == 0


def test_an_edition_posted_twice_under_one_key_is_posted_once(stage, tmp_path):
    here = stage()
    here.subscribe(f"file:{tmp_path}/{n}.jsonl" for n in range(5))
    racing = [here.command("post", "--key", "k") for _ in range(3)]
    for one in racing:
        assert one.wait(60) == 0
    here.heji("post", "--key", "k", "--wait")

    assert sorted(one.said.strip()[:8] for one in racing) == ["5 messag", "nothing ", "nothing "]
    assert [len((tmp_path / f"{n}.jsonl").read_text(encoding="utf-8").splitlines()) for n in range(5)] == [1] * 5
