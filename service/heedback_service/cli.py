"""The `heedback` command.

What only some commands need and takes long to import (Flask, the jobs, mail) is imported there: the others start
quicker.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

import click
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from heedback_service import __version__
from heedback_service.core.ids import new_id
from heedback_service.core.priority import Weights
from heedback_service.flow import aging, keys, placement, projects, purge, replay, rollup, spam
from heedback_service.flow.export import exported
from heedback_service.flow.refusal import Refused
from heedback_service.settings import Settings, SettingsError, read_settings
from heedback_service.store.db import Database
from heedback_service.store.migrate import UnfitDatabaseError, migrate, open_database
from heedback_service.store.tables import Project, RollupDay

_SHOWN: Final = 20  # themes, and lines that could not be read
_SECRET: Final = ("secret_key", "smtp_url", "database_url", "metrics_token", "embeddings_key")
_project_argument = click.argument("project")
_project_argument_or_all = click.argument("project", required=False)
_retention = partial(
    click.option, "--retention-days", type=int, metavar="N", help="How long outputs and feedback are kept."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")


class _PlainErrors(click.Group):
    """Commands whose database errors are one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UnfitDatabaseError as error:
            raise click.ClickException(str(error)) from error
        except DatabaseError as error:
            said = str(error.orig).strip().splitlines()[0]
            raise click.ClickException(f"the database refused: {said}") from error


@click.group(cls=_PlainErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="heedback")
def main() -> None:
    """Heedback: feedback on AI outputs, from the thumb to the fix."""


@main.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8700, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
def serve_command(host: str, port: int) -> None:
    """Answer requests and work the jobs, until SIGTERM or Ctrl-C."""
    from heedback_service.serving import PortBusyError, serve

    try:
        serve(_settings(), host, port)
    except PortBusyError as error:
        _fail(str(error))


@main.command("worker")
@click.option("--once", is_flag=True, help="Stop when nothing is left to do.")
def worker_command(once: bool) -> None:
    """Work the jobs without answering requests: triage, digests, mail, purge."""
    from heedback_service.serving import work

    if failed := work(_settings(), once=once):
        _fail(f"could not {', nor '.join(failed)}; the lines above say why")


@main.command("migrate")
def migrate_command() -> None:
    """Bring the database up to date."""
    done = migrate(_settings().database_url)
    click.echo("The database is up to date now." if done else "The database was up to date.")


@main.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def backup_command(file: Path, force: bool) -> None:
    """Copy the SQLite database to FILE, also while the service writes to it."""
    from heedback_service.store.backup import Refused, back_up

    try:
        done = back_up(_settings().database_url, file, force=force)
    except (OSError, sqlite3.Error) as error:
        _fail(f"cannot back up to {file}: {error}")
    if isinstance(done, Refused):
        _fail(done.why)
    click.echo(f"{file}: {done.size:,} bytes")


@main.command("settings")
def settings_command() -> None:
    """Print the settings in force; secrets are left out."""
    settings = _settings()
    for field in fields(Settings):
        value = getattr(settings, field.name)
        shown = "(set)" if value and field.name in _SECRET else value
        click.echo(f"HEEDBACK_SERVER_{field.name.upper()}={'' if shown is None else shown}")


@main.group("project")
def project_group() -> None:
    """Host applications."""


@project_group.command("create")
@click.argument("slug")
@click.option("--name", help="As people call it; by default the slug.")
@click.option("--timezone", default="UTC", show_default=True, help="Days and weeks are cut there: Europe/Oslo.")
@_retention(default=400, show_default=True)
@_as_json
def project_create(slug: str, name: str | None, timezone: str, retention_days: int, as_json: bool) -> None:
    """Make a project, its first key and its user key. Both keys are shown this once."""
    with _writing(create=True) as session:
        made = projects.create_project(session, slug, name or slug, timezone, datetime.now(UTC), retention_days)
        if isinstance(made, Refused):
            _fail(made.why)
        key = keys.make_key(session, made, datetime.now(UTC))
    user_key = projects.new_user_key()
    if as_json:
        click.echo(json.dumps({"project": slug, "key": key.text, "user_key": user_key}))
        return
    click.echo(f"Project {slug} is there. Give its app these; they are not shown again:\n")
    click.echo(f"HEEDBACK_KEY={key.text}\nHEEDBACK_USER_KEY={user_key}")


