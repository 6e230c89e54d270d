"""How Alembic runs here: inside the transaction that `schema.upgrade` opened, never by itself."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
