"""The command line: what it says when it can't, and what it never says."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from heedback_service import entry, serving
from heedback_service.cli import main
from heedback_service.core.ids import new_id
from heedback_service.flow import accounts, digest
from heedback_service.flow.deliver import ATTEMPTS
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.migrate import HEAD
from heedback_service.store.tables import Account, AccountSession, Item, Project
from heedback_widgets import files
from mailbox_server import free_port
from postgres_server import Postgres
from support import heard

Run = Callable[..., Result]
NO_FEEDBACK = "00000000-0000-7000-8000-000000000001"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path, logging_as_before: None) -> Run:
    """The command in this process, on a data folder with the project acme in it."""
    monkeypatch.setenv("HEEDBACK_SERVER_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(sqlite_template, tmp_path / "data" / "heedback.db")

    def run(*words: str, **more: str) -> Result:
        return CliRunner().invoke(main, words, env=more)

    assert run("project", "create", "acme").exit_code == 0
    return run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["project", "create", "acme"], "project acme exists already"),
        (["project", "create", "Acme Books"], "is not a slug"),
        (["project", "create", "b", "--timezone", "Mars/Olympus"], "is not a time zone"),
        (["project", "create", "b", "--retention-days", "7"], "retention is 30 to 3650 days, not 7"),
        (["project", "set", "acme", "--retention-days", "9999"], "retention is 30 to 3650 days, not 9999"),
        (["project", "set", "acme"], "give --retention-days or --weight"),
        (["project", "set", "acme", "--weight", "severity"], "'severity' is no weight; give one such as severity=2"),
        (["project", "set", "acme", "--weight", "mood=2"], "'mood' is no factor of priority"),
        (["project", "set", "acme", "--retention-days", "30", "--weight", "trend=4"], "a weight is 0 to 3, not 4"),
        (["project", "origins", "acme", "https://acme.example/shop"], "'https://acme.example/shop' is no origin"),
        (["project", "origins", "acme", "*"], "'*' is no origin as browsers send it"),
        (["project", "origins", "acme", "https://bücher.example"], "is no origin as browsers send it"),
        (["project", "origins", "acme", "--none", "https://acme.example"], "not both"),
        (["project", "origins", "nobody"], "there is no project nobody"),
        (["widget"], "Give --url or HEEDBACK_SERVER_PUBLIC_URL"),
        (["purge", "nobody"], "there is no project nobody"),
        (["export", "nobody"], "there is no project nobody"),
        (["replay", "nobody"], "there is no project nobody"),
        (["replay", "acme", "--at", "0.9"], "--at only tries a nearness"),
        (["key", "revoke", "acme", "abc"], "no living key abc"),
        (["feedback", "spam", "acme", NO_FEEDBACK], f"project acme has no feedback {NO_FEEDBACK}"),
        (["feedback", "not-spam", "nobody", NO_FEEDBACK], "there is no project nobody"),
        (["user", "link", "nobody@example.org"], "nobody has an account"),
        (["user", "add", "nonsense", "--name", "N", "--project", "acme"], "not an e-mail address"),
        (["digest", "acme", "--period", "2026-13"], "is no week"),
        (["digest", "acme", "--period", "2026-W99"], "'2026-W99' is no week"),
        (["key", "list", "nobody"], "there is no project nobody"),
        (["digest", "acme", "--period", "2099-W01"], "is not over yet"),
    ],
)
def test_a_command_that_cannot_be_done_says_why_in_a_line(run: Run, words: list[str], says: str) -> None:
    done = run(*words)
    assert done.exit_code == 1
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_verifying_finds_a_refcount_of_nobody(run: Run, tmp_path: Path) -> None:
    done = run("rollup", "verify")
    assert (done.stdout, done.stderr) == ("Every count agrees with the rows.\n", NOTHING_COMPARED)
    file = sqlite3.connect(tmp_path / "data" / "heedback.db")
    with closing(file), file:
        file.execute("INSERT INTO item_person (project_id, item_id, person, n) VALUES (1, ?, 'bob', 1)", ["0" * 32])
    done = run("rollup", "verify", "acme")
    assert done.exit_code == 1
    assert "person bob: the rows say 0, the item says 1" in done.stderr


def test_a_bad_setting_stops_every_command(run: Run) -> None:
    done = run("serve", HEEDBACK_SERVER_SMTP_URL="http://mail")
    assert (done.exit_code, "HEEDBACK_SERVER_SMTP_URL" in done.stderr) == (1, True)


def test_an_address_that_is_not_ours_is_one_line(run: Run) -> None:
    done = run("serve", "--host", "2001:db8::1", "--port", "8700")  # RFC 3849: nobody's
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: cannot listen on [2001:db8::1]:8700: ")


def test_an_address_has_to_be_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "serve", lambda *_: None)
    done = run("serve", "--host", "")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: --host names no address to listen on; 0.0.0.0 stands for all\n",
    )


def test_settings_shows_what_is_in_force_and_no_secret(run: Run) -> None:
    shown = run(
        "settings",
        HEEDBACK_SERVER_SECRET_KEY="s" * 40,
        HEEDBACK_SERVER_SETTLE_SECONDS="7",
        HEEDBACK_SERVER_LLM_KEY="ssss",
    ).stdout
    assert "HEEDBACK_SERVER_SETTLE_SECONDS=7.0" in shown
    assert "sss" not in shown


@pytest.mark.skipif(sys.platform != "linux", reason="takes Linux to have a device that is always full")
@pytest.mark.parametrize("words", ["settings", "export acme", "project list", "rollup verify", "--help"])
def test_an_output_that_takes_nothing_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    db = Database(f"sqlite:///{tmp_path / 'data' / 'heedback.db'}")
    now = datetime.now(UTC)
    shown = {"type": "output", "id": new_id(), "feature": "summary", "occurred_at": now}
    with db.write() as session:
        take(session, session.scalars(select(Project)).one(), Batch(now, [shown]), now, new_id)
    db.dispose()
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(words.split())  # and nothing is left that closing the file would try to write
    *_, said = capsys.readouterr().err.splitlines()
    assert (ended.value.code, said) == (1, "Error: cannot write the output: No space left on device")


def test_without_an_output_nothing_is_done(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run("key", "list", "acme").stdout
    closed = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    closed.close()
    with Path(os.devnull).open(encoding="utf-8") as for_reading:
        for stdout, why in ((None, "it is closed"), (closed, "it is closed"), (for_reading, "Bad file descriptor")):
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stdout", stdout)
                with pytest.raises(SystemExit, match="1"):
                    main(["key", "create", "acme"])
            assert capsys.readouterr().err == f"Error: cannot write the output: {why}\n"
    assert run("key", "list", "acme").stdout == before


def test_another_error_is_not_taken_for_one_of_the_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(serving, "serve", serve)
    with pytest.raises(OSError, match="Too many open files"):
        main(["serve"])


def test_a_database_with_a_name_that_is_too_long_is_one_line(run: Run) -> None:
    file = f"/{'x' * 300}"
    done = run("migrate", HEEDBACK_SERVER_DATABASE_URL=f"sqlite:///{file}")
    assert (done.exit_code, done.stderr) == (1, f"Error: cannot use the database {file}: File name too long\n")


def test_mail_that_cannot_be_delivered_is_told_by_the_exit_status(run: Run) -> None:
    away = {"HEEDBACK_SERVER_SMTP_URL": f"smtp://127.0.0.1:{free_port()}"}
    week = datetime.now(UTC) - timedelta(days=7)
    period = f"{week:%G-W%V}"
    for name in ("ana", "bob"):
        assert run("user", "add", f"{name}@example.org", "--name", name, "--project", "acme").exit_code == 0
    done = run("digest", "acme", "--json", **away)
    assert (done.exit_code, json.loads(done.stdout)["period"]) == (1, period)
    *lines, said = done.stderr.splitlines()
    assert said == f"Error: 2 of 2 mails could not be delivered; the foot of /p/acme/digests/{period} says why"
    assert len([line for line in lines if "digest not delivered: ConnectionRefusedError" in line]) == 2
    assert "example.org" not in done.stderr
    again = run("digest", "acme")
    assert (again.exit_code, again.stderr) == (1, f"{said}\n")  # it waits for its next turn


def test_a_worker_that_cannot_deliver_mail_says_so_at_its_end(run: Run, tmp_path: Path) -> None:
    assert run("user", "add", "ana@example.org", "--name", "Ana", "--project", "acme").exit_code == 0
    db = Database(f"sqlite:///{tmp_path / 'data' / 'heedback.db'}")
    now = datetime.now(UTC)
    with db.write() as session:
        digest.plan(session, session.scalars(select(Project)).one(), f"{now - timedelta(days=7):%G-W%V}", now)
    db.dispose()
    done = run("worker", "--once", HEEDBACK_SERVER_SMTP_URL=f"smtp://127.0.0.1:{free_port()}")
    assert done.exit_code == 1
    line, said = done.stderr.splitlines()
    assert "digest not delivered: ConnectionRefusedError; trying again in 0:02:00 project=acme" in line
    assert said == "Error: could not deliver digests; the lines above say why"


def test_a_worker_that_gives_a_mail_up_says_so_at_its_end(run: Run, tmp_path: Path) -> None:
    assert run("user", "add", "ana@example.org", "--name", "Ana", "--project", "acme").exit_code == 0
    assert run("digest", "acme").exit_code == 0
    file = sqlite3.connect(tmp_path / "data" / "heedback.db")
    with closing(file), file:
        file.execute(
            "UPDATE deliveries SET state = 'claimed', attempts = ?, lease_until = '2020-01-01 00:00:00'", [ATTEMPTS]
        )
    done = run("worker", "--once")
    assert done.exit_code == 1
    line, said = done.stderr.splitlines()
    assert "digest not delivered: every sender ended before it was done" in line
    assert said == "Error: could not deliver digests; the lines above say why"
    assert run("worker", "--once").exit_code == 0


def test_keys_are_listed_by_what_revoking_asks_for_and_never_shown(run: Run) -> None:
    key = run("key", "create", "acme").stdout.strip()
    kid, secret = key.removeprefix("hb_sk_").split("_")
    listed = run("key", "list", "acme").stdout
    assert [line.split("\t")[2] for line in listed.splitlines()] == ["in use", "in use"]
    assert run("key", "revoke", "acme", kid).exit_code == 0
    listed = run("key", "list", "acme").stdout
    [revoked] = [line for line in listed.splitlines() if line.startswith(f"{kid}\t")]
    assert revoked.split("\t")[2].startswith("revoked 2")
    assert secret not in listed


def test_a_folder_that_cannot_be_used_is_told_by_the_name_of_its_setting(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("project", "list", HEEDBACK_SERVER_DATA=str(tmp_path / "file" / "data"))
    assert done.exit_code == 1
    assert done.stderr == f"Error: HEEDBACK_SERVER_DATA: {tmp_path / 'file'} is not a folder.\n"


def test_a_project_says_which_pages_may_post(run: Run) -> None:
    assert run("project", "origins", "acme").stdout == ""
    named = run("project", "origins", "acme", "https://www.acme.example:443", "http://127.0.0.1:8000")
    assert named.stdout == "http://127.0.0.1:8000\nhttps://www.acme.example\n"
    assert run("project", "origins", "acme").stdout == named.stdout
    assert run("project", "origins", "acme", "--none").stdout == ""
    assert run("project", "origins", "acme").stdout == ""


def test_the_lines_that_load_the_widget_name_its_digest(run: Run) -> None:
    style, script, element = run("widget", "--url", "https://feedback.example/").stdout.splitlines()
    base = f'"https://feedback.example/widget/{files.version()}'
    digest = files.integrity("heedback.css")
    assert style == f'<link rel="stylesheet" href={base}/heedback.css" integrity="{digest}" crossorigin>'
    told = f'src={base}/heedback.min.js" integrity="{files.integrity()}" crossorigin'
    assert script == f'<script type="module" {told}></script>'
    assert 'endpoint="https://feedback.example/v1/widget"' in element
    assert run("widget", HEEDBACK_SERVER_PUBLIC_URL="https://feedback.example").stdout.splitlines()[1] == script


def test_a_person_gets_a_place_and_a_link(run: Run) -> None:
    added = run("user", "add", "Ana@example.org", "--name", "Ana", "--project", "acme", "--role", "owner")
    assert added.stdout == "ana@example.org is owner of acme.\n"
    bare = run("user", "link", "ana@example.org")
    assert (bare.exit_code, bare.stdout.startswith("/signin/link/")) == (0, True)
    assert "--url or HEEDBACK_SERVER_PUBLIC_URL" in bare.stderr
    assert len(bare.stderr.splitlines()) == 1
    link = run("user", "link", "ana@example.org", "--url", "http://127.0.0.1:8700/").stdout
    assert link.startswith("http://127.0.0.1:8700/signin/link/")


def test_without_the_service_s_packages_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "heedback_service.cli")
    with pytest.raises(SystemExit) as said:
        entry.main()
    assert str(said.value) == "heedback: the service needs click; install it with: pip install 'heedback[service]'"


def test_what_a_replay_would_change_is_told_before_it_is_done(run: Run, tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'data' / 'heedback.db'}")
    now = datetime.now(UTC)
    shown = {"type": "output", "id": new_id(), "feature": "summary", "occurred_at": now}
    common = {"type": "feedback", "source": "end_user", "feature": "summary", "occurred_at": now, "flag": True}
    said = [
        common | {"id": new_id(), "output_id": shown["id"], "user": user, "comment": comment}
        for user, comment in (("a", "The total leaves out the VAT"), ("b", "the total leavs out the VAT!!"))
    ]
    with db.write() as session:
        project = session.scalars(select(Project)).one()
        take(session, project, Batch(now, [shown, *said]), now, new_id)
    while triage_step(db, datetime.now(UTC), new_id=new_id):
        pass
    tried = run("replay", "acme", "--dry-run", "--at", "1.0").stdout.splitlines()
    assert tried == [
        "summary: 2 reports, of which 1 change places; 0 items join others, 1 split, 0 that people decided about stay",
        "  #1: 1 of 2 reports to a new item",
    ]
    with db.write() as session:
        session.execute(update(Project).values(join_at=1.0))
    assert run("replay", "acme").stdout.splitlines() == [*tried, "Done: 1 of 1 changes."]
    assert run("replay", "acme", "--dry-run").stdout.startswith("summary: 2 reports, of which 0 change places;")
    assert run("rollup", "verify").exit_code == 0
    db.dispose()


def test_what_a_purge_would_do_is_told_before_it_is_done(run: Run, tmp_path: Path) -> None:
    """On a clock that cannot be set, an output of 50 days ago is past a retention of 30."""
    db = Database(f"sqlite:///{tmp_path / 'data' / 'heedback.db'}")
    now = datetime.now(UTC)
    shown = {"type": "output", "id": new_id(), "feature": "summary", "occurred_at": now - timedelta(days=50)}
    with db.write() as session:
        project = session.scalars(select(Project)).one()
        take(session, project, Batch(now, [{**shown, "output": "text", "user": "u-1"}]), now, new_id)
    db.dispose()
    assert run("purge").stdout == "acme: nothing went\nSign-ins: nothing went\n"
    assert run("project", "set", "acme", "--retention-days", "30").stdout.endswith("for 30 days.\n")
    assert run("project", "list").stdout == "acme\tacme\tUTC\t30 days\n"
    assert run("purge", "--dry-run", "acme").stdout == "acme: 1 texts, 1 outputs, 1 person days would go\n"
    assert run("purge", "acme").stdout == "acme: 1 texts, 1 outputs, 1 person days went\n"
    assert run("purge", "--dry-run").stdout == "acme: nothing would go\nSign-ins: nothing would go\n"
    verified = run("rollup", "verify").stdout.splitlines()
    firsts = {(moment - timedelta(days=30)).date() for moment in (now, datetime.now(UTC))}  # two around midnight
    assert verified in [
        ["Every count agrees with the rows.", f"acme: days before {first} are purged and were not compared."]
        for first in firsts
    ]


def test_a_purge_of_all_projects_takes_expired_sign_ins_along(run: Run, tmp_path: Path) -> None:
    assert run("user", "add", "ana@example.org", "--name", "Ana", "--project", "acme").exit_code == 0
    db = Database(f"sqlite:///{tmp_path / 'data' / 'heedback.db'}")
    long_ago = datetime.now(UTC) - timedelta(days=30)
    with db.write() as session:
        ana = session.scalars(select(Account)).one().id
        accounts.open_session(session, ana, datetime.now(UTC))
        accounts.open_session(session, ana, long_ago)
        accounts.make_link(session, ana, long_ago)
    gone = "1 sessions, 1 sign-in links"
    assert run("purge", "acme").stdout == "acme: nothing went\n"
    assert run("purge", "--dry-run").stdout == f"acme: nothing would go\nSign-ins: {gone} would go\n"
    assert run("purge").stdout == f"acme: nothing went\nSign-ins: {gone} went\n"
    with db.read() as session:
        assert [kept.kind for kept in session.scalars(select(AccountSession))] == ["session"]  # the living one
    db.dispose()


def test_weights_are_set_at_once_with_what_is_open_and_shown_in_the_list(run: Run, tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'data' / 'heedback.db'}")
    now = datetime.now(UTC)
    said = {"type": "feedback", "id": new_id(), "feature": "summary", "trace_id": "t", "occurred_at": now}
    with db.write() as session:
        project = session.scalars(select(Project)).one()
        down = {"rating": {"value": 0, "scale": "thumbs"}, "reasons": ["incorrect"], "source": "end_user"}
        take(session, project, Batch(now, [{**said, **down, "user": "u-1"}]), now, new_id)
    while triage_step(db, now, new_id=new_id):
        pass
    assert run("project", "list").stdout == "acme\tacme\tUTC\t400 days\n"
    done = run("project", "set", "acme", "--weight", "severity=2", "--weight", "trend=0")
    assert done.stdout == "Project acme weighs people 1, severity 2, trend 0, freshness 1.\n"
    assert run("project", "list").stdout == (
        "acme\tacme\tUTC\t400 days\tweighs people 1, severity 2, trend 0, freshness 1\n"
    )
    with db.read() as session:
        item = session.scalars(select(Item)).one()
    assert (item.priority, item.factors["weights"]) == (50, {"severity": 2.0, "trend": 0.0})  # 1 × 2² × 1: half way
    db.dispose()


NOTHING_COMPARED = "Compared: 1 projects, 0 days with something in them.\n"
NEWER = f"the database is that of a newer Heedback (9999; this one knows {HEAD}): install that one again"


@pytest.mark.parametrize("words", ["serve --port 0", "worker --once", "migrate", "purge", "project list"])
def test_the_file_of_a_newer_version_is_one_line(run: Run, tmp_path: Path, words: str) -> None:
    file = sqlite3.connect(tmp_path / "data" / "heedback.db")
    with closing(file), file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    done = run(*words.split())
    assert (done.exit_code, done.stderr) == (1, f"Error: {NEWER}\n")


@pytest.mark.parametrize(
    "words",
    ["project create b", "project list", "serve --port 0", "worker --once", "purge", "rollup verify", "export acme"],
)
def test_postgresql_that_is_not_migrated_is_one_line_that_says_what_to_do(
    run: Run, postgres: Postgres, words: str
) -> None:
    with postgres.fresh(migrated=False) as url:
        done = run(*words.split(), HEEDBACK_SERVER_DATABASE_URL=url)
        assert (done.exit_code, done.stderr) == (1, "Error: the database is not migrated; run `heedback migrate`\n")


def test_postgresql_serves_the_commands_once_it_is_migrated(run: Run, postgres: Postgres) -> None:
    with postgres.fresh(migrated=False) as url:
        assert run("migrate", HEEDBACK_SERVER_DATABASE_URL=url).stdout == "The database is up to date now.\n"
        assert run("project", "create", "b", HEEDBACK_SERVER_DATABASE_URL=url).exit_code == 0
        assert run("project", "list", HEEDBACK_SERVER_DATABASE_URL=url).stdout.startswith("b\t")


@pytest.mark.parametrize(
    "words",
    ["project list", "key create acme", "user link a@b.c", "purge", "rollup verify", "export acme", "digest acme"],
)
def test_a_missing_file_is_named_and_not_made(run: Run, tmp_path: Path, words: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    done = run(*words.split(), HEEDBACK_SERVER_DATA=str(elsewhere))
    missing = elsewhere / "heedback.db"
    says = f"Error: there is no database {missing}; is HEEDBACK_SERVER_DATA the right folder?\n"
    assert (done.exit_code, done.stderr, missing.exists()) == (1, says, False)


def test_migrate_makes_a_file_that_only_its_owner_reads(run: Run, tmp_path: Path) -> None:
    assert run("migrate", HEEDBACK_SERVER_DATA=str(tmp_path / "new")).exit_code == 0
    assert stat.S_IMODE((tmp_path / "new" / "heedback.db").stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_one_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "data" / "heedback.db"
    file.write_text("no database at all, but long enough to be looked at " * 50)
    done = run("export", "acme")
    assert (done.exit_code, done.stderr) == (1, f"Error: cannot use the database {file}: file is not a database\n")


def test_a_file_is_triaged_without_a_service(run: Run, tmp_path: Path) -> None:
    said, out = tmp_path / "said.csv", tmp_path / "out.csv"
    said.write_text("text,app\nThe total is wrong,a\nthe totl is wrong!,a\nodd\nIt never loads,b\n")
    done = run("triage", str(said), "--text", "text", "--feature", "app", "--out", str(out))
    assert (done.exit_code, done.stderr) == (0, "line 4 is left out: 1 cells under 2 columns\n")
    assert done.stdout.startswith("3 rows: 2 items, 1 theme, 1 line left out.\n")
    assert [row["item"] for row in csv.DictReader(out.read_text().splitlines())] == ["1", "1", "2"]


def test_a_pipe_gets_the_rows_and_stderr_what_came_of_them(run: Run, tmp_path: Path) -> None:
    said, pipe = tmp_path / "said.csv", tmp_path / "pipe"
    said.write_text("text\nThe total is wrong\nthe totl is wrong!\n")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so few rows wait in the pipe
    try:
        done = run("triage", str(said), "--text", "text", "--out", str(pipe))
        rows = os.read(reader, 65536).decode()
    finally:
        os.close(reader)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("2 rows: 1 item")
    assert [row["item"] for row in csv.DictReader(rows.splitlines())] == ["1", "1"]


def test_a_file_is_triaged_in_its_own_encoding(run: Run, tmp_path: Path) -> None:
    said, out = tmp_path / "said.csv", tmp_path / "out.csv"
    said.write_bytes("text\nDet er bare tøys\n".encode("latin-1"))
    assert run("triage", str(said), "--text", "text", "--encoding", "latin-1", "--out", str(out)).exit_code == 0
    assert "Det er bare tøys" in out.read_text("utf-8")


def test_a_folder_that_is_not_there_is_told_by_its_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "said.csv").write_text("text\n1\n")
    done = run("triage", str(tmp_path / "said.csv"), "--text", "text", "--out", str(tmp_path / "none" / "out.csv"))
    assert (done.exit_code, done.stderr) == (1, f"Error: there is no folder {tmp_path / 'none'} for out.csv\n")


def test_on_a_terminal_what_is_being_done_is_gone_before_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = tmp_path / "said.csv"
    said.write_text("text\nThe total is wrong\nodd,one\n")
    ours, theirs = os.openpty()
    try:
        with open(theirs, "w", encoding="utf-8") as terminal:  # noqa: PTH123 - it has no name but a number
            monkeypatch.setattr(sys, "stderr", terminal)
            main(["triage", str(said), "--text", "text", "--out", str(tmp_path / "o.csv")], standalone_mode=False)
            shown = heard(ours, b"columns\r\n").decode()
    finally:
        os.close(ours)
    *_, doing, blank, told, end = shown.split("\r")  # a terminal writes \r\n for \n
    assert (doing, blank.strip(), len(blank) >= len(doing)) == ("Finding themes and candidates of 1 row", "", True)
    assert (told, end) == ("line 3 is left out: 2 cells under 1 columns", "\n")
    assert capsys.readouterr().out.startswith("1 row: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [("a\n1\n", "there is no column text; there is: a"), ("text,b\n1\n", "has no row that can be read")],
)
def test_a_file_that_cannot_be_triaged_says_why_and_writes_nothing(
    run: Run, tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "said.csv").write_text(content)
    done = run("triage", str(tmp_path / "said.csv"), "--text", "text", "--out", str(tmp_path / "out.csv"))
    assert (done.exit_code, says in done.stderr) == (1, True)
    assert not (tmp_path / "out.csv").exists()
