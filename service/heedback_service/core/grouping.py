"""What joins by itself: reports that are the same, and keys by which a store finds them.

Two reports of one feature are the same when they share a signature, or when their texts, of three words and more, are
near-identical: `near` says `JOIN_AT` or more, or what a project has learnt (`calibration`). Keys make the search short:
whatever is the same shares a key (with near-certainty for near-identical texts), and what shares a key is then compared
in full. All keys are digests, alike in every process and after every restart.
"""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from heedback_service.core.nearness import near
from heedback_service.core.text import normalise, wordset

__all__ = ["COMPARED", "CROWDED", "GROUPING_VERSION", "JOIN_AT", "Keys", "Report", "joined", "keys", "near"]

GROUPING_VERSION: Final = 1
# Where projects start.
# Chosen by hand among .80, .85, .88 and .90 with several public sets in view, none held out: see docs/triage.md.
JOIN_AT: Final = 0.88
COMPARED: Final = 32  # candidates a report is compared with, those with most keys in common first
CROWDED: Final = 64  # holders of one band; more say no more, and a template would fill the table
FEWEST_WORDS: Final = 3  # below this, one changed word changes everything: such texts join only when equal

# MinHash (Broder 1997) over character trigrams, cut into bands (Leskovec, Rajaraman, Ullman: Mining of Massive
# Datasets, 3.4): texts of Jaccard similarity s share a band with probability 1 - (1 - s^ROWS)^BANDS, which is
# .26 at s = .37, .64 at .5 and .9998 at .8.
SHINGLE: Final = 3
ROWS: Final = 4
BANDS: Final = 16
_HASHES_A_DIGEST: Final = 16  # 64 bytes of BLAKE2b are sixteen 32-bit numbers
_BAND: Final = struct.Struct(f">B{ROWS}I")
_LANES: Final = struct.Struct("<" + "Ix" * (ROWS * BANDS))  # each hash with a byte of room above it
_FULL: Final = int.from_bytes(_LANES.pack(*[0xFFFF_FFFF] * (ROWS * BANDS)), "little")
_GUARD: Final = int.from_bytes(_LANES.pack(*[1] * (ROWS * BANDS)), "little") << 32

# Words that say no more than the thumb did: "wrong" under one answer and "wrong" under another are two problems.
_VAGUE: Final = wordset(
    "bad wrong incorrect false no nope not good poor terrible awful useless horrible crap sucks shit rubbish fail "
    "down dislike hate meh ugh hmm this is that it the a very so really totally completely just "
    "falsch schlecht nein nicht gut mist das ist sehr stimmt "
    "feil dårlig nei ikke bra det er veldig helt"
)


@dataclass(frozen=True, slots=True)
class Report:
    """What grouping needs to know of one piece of feedback.

    Attributes:
        feature: only reports of one feature are ever the same.
        output_hash: names the answer: a digest of its text, or whatever else tells two answers apart.
    """

    feature: str
    reasons: tuple[str, ...] = ()
    flag_reasons: tuple[str, ...] = ()
    comment: str | None = None
    prompt_version: str | None = None
    output_hash: str | None = None

    def text(self) -> str:
        """The comment in its normal form, "" if it says no more than a thumb does."""
        text = normalise(self.comment or "")
        return "" if all(word in _VAGUE for word in text.split()) else text


@dataclass(frozen=True, slots=True)
class Keys:
    """What finds a report: hexadecimal strings, the signature of 32 characters, the bands of 16.

    Attributes:
        signature: reports that share it are the same.
        text: what it has bands of, in the normal form; "" if it has none.
    """

    signature: str
    text: str = ""

    @property
    def bands(self) -> tuple[str, ...]:
        """Near-identical texts share at least one. Made when they are asked for: a report that repeats needs none."""
        return _bands(self.text) if self.text else ()