@project_group.command("set")
@_project_argument
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
        _fail("give --retention-days or --weight")
    named = dict(map(_weight, given))
    with _database(_settings()) as db:
        with db.write() as session:
            known = _project(session, project)
            if retention_days is not None and (refused := projects.set_retention(known, retention_days)):
                _fail(refused.why)
            if named and (refused := projects.set_weights(session, known, named)):
                _fail(refused.why)
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
        _fail(f"{given!r} is no weight; give one such as severity=2")


def _listed(weights: Weights) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in asdict(weights).items())


def _rank(db: Database) -> bool:
    """Rank some of the items that are due; what others hold is left to the jobs."""
    with db.write() as session:
        return aging.reprioritise(session, datetime.now(UTC))


@project_group.command("origins")
@_project_argument
@click.argument("origins", nargs=-1, metavar="[ORIGIN]...")
@click.option("--none", "clear", is_flag=True, help="Let no page do so.")
def project_origins(project: str, origins: tuple[str, ...], clear: bool) -> None:
    """Let pages of these origins, and no others, post feedback straight from a browser.

    ORIGIN is one such as https://www.example.org. Without any, print those of the project.
    """
    if clear and origins:
        _fail("give origins or --none, not both")
    with _writing() as session:
        known = _project(session, project)
        if (clear or origins) and (refused := projects.set_origins(known, origins)):
            _fail(refused.why)
        for origin in known.origins or ():
            click.echo(origin)


@project_group.command("list")
def project_list() -> None:
    """The projects of this service."""
    with _reading() as session:
        for project in session.scalars(select(Project).order_by(Project.slug)):
            weights = Weights.of(project.weights)
            more = f"\tweighs {_listed(weights)}" if weights.as_json() else ""
            click.echo(f"{project.slug}\t{project.name}\t{project.timezone}\t{project.retention_days} days{more}")


@main.command("widget")
@click.option("--url", help="Where browsers reach the service; by default HEEDBACK_SERVER_PUBLIC_URL.")
def widget_command(url: str | None) -> None:
    """Print the lines by which a page loads the widget from here, with the digest that its file must have."""
    from heedback_widgets import files

    base = (url or _settings().public_url or "").rstrip("/")
    if not base:
        _fail("where do browsers reach the service? Give --url or HEEDBACK_SERVER_PUBLIC_URL")
    address = f"{base}/widget/{files.version()}/{files.ELEMENT}"
    click.echo(f'<script type="module" src="{address}" integrity="{files.integrity()}" crossorigin></script>')
    click.echo(f'<heedback-rating endpoint="{base}/v1/widget" ticket="…"></heedback-rating>')


@main.group("key")
def key_group() -> None:
    """Secret keys, by which apps send."""


@key_group.command("create")
@_project_argument
@click.option("--corrects", is_flag=True, help="It may also correct triage: for your own tools, not for apps.")
def key_create(project: str, corrects: bool) -> None:
    """Make another key and print it, this once. Old keys go on working until they are revoked."""
    with _writing() as session:
        key = keys.make_key(session, _project(session, project), datetime.now(UTC), corrects=corrects)
    click.echo(key.text)


@key_group.command("list")
@_project_argument
def key_list(project: str) -> None:
    """The keys of a project by their KID, when each was made, and whether it is revoked. Never the keys."""
    with _reading() as session:
        for key in keys.keys_of(session, _project(session, project)):
            more = "\tcorrects triage" if key.corrects else ""
            revoked = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "in use"
            click.echo(f"{key.kid}\t{key.created_at:%Y-%m-%d %H:%M} UTC\t{revoked}{more}")


@key_group.command("revoke")
@_project_argument
@click.argument("kid")
def key_revoke(project: str, kid: str) -> None:
    """Stop accepting a key. KID is the part after hb_sk_, as `key list` shows it."""
    with _writing() as session:
        if not keys.revoke_key(session, _project(session, project), kid, datetime.now(UTC)):
            _fail(f"project {project} has no living key {kid}")
    click.echo(f"Key {kid} opens nothing any more.")


@main.group("user")
def user_group() -> None:
    """People who sign in."""


@user_group.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--project", required=True, help="The project to give them a place in.")
@click.option("--role", type=click.Choice(["owner", "maintainer"]), default="maintainer", show_default=True)
@click.option("--password", is_flag=True, help="Ask for a password; without one they sign in by link.")
def user_add(email: str, name: str, project: str, role: Any, password: bool) -> None:
    """Give a person a place in a project, and an account if they have none."""
    from heedback_service.flow import accounts

    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    with _writing() as session:
        place = _project(session, project)
        account = accounts.find_account(session, email)
        if account is None:
            made = accounts.create_account(session, email, name, datetime.now(UTC), new_id, secret)
            if isinstance(made, Refused):
                _fail(made.why)
            account = made
        accounts.add_member(session, place.id, account.id, role)
    click.echo(f"{account.email} is {role} of {project}.")


