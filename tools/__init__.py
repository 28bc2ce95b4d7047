"""What `./dev` does, a module a concern: standard library only, for it runs before anything is installed.

`commands` reads the command line, `environment` keeps `.venv`, `check` runs the project's checks and
`docs_check` is one of them; `run` shows the whole product at work, on `processes`, `browser` and `verify`.
A new command is a function in `commands` and a line in its table.
"""
