"""The door of the `heedback` command. The SDK installs it too: without the service it says what is missing."""

from __future__ import annotations

import sys

from heedback_service import garbage


def main() -> None:
    """Run the command line, if the packages it needs are there."""
    garbage.seldom()  # there is much to import, and none of it is garbage
    try:
        from heedback_service.cli import main as command
    except ModuleNotFoundError as missing:
        sys.exit(f"heedback: the service needs {missing.name}; install it with: pip install 'heedback[service]'")
    command()