@user_group.command("link")
@click.argument("email")
@click.option("--url", help="Where the pages are; by default HEEDBACK_SERVER_PUBLIC_URL.")
def user_link(email: str, url: str | None) -> None:
    """Print a link that signs this person in, once, within a day."""
    from heedback_service.flow import accounts

    settings = _settings()
    base = (url or settings.public_url or "").rstrip("/")
    with _writing(settings) as session:
        account = accounts.find_account(session, email)
        if account is None:
            _fail(f"nobody has an account as {email}")
        secret = accounts.make_link(session, account.id, datetime.now(UTC))
    if not base:
        click.echo("Put the address of the pages before it, or give --url or HEEDBACK_SERVER_PUBLIC_URL.", err=True)
    click.echo(f"{base}/signin/link/{secret}")


@main.command("digest")
@_project_argument
@click.option("--period", help="An ISO week such as 2026-W47; by default the last complete one.")
@_as_json
def digest_command(project: str, period: str | None, as_json: bool) -> None:
    """Write the digest of a week, unless it is written, and print it."""
    from heedback_service.flow.digest_now import digest_now

    settings = _settings()
    with _database(settings) as db:
        with db.read() as session:
            known = _project(session, project)
        made = digest_now(db, settings, known, period, datetime.now(UTC))
        if isinstance(made, Refused):
            _fail(made.why)
    if as_json:
        path = f"/p/{project}/digests/{made.period}"
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


@main.command("triage")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", required=True, metavar="COLUMN", help="What people said.")
@click.option("--feature", metavar="COLUMN", help="What they said it about: rows of two features are never grouped.")
@click.option("--time", metavar="COLUMN", help="When: ISO 8601, or seconds since 1970. Else the rows came in order.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where the rows go.")
def triage_command(file: Path, text: str, feature: str | None, time: str | None, out: Path) -> None:
    """Group and classify the texts of FILE, without a service and without a database.

    FILE and --out are CSV with a header, or JSON Lines if the name ends in .jsonl. The rows keep their columns and get
    item, theme, title, reason, reason_confidence, severity, spam and candidates: up to five earlier rows like it, with
    how near they are. A column of the file that has one of these names becomes input_NAME.
    """
    from heedback_service.flow import offline, spreadsheet

    columns = offline.Columns(text, feature, time)
    try:
        sheet = spreadsheet.read(file, columns.named())
        done = offline.sort_out(sheet, columns, _progress)
        for bad in done.bad[:_SHOWN]:
            click.echo(f"line {bad.line} is left out: {bad.why}", err=True)
        if len(done.bad) > _SHOWN:
            click.echo(f"and so are {len(done.bad) - _SHOWN} more", err=True)
        if not done.rows:
            _fail(f"{file} has no row that can be read")
        spreadsheet.write(out, (*offline.own_columns(sheet.columns), *offline.ADDED), done.rows)
    except (OSError, spreadsheet.UnfitFileError) as error:
        _fail(str(error))
    for line in offline.summary(done, _SHOWN):
        click.echo(line)
    click.echo(f"\nThe rows are in {out}.")


def _progress(doing: str) -> None:
    """A line that is written over, on a terminal and nowhere else."""
    if sys.stderr.isatty():
        click.echo(f"\r{'':60}\r{doing}", err=True, nl=False)


@main.command("export")
@_project_argument
def export_command(project: str) -> None:
    """Print everything that is stored about outputs and feedback, a line of JSON each."""
    with _reading() as session:
        for line in exported(session, _project(session, project).id):
            click.echo(json.dumps(line, ensure_ascii=False))


@main.command("purge")
@_project_argument_or_all
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
def purge_command(project: str | None, dry_run: bool) -> None:
    """Remove what is past its time now, and say how much of what; the jobs do so every hour."""
    now = datetime.now(UTC)
    with _database(_settings()) as db:
        with db.read() as session:
            chosen = _chosen(session, project)
        for each in chosen:
            with db.read() as session:
                gone = purge.due(session, each, now) if dry_run else Counter[str]()
            while not dry_run and (step := _purged(db, each, now)) is not None:
                gone += step
            told = ", ".join(f"{gone[kind]} {kind}" for kind in purge.KINDS if gone[kind]) or "nothing"
            click.echo(f"{each.slug}: {told} {'would go' if dry_run else 'went'}")


