"""The workspaces that allowed the bot in, and its token in each. A token leaves here only for whoever speaks by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, update

from bot.store import buckets, tables
from bot.store.database import Database
from bot.store.sql import insert
from bot.store.subscriptions import moment

UNINSTALLED = "uninstalled"
"""Why a workspace is stopped that the bot was thrown out of."""

SECOND = 1.0
EPOCH = moment(0.0)


@dataclass(frozen=True, slots=True)
class Installation:
    """The bot in the workspace *team* (`T1`). *installed_by* is whose doing it is, `slack:T1/U1`."""

    team: str
    token: str = field(repr=False)
    enterprise: str = ""
    bot_user: str = ""
    scopes: tuple[str, ...] = ()
    installed_by: str = ""
    installed_at: dt.datetime = EPOCH


class Installations:
    """Where the bot is installed. A workspace that is not among these has no token, and its messages wait."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, team: str) -> Installation | None:
        """The one in *team*. Without a name, the oldest: curators are written without a workspace (`slack:U1`), and
        who runs the bot was the first to install it.
        """
        t = tables.installations
        query = select(t).where(t.c.team == team) if team else select(t).order_by(t.c.installed_at, t.c.team).limit(1)
        row = self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _installation(row)

    def save(
        self, team: str, token: str, *, enterprise: str = "", bot_user: str = "", scopes: Sequence[str] = (),
        installed_by: str = "",
    ) -> None:  # fmt: skip
        """The bot is in *team*, now by this *token*; what was stopped there goes on."""
        t = tables.installations
        row = {
            "token": token,
            "enterprise": enterprise,
            "bot_user": bot_user,
            "scopes": list(scopes),
            "installed_by": installed_by,
        }

        def write(c: Connection) -> None:
            mine = {**row, "installed_at": self._database.now(c)}
            adding = insert(c, t).values(team=team, **mine)
            c.execute(adding.on_conflict_do_update(index_elements=["team"], set_=mine))
            _start(c, team)

        self._database.write(write)

    def forget(self, team: str, *, before: float | None = None) -> bool:
        """The bot was thrown out of *team*: its token is deleted and its messages wait. Whether it was there.

        *before*: when that happened, in seconds since 1970. Slack tells some things late, and an installation that is
        younger stays.
        """
        t = tables.installations
        gone = delete(t).where(t.c.team == team)
        if before is not None:
            gone = gone.where(t.c.installed_at < before + SECOND)  # Slack writes whole seconds

        def write(c: Connection) -> bool:
            known = bool(c.execute(gone).rowcount)
            if known:
                buckets.stop(c, _bucket(team), UNINSTALLED)
            return known

        return self._database.write(write)

    def stopped(self, limit: int = 100) -> tuple[Installation, ...]:
        """Those that nothing is sent to since their token was refused; *limit* of them."""
        t, b = tables.installations, tables.buckets
        query = select(t).join(b, b.c.name == "slack:" + t.c.team).where(b.c.stopped != "")
        query = query.order_by(t.c.team).limit(limit)
        return tuple(self._database.read(lambda c: [_installation(row) for row in c.execute(query)]))

    def reopen(self, team: str) -> None:
        """Its token proved good after all: what was stopped goes on."""
        self._database.write(lambda c: _start(c, team))


def _start(c: Connection, team: str) -> None:
    buckets.start(c, _bucket(team))
    # People have no workspace in their address, and speak by the token of one: that may be this one.
    names = tables.buckets.c.name
    people = or_(names.like("slack:U%"), names.like("slack:W%"))
    c.execute(update(tables.buckets).where(people, tables.buckets.c.stopped != "").values(stopped=""))


def _bucket(team: str) -> str:
    return f"slack:{team}"


def _installation(row: Row[Any]) -> Installation:
    return Installation(
        row.team, row.token, row.enterprise, row.bot_user, tuple(row.scopes), row.installed_by, moment(row.installed_at)
    )
