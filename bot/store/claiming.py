"""Take messages to send, say that they are being sent, give back what was not: each inside a transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Integer,
    Row,
    Text,
    and_,
    case,
    exists,
    or_,
    select,
    update,
)

from bot.chat.address import Address
from bot.store import buckets, tables
from bot.store.buckets import Rate
from bot.store.settlement import LEASE, Claim
from bot.store.sql import given
from bot.store.tables import IN_FLIGHT, UNSETTLED, WAITING, Number, state_in

_D = tables.deliveries


def waits(c: Connection, platform: str, now: float) -> bool:
    """Whether anything of a platform may be due: without a lock and without a write, for an idle process to ask."""
    ready = select(_D.c.id).where(_D.c.platform == platform, state_in(_D, WAITING), _D.c.not_before <= now)
    # In order, for so it is the index that is asked: PostgreSQL answers an EXISTS out of the table, as long as it
    # thinks that many rows match, and then reads every row that was settled.
    return c.execute(ready.order_by(_D.c.not_before).limit(1)).first() is not None


def claim(
    c: Connection, token: str, platform: str, rate: Rate, wanted: int, now: float, here: float
) -> tuple[Claim, ...]:
    """Up to *wanted* messages in the name of *token*, the longest waiting first, each with a slot of its own.

    It was *here* by the caller's clock when it was *now* by the database's.
    """
    shut = buckets.closed(c, now)
    if platform in shut:
        return ()  # all that waits there waits for this: not to be looked through, row by row
    free = buckets.offered(c, platform, rate, wanted, now)
    if not free:
        return ()
    chosen = _claimable(platform, now, list(shut)).limit(len(free)).cte("chosen")
    taking = update(_D).where(_D.c.id.in_(select(chosen.c.id)))
    taking = taking.values(state="claimed", owner=token, lease_until=now + LEASE)
    taken = sorted(c.execute(taking.returning(_D.c.not_before, _D.c.id)).all())
    if not taken:
        return ()
    slots = {row.id: slot for row, slot in zip(taken, free, strict=False)}
    buckets.take(c, platform, rate, free[: len(taken)])
    rows = c.execute(_details(c), {"given": [{"id": row.id} for row in taken]}).all()
    payloads = _payloads(c, rows)
    claims = [_claimed(row, token, here + slots[row.id] - now, payloads[row.rendering_id, row.part]) for row in rows]
    if rate.private or rate.group:
        pace(c, {one.chat_id: now + one.slot - here + _spacing(rate, one.chat) for one in claims}, now)
    return tuple(sorted(claims, key=lambda one: (one.slot, one.id)))


def begin(c: Connection, claims: Sequence[Claim], now: float) -> frozenset[int]:
    """Those of *claims* that are still ours and not blocked by now are `sending`; the rest is given back."""
    if not claims:
        return frozenset()
    shut = buckets.closed(c, now)
    if blocked := [one for one in claims if one.chat.bucket in shut or one.chat.platform in shut]:
        release(c, blocked)
    ours, rows = _owned(c, claims)
    # `sending` too: where a commit's answer was lost, this runs a second time.
    begun = update(_D).where(ours, state_in(_D, IN_FLIGHT)).returning(_D.c.id)
    attempts = _D.c.attempts + case((_D.c.state == "claimed", 1), else_=0)
    begun = begun.values(state="sending", attempts=attempts, lease_until=now + LEASE)
    return frozenset(c.execute(begun, {"given": rows}).scalars())


def release(c: Connection, claims: Sequence[Claim]) -> int:
    """Give back what was claimed and not begun; how many."""
    ours, rows = _owned(c, claims)
    free = update(_D).where(ours, state_in(_D, ("claimed",))).returning(_D.c.id)
    free = free.values(state=waiting_again(), owner="", lease_until=0.0)
    return len(c.execute(free, {"given": rows}).all())


def pace(c: Connection, free_at: Mapping[int, float], now: float) -> None:
    """Say nothing more in these chats before *free_at*."""
    chats, paced = tables.chats, given(c, id=Number, free_at=Double())
    pacing = update(chats).where(chats.c.id == paced.c.id).values(free_at=paced.c.free_at, paced_at=now)
    c.execute(pacing, {"given": [{"id": chat, "free_at": free_at[chat]} for chat in sorted(free_at)]})


def waiting_again() -> ColumnElement[str]:
    """The state of what is given back."""
    return case((_D.c.attempts > 0, "retry"), else_="pending")


def _owned(c: Connection, claims: Iterable[Claim]) -> tuple[ColumnElement[bool], list[dict[str, Any]]]:
    """The fence: a delivery is ours as long as it names the owner of our claim. With the rows to give."""
    ours = given(c, id=Number, owner=Text())
    rows = [{"id": one.id, "owner": one.owner} for one in sorted(claims, key=lambda one: one.id)]
    return and_(_D.c.id == ours.c.id, _D.c.owner == ours.c.owner), rows


def _claimable(platform: str, now: float, shut: Sequence[str]) -> Any:
    """Waiting, its time has come, first of its chat, nothing of the chat in flight, nothing said there just now."""
    d, chat = _D, tables.chats
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
    ready = ready.where(_is_free(chat, now), ~earlier, ~in_flight)
    if shut:
        ready = ready.where(chat.c.bucket.not_in(shut))
    return ready.order_by(d.c.not_before, d.c.id).with_for_update(skip_locked=True, of=d)


def _is_free(chat: FromClause, now: float) -> ColumnElement[bool]:
    # What was written later than now is left from before the clock was set back, and holds up nobody.
    return or_(chat.c.free_at <= now, chat.c.paced_at > now)


def _details(c: Connection) -> Any:
    d, chats, taken = tables.deliveries, tables.chats, given(c, id=Number)
    parent = d.alias("parent")
    first = and_(parent.c.edition_id == d.c.edition_id, parent.c.chat_id == d.c.chat_id, parent.c.part == 1,
                 parent.c.thread == d.c.thread)  # fmt: skip
    message = select(parent.c.message_id).where(first, d.c.reply).scalar_subquery()
    found = select(d, chats.c.place, message.label("parent")).select_from(taken)
    return found.join(d, d.c.id == taken.c.id).join(chats, chats.c.id == d.c.chat_id)


def _payloads(c: Connection, rows: Sequence[Row[Any]]) -> dict[tuple[int, int], Mapping[str, Any]]:
    """What is to be said: the same to thousands, so it is fetched and read once for all of *rows*."""
    p, wanted = tables.payloads, given(c, rendering_id=Number, part=Integer())
    found = select(p).join(wanted, and_(p.c.rendering_id == wanted.c.rendering_id, p.c.part == wanted.c.part))
    keys = sorted({(row.rendering_id, row.part) for row in rows})
    payloads = c.execute(found, {"given": [{"rendering_id": rendering, "part": part} for rendering, part in keys]})
    return {(row.rendering_id, row.part): json.loads(row.payload) for row in payloads}


def _claimed(row: Row[Any], token: str, slot: float, payload: Mapping[str, Any]) -> Claim:
    return Claim(
        id=row.id,
        owner=token,
        chat=Address(row.place, row.thread),
        chat_id=row.chat_id,
        edition=row.edition_id,
        part=row.part,
        payload=payload,
        attempt=row.attempts + 1,
        failures=row.failures,
        doubtful=row.doubtful,
        plain=row.plain,
        parent=row.parent,
        slot=slot,
    )


def _spacing(rate: Rate, chat: Address) -> float:
    return rate.group if chat.kind == "group" else rate.private
