"""Retrieval: whether what lies nearest to a query is of its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.checks import as_points, largest_magnitude, unit_scale
from embedlens.metrics.proportion import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_KEPT, _SORTED, _READ = 1 << 28, 1 << 22, 1 << 25  # bytes of distances, and of points, at once
_SAMPLE = 1_000  # points whose mean is near enough to that of all


@dataclass(frozen=True)
class Retrieved:
    """What each query finds.

    Attributes
    ----------
    first : ndarray of shape (queries,), int64
        The place, from 1, of the nearest of its class among all of the gallery; 0 where the gallery
        has none of its class. Of equal distance, those of other classes come first.
    average_precision : ndarray of shape (queries,), float64
        Mean, over those of its class, of the share of its class among all that are as near or
        nearer; 0 where the gallery has none.
    """

    first: NDArray[np.int64]
    average_precision: NDArray[np.float64]

    def recall_at(self, k: int) -> NDArray[np.bool_]:
        """Return for which queries one of their class is among the k nearest."""
        found: NDArray[np.bool_] = (self.first > 0) & (self.first <= k)
        return found


def retrieve(
    gallery: ArrayLike, gallery_labels: ArrayLike, queries: ArrayLike, query_labels: ArrayLike
) -> Retrieved:
    """Order a gallery by its Euclidean distance from each query, all of it.

    Distances are computed in float64 and compared in float32, so that equal points are equally far
    however their products are rounded.

    Parameters
    ----------
    gallery : array-like of shape (n, d)
        Points to be found.
    gallery_labels : array-like of shape (n,)
        Their classes.
    queries : array-like of shape (m, d)
        Points that are asked for; none of them of the gallery.
    query_labels : array-like of shape (m,)
        Their classes.

    Returns
    -------
    Retrieved

    Raises
    ------
    ValueError
        Shapes do not fit, or a point is not finite.

    References
    ----------
    K. Musgrave, S. Belongie, S.-N. Lim, "A metric learning reality check", ECCV 2020: recall at 1
    and mean average precision. Of equal distances average precision is scikit-learn's.

    Examples
    --------
    >>> found = retrieve([[0.0], [1.0], [3.0]], ["a", "b", "a"], [[0.2], [0.9]], ["a", "a"])
    >>> found.first.tolist(), found.average_precision.round(3).tolist()
    ([1, 2], [0.833, 0.583])
    """
    points, asked = as_points(gallery), as_points(queries)
    own, wanted = np.asarray(gallery_labels), np.asarray(query_labels)
    for what, values, labels in (("gallery", points, own), ("queries", asked, wanted)):
        if labels.shape != (len(values),):
            raise ValueError(
                f"{len(values)} points of the {what} have labels of shape {labels.shape}; give one "
                "each."
            )
    codes = np.unique(np.concatenate([own, wanted]), return_inverse=True)[1]
    own, wanted = np.split(codes, [len(own)])
    return _retrieved(points, asked, lambda block: wanted[block, None] == own)


def retrieve_sharing(
    gallery: ArrayLike, gallery_members: ArrayLike, queries: ArrayLike, query_members: ArrayLike
) -> Retrieved:
    """Order a gallery as `retrieve` does, where points match that share a label or more.

    Parameters
    ----------
    gallery, queries : array-like of shape (n, d) and (m, d)
        As for `retrieve`.
    gallery_members, query_members : array-like of shape (n, labels) and (m, labels), bool
        Which labels each has. A point of none matches nothing.

    Returns
    -------
    Retrieved

    Raises
    ------
    ValueError
        Shapes do not fit, or a point is not finite.

    Examples
    --------
    >>> members = [[True, True], [False, True], [True, False]]
    >>> retrieve_sharing([[0.0], [1.0], [2.0]], members, [[1.9]], [[False, True]]).first
    array([2])
    """
    points, asked = as_points(gallery), as_points(queries)
    own, wanted = np.asarray(gallery_members, bool), np.asarray(query_members, bool)
    if own.ndim != 2 or wanted.ndim != 2 or own.shape[1] != wanted.shape[1]:
        raise ValueError(
            f"Labels of shape {own.shape} and {wanted.shape}; give (points, labels) of the same "
            "labels."
        )
    if len(own) != len(points) or len(wanted) != len(asked):
        raise ValueError(
            f"{len(points)} and {len(asked)} points have labels of {len(own)} and {len(wanted)}; "
            "give a row each."
        )
    counts = own.T.astype(np.float32)
    return _retrieved(points, asked, lambda block: wanted[block].astype(np.float32) @ counts > 0)


def _retrieved(
    points: NDArray[Any], asked: NDArray[Any], matching: Callable[[slice], NDArray[np.bool_]]
) -> Retrieved:
    """Order the gallery by distance from each query; ``matching`` says of some what matches."""
    if points.shape[1] != asked.shape[1]:
        raise ValueError(
            f"The gallery has {points.shape[1]} columns and the queries {asked.shape[1]}; both "
            "must be of the same features."
        )
    from embedlens.arrays.threads import in_order
    from embedlens.metrics.gallery_distances import gallery_distances

    unit = unit_scale(max(largest_magnitude(points), largest_magnitude(asked)))
    centre = points[:: max(1, len(points) // _SAMPLE)].mean(axis=0, dtype=np.float64) * unit
    first, precision = np.zeros(len(asked), np.int64), np.zeros(len(asked))
    for block in _blocks(len(asked), _KEPT // (4 * len(points))):
        parts = _blocks(len(points), _READ // (8 * points.shape[1]))
        far = gallery_distances(asked[block], points, centre, unit, parts)
        relevant = matching(block)
        rows = list(_blocks(len(far), _SORTED // (4 * len(points))))
        for some, ranked in zip(rows, in_order(partial(_ranked, far, relevant), rows), strict=True):
            to = slice(block.start + some.start, block.start + some.stop)
            first[to], precision[to] = ranked
    return Retrieved(first, precision)


def _blocks(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, max(1, size)):
        yield slice(start, min(count, start + max(1, size)))


def _ranked(
    far: NDArray[np.float32], relevant: NDArray[np.bool_], rows: slice
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the place of the first that is relevant, and the average precision, of some rows."""
    far, relevant = far[rows], relevant[rows]
    first, precision = np.zeros(len(far), np.int64), np.zeros(len(far))
    ordered = np.sort(far, axis=1)
    for row, hits in enumerate(relevant):
        own = np.sort(far[row, hits])
        if len(own):
            # Of those as far as each the last: what is equally far has one place.
            place = np.searchsorted(ordered[row], own, side="right")
            found = np.searchsorted(own, own, side="right")
            precision[row] = (found / place).mean()
            first[row] = place[0] - found[0] + 1
    return first, precision


