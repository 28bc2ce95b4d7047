"""What comes first: people affected × severity × trend × freshness, each factor a number with its words.

    points = log2(1 + people) × (0.5, 1, 2 or 4 by severity) × trend × freshness
    score  = 100 × points / (points + 4)

so that twice the people, a worse severity, a rise and a fresh report each move an item up, and nothing runs away: the
score stays below 100. A project may weigh the factors: each is raised to the power of its weight, 1 unless set.
Severity 3 goes to the front, whatever the weights: its score becomes 90 + score / 10, and all others stop at 89.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from math import exp2, log2, prod, sqrt
from typing import Any, Final

from heedback_service.core.statistics import lull, surprise

WEEK: Final = timedelta(days=7)
PAST_WEEKS: Final = 8  # how far an item's own past reaches back
HALF_LIFE: Final = timedelta(days=14)  # of freshness
STALE: Final = 0.25  # freshness falls no further: an old problem is still one
UNLIKELY: Final = 0.05  # a trend counts if chance alone does this in fewer of the weeks
FEWEST: Final = 3  # reports that can be a rise, however quiet it was before,
VOICES: Final = 2  # if so many say it: one person who comes back is no rise
FRONT: Final = 90

_BY_SEVERITY: Final = (0.5, 1.0, 2.0, 4.0)
_HALF_WAY: Final = 4.0  # points that make a score of 50
_STEEPEST: Final = 2.0  # a trend at most doubles or halves
HEAVIEST: Final = 3.0  # a weight; beyond that one factor alone would decide


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each factor counts in a project: the exponent it is raised to, 0 to 3.

    0: it counts nothing, 1: as it is, 2: twice as much as another of weight 1. In a product, an exponent does what
    a coefficient does in a sum, and no unit or scale comes into it (the weighted product model: P. W. Bridgman,
    Dimensional Analysis, 1922).
    """

    people: float = 1.0
    severity: float = 1.0
    trend: float = 1.0
    freshness: float = 1.0

    @classmethod
    def of(cls, stored: Mapping[str, float] | None) -> Weights:
        """Those of a project, which names only what is not 1."""
        return cls(**(stored or {}))

    def as_json(self) -> dict[str, float]:
        """The inverse of `of`."""
        return {name: weight for name, weight in asdict(self).items() if weight != 1}


@dataclass(frozen=True, slots=True)
class Trend:
    """The last seven days against the item's own earlier weeks.

    Attributes:
        recent: reports in the last seven days.
        usual: reports in an average earlier week, None without any past.
        chance: probability of a week so far from usual, up or down, if nothing had changed; 1.0 without a past.
        factor: what the priority is multiplied by, 0.5 to 2; 1 unless `chance` is below 5 %, or if too few make a rise.
    """

    recent: int
    usual: float | None
    chance: float
    factor: float


