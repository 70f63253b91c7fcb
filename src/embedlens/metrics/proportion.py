"""Intervals of a proportion and of a difference of two, which hold at 0 and 1 as well.

A point (a picture, a patient) may be tried several times, and its trials go together: a picture
that is wrong in one split is mostly wrong in the next. So points count, not trials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it.

    Attributes
    ----------
    estimate : float
        The proportion, or the difference of two.
    low, high : float
        Ends of the interval; the estimate lies within.
    """

    estimate: float
    low: float
    high: float

    def raised(self, gain: Interval) -> Interval:
        """Return the interval of a share that grows by a gain, known by an interval too.

        The two are joined by the square root of squares; no share exceeds 1.

        References
        ----------
        G. Zou, A. Donner, "Construction of confidence limits about effect measures: a general
        approach", Statistics in Medicine 27, 2008.
        """
        estimate = min(self.estimate + gain.estimate, 1.0)
        below = np.hypot(self.estimate - self.low, gain.estimate - gain.low)
        above = np.hypot(self.high - self.estimate, gain.high - gain.estimate)
        low, high = max(estimate - below, 0.0), min(estimate + above, 1.0)
        return Interval(estimate, float(low), float(high))


def proportion_interval(
    hits: ArrayLike, shown: ArrayLike | None = None, confidence: float = 0.95
) -> Interval:
    """Return the share of trials that are hits, and the interval of the true share.

    It is the mid-P interval of the binomial distribution of `effective_size` trials. At 6 of 6
    hits it is .607 to 1, where a bootstrap has no width. Of true shares from .5 to 1 it holds in
    91% of draws or more whatever the number of points, in 95 to 97% on average; Wilson's interval
    falls to 83% near 1. See ``benchmarks/interval_coverage.py``.

    Parameters
    ----------
    hits : array-like of shape (n,)
        Hits of each point among its trials, between 0 and `shown`.
    shown : array-like of shape (n,), optional
        Trials of each point; those of none are left out. By default 1 each.
    confidence : float, default=0.95
        Between 0 and 1.

    Returns
    -------
    Interval
        Of a share between 0 and 1.

    Raises
    ------
    ValueError
        Shapes differ, hits are not between 0 and `shown`, or there is no trial.

    References
    ----------
    G. Berry, P. Armitage, "Mid-P confidence intervals: a brief review", The Statistician 44, 1995.
    E. Korn, B. Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24, 1998: a binomial interval
    of the effective number of trials.

    Examples
    --------
    >>> interval = proportion_interval([1, 1, 1, 1, 1, 1])
    >>> interval.estimate, round(interval.low, 3), interval.high
    (1.0, 0.607, 1.0)

    The same points tried five times say no more of other points:

    >>> again = proportion_interval([5, 5, 5, 5, 5, 5], [5, 5, 5, 5, 5, 5])
    >>> round(again.low, 3), again.high
    (0.607, 1.0)
    """
    right, tried = _counts(hits, shown)
    size = effective_size(right, tried, confidence)
    return share_interval(min(float(right.sum() / tried.sum()), 1.0), size, confidence)


def share_interval(share: float, size: float, confidence: float = 0.95) -> Interval:
    """Return the mid-P interval of a share that `size` independent trials were found to have.

    Parameters
    ----------
    share : float
        Between 0 and 1.
    size : float
        How many trials; it need not be whole.
    confidence : float, default=0.95
        Between 0 and 1.

    Returns
    -------
    Interval

    Examples
    --------
    >>> interval = share_interval(0.5, 100)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.403, 0.597)
    """
    _require_confidence(confidence)
    rest = (1 - confidence) / 2
    low = _mid_p_low(share * size, size, rest)
    return Interval(share, low, 1 - _mid_p_low((1 - share) * size, size, rest))


def difference_interval(
    first: ArrayLike, second: ArrayLike, shown: ArrayLike | None = None, confidence: float = 0.95
) -> Interval:
    """Return by how much the share of `first` is larger, and the interval of the true difference.

    Both are of the same trials of the same points, so that only those count where they differ. Two
    points are added, one that `first` alone hits and one that `second` alone hits (Bonett and
    Price), so that the interval has a width where the two are right on all or agree on all. The
    variance is that of points, not of trials.

    Parameters
    ----------
    first, second : array-like of shape (n,)
        Hits of each point among its trials, between 0 and `shown`.
    shown : array-like of shape (n,), optional
        Trials of each point; those of none are left out. By default 1 each.
    confidence : float, default=0.95
        Between 0 and 1.

    Returns
    -------
    Interval
        Of a difference between -1 and 1.

    Raises
    ------
    ValueError
        Shapes differ, hits are not between 0 and `shown`, or there is no trial.

    References
    ----------
    D. Bonett, R. Price, "Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data", Journal of Educational and Behavioral Statistics 37, 2012. Of points with
    one trial each it is theirs.

    Examples
    --------
    >>> same = difference_interval([1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1])
    >>> same.estimate, round(same.low, 3), round(same.high, 3)
    (0.0, -0.346, 0.346)
    """
    one, tried = _counts(first, shown)
    two, _ = _counts(second, shown)
    apart, point = one - two, _usual_trials(tried)
    trials = tried.sum() + 2 * point
    # The two points added cancel in the sum.
    centre = apart.sum() / trials
    squares = ((apart - centre * tried) ** 2).sum() + 2 * point**2 * (1 + centre**2)
    half = _normal_quantile(confidence) * np.sqrt(squares) / trials
    return Interval(
        float(apart.sum() / tried.sum()),
        float(max(centre - half, -1.0)),
        float(min(centre + half, 1.0)),
    )


