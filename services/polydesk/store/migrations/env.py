"""What Alembic runs: the connection comes from store/migration.py, with a transaction begun."""

from __future__ import annotations

from alembic import context

from polydesk.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
