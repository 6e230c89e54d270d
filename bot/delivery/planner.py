"""Plan what is due: editions are composed once, rendered once a look, and laid into the outbox for every chat.

    groups that are due ──▶ due() ──▶ the rotation's edition ──▶ a rendering a look ──▶ INSERT … SELECT deliveries
                              │         (composed or kept)          (bytes, now)
                              └──▶ missed: written down for /status

One transaction each time: a planner that dies has planned nothing, one that did not is done. Any number of them tick.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.chat.address import Address
from bot.digest.library import Library
from bot.digest.model import Topic
from bot.editions.edition import Edition, compose
from bot.editions.schedule import Due, Schedule, Subscription, due, parse_schedule
from bot.editions.theme import Rotation
from bot.errors import ChatNotFound
from bot.platforms.base import Payload
from bot.store.notices import CURATORS, Notice
from bot.store.planning import Desk, EditionRow, Group, Look, RotationRow
from bot.store.store import Store
from bot.store.subscriptions import moment

logger = logging.getLogger(__name__)

PASSES = 70
"""A daily digest after a long stop settles one period a pass; far more than 36 hours can hold."""

_NOMINAL = {
    "week": Schedule(0, 0, weekdays=(0,)),
    "day": Schedule(0, 0, weekdays=(0, 1)),
    "month": Schedule(0, 0, month_day=1),
}


class Press(Protocol):
    """What turns an edition into payloads. `app` makes one out of `chat.pages` and the platforms' renderers. Pure."""

    def edition(self, edition: Edition, look: Look, library: Library) -> Sequence[Payload]:
        """The parts of *edition* for one look, in order."""
        ...

    def notice(self, notice: Notice, reader: Address) -> Sequence[Payload]:
        """The notice, as *reader* in private is told it."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """What one planning did. *missed* counts subscriptions that got nothing for a period, *failed* looks that broke."""

    editions: int = 0
    deliveries: int = 0
    missed: int = 0
    failed: int = 0

    def __add__(self, other: Planned) -> Planned:
        return Planned(
            self.editions + other.editions,
            self.deliveries + other.deliveries,
            self.missed + other.missed,
            self.failed + other.failed,
        )


class Planner:
    """Lays editions and notices into the outbox. Synchronous; call it in a thread."""

    def __init__(
        self, store: Store, library: Callable[[], Library], press: Press, *, curators: Sequence[Address] = ()
    ) -> None:
        self._store = store
        self._library = library
        self._press = press
        self._curators = tuple(curators)

    def plan(self) -> Planned:
        """Plan all that is due now; nothing where another process is at it. Notices too."""
        planned = Planned()
        for _ in range(PASSES):
            if not self._store.planning.is_due():
                break
            done = self._store.planning.sit(self._pass)
            if done is None or done == Planned(failed=done.failed):
                planned += done or Planned()
                break
            planned += done
        self._tell()
        if planned != Planned(failed=planned.failed):
            logger.info("editions planned editions=%s deliveries=%s missed=%s failed=%s",
                        planned.editions, planned.deliveries, planned.missed, planned.failed)  # fmt: skip
        return planned

    def post(
        self, *, theme: Topic | None = None, to: Collection[Address] | None = None, key: str | None = None
    ) -> Planned:
        """Plan an edition out of turn, now, for all active subscriptions or the chats *to*.

        It is one more than the schedule's. The same *key* makes the same edition, so that each chat gets it once.
        Raises ChatNotFound for a chat without a subscription.
        """
        if to is not None:
            for chat in to:
                if not self._store.subscriptions.of(chat):
                    raise ChatNotFound(str(chat))
        period = f"post/{key or secrets.token_hex(6)}"
        planned = self._store.planning.sit(lambda desk: self._post(desk, theme, to, period), wait=True)
        assert planned is not None
        logger.info("edition posted period=%s deliveries=%s", period, planned.deliveries)
        return planned

    def skip(self, rotation: int, period: str) -> bool:
        """Let a rotation's period bring nothing; whether that was still to be had."""

        def write(desk: Desk) -> bool:
            return bool(desk.keep_edition(rotation, period, {}, None, skipped="skipped").skipped)

        return bool(self._store.planning.sit(write, wait=True))

    # One transaction ----------------------------------------------------------------------------------------------

    def _pass(self, desk: Desk) -> Planned:
        work = _Shift(desk, self._library(), self._press)
        return sum((work.settle(group) for group in desk.due()), Planned(editions=0)) + Planned(work.composed)

    def _post(self, desk: Desk, theme: Topic | None, to: Collection[Address] | None, period: str) -> Planned:
        work = _Shift(desk, self._library(), self._press)
        planned = Planned()
        for number, look, batch in desk.active(to):
            row = work.edition(number, period, theme)
            if row is None:
                planned += Planned(missed=1)
            elif (rendering := work.rendering(row, look)) is None:
                planned += Planned(failed=1)
            else:
                planned += Planned(deliveries=desk.deliver(row.id, rendering, batch))
        return planned + Planned(work.composed)

    # Notices ------------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        if self._store.notices.open():
            self._store.planning.sit(self._post_notices)

    def _post_notices(self, desk: Desk) -> None:
        for row in desk.open_notices():
            notice = Notice(row.key, row.kind, row.audience, row.data)
            readers = self._curators if row.audience == CURATORS else (Address(row.audience),)
            for reader in readers:
                try:
                    calls = self._press.notice(notice, reader)
                except Exception:
                    logger.exception("notice not rendered key=%s", row.key)
                    continue
                rendering = desk.keep_rendering(None, Look(reader.platform), calls, notice=row.id)
                desk.deliver_notice(row.id, rendering, reader)
            logger.warning("notice %s kind=%s to=%s", row.key, row.kind, row.audience)
            desk.close_notice(row.id)


