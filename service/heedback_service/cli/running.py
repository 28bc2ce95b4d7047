"""Commands that run the service, and those about how it is set up."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import click

from heedback_service.cli.shared import fail, settings_in_force
from heedback_service.settings import Settings
from heedback_service.store.migrate import migrate

_SECRET: Final = ("secret_key", "smtp_url", "database_url", "metrics_token", "embeddings_key", "llm_key")


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8700, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
def serve_command(host: str, port: int) -> None:
    """Answer requests and work the jobs, until SIGTERM or Ctrl-C."""
    from heedback_service.serving import PortBusyError, serve

    if not host:  # which a socket takes for every address
        fail("--host names no address to listen on; 0.0.0.0 stands for all")
    try:
        serve(settings_in_force(), host, port)
    except PortBusyError as error:
        fail(str(error))


@click.command("worker")
@click.option("--once", is_flag=True, help="Stop when nothing is left to do.")
def worker_command(once: bool) -> None:
    """Work the jobs without answering requests: triage, digests, mail, purge."""
    from heedback_service.serving import work

    if failed := work(settings_in_force(), once=once):
        fail(f"could not {', nor '.join(failed)}; the lines above say why")


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database up to date."""
    done = migrate(settings_in_force().database_url)
    click.echo("The database is up to date now." if done else "The database was up to date.")


@click.command("settings")
def settings_command() -> None:
    """Print the settings in force; secrets are left out."""
    settings = settings_in_force()
    for field in fields(Settings):
        value = getattr(settings, field.name)
        shown = "(set)" if value and field.name in _SECRET else value
        click.echo(f"HEEDBACK_SERVER_{field.name.upper()}={'' if shown is None else shown}")


@click.command("widget")
@click.option("--url", help="Where browsers reach the service; by default HEEDBACK_SERVER_PUBLIC_URL.")
def widget_command(url: str | None) -> None:
    """Print the lines by which a page loads the widget from here, with the digests that its files must have."""
    from heedback_widgets import files

    base = (url or settings_in_force().public_url or "").rstrip("/")
    if not base:
        fail("where do browsers reach the service? Give --url or HEEDBACK_SERVER_PUBLIC_URL")
    style, element = (
        f'="{base}/widget/{files.version()}/{name}" integrity="{files.integrity(name)}" crossorigin>'
        for name in (files.STYLE, files.ELEMENT)
    )
    click.echo(f'<link rel="stylesheet" href{style}')
    click.echo(f'<script type="module" src{element}</script>')
    click.echo(f'<heedback-rating id="heedback-…" endpoint="{base}/v1/widget" ticket="…"></heedback-rating>')
