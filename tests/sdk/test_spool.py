"""The spool: what is put comes out once, in order, whatever happens between."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import heedback.memory
import heedback.spool
from heedback.lease import Lease, Spool, Told
from heedback.limits import BATCH_BYTES
from heedback.memory import MemorySpool
from heedback.place import default_path, file_system, set_aside
from heedback.refuge import open_spool
from heedback.spool import DEAD_SHARE, LEASE_SECONDS, FileSpool
from heedback.tables import HELD, PUT_ASIDE
from heedback.texts import KEPT_SECONDS
from processes import until

NOW = 1_000.0


class Warnings(list[str]):
    def __call__(self, kind: str, message: str) -> None:
        self.append(message)


@pytest.fixture(params=["file", "memory"])
def any_spool(request: pytest.FixtureRequest, spool: Path) -> Iterator[Spool]:
    made: Spool = FileSpool(str(spool)) if request.param == "file" else MemorySpool()
    yield made
    made.close()


@settings(max_examples=40)
@given(bodies=st.lists(st.text(min_size=1, max_size=50), max_size=30), count=st.integers(1, 7))
def test_round_trip(bodies: list[str], count: int) -> None:
    """Any texts come out as they went in, in order, each once, in leases of any size."""
    with tempfile.TemporaryDirectory() as folder:
        spool = FileSpool(f"{folder}/spool.db")
        for body in bodies:
            spool.put(event(body.encode(errors="replace").decode()), dear=True, redactor=1, at=NOW)
        out: list[str] = []
        while lease := spool.lease(count, NOW):
            out.extend(words(lease.bodies))
            spool.settle(lease, {}, NOW)
        spool.close()
    assert out == [body.encode(errors="replace").decode() for body in bodies]


class SpoolMachine(RuleBasedStateMachine):
    """Puts, leases, settlements, returns and lost senders in any order: nothing is lost, nothing is held by two."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.spool = FileSpool(f"{self.folder.name}/spool.db")
        self.now = NOW
        self.number = 0
        self.waiting: set[str] = set()
        self.delivered: list[str] = []
        self.held: list[Lease] = []

    @rule(dear=st.booleans())
    def put(self, dear: bool) -> None:
        self.number += 1
        self.spool.put(event(str(self.number)), dear=dear, redactor=1, at=NOW)
        self.waiting.add(str(self.number))

    @rule(count=st.integers(1, 3))
    def lease(self, count: int) -> None:
        lease = self.spool.lease(count, self.now)
        if lease is not None:
            taken = {body for other in self.held for body in words(other.bodies)}
            assert taken.isdisjoint(words(lease.bodies))
            self.held.append(lease)

    @precondition(lambda self: self.held)
    @rule()
    def settle(self) -> None:
        lease = self.held.pop(0)
        self.spool.settle(lease, {}, self.now)
        self.delivered.extend(words(lease.bodies))
        self.waiting.difference_update(words(lease.bodies))

    @precondition(lambda self: self.held)
    @rule()
    def give_back(self) -> None:
        self.spool.release(self.held.pop())

    @precondition(lambda self: self.held)
    @rule()
    def the_sender_hangs(self) -> None:
        self.held.clear()
        self.now += LEASE_SECONDS + 1

    @invariant()
    def nothing_is_lost_or_sent_twice(self) -> None:
        assert self.spool.facts()["pending"] == len(self.waiting)
        assert len(self.delivered) == len(set(self.delivered))

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=30, stateful_step_count=30)


def test_a_late_settlement_forgets_only_what_it_still_holds(any_spool: Spool) -> None:
    """A sender that hung past its lease must not delete what another now holds."""
    any_spool.put(event("a"), dear=True, redactor=1, at=NOW)
    first = any_spool.lease(1, NOW)
    assert first is not None
    if isinstance(any_spool, FileSpool):
        second = any_spool.lease(1, NOW + LEASE_SECONDS + 1)
        assert second is not None
        any_spool.settle(first, {}, NOW)
        assert any_spool.facts()["pending"] == 1
        any_spool.settle(second, {}, NOW)
    else:
        any_spool.settle(first, {}, NOW)
    assert any_spool.facts()["pending"] == 0