def effective_size(
    hits: ArrayLike, shown: ArrayLike | None = None, confidence: float = 0.95
) -> float:
    """Return how many independent trials would know the share as well as these do.

    With one trial a point it is their number. With several it is p (1 - p) over the variance of
    the share p between points, so that trials which go together count once and those that do not
    count in full. Where all are hits the variance is 0 and says nothing: as many points are added
    as Wilson's interval adds, half of them hits, and taken off again; the trials of a point
    then count as one.

    Parameters
    ----------
    hits, shown, confidence
        As for `proportion_interval`.

    Returns
    -------
    float
        At least 1, and at most the number of trials.

    References
    ----------
    J. Rao, A. Scott, "A simple method for the analysis of clustered binary data", Biometrics 48,
    1992; L. Kish, "Survey Sampling", 1965; E. Wilson, "Probable inference, the law of succession,
    and statistical inference", JASA 22, 1927.

    Examples
    --------
    >>> effective_size([1, 1, 0, 1]), round(effective_size([2, 2, 0, 2], [2, 2, 2, 2]), 6)
    (4.0, 4.0)
    >>> round(effective_size([1, 1, 1, 1], [2, 2, 2, 2]), 1)
    8.0
    """
    right, tried = _counts(hits, shown)
    if tried.max() == tried.min() == 1 and np.isin(right, (0, 1)).all():
        return float(len(tried))
    point, added = _usual_trials(tried), _normal_quantile(confidence) ** 2
    trials = tried.sum() + added * point
    share = (right.sum() + added / 2 * point) / trials
    squares = ((right - share * tried) ** 2).sum()
    squares += added / 2 * point**2 * ((1 - share) ** 2 + share**2)
    size = share * (1 - share) * trials**2 / squares - added
    return float(np.clip(size, 1.0, tried.sum()))


def _counts(hits: ArrayLike, shown: ArrayLike | None) -> tuple[Numbers, Numbers]:
    """Return hits and trials of the points that were tried."""
    right = np.asarray(hits, np.float64)
    tried = np.ones_like(right) if shown is None else np.asarray(shown, np.float64)
    if right.ndim != 1 or right.shape != tried.shape:
        raise ValueError(
            f"Hits of shape {right.shape} and trials of shape {tried.shape}; both must be (n,)."
        )
    if not ((right >= 0) & (right <= tried)).all():  # NaN is neither
        wrong = int(np.flatnonzero(~((right >= 0) & (right <= tried)))[0])
        raise ValueError(
            f"Point {wrong} has {right[wrong]:g} hits in {tried[wrong]:g} trials; hits must lie "
            "between 0 and the trials."
        )
    if not np.isfinite(tried).all() or not tried.sum() > 0:
        raise ValueError(f"{len(tried)} points have {tried.sum():g} trials; there must be one.")
    return right[tried > 0], tried[tried > 0]


def _usual_trials(tried: Numbers) -> float:
    """Return the trials of the point that a trial taken at random belongs to, on average."""
    return float((tried**2).sum() / tried.sum())


def _normal_quantile(confidence: float) -> float:
    from scipy.special import ndtri

    _require_confidence(confidence)
    return float(ndtri((1 + confidence) / 2))


def _require_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; give a number between 0 and 1, such as .95.")


def _mid_p_low(hits: float, size: float, rest: float) -> float:
    """Return the share at which more hits, and half of as many, have the probability `rest`.

    Neither number need be whole: the binomial's tail is an incomplete beta function.
    """
    from scipy.optimize import brentq
    from scipy.special import betainc

    if hits <= 0:
        return 0.0
    misses = size - hits

    def excess(share: float) -> float:
        as_many = betainc(hits, misses + 1, share)
        more = betainc(hits + 1, misses, share) if misses > 0 else 0.0
        return float(as_many + more) / 2 - rest

    return (
        float(brentq(excess, 0.0, 1.0, xtol=1e-12))
        if misses > 0
        else float((2 * rest) ** (1 / size))
    )
