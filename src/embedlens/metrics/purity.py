"""Neighbour purity: how many of a point's nearest are of its own class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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
        Neighbours; n - 1 where there are fewer. Ten is also how many a map's neighbours kept are
        counted over.
    workers : int, default -1
        Threads; -1 are all.

    Returns
    -------
    ndarray of shape (n,), float64
        From 0 to 1; NaN for a single point.

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

    points = np.asarray(X, np.float64)
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    k = min(k, len(points) - 1)
    if k < 1:
        return np.full(len(points), np.nan)
    nearest = cKDTree(points).query(points, k + 1, workers=workers)[1]
    # Among equal points a point need not be found first, or at all.
    itself = nearest == np.arange(len(points))[:, None]
    itself[~itself.any(axis=1), -1] = True
    others = nearest[~itself].reshape(len(points), k)
    purity: NDArray[np.float64] = (codes[others] == codes[:, None]).mean(axis=1)
    return purity