def test_a_batch_closes_by_bytes(any_spool: Spool) -> None:
    """The event that crosses the line is still in, the next is not."""
    for _ in range(4):
        any_spool.put(event("x" * (BATCH_BYTES // 2)), dear=True, redactor=1, at=NOW)
    first = any_spool.lease(100, NOW)
    assert first is not None
    assert len(first.bodies) == 2


def test_one_batch_one_redactor(any_spool: Spool) -> None:
    """The envelope declares one version of the rules: rows of another wait for the next batch."""
    for redactor in (1, 1, None, 1):
        any_spool.put(event("x"), dear=True, redactor=redactor, at=NOW)
    seen = []
    while lease := any_spool.lease(100, NOW):
        seen.append((lease.redactor, len(lease.bodies)))
        any_spool.settle(lease, {}, NOW)
    assert seen == [(1, 3), (None, 1)]


def test_the_rejected_are_kept_with_the_reasons(spool: Path) -> None:
    """A rejected event leaves the way of the others and stays for the developer to see."""
    made = FileSpool(str(spool))
    for body in ("good", "bad"):
        made.put(event(body), dear=True, redactor=1, at=NOW)
    lease = made.lease(10, NOW)
    assert lease is not None
    made.settle(lease, {1: '{"comment": ["no"]}'}, NOW)
    assert (made.facts()["pending"], made.facts()["dead"]) == (0, 1)
    made.close()
    rows = query(spool, "SELECT body, reasons FROM dead")
    assert rows == [(event("bad"), '{"comment": ["no"]}')]


# Columns are not of the kind they should be, or hold no event: at, dear, redactor, body.
NO_EVENTS = [
    (NOW, 1, 1, b"\xff\xfe no text"),
    (NOW, 1, 1, b"no json"),
    (NOW, 1, 1, b'{"n": "cut'),
    (NOW, 1, 1, 42),
    (NOW, 1, 1, b""),
    ("soon", 0, 1, b"[]"),
]


def test_a_row_that_holds_no_event_makes_way(spool: Path) -> None:
    """It is kept with the dead, counted and told; its neighbours are leased, and so are those of odd columns."""
    told: Counter[str] = Counter()
    made = FileSpool(str(spool), told=lambda reason, n: told.update({reason: n}))
    made.put(event("first"), True, 1, NOW)
    odd = [(NOW, "dear", "rules", event("odd").encode()), ("soon", 1, 1, event("soon"))]
    with contextlib.closing(sqlite3.connect(spool)) as db, db:
        db.executemany("INSERT INTO event (at, dear, redactor, body) VALUES (?, ?, ?, ?)", [*NO_EVENTS, *odd])
        db.execute("INSERT INTO dropped VALUES ('invalid', 'many')")
    made.put(event("last"), True, 1, NOW)
    leases = []
    while lease := made.lease(3, NOW):
        leases.append(lease)
        made.settle(lease, {}, NOW)
    redactors = {word: lease.redactor for lease in leases for word in words(lease.bodies)}
    assert redactors == {"first": 1, "odd": None, "soon": 1, "last": 1}
    assert told == {"unreadable": len(NO_EVENTS)}
    assert sum((Counter(lease.dropped) for lease in leases), Counter()) == told
    assert (made.facts()["pending"], made.facts()["dead"]) == (0, len(NO_EVENTS))
    made.close()
    assert query(spool, "SELECT reasons, CAST(body AS BLOB) FROM dead LIMIT 1") == [("unreadable", NO_EVENTS[0][3])]


def test_rows_that_hold_no_event_alone(spool: Path) -> None:
    """Nothing is left to send but what they are told by, with the next event."""
    made = FileSpool(str(spool))
    with contextlib.closing(sqlite3.connect(spool)) as db, db:
        db.executemany("INSERT INTO event (at, dear, redactor, body) VALUES (?, ?, ?, ?)", NO_EVENTS)
    assert made.lease(100, NOW) is None
    made.put(event("next"), True, 1, NOW)
    lease = made.lease(100, NOW)
    assert lease is not None
    assert (words(lease.bodies), lease.dropped) == (("next",), {"unreadable": len(NO_EVENTS)})
    made.close()


def test_the_oldest_of_the_dead_go_and_are_told(
    any_spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By number and by bytes: the newest stay, and what went is counted as any drop is."""
    for module in (heedback.spool, heedback.memory):
        monkeypatch.setattr(module, "KEPT_DEAD", 3)
    told: Counter[str] = Counter()
    count: Told = lambda reason, n: told.update({reason: n})  # noqa: E731
    small: Spool = (
        FileSpool(str(tmp_path / "small.db"), max_bytes=DEAD_SHARE * 200_000, told=count)
        if isinstance(any_spool, FileSpool)
        else MemorySpool(max_bytes=DEAD_SHARE * 200_000, told=count)
    )

    def reject(*rejected: str) -> Lease:
        for word in rejected:
            small.put(event(word), True, 1, NOW)
        lease = small.lease(10, NOW)
        assert lease is not None
        small.settle(lease, dict.fromkeys(range(len(rejected)), "no"), NOW)
        return lease

    reject("a", "b")
    assert reject("c", "d", "e").dropped == {}
    assert small.facts()["dead"] == 3
    assert reject("x" * 150_000).dropped == {"dead_full": 2}
    assert reject("y" * 150_000).dropped == {"dead_full": 1}
    assert small.facts()["dead"] == 1
    assert told == {"dead_full": 2 + 1 + 3}
    small.close()


def test_over_the_bound_outputs_go_first_and_are_told(any_spool: Spool, tmp_path: Path) -> None:
    """What people said outlives what was shown; how many went is told with the next batch, once."""
    kind = type(any_spool)
    small: Spool = (
        FileSpool(str(tmp_path / "small.db"), max_events=32) if kind is FileSpool else MemorySpool(max_events=32)
    )
    for number in range(20):
        small.put(event(f"rating {number}"), dear=True, redactor=1, at=NOW)
        small.put(event(f"output {number}"), dear=False, redactor=1, at=NOW)
    lease = small.lease(100, NOW)
    assert lease is not None
    ratings = [body for body in words(lease.bodies) if body.startswith("rating")]
    assert len(ratings) == 20
    assert len(lease.bodies) <= 32
    assert lease.dropped == {"spool_full": 40 - len(lease.bodies)}
    assert words(lease.bodies)[-1] == "output 19"
    small.settle(lease, {}, NOW)
    assert small.lease(1, NOW) is None
    small.close()


def test_over_the_bound_in_bytes(tmp_path: Path) -> None:
    """The file stays about as large as it may be, and the newest feedback is in it."""
    bound = 512 * 1024
    made = FileSpool(str(tmp_path / "small.db"), max_events=1600, max_bytes=bound)
    for number in range(600):
        made.put(event(f"{number:05}" + "x" * 4000), dear=True, redactor=1, at=NOW)
    assert made.facts()["bytes"] <= bound * 1.25
    with sqlite3.connect(made.path) as db:
        newest = db.execute("SELECT substr(body, 8, 5) FROM event ORDER BY seq DESC LIMIT 1").fetchone()[0]
    db.close()
    assert newest == b"00599"
    made.close()


def test_drops_return_when_the_batch_does(any_spool: Spool) -> None:
    """A batch that did not arrive has told nobody what was dropped."""
    any_spool.put(event("a"), dear=True, redactor=1, at=NOW)
    any_spool.drop("invalid", 2)
    lease = any_spool.lease(1, NOW)
    assert lease is not None
    any_spool.release(lease)
    again = any_spool.lease(1, NOW)
    assert again is not None
    assert again.dropped == {"invalid": 2}


def test_the_file_is_private(spool: Path) -> None:
    """Nobody else on the machine reads what people wrote: not the file, not its log, not its folder."""
    made = FileSpool(str(spool))
    made.put(event("a"), dear=True, redactor=1, at=NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in spool.parent.iterdir()}
    assert modes == {"spool.db": 0o600, "spool.db-wal": 0o600, "spool.db-shm": 0o600}
    assert stat.S_IMODE(spool.parent.stat().st_mode) == 0o700
    made.close()


def test_two_openings_share_one_file(spool: Path) -> None:
    """Several processes of a host write to one spool and never take the same row."""
    one, two = FileSpool(str(spool)), FileSpool(str(spool))
    for number in range(10):
        (one if number % 2 else two).put(event(str(number)), dear=True, redactor=1, at=NOW)
    first, second = one.lease(6, NOW), two.lease(6, NOW)
    assert first is not None
    assert second is not None
    assert sorted(words(first.bodies + second.bodies)) == [str(number) for number in range(10)]
    one.close()
    two.close()


def test_a_second_opening_in_a_process_takes_no_lock_from_the_first(spool: Path) -> None:
    """Another process that ends must not take itself for the last one, and the log away from under us."""
    one, two = FileSpool(str(spool)), FileSpool(str(spool))
    one.put(event("before"), dear=True, redactor=1, at=NOW)
    ends = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM event').fetchall()"
    subprocess.run([sys.executable, "-c", f"{ends}; db.close()", str(spool)], check=True)
    one.put(event("after"), dear=True, redactor=1, at=NOW)
    look = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM event').fetchone())"
    seen = subprocess.run([sys.executable, "-c", look, str(spool)], capture_output=True, text=True, check=True)
    assert seen.stdout == "2\n"
    one.close()
    two.close()


def test_a_corrupt_file_is_set_aside(spool: Path) -> None:
    """Not a database: kept under another name, a new spool begun, one warning."""
    spool.parent.mkdir()
    spool.write_bytes(b"this is no database" * 1000)
    said = Warnings()
    made = open_spool(str(spool), said)
    made.put(event("a"), dear=True, redactor=1, at=NOW)
    assert made.facts()["spool"] == "file"
    assert made.facts()["pending"] == 1
    assert len(said) == 1
    assert [path.name.startswith("spool.db.corrupt-") for path in spool.parent.glob("*corrupt*")] == [True]
    made.close()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("made", ["CREATE TABLE event (theirs)", "PRAGMA application_id = 7"])
def test_another_applications_database_is_left_as_it_is(spool: Path, made: str, mode: str) -> None:
    """Not a table, not a mode, not a byte is changed: events wait in memory, and one warning says what to do."""
    spool.parent.mkdir()
    with contextlib.closing(sqlite3.connect(spool)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute(made)
        db.commit()
    spool.chmod(0o644)
    before = spool.read_bytes()
    said = Warnings()
    kept = open_spool(str(spool), said)
    kept.put(event("a"), True, 1, NOW)
    kept._rest_until = 0.0  # type: ignore[attr-defined]  # half a minute later
    lease = kept.lease(1, NOW)
    assert lease is not None
    assert words(lease.bodies) == ("a",)
    assert (kept.facts()["spool"], kept.facts()["spool_path"]) == ("memory", str(spool))
    assert set(said) == {
        f"the spool {spool} cannot be written (it is another application's database, name another file): "
        "events wait in memory"
    }
    kept.close()
    assert (spool.read_bytes(), stat.S_IMODE(spool.stat().st_mode)) == (before, 0o644)
    assert list(spool.parent.iterdir()) == [spool]


def test_a_spool_of_before_the_mark_in_its_header_is_ours(spool: Path) -> None:
    """What an earlier version left is sent."""
    made = FileSpool(str(spool))
    made.put(event("a"), True, 1, NOW)
    made._writer.execute("PRAGMA application_id = 0")
    made.close()
    made = FileSpool(str(spool))
    assert made.facts()["pending"] == 1
    assert made._one("PRAGMA application_id") == int.from_bytes(b"heed")
    made.close()


def test_beside_a_spool_of_a_newer_version_is_another_file(spool: Path) -> None:
    """After a step back to an older version nothing is lost, and the newer one's file is as it was."""
    made = FileSpool(str(spool))
    made._writer.execute("PRAGMA user_version = 99")
    made.close()
    before, said = spool.read_bytes(), Warnings()
    for word in ("a", "b"):
        kept = open_spool(str(spool), said)
        kept.put(event(word), True, 1, NOW)
        assert kept.facts()["spool"] == "file"
        assert kept.facts()["spool_path"] == f"{spool}.format-2"
        kept.close()
    assert spool.read_bytes() == before
    assert said[0] == (
        f"the spool {spool} is of a newer version of heedback (format 99, this one knows 2): "
        f"events go to {spool}.format-2"
    )
    again = FileSpool(f"{spool}.format-2")
    assert [row and row[0] for _, row in again.rows()] == [event("a"), event("b")]
    again.close()


@pytest.mark.parametrize("where", ["/dev/null/spool.db", "/proc/heedback/spool.db"])
def test_where_nothing_can_be_written_memory_serves(where: str) -> None:
    """No folder can be made there: a bounded queue in memory, one warning, and facts that say so."""
    said = Warnings()
    made = open_spool(where, said)
    made.put(event("a"), dear=True, redactor=1, at=NOW)
    assert made.facts()["spool"] == "memory"
    lease = made.lease(1, NOW)
    assert lease is not None
    assert words(lease.bodies) == ("a",)
    assert len(said) == 1


def test_a_write_that_fails_flees_to_memory(spool: Path) -> None:
    """Another process holds the file: the event waits in memory, goes out from there, and is said once."""
    said = Warnings()
    made = open_spool(str(spool), said)
    made.put(event("before"), dear=True, redactor=1, at=NOW)
    blocker = sqlite3.connect(spool, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    made.put(event("meanwhile"), dear=True, redactor=1, at=NOW)
    made.put(event("and then"), dear=True, redactor=1, at=NOW)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert made.facts()["pending"] == 3
    assert made.facts()["spool"] == "memory"
    assert len(said) == 1
    until(lambda: made.lease(0, NOW) is None and made.facts()["spool"] == "file", 10)
    out: list[str] = []
    while lease := made.lease(10, NOW):
        out.extend(words(lease.bodies))
        made.settle(lease, {}, NOW)
    assert sorted(out) == ["and then", "before", "meanwhile"]
    made.close()


def test_what_waits_in_memory_is_rescued_when_the_process_ends(spool: Path) -> None:
    """As soon as the file takes it, though it had been told to rest; what the file does not take is counted."""
    made = open_spool(str(spool), Warnings())
    locked = sqlite3.connect(spool, isolation_level=None, check_same_thread=False)
    with contextlib.closing(locked) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        made.put(event("meanwhile"), dear=True, redactor=1, at=NOW)
        assert made.rescue() == 1
        timer = threading.Timer(0.6, blocker.execute, ["ROLLBACK"])
        timer.start()
        assert made.rescue(time.monotonic() + 30) == 0
        timer.join()
    made.close()
    again = FileSpool(str(spool))
    assert [row and row[0] for _, row in again.rows()] == [event("meanwhile")]
    again.close()


def test_the_end_waits_for_no_trouble_that_stays() -> None:
    """A folder that cannot be made is tried once more, no longer: no exit is delayed for it."""
    made = open_spool("/dev/null/spool.db", Warnings())
    made.put(event("lost"), dear=True, redactor=1, at=NOW)
    began = time.monotonic()
    assert made.rescue(began + 60) == 1
    assert time.monotonic() - began < 30


def test_projects_do_not_share_a_spool_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file for each service and key, in the user's own state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, two = default_path("https://a.example", "k1"), default_path("https://a.example", "k2")
    assert one != two
    assert Path(one).parent == tmp_path / "heedback"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As in a container whose user is nobody the system knows: no home, and no entry in the list of users."""
    for name in ("HOME", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"heedback-{os.getuid()}"


def test_who_has_no_home_has_a_folder_of_their_own(homeless: Path) -> None:
    """Among the temporary ones, and shut to all others, also where it was there before."""
    path = default_path("https://a.example", "k1")
    assert Path(path).parent == homeless
    homeless.mkdir(mode=0o755)
    made = open_spool(path, Warnings())
    assert made.facts()["spool"] == "file"
    assert stat.S_IMODE(homeless.stat().st_mode) == 0o700
    made.close()


def test_what_others_put_in_its_place_is_not_written_to(homeless: Path, tmp_path: Path) -> None:
    """Where all may make folders, one may be there to read along: then events stay in memory, which is said once."""
    (tmp_path / "theirs").mkdir()
    homeless.symlink_to(tmp_path / "theirs")
    said = Warnings()
    made = open_spool(default_path("https://a.example", "k1"), said)
    made.put(event("kept"), True, 1, NOW)
    assert made.facts()["spool"] == "memory"
    assert len(said) == 1
    assert "belongs to somebody else" in said[0]
    assert list((tmp_path / "theirs").iterdir()) == []
    made.close()


def test_a_relative_state_folder_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So the specification of XDG_STATE_HOME: it would be another one wherever the app goes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert Path(default_path("https://a.example", "k1")).parent == tmp_path / ".local" / "state" / "heedback"


def test_a_file_that_breaks_while_it_is_open_is_set_aside(spool: Path) -> None:
    """A bad disk: what comes goes on, to memory and then to a new file, and what can be read of the old is kept."""
    said = Warnings()
    made = open_spool(str(spool), said)
    made.put(event("before"), True, 1, NOW)
    made.close()
    with spool.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)  # the root page of the events
    made = open_spool(str(spool), said)
    for number in range(3):
        made.put(event(f"after {number}"), True, 1, NOW)
        made.lease(0, NOW)
    out: list[str] = []
    while lease := made.lease(10, NOW):
        out.extend(words(lease.bodies))
        made.settle(lease, {}, NOW)
    assert out == ["after 0", "after 1", "after 2"]
    assert made.facts()["spool"] == "file"
    assert len(list(spool.parent.glob("*corrupt-*[0-9]"))) == 1
    assert ["damaged" in message or "not readable" in message for message in said] == [True]
    made.close()


def test_what_is_no_event_does_not_stay_in_the_way_of_the_move(spool: Path) -> None:
    """The rows behind it are taken along to the new file as well."""
    told: Counter[str] = Counter()
    made = open_spool(str(spool), Warnings(), lambda reason, n: told.update({reason: n}))
    made.put(event("before"), True, 1, NOW)
    with contextlib.closing(sqlite3.connect(spool)) as db, db:
        db.executemany("INSERT INTO event (at, dear, redactor, body) VALUES (?, ?, ?, ?)", NO_EVENTS)
    made.put(event("after"), True, 1, NOW)
    set_aside(str(spool))
    assert made.lease(0, NOW) is None
    assert query(spool, "SELECT body FROM event") == [(event(word).encode(),) for word in ("before", "after")]
    assert told == {"unreadable": len(NO_EVENTS)}
    made.close()


def test_a_file_that_another_process_set_aside_is_left_with_its_rows(spool: Path) -> None:
    """Rows written to the old name after the move are not stranded there: they move to the new file."""
    made = open_spool(str(spool), Warnings())
    made.put(event("before"), True, 1, NOW)
    set_aside(str(spool))
    made.put(event("between"), True, 1, NOW)
    assert made.lease(0, NOW) is None
    made.put(event("after"), True, 1, NOW)
    assert [body for (body,) in query(spool, "SELECT body FROM event")] == [
        event(word).encode() for word in ("before", "between", "after")
    ]
    made.close()


def test_a_folder_that_heals_is_used_again(spool: Path) -> None:
    """No folder at the start, so memory; once it can be made, the waiting events are on disk."""
    spool.parent.write_text("a file where the folder should be")
    said = Warnings()
    made = open_spool(str(spool), said)
    made.put(event("early"), True, 1, NOW)
    assert made.facts()["spool"] == "memory"
    spool.parent.unlink()
    made._rest_until = 0.0  # type: ignore[attr-defined]  # half a minute later
    assert made.lease(0, NOW) is None
    assert (made.facts()["spool"], made.facts()["pending"]) == ("file", 1)
    assert query(spool, "SELECT body FROM event") == [(event("early").encode(),)]
    made.close()
    assert len(said) == 1


def test_a_full_disk_sends_captures_to_memory(spool: Path) -> None:
    """SQLite's own answer to a disk without room: memory, one warning, and back when there is room."""
    said = Warnings()
    made = open_spool(str(spool), said)
    made.put(event("before"), True, 1, NOW)
    file = made._file  # type: ignore[attr-defined]
    pages = file._one("PRAGMA page_count")
    file._writer.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(20):
        made.put(event("x" * 4000), True, 1, NOW)
    assert made.facts()["spool"] == "memory"
    assert ["full" in message for message in said] == [True]
    file._writer.execute("PRAGMA max_page_count = 100000")
    made._rest_until = 0.0  # type: ignore[attr-defined]
    assert made.lease(0, NOW) is None
    assert (made.facts()["spool"], made.facts()["pending"]) == ("file", 21)
    made.close()


def test_a_file_system_without_shared_memory_is_refused(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own file system without it: no write-ahead log there, hence memory."""
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **how: real(f"file:{path}?vfs=unix-dotfile", uri=True, **how))
    said = Warnings()
    made = open_spool(str(spool), said)
    made.put(event("a"), True, 1, NOW)
    assert made.facts()["spool"] == "memory"
    assert ["shared memory" in message for message in said] == [True]


def test_network_file_systems_are_known_by_name(tmp_path: Path) -> None:
    """The longest mount point that holds the folder decides."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/vda / ext4 rw 0 0\nserver:/home {tmp_path} nfs4 rw 0 0\ntmpfs {tmp_path}/here tmpfs rw 0 0\n"
    )
    assert file_system(str(tmp_path / "there"), str(mounts)) == "nfs4"
    assert file_system(str(tmp_path / "here" / "deep"), str(mounts)) == "tmpfs"
    assert file_system("/", str(mounts)) == "ext4"


def test_a_file_others_could_read_is_made_private(spool: Path) -> None:
    spool.parent.mkdir()
    spool.touch(0o644)
    FileSpool(str(spool)).close()
    assert stat.S_IMODE(spool.stat().st_mode) == 0o600


def test_what_waited_too_long_is_dropped_and_told(spool: Path) -> None:
    """A month is the end, whatever it is; the service hears of it."""
    told: dict[str, int] = {}
    made = FileSpool(str(spool), max_age_days=30, told=told.__setitem__)
    for days in (40, 31, 29, 0):
        made.put(event(str(days)), True, 1, NOW - days * 86400)
    lease = made.lease(10, NOW)
    assert lease is not None
    assert words(lease.bodies) == ("29", "0")
    assert lease.dropped == told == {"too_old": 2}
    made.close()


@pytest.mark.parametrize("jump", [40 * 86400.0, -40 * 86400.0, 0.0], ids=["forward", "back", "none"])
def test_a_clock_that_is_put_forward_makes_nothing_old(spool: Path, jump: float) -> None:
    """Only time that passed by the stopwatch makes events and held texts old."""
    told: Counter[str] = Counter()
    passed = [5.0]
    made = FileSpool(
        str(spool), max_age_days=30, told=lambda reason, n: told.update({reason: n}), stopwatch=lambda: passed[0]
    )
    start = NOW + 100 * 86400
    made.put(event("a"), True, 1, start - 86400)
    made.hold("o", event("text"), 1, start)
    assert made.lease(0, start) is None
    passed[0] += 3600
    assert made.lease(0, start + 3600 + jump) is None
    assert (made.facts()["pending"], made.facts()["held"], told) == (1, 1, {})
    later = 41 * 86400 + max(0.0, -jump)  # one put back makes them younger
    passed[0] += later
    assert made.lease(0, start + 3600 + jump + later) is None
    assert (made.facts()["pending"], made.facts()["held"], told) == (0, 0, {"too_old": 1})
    made.close()


def test_what_is_put_aside_waits_and_comes_back_in_halves(any_spool: Spool) -> None:
    """Not before its time, not with others, and never without an end: what is settled is forgotten here too."""
    for number in range(4):
        any_spool.put(event(str(number)), dear=True, redactor=1, at=NOW)
    lease = any_spool.lease(4, NOW)
    assert lease is not None
    any_spool.put_aside(lease, NOW + 30)
    any_spool.put(event("4"), dear=True, redactor=1, at=NOW)
    other = any_spool.lease(4, NOW + 30)
    assert other is not None
    assert (words(other.bodies), other.tries) == (("4",), 0)
    any_spool.settle(other, {}, NOW)
    assert any_spool.lease(4, NOW + 29) is None
    halves = [any_spool.lease(4, NOW + 30), any_spool.lease(4, NOW + 30)]
    assert [half and (words(half.bodies), half.tries) for half in halves] == [(("0", "1"), 1), (("2", "3"), 1)]
    assert halves[0] is not None
    assert halves[1] is not None
    any_spool.settle(halves[0], {}, NOW)
    any_spool.put_aside(halves[1], NOW + 90)
    alone = any_spool.lease(4, NOW + 90)
    assert alone is not None
    assert (words(alone.bodies), alone.tries) == (("2",), 2)
    assert any_spool.facts()["aside"] == 2


def test_what_is_put_aside_stays_so_for_the_next_process_and_ages(spool: Path) -> None:
    """The offender waits on in a new process, and goes with everything else that waited too long."""
    made = FileSpool(str(spool))
    made.put(event("a"), dear=True, redactor=1, at=NOW)
    lease = made.lease(1, NOW)
    assert lease is not None
    made.put_aside(lease, NOW + 30)
    made.close()
    passed = [0.0]
    made = FileSpool(str(spool), max_age_days=30, stopwatch=lambda: passed[0])
    assert made.lease(1, NOW) is None
    passed[0] = 31 * 86400.0
    assert made.lease(1, NOW + 31 * 86400) is None
    assert (made.facts()["pending"], made.facts()["aside"]) == (0, 0)
    made.close()


@pytest.mark.parametrize("statement", [HELD, PUT_ASIDE])
def test_what_a_lease_costs_does_not_grow_with_what_waits(spool: Path, statement: str) -> None:
    """By SQLite's own plan: events are looked up by the leases' numbers, the table is never read through."""
    made = FileSpool(str(spool))
    plan = [row[3] for row in made._reader.execute(f"EXPLAIN QUERY PLAN {statement}", (1,) * statement.count("?"))]
    made.close()
    assert any("SEARCH event" in step for step in plan)
    assert not any("SCAN event" in step for step in plan)


def test_a_text_is_sent_when_its_output_is_rated(any_spool: Spool) -> None:
    """Whichever comes first; what nobody rates is forgotten after a day."""
    any_spool.hold("a", event("text of a"), 1, NOW)
    any_spool.hold("b", event("text of b"), 1, NOW)
    assert any_spool.lease(10, NOW) is None
    any_spool.want("a", NOW)
    any_spool.want("c", NOW)
    any_spool.hold("c", event("text of c"), 1, NOW)
    lease = any_spool.lease(10, NOW)
    assert lease is not None
    assert words(lease.bodies) == ("text of a", "text of c")
    any_spool.settle(lease, {}, NOW)
    assert any_spool.facts()["held"] == 1
    if isinstance(any_spool, FileSpool):
        any_spool._stopwatch = lambda: time.monotonic() + KEPT_SECONDS + 700
    any_spool.hold("d", event("text of d"), 1, NOW + KEPT_SECONDS + 700)
    any_spool.lease(10, NOW + KEPT_SECONDS + 700)
    any_spool.want("b", NOW + KEPT_SECONDS + 700)
    assert any_spool.lease(10, NOW + KEPT_SECONDS + 700) is None
    assert any_spool.facts()["held"] == 1


def event(word: str) -> str:
    return json.dumps({"n": word}, ensure_ascii=False)


def words(bodies: Iterable[str]) -> tuple[str, ...]:
    return tuple(json.loads(body)["n"] for body in bodies)


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()
