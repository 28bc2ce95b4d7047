"""How well the reason of feedback is read from its words, beside what needs no rules.

    reasons.py [--data DIR]

300 texts were labelled with the taxonomy in two independent readings: `reasons.csv`, whose texts are a third from the
sample of this repository and two thirds from public files in DIR, named there by the number of their row (the first
row of data is 1; of the sample, the line). What the readers were told is in docs/triage.md. Printed are how well the
readers agree, and macro-F1 of our rules beside a classifier that always says the most frequent label, and TF-IDF with
logistic regression in cross-validation: on the texts on which both readers agree, and against each reader. Ends with
exit status 1 if our rules are not better than both. Prints a last line of JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from heedback_service.core.classify import classify

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "examples" / "docs_assistant" / "sample_feedback.jsonl"
FOLDS = 10
RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled text; `ours` is what our rules say, "none" for unknown."""

    file: str
    text: str
    a: str
    b: str
    ours: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Result:
    """Macro-F1 over the labels that occur, `low` to `high` in 95 of 100 resamples of the texts, and the share right.

    `common_f1` leaves out labels of fewer than five texts, where one text decides.
    """

    against: str
    who: str
    texts: int
    macro_f1: float
    low: float
    high: float
    common_f1: float
    right: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="folder of the public files; without it, the sample alone is measured"
    )
    entries = read(parser.parse_args().data)
    share = sum(each.a == each.b for each in entries) / len(entries)
    agreement = kappa([(each.a, each.b) for each in entries])
    print(f"{len(entries)} texts; both readers agree on {share:.3f} of them, Cohen's kappa {agreement:.3f}\n")
    agreed = [each for each in entries if each.a == each.b]
    results = [
        *compare("both", agreed, [each.a for each in agreed]),
        *compare("reader A", entries, [each.a for each in entries]),
        *compare("reader B", entries, [each.b for each in entries]),
    ]
    by_label(agreed)
    by_file(agreed)
    by_confidence(agreed)
    held = all(
        ours.macro_f1 > max(results[at + 1].macro_f1, results[at + 2].macro_f1)
        for at, ours in enumerate(results)
        if ours.who == "ours"
    )
    found = {"held": held, "agreement": share, "kappa": agreement, "results": [asdict(each) for each in results]}
    print(json.dumps(found))
    return 0 if held else 1


def read(folder: Path | None) -> list[Entry]:
    with (HERE / "reasons.csv").open(encoding="utf-8", newline="") as lines:
        labels = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    texts = {}
    for file in dict.fromkeys(row["file"] for row in labels):
        place = SAMPLE if file == SAMPLE.name else (folder or HERE) / file
        if place.is_file():
            texts[file] = _texts(place)
        else:
            print(f"Left out: {file}, which is not in --data")
    return [
        _entry(row["file"], texts[row["file"]][int(row["row"]) - 1], row["a"], row["b"])
        for row in labels
        if row["file"] in texts
    ]


def _texts(place: Path) -> list[str]:
    with place.open(encoding="utf-8", newline="") as lines:
        if place.suffix == ".jsonl":
            return [json.loads(line).get("comment") or "" for line in lines]
        return [row["text"] for row in csv.DictReader(lines)]


def _entry(file: str, text: str, a: str, b: str) -> Entry:
    found = classify(flag=False, flag_reasons=(), reasons=(), comment=text)
    return Entry(file, text, a, b, found.key or "none", found.confidence)


def compare(against: str, entries: Sequence[Entry], gold: Sequence[str]) -> list[Result]:
    """Ours, the most frequent label, and the learned one, each against `gold`; printed as well."""
    common = Counter(gold).most_common(1)[0][0]
    said = {
        "ours": [each.ours for each in entries],
        f"always “{common}”": [common] * len(gold),
        "TF-IDF + logistic regression": learned([each.text for each in entries], gold),
    }
    print(f"{'against ' + against:20}{'':30}{'macro-F1 (95 %)':>22}{'of 5+ texts':>13}{'right':>8}")
    return [_shown(_result(against, who, gold, labels)) for who, labels in said.items()]


