"""`heedback project` and `heedback key`: host applications, and the keys by which they send."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

import click
from sqlalchemy import select

from heedback_service.cli.shared import (
    as_json_option,
    database,
    fail,
    project_argument,
    reading,
    settings_in_force,
    the_project,
    writing,
)
from heedback_service.core.priority import Weights
from heedback_service.flow import aging, keys, projects
from heedback_service.flow.refusal import Refused
from heedback_service.store.db import Database
from heedback_service.store.tables import Project

_retention = partial(
    click.option, "--retention-days", type=int, metavar="N", help="How long outputs and feedback are kept."
)


@click.group("project")
def project_command() -> None:
    """Host applications."""


@project_command.command("create")
@click.argument("slug")
@click.option("--name", help="As people call it; by default the slug.")
@click.option("--timezone", default="UTC", show_default=True, help="Days and weeks are cut there: Europe/Oslo.")
@_retention(default=400, show_default=True)
@as_json_option
def project_create(slug: str, name: str | None, timezone: str, retention_days: int, as_json: bool) -> None:
    """Make a project, its first key and its user key. Both keys are shown this once."""
    with writing(create=True) as session:
        made = projects.create_project(session, slug, name or slug, timezone, datetime.now(UTC), retention_days)
        if isinstance(made, Refused):
            fail(made.why)
        key = keys.make_key(session, made, datetime.now(UTC))
    user_key = projects.new_user_key()
    if as_json:
        click.echo(json.dumps({"project": slug, "key": key.text, "user_key": user_key}))
        return
    click.echo(f"Project {slug} is there. Give its app these; they are not shown again:\n")
    click.echo(f"HEEDBACK_KEY={key.text}\nHEEDBACK_USER_KEY={user_key}")


@project_command.command("set")
@project_argument
@_retention()
@click.option(
    "--weight",
    "given",
    multiple=True,
    metavar="FACTOR=WEIGHT",
    help="How much people, severity, trend or freshness counts in priority: 0 to 3. May be given several times.",
)
def project_set(project: str, retention_days: int | None, given: tuple[str, ...]) -> None:
    """Change how long a project keeps outputs and feedback, or what it weighs.

    What is past its time goes within the hour. Open items are put in order by their new priority at once. A weight is
    the exponent of its factor: 0 counts nothing, 1 is as it comes, 2 counts double.
    """
    if retention_days is None and not given:
        fail("give --retention-days or --weight")
    named = dict(map(_weight, given))
    with database(settings_in_force()) as db:
        with db.write() as session:
            known = the_project(session, project)
            if retention_days is not None and (refused := projects.set_retention(known, retention_days)):
                fail(refused.why)
            if named and (refused := projects.set_weights(session, known, named)):
                fail(refused.why)
            weights = Weights.of(known.weights)
        while named and _rank(db):
            pass
    if retention_days is not None:
        click.echo(f"Project {project} keeps outputs and feedback for {retention_days} days.")
    if named:
        click.echo(f"Project {project} weighs {_listed(weights)}.")


def _weight(given: str) -> tuple[str, float]:
    name, _, number = given.partition("=")
    try:
        return name.strip(), float(number)
    except ValueError:
        fail(f"{given!r} is no weight; give one such as severity=2")


def _listed(weights: Weights) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in asdict(weights).items())


def _rank(db: Database) -> bool:
    """Rank some of the items that are due; what others hold is left to the jobs."""
    with db.write() as session:
        return aging.reprioritise(session, datetime.now(UTC))


@project_command.command("origins")
@project_argument
@click.argument("origins", nargs=-1, metavar="[ORIGIN]...")
@click.option("--none", "clear", is_flag=True, help="Let no page do so.")
def project_origins(project: str, origins: tuple[str, ...], clear: bool) -> None:
    """Let pages of these origins, and no others, post feedback straight from a browser.

    ORIGIN is one such as https://www.example.org. Without any, print those of the project.
    """
    if clear and origins:
        fail("give origins or --none, not both")
    with writing() as session:
        known = the_project(session, project)
        if (clear or origins) and (refused := projects.set_origins(known, origins)):
            fail(refused.why)
        for origin in known.origins or ():
            click.echo(origin)


@project_command.command("list")
def project_list() -> None:
    """The projects of this service."""
    with reading() as session:
        for project in session.scalars(select(Project).order_by(Project.slug)):
            weights = Weights.of(project.weights)
            more = f"\tweighs {_listed(weights)}" if weights.as_json() else ""
            click.echo(f"{project.slug}\t{project.name}\t{project.timezone}\t{project.retention_days} days{more}")


@click.group("key")
def key_command() -> None:
    """Secret keys, by which apps send."""


@key_command.command("create")
@project_argument
@click.option("--corrects", is_flag=True, help="It may also correct triage: for your own tools, not for apps.")
def key_create(project: str, corrects: bool) -> None:
    """Make another key and print it, this once. Old keys go on working until they are revoked."""
    with writing() as session:
        key = keys.make_key(session, the_project(session, project), datetime.now(UTC), corrects=corrects)
    click.echo(key.text)


@key_command.command("list")
@project_argument
def key_list(project: str) -> None:
    """The keys of a project by their KID, when each was made, and whether it is revoked. Never the keys."""
    with reading() as session:
        for key in keys.keys_of(session, the_project(session, project)):
            more = "\tcorrects triage" if key.corrects else ""
            revoked = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "in use"
            click.echo(f"{key.kid}\t{key.created_at:%Y-%m-%d %H:%M} UTC\t{revoked}{more}")


@key_command.command("revoke")
@project_argument
@click.argument("kid")
def key_revoke(project: str, kid: str) -> None:
    """Stop accepting a key. KID is the part after hb_sk_, as `key list` shows it."""
    with writing() as session:
        if not keys.revoke_key(session, the_project(session, project), kid, datetime.now(UTC)):
            fail(f"project {project} has no living key {kid}")
    click.echo(f"Key {kid} opens nothing any more.")
