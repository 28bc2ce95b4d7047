"""The `heedback` command. Each of its commands is imported when it is called, with what it alone needs."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from importlib import import_module
from typing import Any, Final

import click
from sqlalchemy.exc import DatabaseError

from heedback_service.store.migrate import UnfitDatabaseError

# Each command, and the module here that has it as NAME_command.
_COMMANDS: Final = {
    "backup": "data",
    "check": "data",
    "digest": "review",
    "export": "data",
    "feedback": "review",
    "key": "projects",
    "migrate": "running",
    "project": "projects",
    "purge": "data",
    "replay": "review",
    "rollup": "data",
    "serve": "running",
    "settings": "running",
    "triage": "review",
    "user": "people",
    "widget": "running",
    "worker": "running",
}
# What a disk says that takes no more. Any other error, of a socket for example, must be loud.
_TAKES_NO_MORE: Final = {errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG}


class _Commands(click.Group):
    """Commands by name, whose database errors are one line, as is an output that takes nothing, such as a full disk.

    Without an output nothing is done: a key would be made that nobody has seen.
    """

    def main(self, *args: Any, **more: Any) -> Any:
        if why := _hindrance_of_output():
            click.echo(f"Error: cannot write the output: {why}", err=True)
            sys.exit(1)
        try:
            return super().main(*args, **more)
        except OSError as error:
            if error.filename is not None or error.errno not in _TAKES_NO_MORE:  # no output of ours
                raise
            click.echo(f"Error: cannot write the output: {error.strerror}", err=True)
            # What is left of it, Python would try again at its end.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{_COMMANDS[name]}"), f"{name}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UnfitDatabaseError as error:
            raise click.ClickException(str(error)) from error
        except DatabaseError as error:
            said = str(error.orig).strip().splitlines()[0]
            raise click.ClickException(f"the database refused: {said}") from error


def _hindrance_of_output() -> str | None:
    if sys.stdout is None:  # as Python has it where it was closed
        return "it is closed"
    try:
        os.write(sys.stdout.fileno(), b"")
    except io.UnsupportedOperation:  # no file: somebody in this process reads it
        return None
    except OSError as error:
        return error.strerror
    except ValueError:
        return "it is closed"
    return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="heedback", prog_name="heedback")
def main() -> None:
    """Heedback: feedback on AI outputs, from the thumb to the fix."""
