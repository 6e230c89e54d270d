"""What a platform's answer means for a delivery. Pure: the table of outcomes, as one function."""

from __future__ import annotations

from random import Random

from bot.platforms.base import Outcome, Rejected, Retryable, Sent, Uncertain
from bot.store.notices import OWNER, Notice
from bot.store.settlement import Claim, Gone, Moved, OnUncertain, Settlement, Stopped, ThreadClosed

BACK_OFF = (10.0, 30.0, 90.0, 240.0, 600.0, 1200.0, 1500.0)
"""Seconds after the first, second … failed try: with the eighth, about an hour has gone by and it is given up."""

JITTER = 0.2
LIMITED = 5.0
LIMITED_CAP = 300.0
"""A 429 that does not say how long: LIMITED seconds, doubled by each try, up to this."""

TELL_AFTER = 3600.0
"""A limit longer than this is told to the curators."""


def verdict(claim: Claim, outcome: Outcome, *, policy: OnUncertain, random: Random) -> Settlement:
    """What is to be written down, and what else is to be done, once *outcome* came back for *claim*."""
    match outcome:
        case Sent(message_id=message_id):
            return Settlement(claim, "sent", message_id=message_id)
        case Retryable(limited=True):
            return _limited(claim, outcome)
        case Retryable():
            return _failed(claim, outcome, random)
        case Uncertain(reason=reason):
            # Once: what is uncertain a second time waits for somebody to look.
            if policy == "resend" and not claim.doubtful:
                return Settlement(claim, "retry", f"resent: {reason or 'no answer came'}", doubtful=True)
            return Settlement(claim, "uncertain", reason or "no answer came")
        case Rejected():
            return _rejected(claim, outcome)


def _limited(claim: Claim, outcome: Retryable) -> Settlement:
    wait = outcome.after
    if wait is None:
        wait = min(LIMITED * 2 ** min(claim.attempt - 1, 10), LIMITED_CAP)
    told: tuple[Notice, ...] = ()
    if wait > TELL_AFTER:
        data = {"chat": str(claim.chat), "bucket": claim.chat.bucket, "seconds": f"{wait:.0f}"}
        told = (Notice(f"limited/{claim.chat.bucket}/{claim.id}", "limited", data=data),)
    return Settlement(claim, "retry", outcome.reason or "too fast", wait=wait, limited=wait, notices=told)


def _failed(claim: Claim, outcome: Retryable, random: Random) -> Settlement:
    reason = outcome.reason or "it was not accepted"
    if claim.failures >= len(BACK_OFF):
        return _dead(claim, f"given up after {claim.failures + 1} tries: {reason}")
    wait = BACK_OFF[claim.failures] * (1 + random.uniform(-JITTER, JITTER))
    return Settlement(claim, "retry", reason, wait=max(wait, outcome.after or 0.0), failed=True)


def _rejected(claim: Claim, outcome: Rejected) -> Settlement:
    reason = outcome.reason or outcome.why
    match outcome.why:
        case "gone":
            notice = _told("gone", claim, reason)
            return Settlement(claim, "dead", reason, effect=Gone(), notices=notice)
        case "moved" if outcome.moved_to and outcome.moved_to != claim.chat.place:
            return Settlement(claim, "retry", reason, effect=Moved(outcome.moved_to))
        case "thread-closed" if claim.chat.thread:
            notice = _told("thread-closed", claim, reason)
            return Settlement(claim, "retry", reason, effect=ThreadClosed(), notices=notice)
        case "malformed" if not claim.plain:
            return Settlement(claim, "retry", reason, plain=True)
        case "unpinned":
            # Nobody misses an edition, so this is no curator's matter; and once, for every edition would say the same.
            data = {"chat": str(claim.chat), "reason": reason}
            notice = (Notice(f"unpinned/{claim.chat.place}/{reason}", "unpinned", audience=OWNER, data=data),)
            return Settlement(claim, "dead", reason, notices=notice)
        case "revoked":
            data = {"bucket": claim.chat.bucket, "reason": reason}
            notice = (Notice(f"revoked/{claim.chat.bucket}/{claim.id}", "revoked", data=data),)
            return Settlement(claim, "retry", reason, effect=Stopped(), notices=notice)
    return _dead(claim, reason)


def _dead(claim: Claim, reason: str) -> Settlement:
    """One note an edition, however many chats it did not reach. A notice's own end is told to nobody."""
    if claim.edition is None:
        return Settlement(claim, "dead", reason)
    data = {"chat": str(claim.chat), "reason": reason}
    return Settlement(claim, "dead", reason, notices=(Notice(f"dead/{claim.edition}", "dead", data=data),))


def _told(kind: str, claim: Claim, reason: str) -> tuple[Notice, ...]:
    """To who subscribed the chat, once an incident."""
    if claim.edition is None:
        return ()
    data = {"chat": str(claim.chat), "reason": reason}
    return (Notice(f"{kind}/{claim.chat}/{claim.edition}", kind, audience=OWNER, data=data),)
