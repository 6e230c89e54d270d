"""Write down what became of messages, and what follows from it: each inside a transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import Boolean, ColumnElement, Connection, Double, Integer, Text, and_, exists, or_, select, update

from bot.chat.address import Address
from bot.store import buckets, tables
from bot.store.claiming import pace, waiting_again
from bot.store.notices import CURATORS, OWNER, add_notices
from bot.store.settlement import LEASE, Claim, Gone, Moved, OnUncertain, Rescued, Settlement, Stopped, ThreadClosed
from bot.store.sql import given
from bot.store.subscriptions import migrate, suspend, unthread
from bot.store.tables import IN_FLIGHT, SETTLED, WAITING, Number, state_in

_D = tables.deliveries


def settle(c: Connection, settlements: Sequence[Settlement], now: float) -> frozenset[int]:
    """The ids of those that were still ours to settle."""
    # The bucket before the rows, as in `claim`: two transactions that lock in one order never wait in a ring.
    for one in settlements:
        if one.limited is not None:
            buckets.limit(c, one.claim.chat.bucket, one.claim.chat_id, now + one.limited, now)
        if isinstance(one.effect, Stopped):
            buckets.stop(c, one.claim.chat.bucket, one.reason)
    if not settlements:
        return frozenset()
    rows = [_row(one, now) for one in sorted(settlements, key=lambda one: one.claim.id)]
    written = {(row.id, row.attempts) for row in c.execute(_writing(c), {"given": rows})}
    ours = [one for one in settlements if (one.claim.id, one.claim.attempt) in written]
    for one in ours:
        if one.state != "sent":
            _consequences(c, one, now)
    return frozenset(one.claim.id for one in ours)


def _writing(c: Connection) -> Any:
    """The outcomes given, written where the fence lets them through: whose attempt it was may say what came of it.

    The truth may come late, after a lapsed lease was taken for a crash: it counts as long as nobody sent it again.
    """
    new = given(c, id=Number, owner=Text(), attempt=Integer(), state=Text(), reason=Text(), message_id=Text(),
                not_before=Double(), failed=Integer(), doubtful=Boolean(), plain=Boolean(),
                settled_at=Double())  # fmt: skip
    sending = and_(_D.c.owner == new.c.owner, state_in(_D, ("sending",)))
    guessed = and_(_D.c.owner == "", state_in(_D, ("uncertain", "retry")), state_in(new, SETTLED))
    ours = and_(_D.c.id == new.c.id, _D.c.attempts == new.c.attempt, or_(sending, guessed))
    return (
        update(_D)
        .where(ours)
        .values(
            state=new.c.state,
            reason=new.c.reason,
            message_id=new.c.message_id,
            not_before=new.c.not_before,
            failures=_D.c.failures + new.c.failed,
            doubtful=or_(_D.c.doubtful, new.c.doubtful),
            plain=or_(_D.c.plain, new.c.plain),
            settled_at=new.c.settled_at,
            owner="",
            lease_until=0.0,
        )
        .returning(_D.c.id, _D.c.attempts)
    )


def _row(one: Settlement, now: float) -> dict[str, Any]:
    return {
        "id": one.claim.id,
        "owner": one.claim.owner,
        "attempt": one.claim.attempt,
        "state": one.state,
        "reason": one.reason,
        "message_id": one.message_id,
        "not_before": now + one.wait,
        "failed": int(one.failed),
        "doubtful": one.doubtful,
        "plain": one.plain,
        "settled_at": now if one.state in SETTLED else 0.0,
    }


def _consequences(c: Connection, one: Settlement, now: float) -> None:
    claim = one.claim
    if one.limited is not None:
        pace(c, {claim.chat_id: now + one.limited}, now)
    if one.state == "uncertain":
        c.execute(update(tables.deliveries).where(_replies_to([claim.id])).values(parent_held=True))
    match one.effect:
        case Gone():
            suspend(c, claim.chat_id, one.reason)
            _bury(c, tables.deliveries.c.chat_id == claim.chat_id, one.reason, now)
        case Moved(to=place):
            migrate(c, claim.chat, Address(place))
        case ThreadClosed():
            unthread(c, claim.chat_id, claim.chat.thread)
            _move_out(c, claim, now)
    if one.state == "dead":
        _bury(c, _replies_to([claim.id]), "the message that it replies to was not sent", now)
    owner = _owner(c, claim.chat_id) if one.notices else CURATORS
    told = (replace(n, audience=owner) if n.audience == OWNER else n for n in one.notices)
    add_notices(c, told, now)


def resolve(c: Connection, how: Literal["sent", "resend"], ids: Collection[int] | None, now: float) -> int:
    """What was uncertain is settled, as somebody found out; how many."""
    doubtful = state_in(_D, ("uncertain",))
    if ids is not None:
        doubtful = and_(doubtful, _D.c.id.in_(list(ids)))
    values: dict[str, Any] = {"state": "sent", "settled_at": now}
    if how == "resend":
        values = {"state": "retry", "not_before": now, "doubtful": True}
    resolved = c.execute(update(_D).where(doubtful).values(**values).returning(_D.c.id)).scalars().all()
    if resolved:
        c.execute(update(_D).where(_replies_to(resolved)).values(parent_held=False))
    return len(resolved)


def strays(c: Connection, now: float) -> bool:
    """Whether `rescue` would find anything."""
    stray = or_(_D.c.lease_until < now, _D.c.lease_until > now + 2 * LEASE)
    found = select(_D.c.id).where(state_in(_D, IN_FLIGHT), stray).order_by(_D.c.lease_until)
    return c.execute(found.limit(1)).first() is not None


def rescue(c: Connection, policy: OnUncertain, now: float) -> Rescued:
    """What lapsed leases held is free: unsent if it was only claimed, else as *policy* says."""
    # A clock that was set back makes leases last: none is longer than it was given.
    lasting = update(_D).where(state_in(_D, IN_FLIGHT), _D.c.lease_until > now + 2 * LEASE)
    c.execute(lasting.values(lease_until=now + LEASE))
    lapsed = and_(state_in(_D, IN_FLIGHT), _D.c.lease_until < now)
    free = update(_D).where(lapsed, _D.c.state == "claimed")
    freed = c.execute(free.values(state=waiting_again(), owner="", lease_until=0.0)).rowcount
    resent = 0
    if policy == "resend":
        again = update(_D).where(lapsed, _D.c.state == "sending", _D.c.doubtful.is_(False))
        values = {"state": "retry", "doubtful": True, "not_before": now, "owner": "", "lease_until": 0.0}
        resent = c.execute(
            again.values(**values, reason="resent: whoever sent it did not say what came of it")
        ).rowcount
    held = update(_D).where(lapsed, _D.c.state == "sending").returning(_D.c.id)
    values = {"state": "uncertain", "reason": "whoever sent it did not say what came of it"}
    ids = c.execute(held.values(**values, owner="", lease_until=0.0)).scalars().all()
    if ids:
        c.execute(update(_D).where(_replies_to(ids)).values(parent_held=True))
    return Rescued(freed, resent, len(ids))


def _owner(c: Connection, chat_id: int) -> str:
    """Who subscribed the chat, else the curators."""
    s = tables.subscriptions.c
    known = select(s.owner).where(s.chat_id == chat_id, s.owner != "").order_by(s.id).limit(1)
    return c.execute(known).scalar() or CURATORS


def _replies_to(ids: Sequence[int]) -> ColumnElement[bool]:
    """The replies to those of *ids* that are first parts of an edition."""
    parent = _D.alias("parent")
    first = select(parent.c.id).where(
        parent.c.id.in_(ids),
        parent.c.part == 1,
        parent.c.edition_id == _D.c.edition_id,
        parent.c.chat_id == _D.c.chat_id,
        parent.c.thread == _D.c.thread,
    )
    return and_(_D.c.reply, state_in(_D, WAITING), first.exists())


def _bury(c: Connection, which: ColumnElement[bool], reason: str, now: float) -> None:
    """What waits and can never be sent."""
    dead = update(_D).where(which, state_in(_D, WAITING))
    c.execute(dead.values(state="dead", reason=reason, settled_at=now))


def _move_out(c: Connection, claim: Claim, now: float) -> None:
    """What waits for a closed thread goes to the general one, unless the same is there already."""
    other = _D.alias("other")
    same = and_(other.c.edition_id == _D.c.edition_id, other.c.part == _D.c.part, other.c.chat_id == _D.c.chat_id)
    doubled = exists().where(same, other.c.thread == "")
    here = and_(_D.c.chat_id == claim.chat_id, _D.c.thread == claim.chat.thread, state_in(_D, WAITING))
    c.execute(update(_D).where(here, ~doubled).values(thread=""))
    c.execute(update(_D).where(here).values(state="dead", reason="the general topic has it already", settled_at=now))
