"""Small-sample statistics that are shown beside numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import Final

Z_95: Final = 1.959963984540054  # the standard normal's 97.5 % quantile
_EXACT: Final = 500  # events up to which the tail is summed exactly


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included, as shares 0 to 1."""

    low: float
    high: float


def wilson(hits: int, of: int, z: float = Z_95) -> Interval:
    """The Wilson score interval of a share `hits` / `of`; (0, 1) when `of` is 0. With the default z: 95 %.

    centre = (p + z²/2n) / (1 + z²/n), half width = z/(1 + z²/n) · √(p(1-p)/n + z²/4n²), p = hits / of, n = of.
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209-212.

    Raises:
        ValueError: not 0 <= hits <= of.
    """
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")
    if of == 0:
        return Interval(0.0, 1.0)
    return wilson_of_share(hits / of, of, z)


def wilson_of_share(share: float, of: float, z: float = Z_95) -> Interval:
    """The same of a share, 0 to 1, that need not be a whole number of hits; `of` is above 0."""
    spread = z * z / of
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    # At the ends the formula is exactly 0 or 1; floating point misses them by a hair.
    low = 0.0 if share == 0 else centre - half
    high = 1.0 if share == 1 else centre + half
    return Interval(max(0.0, low), min(1.0, high))


def surprise(recent: int, earlier: int, weeks: float) -> float:
    """How likely at least `recent` events in one week are, after `earlier` events in `weeks` earlier weeks.

    If both counts are Poisson with one rate a week, then of all recent + earlier events the recent ones are
    binomial with share 1 / (1 + weeks); this is the upper tail of that binomial, exact however small the counts.
    J. Przyborowski, H. Wilenski, Homogeneity of results in testing samples from Poisson series,
    Biometrika 31 (1940) 313-323. Without a past (`weeks` 0), 1.0: nothing is surprising.
    """
    return _upper_tail(recent, recent + earlier, 1 / (1 + weeks)) if weeks > 0 else 1.0


def lull(recent: int, earlier: int, weeks: float) -> float:
    """How likely at most `recent` events are: the lower tail of the same test as `surprise`."""
    return _upper_tail(earlier, recent + earlier, weeks / (1 + weeks)) if weeks > 0 else 1.0


def _upper_tail(at_least: int, of: int, share: float) -> float:
    """P(X >= at_least), X binomial(of, share)."""
    if of > _EXACT:  # fewer events in the same ratio are less surprising: an error on the careful side
        at_least, of = round(at_least * _EXACT / of), _EXACT
    terms = (comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(at_least, of + 1))
    return min(1.0, sum(terms))
