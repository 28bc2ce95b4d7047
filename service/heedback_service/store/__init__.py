"""Tables, engine and migrations. Every key starts with `project_id`, but for the tables named global in `tables.py`.

May import core. A new table goes into `tables.py` and, in the same commit, into a migration.
"""
