"""Alembic's folder. A change of the tables is a new file in `versions/`, in the same commit."""
