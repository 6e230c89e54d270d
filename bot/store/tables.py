"""Every table, once. Times are seconds since 1970 by the database's own clock; of people there are only ids.

    subscriptions ──▶ chats ◀── deliveries ──▶ renderings ──▶ payloads
          │                          │               │
          └──▶ rotations ◀── editions ◀──────────────┘

A new database gets them from here, an older one from `migrations`; a test holds these two together.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

HEAD = "0001"
"""The migration that ends with these tables; only where a database stands at an earlier one is Alembic imported."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

Number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up by itself only in an INTEGER PRIMARY KEY

WAITING = ("pending", "retry")
IN_FLIGHT = ("claimed", "sending")
UNSETTLED = WAITING + IN_FLIGHT
SETTLED = ("sent", "dead")


def state_in(table: FromClause, states: tuple[str, ...]) -> ColumnElement[bool]:
    """Whether the state is one of *states*, written as literals: only so does a partial index serve the query."""
    return table.c.state.in_([literal_column(f"'{state}'") for state in states])


WHERE = "where"
"""In an index's `info`: the condition that its rows meet. `schema` tells it to the database that there is; named for
each of them here, it would have SQLAlchemy load both dialects whenever the program starts.
"""


def _where(states: tuple[str, ...]) -> dict[str, Any]:
    return {"info": {WHERE: text(f"state IN ({', '.join(repr(state) for state in states)})")}}


def _number(name: str, default: str = "0") -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=default)


def _words(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _time(name: str, default: str = "0") -> Column[float]:
    return Column(name, Double, nullable=False, server_default=default)


chats = Table(
    "chats",
    metadata,
    Column("id", Number, primary_key=True),
    Column("place", Text, nullable=False, unique=True),
    _words("platform"),
    _words("bucket"),
    _words("kind"),
    _words("lang"),
    _time("free_at"),  # before it nothing more may be said there: its own pace, or a 429's
    _time("paced_at"),  # when that was written down
)

rotations = Table(
    "rotations",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("topics", JSON, nullable=False),
    _words("unit"),
    _number("items"),  # an edition; 0: as many as the digest says
    Column("history", JSON, nullable=False),
    _time("composed_at"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Number, primary_key=True),
    Column("chat_id", Number, ForeignKey("chats.id"), nullable=False),
    _words("thread"),
    _words("name"),
    Column("rotation_id", Number, ForeignKey("rotations.id"), nullable=False),
    Column("topics", JSON, nullable=False),
    _words("schedule"),
    _words("timezone"),
    _words("format"),
    _words("lang"),
    _number("items"),
    _flag("preview"),
    _flag("silent"),
    _flag("pin"),
    _words("state", "active"),
    _words("reason"),
    _words("owner"),
    _time("since"),
    _words("last_period"),
    _time("next_at"),
    Column("batch", Number),  # what advanced it last: those are the ones that the same transaction delivers to
    _words("skipped_period"),
    _words("skipped_reason"),
    _time("skipped_at"),
    UniqueConstraint("chat_id", "thread", "name"),
    Index("ix_subscriptions_due", "next_at", **_where(("active",))),
    Index("ix_subscriptions_batch", "batch"),
    Index("ix_subscriptions_rotation", "rotation_id"),
)

editions = Table(
    "editions",
    metadata,
    Column("id", Number, primary_key=True),
    Column("rotation_id", Number, ForeignKey("rotations.id"), nullable=False),
    Column("period", Text, nullable=False),
    Column("data", JSON, nullable=False),
    _words("skipped"),
    _time("created_at"),
    _number("sent"),  # of the deliveries that were pruned
    _number("dead"),
    UniqueConstraint("rotation_id", "period"),
    Index("ix_editions_created", "created_at"),
)

renderings = Table(
    "renderings",
    metadata,
    Column("id", Number, primary_key=True),
    Column("edition_id", Number, ForeignKey("editions.id")),
    Column("notice_id", Number, ForeignKey("notices.id")),
    _words("platform"),
    _words("format"),
    _words("lang"),
    _flag("preview"),
    _flag("silent"),
    _flag("pin"),
    _flag("late"),
    UniqueConstraint(
        "edition_id", "platform", "format", "lang", "preview", "silent", "pin", "late", name="uq_renderings_look"
    ),
    Index("ix_renderings_notice", "notice_id"),
)

payloads = Table(
    "payloads",
    metadata,
    Column("rendering_id", Number, ForeignKey("renderings.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    _flag("reply"),  # it names the first part's message, and so waits for its id
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True),
    Column("edition_id", Number, ForeignKey("editions.id")),
    Column("notice_id", Number, ForeignKey("notices.id")),
    Column("chat_id", Number, ForeignKey("chats.id"), nullable=False),
    _words("thread"),
    Column("part", Integer, nullable=False),
    Column("rendering_id", Number, ForeignKey("renderings.id"), nullable=False),
    _words("platform"),
    _flag("reply"),
    _words("state", "pending"),
    _number("attempts"),  # calls that were begun: with the owner, the fence
    _number("failures"),  # of those, what counts towards giving up
    _flag("doubtful"),  # it was uncertain once and is sent again
    _flag("plain"),  # the platform refused its layout
    _flag("parent_held"),  # a reply whose first part is uncertain
    _time("not_before"),
    _words("owner"),
    _time("lease_until"),
    _words("reason"),
    Column("message_id", Text),
    _time("created_at"),
    _time("settled_at"),
    UniqueConstraint("edition_id", "chat_id", "thread", "part"),
    UniqueConstraint("notice_id", "chat_id", "thread", "part"),
    Index("ix_deliveries_waiting", "platform", "not_before", "id", **_where(WAITING)),
    Index("ix_deliveries_unsettled", "chat_id", "id", **_where(UNSETTLED)),
    Index("uq_deliveries_in_flight", "chat_id", unique=True, **_where(IN_FLIGHT)),  # one a chat, by law
    Index("ix_deliveries_leases", "lease_until", **_where(IN_FLIGHT)),
    Index("ix_deliveries_doubtful", "state", "id", **_where(("uncertain", "dead"))),
    Index("ix_deliveries_settled", "settled_at", **_where(SETTLED)),
    Index("ix_deliveries_rendering", "rendering_id"),
)

buckets = Table(
    "buckets",
    metadata,
    Column("name", Text, primary_key=True),
    _time("next_at"),
    _time("blocked_until"),
    _time("limited_at"),  # the last 429, and whose it was
    Column("limited_chat", Number),
    _words("stopped"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    _words("audience"),
    _words("kind"),
    Column("data", JSON, nullable=False),
    _time("created_at"),
    _time("posted_at"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    _words("owner"),
    _time("until"),
)

seen = Table(
    "seen",
    metadata,
    Column("key", Text, primary_key=True),
    _time("at"),
    Index("ix_seen_at", "at"),
)

items = Table(
    "items",
    metadata,
    Column("id", Text, primary_key=True),
    _time("first_seen"),
    Index("ix_items_first_seen", "first_seen"),
)

installations = Table(
    "installations",
    metadata,
    Column("team", Text, primary_key=True),  # a workspace that allowed the bot in: `T1`
    _words("enterprise"),
    Column("token", Text, nullable=False),
    _words("bot_user"),
    Column("scopes", JSON, nullable=False),
    _words("installed_by"),
    _time("installed_at"),
)

counts = Table(
    "counts",
    metadata,
    Column("day", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("command", Text, primary_key=True),
    _number("count"),
)

misses = Table(
    "misses",
    metadata,
    Column("query", Text, primary_key=True),
    _number("count"),
    _time("last_at"),
)

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", JSON))
