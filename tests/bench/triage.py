"""How well reports are grouped on real text, into items and themes, and how fast triage is, store included.

    triage.py [--data DIR [--only PART ...]] [--open N ...] [--many N]

DIR holds CSV files with a column `text`, and `gold` where a group is known; what is missing is said and left out.
N is how many open items the store holds when joining is timed, or how many texts a feature has whose themes are. Prints
its tables and a last line of JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _copies import near_copy
from _many import measure_many
from _themes import measure_answers, measure_candidates, measure_few, measure_themes

from heedback_service.core.grouping import JOIN_AT, Report, joined, keys, near
from heedback_service.core.ids import new_id
from heedback_service.core.statistics import wilson
from heedback_service.core.text import words
from heedback_service.flow.triage import triage_step
from heedback_service.store import migrate
from heedback_service.store.db import Database, insert_into
from heedback_service.store.tables import Feature, Feedback, Item, Project, Slice

# With gold where texts of one group may be called the same; the tracker's groups are known to be incomplete.
FILES = {
    "banking77_train.csv": "gold",
    "hwu64.csv": "gold",
    "is22_features_4apps.csv": "gold",
    "gitbugs_seamonkey.csv": "partial",
    "feedbackqa_who_cdc.csv": "",
    "appreviews_maalej_dev.csv": "",
    "ilf_code_feedback.csv": "",
}
COPIES = 1000
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grouped:
    """What grouping made of one file. `precision`: pairs of one gold group among the pairs put together."""

    file: str
    texts: int
    items: int
    pairs: int
    precision: float | None
    precision_low: float | None
    copies_joined: float
    us_a_text: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the CSV files; without it, grouping is not measured")
    parser.add_argument("--open", type=int, nargs="+", default=[1000, 5000], help="open items when joining is timed")
    parser.add_argument("--many", type=int, default=100_000, help="texts of which themes are timed; 0 leaves it out")
    parser.add_argument("--only", choices=BY_DATA, nargs="+", help="of what is measured on the data, and nothing else")
    options = parser.parse_args()
    if options.data is None:
        print("Grouping is left out: give --data FOLDER.")
    asked = [name for name in BY_DATA if options.data and name in (options.only or BY_DATA)]
    found: dict[str, Any] = {name: BY_DATA[name](options.data) if name in asked else [] for name in BY_DATA}
    if not options.only:
        found["many"] = measure_many(options.many) if options.many else None
        found["per_second"] = measure_speed(sorted(options.open))
    print(json.dumps(found))
    return 0


def measure_grouping(folder: Path) -> list[dict[str, Any]]:
    present = [name for name in FILES if (folder / name).is_file()]
    if missing := sorted(FILES.keys() - set(present)):
        print(f"Left out, not in {folder}: {', '.join(missing)}")
    if not present:
        return []
    print(f"{'file':28}{'texts':>7}{'items':>7}{'pairs':>7}{'precision (95 % from)':>24}{'copies':>9}{'µs/text':>9}")
    return [asdict(_shown(_grouped(folder / name, FILES[name]))) for name in present]


def _shown(found: Grouped) -> Grouped:
    precise = "no gold" if found.precision is None else f"{found.precision:.3f} ({found.precision_low:.3f})"
    if FILES[found.file] == "partial":
        precise += " at least"
    print(
        f"{found.file:28}{found.texts:7}{found.items:7}{found.pairs:7}{precise:>24}"
        f"{found.copies_joined:9.3f}{found.us_a_text:9.0f}"
    )
    return found


def _grouped(file: Path, gold: str) -> Grouped:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    texts = [row["text"] for row in rows]
    start = time.process_time()
    groups = joined([_report(text, str(at)) for at, text in enumerate(texts)])
    spent = time.process_time() - start
    sizes = Counter(groups)
    pairs = sum(n * (n - 1) // 2 for n in sizes.values())
    right = sum(n * (n - 1) // 2 for n in Counter(zip(groups, (row.get("gold") for row in rows), strict=True)).values())
    return Grouped(
        file=file.name,
        texts=len(texts),
        items=len(sizes),
        pairs=pairs,
        precision=right / pairs if gold and pairs else None,
        precision_low=wilson(right, pairs).low if gold and pairs else None,
        copies_joined=_copies_joined(texts),
        us_a_text=spent / len(texts) * 1e6,
    )


def _copies_joined(texts: list[str]) -> float:
    """The share of texts of three words and more that a near-copy joins, by keys and by sameness."""
    rng = random.Random(7)
    telling = [text for text in texts if len(words(text)) >= 3]
    sample = rng.sample(telling, min(COPIES, len(telling)))
    joined = 0
    for text in sample:
        one, other = _report(text, "a"), _report(near_copy(text, rng), "b")
        mine, theirs = keys(one), keys(other)
        found = mine.signature == theirs.signature or set(mine.bands) & set(theirs.bands)
        joined += bool(found) and (mine.signature == theirs.signature or _near(one, other))
    return joined / len(sample)


def _near(one: Report, other: Report) -> bool:
    return near(one.text(), other.text(), JOIN_AT) >= JOIN_AT


def _report(text: str, answer: str) -> Report:
    return Report(feature="f", comment=text, output_hash=answer)


def measure_speed(sizes: list[int]) -> dict[int, float]:
    """Feedback a second that joins a store of so many open items; a third copies what is there, a third nearly."""
    rng = random.Random(7)
    speeds = {}
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/heedback.db")
        store = Store(database, rng)
        print(f"\n{'open items':>10}{'feedback/s':>12}{'MB':>6}   joining {TIMED} reports, store included, one core")
        for size in sizes:
            store.fill(size)
            speeds[size] = round(store.timed())
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{store.open_items():10}{speeds[size]:12}{memory:6}", flush=True)
        database.dispose()
    return speeds


TIMED = 3000
BY_DATA: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    "grouping": measure_grouping,
    "themes": measure_themes,
    "few": measure_few,
    "candidates": measure_candidates,
    "answers": measure_answers,
}


class Store:
    """A project with one feature, filled by triage itself."""

    def __init__(self, database: Database, rng: random.Random) -> None:
        self.database, self.rng = database, rng
        self.said: list[str] = []
        self.vocabulary = ["".join(rng.choices("abcdefghijklmnoprstu", k=rng.randint(3, 10))) for _ in range(3000)]
        self.feature, self.slice = new_id(), new_id()
        migrate.upgrade(database)
        with database.write() as session:
            project = Project(slug="bench", name="Bench", timezone="UTC", created_at=NOW)
            session.add(project)
            session.flush()
            self.project = project.id
            session.add(Feature(project_id=self.project, id=self.feature, name="f", created_at=NOW))
            session.flush()
            session.add(Slice(project_id=self.project, id=self.slice, feature_id=self.feature))

    def fill(self, size: int) -> None:
        while (lacking := size - self.open_items()) > 0:
            self.hear([self.sentence() for _ in range(lacking)])
            self.triage()

    def timed(self) -> float:
        kinds = [
            self.sentence,
            lambda: self.rng.choice(self.said),
            lambda: near_copy(self.rng.choice(self.said), self.rng),
        ]
        self.hear([kinds[n % 3]() for n in range(TIMED)])
        start = time.process_time()
        self.triage()
        return TIMED / (time.process_time() - start)

    def sentence(self) -> str:
        made = " ".join(self.rng.choices(self.vocabulary, k=self.rng.randint(4, 16)))
        self.said.append(made)
        return made

    def hear(self, comments: list[str]) -> None:
        rows = [self._row(comment) for comment in comments]
        with self.database.write() as session:
            session.execute(insert_into(session, Feedback), rows)

    def triage(self) -> None:
        while triage_step(self.database, NOW, new_id=new_id):
            pass

    def open_items(self) -> int:
        with self.database.read() as session:
            return session.query(Item).where(Item.feedback_count > 0).count()

    def _row(self, comment: str) -> dict[str, Any]:
        made, person = new_id(), f"u-{self.rng.randrange(5000)}"
        at = NOW - timedelta(minutes=self.rng.randrange(60_000))
        return {
            "project_id": self.project,
            "id": made,
            "subject": f"j:{made}",
            "person_key": person,
            "person": person,
            "source": "end_user",
            "feature_id": self.feature,
            "slice_id": self.slice,
            "day": at.date(),
            "rating_value": 0.0,
            "rating_scale": "thumbs",
            "polarity": -1,
            "flag": False,
            "comment": comment,
            "stamps": {},
            "first_at": at,
            "last_at": at,
            "changed_at": NOW,
            "retracted": False,
            "spam": False,
            "counts": True,
            "version": 1,
        }


if __name__ == "__main__":
    sys.exit(main())
