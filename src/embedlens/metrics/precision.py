"""Average precision of scores, and how much each point moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedlens.metrics.proportion import Interval, share_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class AveragePrecision:
    """How well scores put what is relevant before the rest.

    Attributes
    ----------
    estimate : float
        Mean, over relevant points, of the share of relevant ones among all that score as much or
        more; scikit-learn's ``average_precision_score``.
    influence : ndarray of shape (n,), float64
        By how much the estimate changes for a point more like each, to first order; they sum to 0.
        The sum of their squares is the variance that a bootstrap of points has, in the limit of
        many.
    """

    estimate: float
    influence: Numbers


def average_precision(relevant: ArrayLike, scores: ArrayLike) -> AveragePrecision:
    """Return the average precision of scores; points of equal score have one place.

    Parameters
    ----------
    relevant : array-like of shape (n,), bool
        At least one is.
    scores : array-like of shape (n,)
        The higher, the more likely relevant.

    Raises
    ------
    ValueError
        Shapes differ, no point is relevant, or a score is NaN.

    References
    ----------
    F. Hampel, "The influence curve and its role in robust estimation", JASA 69, 1974; B. Efron,
    "The jackknife, the bootstrap and other resampling plans", 1982, chapter 6: the infinitesimal
    jackknife.

    Examples
    --------
    >>> found = average_precision([True, False, True, False], [0.9, 0.8, 0.7, 0.1])
    >>> round(found.estimate, 3), bool(abs(found.influence.sum()) < 1e-12)
    (0.833, True)
    """
    hits, told = np.asarray(relevant, bool), np.asarray(scores, np.float64)
    if hits.ndim != 1 or hits.shape != told.shape:
        raise ValueError(f"Relevance of shape {hits.shape} and scores of {told.shape}; give (n,).")
    if not hits.any() or np.isnan(told).any():
        what = "a score is NaN" if hits.any() else "no point is relevant"
        raise ValueError(f"Of {len(hits)} points {what}; average precision is not defined.")
    order = np.argsort(-told, kind="stable")
    of = hits[order].astype(np.float64)
    # Those of equal score end where the last of them stands, and begin where the first does.
    ends = np.append(np.diff(told[order]) < 0, True)
    last = np.flatnonzero(ends)[np.cumsum(np.append(0, ends[:-1]))]
    before = np.cumsum(of)[last]
    among = last + 1.0
    precision, count = before / among, of.sum()
    estimate = float((of * precision).sum() / count)
    influence = np.empty(len(of))
    influence[order] = (
        of * (precision - estimate)
        + of * _from_here(of / among, last)
        - _from_here(of * before / among**2, last)
    ) / count
    return AveragePrecision(estimate, influence)


def _from_here(values: Numbers, last: NDArray[np.intp]) -> Numbers:
    """Return the sum of values of all points that score as much or less."""
    sums = np.append(0.0, np.cumsum(values))
    first = np.searchsorted(last, last)  # the first place of the same end
    return np.asarray(sums[-1] - sums[first])


def interval_of(
    estimate: float, variance: float, most: float, confidence: float = 0.95
) -> Interval:
    """Return the interval of a mean of precisions, which has a width where they are all 1.

    It is the mid-P interval of a share of as many trials as know it as well; and of no more than
    there are relevant points, since a variance of 0 says nothing.

    Parameters
    ----------
    estimate : float
        Between 0 and 1.
    variance : float
        Of the estimate.
    most : float
        How many relevant points there are.
    confidence : float, default=0.95
        Between 0 and 1.

    References
    ----------
    K. Boyd, K. Eng, C. Page, "Area under the precision-recall curve: point estimates and confidence
    intervals", ECML PKDD 2013: a binomial interval of as many trials as there are relevant points.

    Examples
    --------
    >>> found = interval_of(1.0, 0.0, 10)
    >>> round(found.low, 3), found.high
    (0.741, 1.0)
    """
    spread = estimate * (1 - estimate)
    size = spread / variance if variance > 0 else most
    return share_interval(estimate, max(1.0, min(size, most)), confidence)