@dataclass(frozen=True, slots=True)
class Factors:
    """Everything a priority is made of, and nothing that depends on when it is read."""

    people: int
    reports: int
    severity: int
    severity_why: str
    trend: Trend
    first_at: datetime
    last_at: datetime
    weights: Weights = field(default_factory=Weights)

    def as_json(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "reports": self.reports,
            "severity": self.severity,
            "severity_why": self.severity_why,
            "trend": {name: getattr(self.trend, name) for name in Trend.__slots__},
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
            "weights": self.weights.as_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Factors:
        """The inverse of `as_json`."""
        times = {name: datetime.fromisoformat(stored[name]) for name in ("first_at", "last_at")}
        weights = Weights.of(stored.get("weights"))  # none in what an earlier version stored
        return cls(**{**stored, **times, "trend": Trend(**stored["trend"]), "weights": weights})


def trend(recent: int, earlier: int, first_at: datetime, now: datetime, *, voices: int | None = None) -> Trend:
    """The trend of `recent` reports since `now` - 7 days and `earlier` ones in up to 8 weeks before that.

    `voices`: how many people the recent ones are by, each by nobody we know counted as one; all different unless told.
    An item's past starts with its first report, `first_at`. Less than a whole week of it is no past: it would be mostly
    that first report, and an item that keeps growing from its first day would look usual.
    factor = √(recent / usual), held between ½ and 2, and only if the week is unlikely to be chance: two Poisson counts
    compared exactly (`statistics.surprise` and `lull`), the smaller tail doubled as either would count. A rise also
    takes three reports of two people: counts are Poisson only if one report does not bring the next.
    """
    weeks = min((now - WEEK - first_at) / WEEK, float(PAST_WEEKS))
    if weeks < 1:
        return Trend(recent + earlier, None, 1.0, 1.0)
    chance = min(1.0, 2 * min(surprise(recent, earlier, weeks), lull(recent, earlier, weeks)))
    usual = earlier / weeks
    enough = recent < usual or (recent >= FEWEST and (voices is None or voices >= VOICES))
    factor = _slope(recent, usual) if chance < UNLIKELY and enough else 1.0
    return Trend(recent, usual, round(chance, 6), factor)


def _slope(recent: int, usual: float) -> float:
    ratio = recent / usual if usual else _STEEPEST**2
    return min(_STEEPEST, max(1 / _STEEPEST, sqrt(ratio)))


def score(factors: Factors, now: datetime) -> int:
    """The priority, 0 to 100. An item without reports has 0."""
    if not factors.reports:
        return 0
    weighed = zip(values(factors, now), _in_order(factors.weights), strict=True)
    points: float = prod(value**weight for value, weight in weighed)
    base = 100 * points / (points + _HALF_WAY)
    return round(FRONT + base / 10) if factors.severity == 3 else min(FRONT - 1, round(base))


def values(factors: Factors, now: datetime) -> tuple[float, float, float, float]:
    """People, severity, trend and freshness as the numbers that are multiplied, before they are weighed."""
    by_severity = _BY_SEVERITY[factors.severity]
    return crowd(factors), by_severity, factors.trend.factor, freshness(factors.last_at, now)


def _in_order(weights: Weights) -> tuple[float, float, float, float]:
    return weights.people, weights.severity, weights.trend, weights.freshness


def crowd(factors: Factors) -> float:
    """log2(1 + people), of those who are known; if nobody is, all reports count as one person."""
    return log2(1 + max(factors.people, 1))


def freshness(last_at: datetime, now: datetime) -> float:
    """1 for a report of this minute, half every 14 days, never below a quarter."""
    half_lives: float = max(now - last_at, timedelta()) / HALF_LIFE
    return max(STALE, exp2(-half_lives))


def phrases(factors: Factors, now: datetime) -> tuple[str, str, str, str]:
    """The four factors in words: people, severity, trend, freshness."""
    return (
        _people(factors),
        f"severity {factors.severity} {factors.severity_why}",
        _trend(factors.trend),
        f"last report {ago(factors.last_at, now)}",
    )


def emphases(weights: Weights) -> tuple[str, str, str, str]:
    """What to say behind each phrase: nothing for a weight of 1, else "weight 2" or "weight 0: not counted"."""
    people, severity, trend, freshness = map(_emphasis, _in_order(weights))
    return people, severity, trend, freshness


def _emphasis(weight: float) -> str:
    return "" if weight == 1 else "weight 0: not counted" if weight == 0 else f"weight {weight:g}"


def _people(factors: Factors) -> str:
    if factors.people:
        return _counted(factors.people, "person", "people")
    return _counted(factors.reports, "anonymous report", "anonymous reports")


def _trend(trend: Trend) -> str:
    if trend.usual is None:
        return f"new: {_counted(trend.recent, 'report', 'reports')} so far"
    usually = f"usually {trend.usual:.1f} a week" if trend.usual else f"none in the {PAST_WEEKS} weeks before"
    if trend.chance >= UNLIKELY:
        return f"no surprise: {trend.recent or 'none'} in 7 days, {usually}"
    if trend.factor == 1:
        return f"too few reports or people to be a rise: {trend.recent} in 7 days, {usually}"
    if not trend.recent:
        return f"quiet: none in 7 days, {usually}"
    if not trend.usual:
        return f"back: {_counted(trend.recent, 'report', 'reports')} in 7 days, {usually}"
    return f"{trend.recent / trend.usual:.1f}× its usual week"


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in its largest whole unit: "just now", "5 min ago", "1 h ago", "3 d ago"."""
    minutes = int((now - then) / timedelta(minutes=1))
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d ago"


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
