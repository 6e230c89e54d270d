"""The table of answers, row by row."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.address import parse_address
from bot.delivery.verdict import BACK_OFF, LIMITED_CAP, verdict
from bot.platforms.base import Rejected, Retryable, Sent, Uncertain
from bot.store.notices import OWNER
from bot.store.settlement import Claim, Gone, Moved, Settlement, Stopped, ThreadClosed


def claim(chat: str = "telegram:-5/8", **fields: object) -> Claim:
    values = {"id": 1, "owner": "me/1", "chat_id": 1, "edition": 3, "part": 1, "payload": {}}
    return Claim(chat=parse_address(chat), **{**values, **fields})  # type: ignore[arg-type]


def judged(outcome: object, policy: str = "resend", **fields: object) -> Settlement:
    return verdict(claim(**fields), outcome, policy=policy, random=Random(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "state", "effect"),
    [
        (Sent("7"), "sent", None),
        (Retryable(reason="502"), "retry", None),
        (Uncertain("cut"), "retry", None),
        (Rejected("no"), "dead", None),
        (Rejected("kicked", "gone"), "dead", Gone()),
        (Rejected("upgraded", "moved", "telegram:-1005"), "retry", Moved("telegram:-1005")),
        (Rejected("closed", "thread-closed"), "retry", ThreadClosed()),
        (Rejected("can't parse", "malformed"), "retry", None),
        (Rejected("401", "revoked"), "retry", Stopped()),
    ],
)
def test_each_answer_has_its_state_and_effect(outcome, state, effect):
    found = judged(outcome)

    assert (found.state, found.effect) == (state, effect)


@pytest.mark.parametrize(
    ("outcome", "fields"),
    [
        (Rejected("moved to itself", "moved", "telegram:-5"), {}),
        (Rejected("moved nowhere", "moved"), {}),
        (Rejected("no topic", "thread-closed"), {"chat": "telegram:-5"}),
        (Rejected("still can't parse", "malformed"), {"plain": True}),
    ],
)
def test_what_cannot_be_helped_is_dead_and_goes_round_in_no_circle(outcome, fields):
    assert judged(outcome, **fields).state == "dead"


def test_what_could_not_be_pinned_is_told_to_the_owner_once_a_chat_and_to_no_curator():
    first, next_week = judged(Rejected("no right", "unpinned")), judged(Rejected("no right", "unpinned"), edition=4)
    elsewhere = judged(Rejected("no right", "unpinned"), chat="telegram:-6")
    notices = [notice for one in (first, next_week, elsewhere) for notice in one.notices]

    assert (first.state, first.reason, first.effect) == ("dead", "no right", None)
    assert {notice.audience for notice in notices} == {OWNER}
    assert len({notice.key for notice in notices}) == 2


def test_uncertain_is_sent_again_once_or_held():
    assert judged(Uncertain("cut")).doubtful
    assert judged(Uncertain("cut"), doubtful=True).state == "uncertain"
    assert judged(Uncertain("cut"), policy="hold").state == "uncertain"


@given(failures=st.integers(0, len(BACK_OFF) - 1), seed=st.integers(0, 99))
def test_back_off_grows_and_jitters(failures, seed):
    wait = verdict(claim(failures=failures), Retryable(), policy="resend", random=Random(seed)).wait

    assert 0.8 * BACK_OFF[failures] <= wait <= 1.2 * BACK_OFF[failures]


def test_eight_tries_take_about_an_hour():
    assert 3500 <= sum(BACK_OFF) <= 3800
    assert judged(Retryable(reason="502"), failures=len(BACK_OFF)).state == "dead"


def test_a_retry_is_never_before_what_the_platform_asked():
    assert judged(Retryable(500, "503")).wait == 500


@given(attempt=st.integers(1, 1000))
def test_a_limit_that_says_no_time_grows_up_to_five_minutes_and_is_no_failure(attempt):
    found = judged(Retryable(None, "429", limited=True), attempt=attempt)

    assert 5 <= found.wait <= LIMITED_CAP
    assert not found.failed


def test_a_limit_of_more_than_an_hour_is_told_to_the_curators():
    assert [n.kind for n in judged(Retryable(3601, "429", limited=True)).notices] == ["limited"]
    assert judged(Retryable(3600, "429", limited=True)).notices == ()


def test_a_notice_that_dies_is_told_to_nobody():
    assert judged(Rejected("no"), edition=None).notices == ()
