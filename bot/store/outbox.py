"""The outbox as rows: claim, begin, settle. Each is one transaction over many messages, and fenced by its owner.

    pending ──claim──▶ claimed ──begin──▶ sending ──settle──▶ sent | retry | uncertain | dead
       ▲                  │ lease ran out     │ lease ran out
       └──────────────────┘                   └──▶ retry, marked doubtful, once; else uncertain

What a platform's answer means is not decided here: a `Settlement` says what to write down (`bot.delivery.verdict`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    exists,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from bot.chat.address import Address
from bot.store import buckets, tables
from bot.store.buckets import Rate
from bot.store.database import Database
from bot.store.notices import CURATORS, OWNER, Notice, add_notices
from bot.store.subscriptions import migrate, suspend, unthread
from bot.store.tables import IN_FLIGHT, UNSETTLED, WAITING, state_in

LEASE = 30.0
"""Seconds after which what a process held is anybody's again."""

DeliveryState = Literal["pending", "claimed", "sending", "sent", "retry", "uncertain", "dead"]
OnUncertain = Literal["resend", "hold"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One message that this process, and no other, may send *wait* seconds from now on. *attempt* counts from 1."""

    id: int
    owner: str
    chat: Address
    chat_id: int
    edition: int | None
    part: int
    payload: Mapping[str, Any]
    attempt: int = 1
    failures: int = 0
    doubtful: bool = False
    plain: bool = False
    parent: str | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Gone:
    """The chat is out of reach: suspend what is subscribed there, and settle what waits for it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The place is called *to* now."""

    to: str


@dataclass(frozen=True, slots=True)
class ThreadClosed:
    """The forum topic or thread is closed: the chat's general one takes its place."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The token is good for nothing: stop the bot or workspace, keep the rows."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim. *wait*: seconds before it may be tried again; *failed*: one more towards giving up.

    *limited*: seconds for which the platform wants nothing more to go to this chat.
    """

    claim: Claim
    state: DeliveryState
    reason: str = ""
    message_id: str | None = None
    wait: float = 0.0
    failed: bool = False
    limited: float | None = None
    doubtful: bool = False
    plain: bool = False
    effect: Gone | Moved | ThreadClosed | Stopped | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Rescued:
    """What lapsed leases gave back: *free* were never sent, *resent* may have been, *held* wait for somebody."""

    free: int = 0
    resent: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the ledger. *edition* is `rotation/period`, or `notice/7`."""

    id: int
    edition: str
    chat: str
    part: int
    state: DeliveryState
    attempts: int
    reason: str
    message_id: str | None
    not_before: float
    doubtful: bool = field(default=False)


class OutboxRows:
    """The deliveries' rows, for one process called *owner*."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims = count(1)

    def claim(self, owner: str, platform: str, rate: Rate, wanted: int) -> tuple[Claim, ...]:
        """Up to *wanted* messages of a platform, the longest waiting first: one a chat, at their pace."""
        if not self._database.read(lambda c: c.execute(_waits(platform, self._database.now(c))).scalar_one()):
            return ()  # without a lock and without a write: what an idle process asks all day
        # Each claim has an owner of its own: what a process lost and got back is not taken for what it lost.
        token = f"{owner}/{next(self._claims)}"
        try:
            return self._database.write(lambda c: self._claim(c, token, platform, rate, wanted))
        except IntegrityError:  # a second message of one chat: another process was quicker; next time, then
            return ()

    def begin(self, claims: Sequence[Claim]) -> frozenset[int]:
        """Write down that these are being sent, before they are; the ids of those that may be.

        What another process took over meanwhile is not among them, nor what is blocked by now: that is given back.
        """
        return self._database.write(lambda c: self._begin(c, claims)) if claims else frozenset()

    def settle(self, settlements: Sequence[Settlement]) -> frozenset[int]:
        """Write down what happened; the ids of those that were still ours to settle."""
        return self._database.write(lambda c: self._settle(c, settlements)) if settlements else frozenset()

    def release(self, claims: Sequence[Claim]) -> int:
        """Give back what was claimed and not begun."""
        return self._database.write(lambda c: _release(c, claims)) if claims else 0

    def write(
        self, begins: Sequence[Claim], settlements: Sequence[Settlement]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """`begin` and `settle` together: one commit for what several messages wait for."""
        return self._database.write(lambda c: (self._begin(c, begins), self._settle(c, settlements)))

    def slot(self, claim: Claim, rate: Rate) -> float | None:
        """A new moment for a message that missed its own, in seconds from now; None where all are taken."""
        return self._database.write(lambda c: self._slot(c, claim, rate))

    def rescue(self, policy: OnUncertain) -> Rescued:
        """Free what processes held that are no more."""
        if not self._database.read(lambda c: c.execute(_strays(self._database.now(c))).scalar_one()):
            return Rescued()
        return self._database.write(lambda c: _rescue(c, policy, self._database.now(c)))

    def resolve(self, how: Literal["sent", "resend"], ids: Collection[int] | None = None) -> int:
        """Settle uncertain deliveries, all or those of *ids*, as somebody found out; how many."""
        return self._database.write(lambda c: _resolve(c, how, ids, self._database.now(c)))

    def start(self, bucket: str) -> bool:
        """A good token is here: what was stopped goes on. Whether it was."""
        return self._database.write(lambda c: buckets.start(c, bucket))

    def closed(self) -> dict[str, str]:
        """Bots and workspaces that may send nothing now, and why."""
        return self._database.read(lambda c: buckets.closed(c, self._database.now(c)))

    # One transaction each -----------------------------------------------------------------------------------------

    def _claim(self, c: Connection, token: str, platform: str, rate: Rate, wanted: int) -> tuple[Claim, ...]:
        now = self._database.now(c)
        free = buckets.offered(c, platform, rate, wanted, now)
        if not free:
            return ()
        shut = list(buckets.closed(c, now))
        d = tables.deliveries
        chosen = _claimable(platform, now, shut).limit(len(free)).cte("chosen")
        taking = update(d).where(d.c.id.in_(select(chosen.c.id)))
        taking = taking.values(state="claimed", owner=token, lease_until=now + LEASE)
        taken = sorted(c.execute(taking.returning(d.c.not_before, d.c.id)).all())
        if not taken:
            return ()
        slots = {row.id: slot for row, slot in zip(taken, free, strict=False)}
        buckets.take(c, platform, rate, free[: len(taken)])
        claims = [_claimed(row, token, slots[row.id] - now) for row in c.execute(_details(), {"owner": token})]
        spaced = [{"number": one.chat_id, "free": now + one.wait + _spacing(rate, one.chat)} for one in claims]
        if rate.private or rate.group:
            c.execute(_FREE_AT, sorted(spaced, key=lambda one: int(one["number"])))
        return tuple(sorted(claims, key=lambda one: (one.wait, one.id)))

    def _begin(self, c: Connection, claims: Sequence[Claim]) -> frozenset[int]:
        if not claims:
            return frozenset()
        now, d = self._database.now(c), tables.deliveries
        shut = buckets.closed(c, now)
        if blocked := [one for one in claims if one.chat.bucket in shut or one.chat.platform in shut]:
            _release(c, blocked)
        # `sending` too: where a commit's answer was lost, this runs a second time.
        begun = update(d).where(_owned(claims), state_in(d, IN_FLIGHT)).returning(d.c.id)
        attempts = d.c.attempts + case((d.c.state == "claimed", 1), else_=0)
        ids = c.execute(begun.values(state="sending", attempts=attempts, lease_until=now + LEASE)).scalars()
        return frozenset(ids)

    def _settle(self, c: Connection, settlements: Sequence[Settlement]) -> frozenset[int]:
        now = self._database.now(c)
        # The bucket before the rows, as in `_claim`: two transactions that lock in one order never wait in a ring.
        for one in settlements:
            if one.limited is not None:
                buckets.limit(c, one.claim.chat.bucket, one.claim.chat_id, now + one.limited, now)
            if isinstance(one.effect, Stopped):
                buckets.stop(c, one.claim.chat.bucket, one.reason)
        d = tables.deliveries
        found = select(d.c.id, d.c.attempts, d.c.owner, d.c.state).where(d.c.id.in_([s.claim.id for s in settlements]))
        rows = {row.id: row for row in c.execute(found.order_by(d.c.id).with_for_update())}
        ours = [one for one in settlements if (row := rows.get(one.claim.id)) and _is_ours(one, row)]
        if ours:
            c.execute(_WRITTEN, [_written(one, now) for one in ours])
        for one in ours:
            if one.state != "sent":
                self._consequences(c, one, now)
        return frozenset(one.claim.id for one in ours)

    def _consequences(self, c: Connection, one: Settlement, now: float) -> None:
        claim = one.claim
        if one.limited is not None:
            c.execute(_FREE_AT, {"number": claim.chat_id, "free": now + one.limited})
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

    def _slot(self, c: Connection, claim: Claim, rate: Rate) -> float | None:
        now = self._database.now(c)
        free = buckets.offered(c, claim.chat.platform, rate, 1, now)
        buckets.take(c, claim.chat.platform, rate, free)
        return free[0] - now if free else None


# Claiming -------------------------------------------------------------------------------------------------------------


def _claimable(platform: str, now: float, shut: Sequence[str]) -> Any:
    """Waiting, its time has come, first of its chat, nothing of the chat in flight, nothing said there just now."""
    d, chat = tables.deliveries, tables.chats
    before, flying = d.alias("before"), d.alias("flying")
    earlier = exists().where(
        before.c.chat_id == d.c.chat_id,
        before.c.id < d.c.id,
        state_in(before, UNSETTLED),
        before.c.parent_held.is_(False),
    )
    in_flight = exists().where(flying.c.chat_id == d.c.chat_id, state_in(flying, IN_FLIGHT))
    ready = select(d.c.id).join(chat, chat.c.id == d.c.chat_id).where(d.c.platform == platform)
    ready = ready.where(state_in(d, WAITING), d.c.not_before <= now, d.c.parent_held.is_(False))
    ready = ready.where(chat.c.free_at <= now, ~earlier, ~in_flight)
    if shut:
        ready = ready.where(chat.c.bucket.not_in(shut))
    return ready.order_by(d.c.not_before, d.c.id).with_for_update(skip_locked=True, of=d)


def _waits(platform: str, now: float) -> Any:
    d = tables.deliveries
    ready = select(d.c.id).where(d.c.platform == platform, state_in(d, WAITING), d.c.not_before <= now)
    return select(ready.limit(1).exists())


def _details() -> Any:
    d, p, c = tables.deliveries, tables.payloads, tables.chats
    parent = d.alias("parent")
    first = and_(parent.c.edition_id == d.c.edition_id, parent.c.chat_id == d.c.chat_id, parent.c.part == 1,
                 parent.c.thread == d.c.thread)  # fmt: skip
    message = select(parent.c.message_id).where(first, d.c.reply).scalar_subquery()
    return (
        select(d, c.c.place, p.c.payload, message.label("parent"))
        .join_from(d, c)
        .join(p, and_(p.c.rendering_id == d.c.rendering_id, p.c.part == d.c.part))
        .where(d.c.owner == bindparam("owner"), state_in(d, ("claimed",)))
    )


def _claimed(row: Row[Any], token: str, wait: float) -> Claim:
    return Claim(
        id=row.id,
        owner=token,
        chat=Address(row.place, row.thread),
        chat_id=row.chat_id,
        edition=row.edition_id,
        part=row.part,
        payload=json.loads(row.payload),
        attempt=row.attempts + 1,
        failures=row.failures,
        doubtful=row.doubtful,
        plain=row.plain,
        parent=row.parent,
        wait=wait,
    )


def _spacing(rate: Rate, chat: Address) -> float:
    return rate.group if chat.kind == "group" else rate.private


# Settling -------------------------------------------------------------------------------------------------------------

_D = tables.deliveries
_FREE_AT = update(tables.chats).where(tables.chats.c.id == bindparam("number")).values(free_at=bindparam("free"))
_WRITTEN = (
    update(_D)
    .where(_D.c.id == bindparam("number"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        message_id=bindparam("new_message_id"),
        not_before=bindparam("new_not_before"),
        failures=_D.c.failures + bindparam("failed"),
        doubtful=or_(_D.c.doubtful, bindparam("now_doubtful")),
        plain=or_(_D.c.plain, bindparam("now_plain")),
        settled_at=bindparam("new_settled_at"),
        owner="",
        lease_until=0.0,
    )
)


def _is_ours(one: Settlement, row: Any) -> bool:
    """The fence: whose attempt it was may say what came of it.

    The truth may come late, after a lapsed lease was taken for a crash: it counts as long as nobody sent it again.
    """
    if row.attempts != one.claim.attempt:
        return False
    guessed = row.owner == "" and row.state in ("uncertain", "retry") and one.state in ("sent", "dead")
    return guessed or (row.owner == one.claim.owner and row.state == "sending")


def _written(one: Settlement, now: float) -> dict[str, Any]:
    return {
        "number": one.claim.id,
        "new_state": one.state,
        "new_reason": one.reason,
        "new_message_id": one.message_id,
        "new_not_before": now + one.wait,
        "failed": int(one.failed),
        "now_doubtful": one.doubtful,
        "now_plain": one.plain,
        "new_settled_at": now if one.state in ("sent", "dead") else 0.0,
    }


def _owned(claims: Iterable[Claim]) -> ColumnElement[bool]:
    return tuple_(_D.c.id, _D.c.owner).in_([(one.id, one.owner) for one in claims])


def _waiting_again() -> ColumnElement[str]:
    return case((_D.c.attempts > 0, "retry"), else_="pending")


def _release(c: Connection, claims: Sequence[Claim]) -> int:
    free = update(_D).where(_owned(claims), state_in(_D, ("claimed",)))
    return int(c.execute(free.values(state=_waiting_again(), owner="", lease_until=0.0)).rowcount)


def _strays(now: float) -> Any:
    stray = or_(_D.c.lease_until < now, _D.c.lease_until > now + 2 * LEASE)
    return select(select(_D.c.id).where(state_in(_D, IN_FLIGHT), stray).limit(1).exists())


def _rescue(c: Connection, policy: OnUncertain, now: float) -> Rescued:
    # A clock that was set back makes leases last: none is longer than it was given.
    lasting = update(_D).where(state_in(_D, IN_FLIGHT), _D.c.lease_until > now + 2 * LEASE)
    c.execute(lasting.values(lease_until=now + LEASE))
    lapsed = and_(state_in(_D, IN_FLIGHT), _D.c.lease_until < now)
    free = update(_D).where(lapsed, _D.c.state == "claimed")
    freed = c.execute(free.values(state=_waiting_again(), owner="", lease_until=0.0)).rowcount
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


def _resolve(c: Connection, how: Literal["sent", "resend"], ids: Collection[int] | None, now: float) -> int:
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
