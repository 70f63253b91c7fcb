"""Neighbour purity: how many of a point's nearest are of its own class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.checks import as_labels, as_points, largest_magnitude, unit_scale
from embedlens.metrics.classes import encode

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TIE = 1e-12  # distances that differ by less, relatively, differ by rounding


def neighbor_purity(
    X: ArrayLike, labels: ArrayLike, k: int = 10, *, workers: int = -1
) -> NDArray[np.float64]:
    """Return the share of each point's ``k`` nearest that have its own label.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Points of a map: distances are searched for by a k-d tree, which is quick in few dimensions
        (100,000 points in three: a second) and slow in many.
    labels : array-like of shape (n,)
        The class of each.
    k : int, default 10
        Neighbours, 1 or more; n - 1 where there are fewer. Ten is also how many a map's neighbours
        kept are counted over. Of points that are equally far, where not all are among the k, each
        counts by the chance that it is: so points in one place have the purity of a draw by lot.
    workers : int, default -1
        Threads; -1 are all.

    Returns
    -------
    ndarray of shape (n,), float64
        From 0 to 1; NaN for a single point.

    Raises
    ------
    ValueError
        If lengths differ, a number is NaN or infinite, a label is missing, or ``k`` is below 1.

    Notes
    -----
    The mean over points of one class is the purity of Manning, Raghavan and Schütze ("Introduction
    to Information Retrieval", 2008, section 16.3) with neighbourhoods in the place of clusters.

    Examples
    --------
    >>> neighbor_purity([[0.0], [1.0], [9.0], [10.0]], ["a", "a", "b", "a"], k=1)
    array([1., 1., 0., 0.])
    """
    from scipy.spatial import cKDTree

    points = as_points(X).astype(np.float64)
    points *= unit_scale(largest_magnitude(points))  # squares neither overflow nor vanish
    codes = encode(as_labels(labels, len(points)))[1]
    if k < 1:
        raise ValueError(f"k must be 1 or more; got {k}.")
    k = min(k, len(points) - 1)
    if k < 1:
        return np.full(len(points), np.nan)
    tree = cKDTree(points)
    # Two more than asked for: the point itself, and one to see whether as near ones are left out.
    distances, nearest = tree.query(points, min(k + 2, len(points)), workers=workers)
    # Among equal points a point need not be found first, or at all.
    itself = nearest == np.arange(len(points))[:, None]
    itself[~itself.any(axis=1), -1] = True
    distances = distances[~itself].reshape(len(points), -1)
    own = codes[nearest[~itself]].reshape(len(points), -1) == codes[:, None]
    purity: NDArray[np.float64] = own[:, :k].mean(axis=1)
    if distances.shape[1] > k:
        tied = np.flatnonzero(distances[:, k] <= distances[:, k - 1] * (1 + _TIE))
        inner = (distances[tied] < distances[tied, k - 1, None] * (1 - _TIE))[:, :k]
        shares = _shares_at(tree, codes, tied, distances[tied, k - 1])
        sure = (own[tied, :k] & inner).sum(axis=1)
        purity[tied] = (sure + (k - inner.sum(axis=1)) * shares) / k
    return purity


def _shares_at(
    tree: Any, codes: NDArray[np.int64], rows: NDArray[np.int64], distances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of a point's own class among the others at a distance from it."""
    shares = np.empty(len(rows))
    # Points in one place have the same others, and may be very many: once for each place.
    known: dict[tuple[bytes, float], NDArray[np.int64]] = {}
    for i, (row, distance) in enumerate(zip(rows.tolist(), distances.tolist(), strict=True)):
        place = (tree.data[row].tobytes(), distance)
        if place not in known:
            near = np.array(tree.query_ball_point(tree.data[row], distance * (1 + _TIE)))
            steps = np.sqrt(((tree.data[near] - tree.data[row]) ** 2).sum(axis=1))
            at = near[steps >= distance * (1 - _TIE)]
            known[place] = np.bincount(codes[at], minlength=int(codes.max()) + 1)
        counts = known[place]
        itself = distance == 0
        shares[i] = (counts[codes[row]] - itself) / (counts.sum() - itself)
    return shares
