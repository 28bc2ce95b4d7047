"""`heedback user`: people who sign in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from heedback_service.cli.shared import fail, settings_in_force, the_project, writing
from heedback_service.core.ids import new_id
from heedback_service.flow import accounts
from heedback_service.flow.refusal import Refused


@click.group("user")
def user_command() -> None:
    """People who sign in."""


@user_command.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--project", required=True, help="The project to give them a place in.")
@click.option("--role", type=click.Choice(["owner", "maintainer"]), default="maintainer", show_default=True)
@click.option("--password", is_flag=True, help="Ask for a password; without one they sign in by link.")
def user_add(email: str, name: str, project: str, role: Any, password: bool) -> None:
    """Give a person a place in a project, and an account if they have none."""
    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    with writing() as session:
        place = the_project(session, project)
        account = accounts.find_account(session, email)
        if account is None:
            made = accounts.create_account(session, email, name, datetime.now(UTC), new_id, secret)
            if isinstance(made, Refused):
                fail(made.why)
            account = made
        accounts.add_member(session, place.id, account.id, role)
    click.echo(f"{account.email} is {role} of {project}.")


@user_command.command("link")
@click.argument("email")
@click.option("--url", help="Where the pages are; by default HEEDBACK_SERVER_PUBLIC_URL.")
def user_link(email: str, url: str | None) -> None:
    """Print a link that signs this person in, once, within a day."""
    settings = settings_in_force()
    base = (url or settings.public_url or "").rstrip("/")
    with writing(settings) as session:
        account = accounts.find_account(session, email)
        if account is None:
            fail(f"nobody has an account as {email}")
        secret = accounts.make_link(session, account.id, datetime.now(UTC))
    if not base:
        click.echo("Put the address of the pages before it, or give --url or HEEDBACK_SERVER_PUBLIC_URL.", err=True)
    click.echo(f"{base}/signin/link/{secret}")
