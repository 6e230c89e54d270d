"""All tables, as of the first version that remembered anything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "buckets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("blocked_until", sa.Double(), server_default="0", nullable=False),
        sa.Column("limited_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("limited_chat", NUMBER, nullable=True),
        sa.Column("stopped", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_buckets"),
    )
    op.create_table(
        "chats",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), server_default="", nullable=False),
        sa.Column("bucket", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("lang", sa.Text(), server_default="", nullable=False),
        sa.Column("free_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("paced_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
        sa.UniqueConstraint("place", name="uq_chats_place"),
    )
    op.create_table(
        "counts",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "platform", "command", name="pk_counts"),
    )
    op.create_table(
        "installations",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("enterprise", sa.Text(), server_default="", nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("bot_user", sa.Text(), server_default="", nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("installed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("installed_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("team", name="pk_installations"),
    )
    op.create_table(
        "items",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
    )
    op.create_index("ix_items_first_seen", "items", ["first_seen"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("until", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "misses",
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("query", name="pk_misses"),
    )
    op.create_table(
        "notices",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("posted_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("key", name="uq_notices_key"),
    )
    op.create_table(
        "rotations",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("unit", sa.Text(), server_default="", nullable=False),
        sa.Column("items", sa.Integer(), server_default="0", nullable=False),
        sa.Column("history", sa.JSON(), nullable=False),
        sa.Column("composed_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rotations"),
        sa.UniqueConstraint("key", name="uq_rotations_key"),
    )
    op.create_table(
        "seen",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_seen"),
    )
    op.create_index("ix_seen_at", "seen", ["at"], unique=False)
    op.create_table(
        "editions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("rotation_id", NUMBER, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("skipped", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("sent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dead", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["rotation_id"], ["rotations.id"], name="fk_editions_rotation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_editions"),
        sa.UniqueConstraint("rotation_id", "period", name="uq_editions_rotation_id_period"),
    )
    op.create_index("ix_editions_created", "editions", ["created_at"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("thread", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("rotation_id", NUMBER, nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("schedule", sa.Text(), server_default="", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="", nullable=False),
        sa.Column("format", sa.Text(), server_default="", nullable=False),
        sa.Column("lang", sa.Text(), server_default="", nullable=False),
        sa.Column("items", sa.Integer(), server_default="0", nullable=False),
        sa.Column("preview", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("silent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("since", sa.Double(), server_default="0", nullable=False),
        sa.Column("last_period", sa.Text(), server_default="", nullable=False),
        sa.Column("next_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("batch", NUMBER, nullable=True),
        sa.Column("skipped_period", sa.Text(), server_default="", nullable=False),
        sa.Column("skipped_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("skipped_at", sa.Double(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_subscriptions_chat_id"),
        sa.ForeignKeyConstraint(["rotation_id"], ["rotations.id"], name="fk_subscriptions_rotation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("chat_id", "thread", "name", name="uq_subscriptions_chat_id_thread_name"),
    )
    op.create_index("ix_subscriptions_batch", "subscriptions", ["batch"], unique=False)
    op.create_index(
        "ix_subscriptions_due",
        "subscriptions",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('active')"),
        postgresql_where=sa.text("state IN ('active')"),
    )
    op.create_index("ix_subscriptions_rotation", "subscriptions", ["rotation_id"], unique=False)
    op.create_table(
        "renderings",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("edition_id", NUMBER, nullable=True),
        sa.Column("notice_id", NUMBER, nullable=True),
        sa.Column("platform", sa.Text(), server_default="", nullable=False),
        sa.Column("format", sa.Text(), server_default="", nullable=False),
        sa.Column("lang", sa.Text(), server_default="", nullable=False),
        sa.Column("preview", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("silent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name="fk_renderings_edition_id"),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name="fk_renderings_notice_id"),
        sa.PrimaryKeyConstraint("id", name="pk_renderings"),
        sa.UniqueConstraint(
            "edition_id",
            "platform",
            "format",
            "lang",
            "preview",
            "silent",
            "pin",
            "late",
            name="uq_renderings_look",
        ),
    )
    op.create_index("ix_renderings_notice", "renderings", ["notice_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("edition_id", NUMBER, nullable=True),
        sa.Column("notice_id", NUMBER, nullable=True),
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("thread", sa.Text(), server_default="", nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("rendering_id", NUMBER, nullable=False),
        sa.Column("platform", sa.Text(), server_default="", nullable=False),
        sa.Column("reply", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("doubtful", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("plain", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("parent_held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("not_before", sa.Double(), server_default="0", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.Double(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("settled_at", sa.Double(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_deliveries_chat_id"),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name="fk_deliveries_edition_id"),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name="fk_deliveries_notice_id"),
        sa.ForeignKeyConstraint(["rendering_id"], ["renderings.id"], name="fk_deliveries_rendering_id"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint(
            "edition_id", "chat_id", "thread", "part", name="uq_deliveries_edition_id_chat_id_thread_part"
        ),
        sa.UniqueConstraint(
            "notice_id", "chat_id", "thread", "part", name="uq_deliveries_notice_id_chat_id_thread_part"
        ),
    )
    op.create_index(
        "ix_deliveries_doubtful",
        "deliveries",
        ["state", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('uncertain', 'dead')"),
        postgresql_where=sa.text("state IN ('uncertain', 'dead')"),
    )
    op.create_index(
        "ix_deliveries_leases",
        "deliveries",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state IN ('claimed', 'sending')"),
        postgresql_where=sa.text("state IN ('claimed', 'sending')"),
    )
    op.create_index("ix_deliveries_rendering", "deliveries", ["rendering_id"], unique=False)
    op.create_index(
        "ix_deliveries_settled",
        "deliveries",
        ["settled_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('sent', 'dead')"),
        postgresql_where=sa.text("state IN ('sent', 'dead')"),
    )
    op.create_index(
        "ix_deliveries_unsettled",
        "deliveries",
        ["chat_id", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'retry', 'claimed', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'retry', 'claimed', 'sending')"),
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["platform", "not_before", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'retry')"),
        postgresql_where=sa.text("state IN ('pending', 'retry')"),
    )
    op.create_index(
        "uq_deliveries_in_flight",
        "deliveries",
        ["chat_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('claimed', 'sending')"),
        postgresql_where=sa.text("state IN ('claimed', 'sending')"),
    )
    op.create_table(
        "payloads",
        sa.Column("rendering_id", NUMBER, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("reply", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["rendering_id"], ["renderings.id"], name="fk_payloads_rendering_id"),
        sa.PrimaryKeyConstraint("rendering_id", "part", name="pk_payloads"),
    )
