"""Commands about what people said: digests, triage of a file, a replay of triage, single pieces of feedback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from heedback_service import logs
from heedback_service.cli.shared import (
    as_json_option,
    database,
    fail,
    project_argument,
    settings_in_force,
    the_project,
    writing,
)
from heedback_service.core.ids import new_id
from heedback_service.flow import replay, spam
from heedback_service.flow.refusal import Refused
from heedback_service.store.db import Database
from heedback_service.store.tables import Project

_SHOWN: Final = 20  # themes, and lines that could not be read


@click.command("digest")
@project_argument
@click.option("--period", help="An ISO week such as 2026-W47; by default the last complete one.")
@as_json_option
def digest_command(project: str, period: str | None, as_json: bool) -> None:
    """Write the digest of a week, unless it is written, mail it, and print it; exits 1 if a mail was in vain."""
    from heedback_service.flow.digest_now import digest_now

    settings = settings_in_force()
    logs.start(settings.log)
    with database(settings) as db:
        with db.read() as session:
            known = the_project(session, project)
        made = digest_now(db, settings, known, period, datetime.now(UTC))
        if isinstance(made, Refused):
            fail(made.why)
    path = f"/p/{project}/digests/{made.period}"
    if as_json:
        click.echo(
            json.dumps(
                {
                    "period": made.period,
                    "url_path": path,
                    "subject": made.subject,
                    "eml": [str(file) for file in made.mails],
                }
            )
        )
    else:
        click.echo(made.text)
    if made.in_vain:
        fail(f"{made.in_vain} of {made.recipients} mails could not be delivered; the foot of {path} says why")


@click.command("triage")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", required=True, metavar="COLUMN", help="What people said.")
@click.option("--feature", metavar="COLUMN", help="What they said it about: rows of two features are never grouped.")
@click.option("--time", metavar="COLUMN", help="When: ISO 8601, or (milli)seconds since 1970. Else in order.")
@click.option("--encoding", default="UTF-8", show_default=True, metavar="NAME", help="Of FILE; OUT is in UTF-8.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where the rows go.")
def triage_command(file: Path, text: str, feature: str | None, time: str | None, encoding: str, out: Path) -> None:
    """Group and classify the texts of FILE, without a service and without a database.

    FILE and --out are CSV with a header, or JSON Lines if the name ends in .jsonl. The rows keep their columns and get
    item, theme, title, reason, reason_confidence, severity, spam and candidates: up to five earlier rows like it, with
    how near they are. A column of the file that has one of these names becomes input_NAME. The numbers are printed;
    where --out is a pipe or a device, such as /dev/stdout, to stderr.
    """
    from heedback_service.flow import offline, spreadsheet

    if not out.parent.is_dir():
        fail(f"there is no folder {out.parent} for {out.name}")
    columns = offline.Columns(text, feature, time)
    streams = spreadsheet.is_stream(out)  # then its rows may go where our stdout goes
    try:
        sheet = spreadsheet.read(file, columns.named(), encoding)
        done = offline.sort_out(sheet, columns, _progress)
        _progress("")
        for bad in done.bad[:_SHOWN]:
            click.echo(f"line {bad.line} is left out: {bad.why}", err=True)
        if len(done.bad) > _SHOWN:
            click.echo(f"and so are {len(done.bad) - _SHOWN} more", err=True)
        if not done.rows:
            fail(f"{file} has no row that can be read")
        spreadsheet.write(out, (*offline.own_columns(sheet.columns).values(), *offline.ADDED), done.rows)
    except (OSError, spreadsheet.UnfitFileError) as error:
        fail(str(error))
    for line in (*offline.summary(done, _SHOWN), "", f"The rows are in {out}."):
        click.echo(line, err=streams)


def _progress(doing: str) -> None:
    """A line that is written over, on a terminal and nowhere else."""
    if sys.stderr.isatty():
        click.echo(f"\r{'':60}\r{doing}", err=True, nl=False)


@click.command("replay")
@project_argument
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--at", type=click.FloatRange(0.5, 1.0), help="With --dry-run: as if reports joined at this nearness.")
def replay_command(project: str, dry_run: bool, at: float | None) -> None:
    """Group a project's history by today's rules and what it has learnt; what people decided stays as it is."""
    if at is not None and not dry_run:
        fail("--at only tries a nearness: give --dry-run too; projects learn theirs from corrections")
    with database(settings_in_force()) as db:
        with db.read() as session:
            its = the_project(session, project)
            made = list(replay.plans(session, its.id, datetime.now(UTC), at))
        for plan in made:
            for line in _told(plan):
                click.echo(line)
        if dry_run:
            return
        changes = [change for plan in made for change in plan.changes]
        done = sum(_replayed(db, its, change) for change in changes)
        with db.read() as session:
            old = replay.outdated(session, its.id)
        for feature_id, item_id in old:
            with db.write() as session:
                replay.renew(session, its.id, feature_id, item_id)
    overtaken = "; what came or was decided meanwhile overtook the others" if done < len(changes) else ""
    click.echo(f"Done: {done} of {len(changes)} changes{overtaken}.")


def _told(plan: replay.Plan) -> Iterator[str]:
    yield (
        f"{plan.feature}: {plan.reports} reports, of which {plan.moves} change places; {plan.joins} items join others, "
        f"{plan.splits} split, {plan.kept} that people decided about stay"
    )
    for change in plan.changes:
        into = f"#{change.number}" if change.number else "a new item"
        for part in change.parts:
            yield f"  #{part.number}: {len(part.why)} of {part.of} reports to {into}"


def _replayed(db: Database, project: Project, change: replay.Change) -> bool:
    with db.write() as session:
        return replay.apply(session, project.id, change, datetime.now(UTC), new_id)


@click.group("feedback")
def feedback_command() -> None:
    """Single pieces of feedback."""


@feedback_command.command("spam")
@project_argument
@click.argument("feedback_id", metavar="ID", type=click.UUID)
def feedback_spam(project: str, feedback_id: UUID) -> None:
    """Set feedback aside: it is kept, shown as spam, and counts nowhere."""
    _decide_spam(project, feedback_id, is_spam=True)
    click.echo("It is set aside and counts nowhere.")


@feedback_command.command("not-spam")
@project_argument
@click.argument("feedback_id", metavar="ID", type=click.UUID)
def feedback_not_spam(project: str, feedback_id: UUID) -> None:
    """Count feedback again that was set aside; no rule sets it aside once more."""
    _decide_spam(project, feedback_id, is_spam=False)
    click.echo("It counts, and no rule sets it aside again.")


def _decide_spam(project: str, feedback_id: UUID, *, is_spam: bool) -> None:
    with writing() as session:
        chosen = the_project(session, project)
        if not spam.decide(session, chosen.id, feedback_id, is_spam=is_spam, now=datetime.now(UTC)):
            fail(f"project {project} has no feedback {feedback_id}")
