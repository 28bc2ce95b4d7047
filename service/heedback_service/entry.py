"""The door of the `heedback` command. The SDK installs it too: without the service it says what is missing."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line, if the packages it needs are there."""
    gc.disable()  # what is imported stays: to look for garbage in it again and again is a sixth of the start
    try:
        from heedback_service.cli import main as command
    except ModuleNotFoundError as missing:
        sys.exit(f"heedback: the service needs {missing.name}; install it with: pip install 'heedback[service]'")
    finally:
        gc.freeze()
        gc.enable()
    command()