def mean_interval(
    sums: ArrayLike, shown: ArrayLike | None = None, confidence: float = 0.95
) -> Interval:
    """Return the mean of numbers between 0 and 1, and the interval of the true mean.

    Normal, of points and not of trials, after as many points are added as Agresti and Coull add to
    a share, half of them 0 and half 1: so it has a width where all numbers are equal.

    Parameters
    ----------
    sums : array-like of shape (n,)
        Of each point the sum of its numbers.
    shown : array-like of shape (n,), optional
        How many numbers; by default one.
    confidence : float, default=0.95
        Between 0 and 1.

    Returns
    -------
    Interval

    References
    ----------
    A. Agresti, B. Coull, "Approximate is better than exact for interval estimation of binomial
    proportions", The American Statistician 52, 1998.

    Examples
    --------
    >>> found = mean_interval([0.5, 0.7, 0.9, 0.7])
    >>> round(found.estimate, 2), round(found.low, 2), round(found.high, 2)
    (0.7, 0.34, 0.87)
    """
    from scipy.special import ndtri

    total = np.asarray(sums, np.float64)
    tried = np.ones_like(total) if shown is None else np.asarray(shown, np.float64)
    if total.ndim != 1 or total.shape != tried.shape or not tried.sum() > 0:
        raise ValueError(f"Sums of shape {total.shape} and counts of {tried.shape}; give one each.")
    if not ((total >= 0) & (total <= tried)).all():
        raise ValueError("Numbers must lie between 0 and 1, and sums between 0 and their count.")
    quantile = float(ndtri((1 + confidence) / 2))
    point, added = float((tried**2).sum() / tried.sum()), quantile**2
    trials = tried.sum() + added * point
    centre = (total.sum() + added / 2 * point) / trials
    squares = ((total - centre * tried) ** 2).sum()
    squares += added / 2 * point**2 * ((1 - centre) ** 2 + centre**2)
    half = quantile * float(np.sqrt(squares)) / trials
    return Interval(
        float(total.sum() / tried.sum()), max(float(centre - half), 0.0),
        min(float(centre + half), 1.0),
    )  # fmt: skip
