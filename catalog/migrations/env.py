"""What alembic asks for: run the migrations on the connection that ``catalog.database.upgrade`` made."""

from __future__ import annotations

from alembic import context

from catalog.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can change tables inside a transaction once BEGIN is ours, so an upgrade is done wholly or not at all
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