class _Shift:
    """One sitting at the desk: what it read and composed already."""

    def __init__(self, desk: Desk, library: Library, press: Press) -> None:
        self.composed = 0
        self._desk = desk
        self._library = library
        self._press = press
        self._rows: dict[int, RotationRow] = {}
        self._rotations: dict[tuple[str, ...], Rotation] = {}
        self._holidays = frozenset(library.config.holidays)

    def settle(self, group: Group) -> Planned:
        """Give a group its edition, or write down why there is none."""
        schedule, zone = parse_schedule(group.schedule), ZoneInfo(group.timezone)
        # Whatever was owed before owed_at is settled, so that is as good as the moment of subscribing.
        wants = Subscription(schedule, zone, moment(group.owed_at), group.last_period or None, self._holidays)
        owed = due(wants, moment(self._desk.now))
        if owed is None:  # a schedule that was changed within its period
            self._advance(group, schedule, zone, group.last_period, moment(group.owed_at), None)
            return Planned()
        missed = (
            (owed.skipped[-1].period, owed.skipped[-1].at.timestamp(), owed.skipped[-1].reason)
            if owed.skipped
            else None
        )
        return self._settle_owed(group, schedule, zone, owed, missed)

    def _settle_owed(
        self, group: Group, schedule: Schedule, zone: ZoneInfo, owed: Due, missed: tuple[str, float, str] | None
    ) -> Planned:
        if owed.period is None or owed.at is None:
            last = owed.skipped[-1].at
            logger.warning(
                "period skipped period=%s reason=%s chats=%s", owed.settles, owed.skipped[-1].reason, group.chats
            )
            self._advance(group, schedule, zone, owed.settles, last, missed)
            return Planned(missed=group.chats)
        row = self.edition(group.rotation, owed.period)
        if row is None or row.skipped:
            missed = (owed.period, owed.at.timestamp(), row.skipped if row else "nothing")
            logger.warning("period skipped period=%s reason=%s chats=%s", owed.period, missed[2], group.chats)
            self._advance(group, schedule, zone, owed.settles, owed.at, missed)
            return Planned(missed=group.chats)
        rendering = self.rendering(row, replace(group.look, late=owed.late))
        if rendering is None:
            return Planned(failed=1)  # it stays due, and is tried again at the next tick
        batch = self._advance(group, schedule, zone, owed.settles, owed.at, missed)
        return Planned(deliveries=self._desk.deliver(row.id, rendering, batch))

    def _advance(
        self,
        group: Group,
        schedule: Schedule,
        zone: ZoneInfo,
        settles: str,
        after: dt.datetime,
        missed: tuple[str, float, str] | None,
    ) -> int:
        following = schedule.next_run(after, zone).timestamp()
        return self._desk.advance(group, settles=settles, next_at=following, missed=missed)

    def edition(self, rotation: int, period: str, theme: Topic | None = None) -> EditionRow | None:
        """The rotation's edition of *period*: the one that is kept, else a new one; None if there is nothing."""
        if kept := self._desk.edition(rotation, period):
            return kept
        row = self._rows.get(rotation) or self._desk.rotation(rotation)
        reads = self._rotations.setdefault(row.topics, Rotation.of(self._library, row.topics))
        nominal = period if not period.startswith("post/") else self._nominal(row)
        chosen = reads.pick(row.history, nominal, theme=theme)
        if chosen is None:
            return None
        recent = self._desk.seen_since(row.composed_at)
        new = [item for item in self._library.items if item.id in recent and reads.holds(item.topic)] if recent else []
        edition = compose(self._library, chosen, row.history, nominal, items_per_edition=row.items, new_items=new)
        history = row.history.after(edition)
        self._rows[rotation] = replace(row, history=history, composed_at=self._desk.now)
        self.composed += 1
        return self._desk.keep_edition(rotation, period, edition.to_data(), history)

    def _nominal(self, row: RotationRow) -> str:
        zone = ZoneInfo(self._library.config.timezone or "UTC")
        return _NOMINAL[row.unit].period_of(moment(self._desk.now).astimezone(zone).date())

    def rendering(self, row: EditionRow, look: Look) -> int | None:
        """The rendering that chats of this look share; None if it cannot be made, which is logged."""
        if (kept := self._desk.rendering(row.id, look)) is not None:
            return kept
        try:
            calls = self._press.edition(Edition.from_data(row.data, self._library), look, self._library)
        except Exception:
            # One platform's bug holds up its own chats only.
            logger.exception("edition not rendered period=%s platform=%s", row.period, look.platform)
            return None
        # Rendered now, not at send time: a retry after a deploy must send the same bytes.
        return self._desk.keep_rendering(row.id, look, calls)