def keys(report: Report) -> Keys:
    """The keys of `report`. Texts of few words have no bands."""
    text = report.text()
    if not text:
        return Keys(_digest("answer", *_given(report), report.prompt_version, report.output_hash))
    if _is_short(text):
        return Keys(_digest("short", *_given(report), text))
    return Keys(_digest("text", report.feature, text), text)


def joined(reports: Iterable[Report]) -> list[int]:
    """For each report the place, from 0, of the first in its group: reports that are the same, from one to the next.

    `flow.joining` does this in a store, for reports that come in batches.
    """
    return _Groups().of(reports)


class _Groups:
    def __init__(self) -> None:
        self._parent: list[int] = []
        self._signed: dict[str, int] = {}
        self._banded: dict[str, list[int]] = defaultdict(list)
        self._texts: list[str] = []

    def of(self, reports: Iterable[Report]) -> list[int]:
        for at, report in enumerate(reports):
            self._parent.append(at)
            self._texts.append(report.text())
            self._place(at, keys(report))
        return [self._root(at) for at in range(len(self._parent))]

    def _place(self, at: int, found: Keys) -> None:
        if (alike := self._signed.setdefault(found.signature, at)) != at:
            self._join(at, alike)
            return
        shared = Counter(other for band in found.bands for other in self._banded[band])
        for other, _ in shared.most_common(COMPARED):
            if self._root(other) != self._root(at) and near(self._texts[at], self._texts[other], JOIN_AT) >= JOIN_AT:
                self._join(at, other)
        for band in found.bands:
            if len(self._banded[band]) < CROWDED:
                self._banded[band].append(at)

    def _join(self, one: int, other: int) -> None:
        older, younger = sorted((self._root(one), self._root(other)))
        self._parent[younger] = older

    def _root(self, of: int) -> int:
        while self._parent[of] != of:
            self._parent[of] = of = self._parent[self._parent[of]]
        return of


def _given(report: Report) -> Iterable[str | None]:
    return (report.feature, " ".join(sorted(report.reasons)), " ".join(sorted(report.flag_reasons)))


def _is_short(text: str) -> bool:
    return text.count(" ") + 1 < FEWEST_WORDS


def _digest(*parts: str | None) -> str:
    """No two tuples run together: each part comes with its length, and None is not ""."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = b"" if part is None else part.encode("utf-8", "backslashreplace")
        digest.update(struct.pack(">?I", part is None, len(data)) + data)
    return digest.hexdigest()


@lru_cache(maxsize=1024)  # triage reads a batch twice: once to be quick when it counts
def _bands(text: str) -> tuple[str, ...]:
    smallest = _LANES.unpack(_least(map(_hashes, _shingles(text))).to_bytes(_LANES.size, "little"))
    rows = (smallest[start : start + ROWS] for start in range(0, ROWS * BANDS, ROWS))
    packed = (_BAND.pack(band, *row) for band, row in enumerate(rows))
    return tuple(blake2b(data, digest_size=8).hexdigest() for data in packed)


def _least(lanes: Iterable[int]) -> int:
    """The smallest of each lane: all lanes at once, a quarter of the time that `min` takes for one after the other."""
    least = _FULL
    for each in lanes:
        difference = (least | _GUARD) - each  # whose guard bit stays where `least` is no smaller
        larger = difference & _GUARD
        least -= difference & (larger - (larger >> 32))
    return least


def _shingles(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[start : start + SHINGLE] for start in range(len(padded) - SHINGLE + 1)}


@lru_cache(maxsize=32768)  # a language has some ten thousand trigrams, and every text is made of them
def _hashes(shingle: str) -> int:
    """The hashes of a shingle, side by side in the lanes of one number."""
    data = shingle.encode("utf-8", "backslashreplace")
    digests = (
        blake2b(data, digest_size=64, salt=bytes([salt])).digest() for salt in range(ROWS * BANDS // _HASHES_A_DIGEST)
    )
    hashes = struct.unpack(f">{ROWS * BANDS}I", b"".join(digests))
    return int.from_bytes(_LANES.pack(*hashes), "little")
