"""The steps from one version of the tables to the next; Alembic runs them, `bot.store.schema` runs Alembic."""
