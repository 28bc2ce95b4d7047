"""What several commands share: the settings, the database, a project by its name, and an end in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from heedback_service.settings import Settings, SettingsError, read_settings
from heedback_service.store.db import Database
from heedback_service.store.file import hindrance
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import Project

project_argument = click.argument("project")
project_argument_or_all = click.argument("project", required=False)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")


@contextmanager
def writing(settings: Settings | None = None, *, create: bool = False) -> Iterator[Session]:
    with database(settings or settings_in_force(), create=create) as db, db.write() as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    with database(settings_in_force()) as db, db.read() as session:
        yield session


@contextmanager
def database(settings: Settings, *, create: bool = False) -> Iterator[Database]:
    # A database where nobody asked for one would hide that the folder is the wrong one.
    db = open_database(settings.database_url, create=create)
    try:
        yield db
    except DatabaseError:
        file = Path(db.url.database or "").absolute() if db.is_sqlite else None
        if file is not None and (why := hindrance(file)):
            fail(f"the database refused: {why}")
        raise
    finally:
        db.dispose()


def settings_in_force() -> Settings:
    try:
        return read_settings()
    except SettingsError as error:
        fail(str(error))


def the_project(session: Session, slug: str) -> Project:
    project = session.scalar(select(Project).where(Project.slug == slug))
    if project is None:
        fail(f"there is no project {slug}; `heedback project list` names them")
    return project


def chosen_projects(session: Session, slug: str | None) -> list[Project]:
    everyone = select(Project).order_by(Project.id)
    return [the_project(session, slug)] if slug else list(session.scalars(everyone))


def fail(why: str) -> NoReturn:
    raise click.ClickException(why)
