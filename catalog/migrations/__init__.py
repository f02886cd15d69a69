"""The store's schema, release by release (alembic). ``catalog/database.py`` runs them; nobody calls alembic by hand."""
