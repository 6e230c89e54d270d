"""The small things that have to be remembered: updates seen, items first seen, words asked in vain, who polls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Double, Insert, Text, bindparam, or_, select, true, update

from bot.chat.address import Address
from bot.store import tables
from bot.store.database import Database
from bot.store.sql import chat_ids, chunks, given, insert
from bot.store.subscriptions import moment

WATCHED_SINCE = "watched_since"


# Made once: to put it together takes longer than to run it, and every update asks for it.
_LANGUAGE = select(tables.chats.c.lang).where(tables.chats.c.place == bindparam("place"))


class Memory:
    """Facts that belong to no subscription and no delivery."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noting: Insert | None = None

    # Updates and questions ----------------------------------------------------------------------------------------

    def is_new(self, key: str) -> bool:
        """Whether an update (`telegram:update:7`) comes for the first time; from then on it does not."""
        return bool(self.note([key]))

    def note(self, keys: Sequence[str]) -> Collection[str]:
        """Those of *keys* that come for the first time."""

        def write(c: Connection) -> Collection[str]:
            if self._noting is None:
                new = given(c, key=Text(), at=Double())
                adding = insert(c, tables.seen).from_select(["key", "at"], select(*new.c).where(true()))
                self._noting = adding.on_conflict_do_nothing().returning(tables.seen.c.key)
            now = self._database.now(c)
            return c.execute(self._noting, {"given": [{"key": key, "at": now} for key in keys]}).scalars().all()

        return self._database.write(write)

    def count(self, command: str, platform: str, day: dt.date) -> None:
        """One more of *command* on that day. Nobody is counted, only commands."""
        table = tables.counts
        row = {"day": day.isoformat(), "platform": platform, "command": command, "count": 1}
        self._database.write(
            lambda c: (
                c.execute(
                    insert(c, table)
                    .values(row)
                    .on_conflict_do_update(
                        index_elements=["day", "platform", "command"], set_={"count": table.c.count + 1}
                    )
                ).rowcount
            )
        )

    def counts(self) -> tuple[tuple[str, str, str, int], ...]:
        """(day, platform, command, how often), in that order."""
        t = tables.counts.c
        query = select(t.day, t.platform, t.command, t.count).order_by(t.day, t.platform, t.command)
        return tuple(self._database.read(lambda c: [tuple(row) for row in c.execute(query)]))

    def miss(self, query: str) -> None:
        """Somebody asked for it and the digest has nothing."""
        table = tables.misses
        words = " ".join(query.casefold().split())[:200]

        def add(c: Any) -> None:
            now = self._database.now(c)
            more = {"count": table.c.count + 1, "last_at": now}
            adding = insert(c, table).values(query=words, count=1, last_at=now)
            c.execute(adding.on_conflict_do_update(index_elements=["query"], set_=more))

        self._database.write(add)

    def misses(self, limit: int = 50) -> tuple[tuple[str, int], ...]:
        """What was asked for in vain, the most wanted first."""
        t = tables.misses.c
        query = select(t.query, t.count).order_by(t.count.desc(), t.query).limit(limit)
        return tuple(self._database.read(lambda c: [(row[0], row[1]) for row in c.execute(query)]))

    # Items --------------------------------------------------------------------------------------------------------

    def notice_items(self, ids: Iterable[str]) -> int:
        """Remember when each was first seen; how many are new. The first time all are what was there already."""
        wanted = tuple(dict.fromkeys(ids))
        return self._database.write(lambda c: self._notice(c, wanted))

    def _notice(self, c: Any, ids: tuple[str, ...]) -> int:
        now, table, added = self._database.now(c), tables.items, 0
        begun = insert(c, tables.meta).values(key=WATCHED_SINCE, value=now).on_conflict_do_nothing()
        first = bool(c.execute(begun).rowcount)
        for chunk in chunks(ids):
            known = set(c.execute(select(table.c.id).where(table.c.id.in_(chunk))).scalars())
            rows = [{"id": one, "first_seen": now} for one in chunk if one not in known]
            if rows:
                c.execute(insert(c, table).on_conflict_do_nothing(), rows)
            added += len(rows)
        return 0 if first else added

    def news(self, limit: int = 200) -> tuple[tuple[str, dt.datetime], ...]:
        """(item id, when it was first seen), the newest first; what was there at the beginning is no news."""
        t = tables.items.c
        began = self.watched_since()
        if began is None:
            return ()
        query = select(t.id, t.first_seen).where(t.first_seen > began.timestamp())
        query = query.order_by(t.first_seen.desc(), t.id).limit(limit)
        return tuple(self._database.read(lambda c: [(row.id, moment(row.first_seen)) for row in c.execute(query)]))

    def watched_since(self) -> dt.datetime | None:
        """When the bot began to notice items."""
        found = self.recall(WATCHED_SINCE)
        return None if found is None else moment(found)

    # Chats, leases, the rest --------------------------------------------------------------------------------------

    def language(self, chat: Address) -> str | None:
        """The language that a chat chose for its answers."""
        return self._database.read(lambda c: c.execute(_LANGUAGE, {"place": chat.place}).scalar()) or None

    def set_language(self, chat: Address, lang: str | None) -> None:
        """The bot shall speak *lang* there; None: as each reader's client says."""

        def write(c: Any) -> None:
            number = chat_ids(c, [chat])[chat.place]
            c.execute(update(tables.chats).where(tables.chats.c.id == number).values(lang=lang or ""))

        self._database.write(write)

    def lease(self, name: str, owner: str, seconds: float = 30.0) -> bool:
        """Whether *owner* alone may do *name* (poll Telegram) for the next *seconds*; ask again to keep it."""

        def take(c: Any) -> bool:
            now, t = self._database.now(c), tables.leases
            free = or_(t.c.owner == owner, t.c.until < now, t.c.until > now + 10 * seconds)
            mine = {"owner": owner, "until": now + seconds}
            adding = insert(c, t).values(name=name, **mine)
            return bool(
                c.execute(adding.on_conflict_do_update(index_elements=["name"], set_=mine, where=free)).rowcount
            )

        return self._database.write(take)

    def give_up(self, name: str, owner: str) -> None:
        """Somebody else may do it now."""
        t = tables.leases
        done = update(t).where(t.c.name == name, t.c.owner == owner).values(owner="", until=0.0)
        self._database.write(lambda c: c.execute(done).rowcount)

    def recall(self, key: str) -> Any:
        """What was remembered under *key*, None if nothing."""
        query = select(tables.meta.c.value).where(tables.meta.c.key == key)
        return self._database.read(lambda c: c.execute(query).scalar())

    def remember(self, key: str, value: Any) -> None:
        """Remember what JSON can hold."""
        self._database.write(
            lambda c: (
                c.execute(
                    insert(c, tables.meta)
                    .values(key=key, value=value)
                    .on_conflict_do_update(index_elements=["key"], set_={"value": value})
                ).rowcount
            )
        )

    def forget(self, person: str) -> int:
        """Delete what is stored about a person (`telegram:7`, `slack:T1/U1`): that they were the one who subscribed a
        chat, or let the bot into a workspace.
        """
        s, i = tables.subscriptions, tables.installations
        forgetting = (
            update(s).where(s.c.owner == person).values(owner=""),
            update(i).where(i.c.installed_by == person).values(installed_by=""),
        )
        return self._database.write(lambda c: sum(int(c.execute(one).rowcount) for one in forgetting))
