"""How Alembic runs here: on the connection that `store.migrate` opened, inside its transaction."""

from alembic import context

from heedback_service.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    transactional_ddl=True,  # SQLite can, if somebody says BEGIN; `store.migrate` does
)
with context.begin_transaction():
    context.run_migrations()