def learned(texts: Sequence[str], gold: Sequence[str]) -> list[str]:
    """What a classifier says of each text that learnt from the others: nine tenths of them, in ten turns."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10, class_weight="balanced", max_iter=1000),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels of one text only
        return list(cross_val_predict(model, list(texts), list(gold), cv=KFold(FOLDS, shuffle=True, random_state=7)))


def _result(against: str, who: str, gold: Sequence[str], labels: Sequence[str]) -> Result:
    pairs = list(zip(gold, labels, strict=True))
    rng = random.Random(7)
    drawn = sorted(macro_f1(rng.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    low, high = drawn[round(RESAMPLES * 0.025)], drawn[round(RESAMPLES * 0.975) - 1]
    right = sum(one == other for one, other in pairs) / len(pairs)
    return Result(against, who, len(pairs), macro_f1(pairs), low, high, macro_f1(pairs, 5), right)


def _shown(found: Result) -> Result:
    macro = f"{found.macro_f1:.3f} ({found.low:.3f}-{found.high:.3f})"
    print(f"  {found.who:46}{macro:>24}{found.common_f1:13.3f}{found.right:8.3f}")
    return found


def by_label(entries: Sequence[Entry]) -> None:
    print(f"\n{'label':24}{'texts':>7}{'said':>7}{'precision':>11}{'recall':>9}{'F1':>7}")
    pairs = [(each.a, each.ours) for each in entries]
    for label in sorted({label for pair in pairs for label in pair}):
        texts, said, both = (
            sum(pair[0] == label for pair in pairs),
            sum(pair[1] == label for pair in pairs),
            pairs.count((label, label)),
        )
        precision, recall = both / said if said else 0.0, both / texts if texts else 0.0
        print(f"{label:24}{texts:7}{said:7}{precision:11.3f}{recall:9.3f}{f1(pairs, label):7.3f}")


def by_file(entries: Sequence[Entry]) -> None:
    print(f"\n{'file':28}{'texts':>7}{'macro-F1':>10}{'right':>8}")
    for file in dict.fromkeys(each.file for each in entries):
        pairs = [(each.a, each.ours) for each in entries if each.file == file]
        print(f"{file:28}{len(pairs):7}{macro_f1(pairs):10.3f}{sum(g == s for g, s in pairs) / len(pairs):8.3f}")


def by_confidence(entries: Sequence[Entry]) -> None:
    """Whether a higher confidence is more often right: a reason we name is right or it is not."""
    print(f"\n{'confidence':24}{'texts':>7}{'right':>8}")
    for low, high in ((0.4, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 1.0)):
        named = [each for each in entries if each.ours != "none" and low <= each.confidence < high]
        if named:
            right = sum(each.a == each.ours for each in named) / len(named)
            print(f"{f'{low:.1f} to {high:.1f}':24}{len(named):7}{right:8.3f}")
    print()


def macro_f1(pairs: Sequence[tuple[str, str]], fewest: int = 1) -> float:
    """The mean of F1 over the labels that gold has, `fewest` times or more."""
    labels = [label for label, n in Counter(gold for gold, _ in pairs).items() if n >= fewest]
    return sum(f1(pairs, label) for label in labels) / len(labels)


def f1(pairs: Sequence[tuple[str, str]], label: str) -> float:
    """The harmonic mean of precision and recall of one label."""
    both = sum(gold == said == label for gold, said in pairs)
    either = sum((gold == label) + (said == label) for gold, said in pairs)
    return 2 * both / either if either else 0.0


def kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Agreement beyond chance (Cohen 1960, A coefficient of agreement for nominal scales)."""
    n = len(pairs)
    one, other = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(one[label] * other[label] for label in one) / n**2
    return (sum(a == b for a, b in pairs) / n - chance) / (1 - chance) if chance < 1 else 1.0


if __name__ == "__main__":
    sys.exit(main())
