"""Commands about what is stored: backup, export, purge, and whether the counts are right."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from heedback_service.cli.shared import (
    chosen_projects,
    database,
    fail,
    project_argument,
    project_argument_or_all,
    reading,
    settings_in_force,
    the_project,
)
from heedback_service.flow import placement, purge, rollup
from heedback_service.flow.export import exported
from heedback_service.store.backup import Refused, back_up
from heedback_service.store.db import Database
from heedback_service.store.soundness import Unsound, inspect_copy
from heedback_service.store.tables import Project, RollupDay


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def backup_command(file: Path, force: bool) -> None:
    """Copy the SQLite database to FILE, also while the service writes to it."""
    try:
        done = back_up(settings_in_force().database_url, file, force=force)
    except (OSError, sqlite3.Error) as error:
        fail(f"cannot back up to {file}: {error}")
    if isinstance(done, Refused):
        fail(done.why)
    click.echo(f"{file}: {done.size:,} bytes")


@click.command("check")
@click.argument("file", type=click.Path(readable=False, path_type=Path))  # who may not read it is told below
def check_command(file: Path) -> None:
    """Read all of FILE, a copy that `backup` made, and say what is in it; exits 1 if it is not fit to restore."""
    found = inspect_copy(file)
    if isinstance(found, Unsound):
        fail(f"{file}: {found.why}")
    told = ", ".join(f"{n:,} {table}" for table, n in found.rows.items())
    click.echo(f"{file}: whole, of revision {found.revision}, with {told}")


@click.command("export")
@project_argument
def export_command(project: str) -> None:
    """Print everything that is stored about outputs and feedback, a line of JSON each."""
    with reading() as session:
        for line in exported(session, the_project(session, project).id):
            click.echo(json.dumps(line, ensure_ascii=False))


@click.command("purge")
@project_argument_or_all
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
def purge_command(project: str | None, dry_run: bool) -> None:
    """Remove what is past its time now, and say how much of what; the jobs do so every hour.

    Without PROJECT, in every project, and expired sessions and sign-in links too, which are of none.
    """
    now = datetime.now(UTC)
    with database(settings_in_force()) as db:
        with db.read() as session:
            chosen = chosen_projects(session, project)
        for each in chosen:
            with db.read() as session:
                gone = purge.due(session, each, now) if dry_run else Counter[str]()
            while not dry_run and (step := _purged(db, each, now)) is not None:
                gone += step
            _tell(each.slug, gone, dry_run)
        if project is None:
            with db.read() if dry_run else db.write() as session:
                forget = purge.due_sign_ins if dry_run else purge.forget_sign_ins
                _tell("Sign-ins", forget(session, now), dry_run)


def _purged(db: Database, project: Project, now: datetime) -> Counter[str] | None:
    with db.write() as session:
        return purge.purge_step(session, project.id, now)


def _tell(whose: str, gone: Counter[str], dry_run: bool) -> None:
    kinds = (*purge.KINDS, *purge.SIGN_INS.values())
    told = ", ".join(f"{gone[kind]} {kind}" for kind in kinds if gone[kind]) or "nothing"
    click.echo(f"{whose}: {told} {'would go' if dry_run else 'went'}")


@click.group("rollup")
def rollup_command() -> None:
    """Counts by day and slice."""


@rollup_command.command("verify")
@project_argument_or_all
def rollup_verify(project: str | None) -> None:
    """Count again from the rows and compare; exits 1 when a count differs.

    Days from which rows have been purged are left out: their counts are all that is left.
    """
    with reading() as session:
        chosen = chosen_projects(session, project)
        checks = (rollup.differences, placement.differences)
        wrong = [f"{each.slug}: {line}" for each in chosen for check in checks for line in check(session, each.id)]
        days = sum(_days_counted(session, each) for each in chosen)
    click.echo(f"Compared: {len(chosen)} projects, {days} days with something in them.", err=True)
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        fail(f"{len(wrong)} counts differ from the rows")
    click.echo("Every count agrees with the rows.")
    for each in chosen:
        if each.purged_before:
            click.echo(f"{each.slug}: days before {each.purged_before} are purged and were not compared.")


def _days_counted(session: Session, project: Project) -> int:
    days = select(func.count(RollupDay.day.distinct())).where(RollupDay.project_id == project.id)
    return session.scalars(days.where(RollupDay.day >= (project.purged_before or date.min))).one()