def _purged(db: Database, project: Project, now: datetime) -> Counter[str] | None:
    with db.write() as session:
        return purge.purge_step(session, project.id, now)


@main.group("feedback")
def feedback_group() -> None:
    """Single pieces of feedback."""


@feedback_group.command("spam")
@_project_argument
@click.argument("feedback_id", metavar="ID", type=click.UUID)
def feedback_spam(project: str, feedback_id: UUID) -> None:
    """Set feedback aside: it is kept, shown as spam, and counts nowhere."""
    _decide_spam(project, feedback_id, is_spam=True)
    click.echo("It is set aside and counts nowhere.")


@feedback_group.command("not-spam")
@_project_argument
@click.argument("feedback_id", metavar="ID", type=click.UUID)
def feedback_not_spam(project: str, feedback_id: UUID) -> None:
    """Count feedback again that was set aside; no rule sets it aside once more."""
    _decide_spam(project, feedback_id, is_spam=False)
    click.echo("It counts, and no rule sets it aside again.")


def _decide_spam(project: str, feedback_id: UUID, *, is_spam: bool) -> None:
    with _writing() as session:
        chosen = _project(session, project)
        if not spam.decide(session, chosen.id, feedback_id, is_spam=is_spam, now=datetime.now(UTC)):
            _fail(f"project {project} has no feedback {feedback_id}")


@main.command("replay")
@_project_argument
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--at", type=click.FloatRange(0.5, 1.0), help="With --dry-run: as if reports joined at this nearness.")
def replay_command(project: str, dry_run: bool, at: float | None) -> None:
    """Group a project's history by today's rules and what it has learnt; what people decided stays as it is."""
    if at is not None and not dry_run:
        _fail("--at only tries a nearness: give --dry-run too; projects learn theirs from corrections")
    with _database(_settings()) as db:
        with db.read() as session:
            its = _project(session, project)
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


@main.group("rollup")
def rollup_group() -> None:
    """Counts by day and slice."""


@rollup_group.command("verify")
@_project_argument_or_all
def rollup_verify(project: str | None) -> None:
    """Count again from the rows and compare; exits 1 when a count differs.

    Days from which rows have been purged are left out: their counts are all that is left.
    """
    with _reading() as session:
        chosen = _chosen(session, project)
        checks = (rollup.differences, placement.differences)
        wrong = [f"{each.slug}: {line}" for each in chosen for check in checks for line in check(session, each.id)]
        days = sum(_days_counted(session, each) for each in chosen)
    click.echo(f"Compared: {len(chosen)} projects, {days} days with something in them.", err=True)
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        _fail(f"{len(wrong)} counts differ from the rows")
    click.echo("Every count agrees with the rows.")
    for each in chosen:
        if each.purged_before:
            click.echo(f"{each.slug}: days before {each.purged_before} are purged and were not compared.")


def _days_counted(session: Session, project: Project) -> int:
    days = select(func.count(RollupDay.day.distinct())).where(RollupDay.project_id == project.id)
    return session.scalars(days.where(RollupDay.day >= (project.purged_before or date.min))).one()


@contextmanager
def _writing(settings: Settings | None = None, *, create: bool = False) -> Iterator[Session]:
    with _database(settings or _settings(), create=create) as db, db.write() as session:
        yield session


@contextmanager
def _reading() -> Iterator[Session]:
    with _database(_settings()) as db, db.read() as session:
        yield session


@contextmanager
def _database(settings: Settings, *, create: bool = False) -> Iterator[Database]:
    # A database where nobody asked for one would hide that the folder is the wrong one.
    db = open_database(settings.database_url, create=create)
    try:
        yield db
    finally:
        db.dispose()


def _settings() -> Settings:
    try:
        return read_settings()
    except SettingsError as error:
        _fail(str(error))


def _project(session: Session, slug: str) -> Project:
    project = session.scalar(select(Project).where(Project.slug == slug))
    if project is None:
        _fail(f"there is no project {slug}; `heedback project list` names them")
    return project


def _chosen(session: Session, slug: str | None) -> list[Project]:
    everyone = select(Project).order_by(Project.id)
    return [_project(session, slug)] if slug else list(session.scalars(everyone))


def _fail(why: str) -> NoReturn:
    raise click.ClickException(why)


if __name__ == "__main__":
    main()
