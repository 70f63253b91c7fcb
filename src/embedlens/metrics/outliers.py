"""Points that lie apart from all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedlens.metrics.neighbors import nearest_neighbors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TO_SIGMA = 1.4826  # of a normal distribution: standard deviation over median absolute deviation


def outlier_scores(X: ArrayLike, k: int = 10) -> NDArray[np.float64]:
    """Return how far each point lies from its neighbours, in robust standard deviations.

    The mean cosine distance to the k nearest others, minus its median over all points, divided by
    1.4826 times its median absolute deviation. A few near-duplicates of a point do not hide that
    it lies apart, as they are some of k.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Points.
    k : int, default=10
        Neighbours; all others where there are fewer.

    Returns
    -------
    ndarray of shape (n,), float64
        0 for the typical point; above 4 or 5 for outliers. All 0 where distances do not differ.

    References
    ----------
    S. Ramaswamy, R. Rastogi, K. Shim, "Efficient algorithms for mining outliers from large data
    sets", SIGMOD 2000; B. Iglewicz, D. Hoaglin, "How to detect and handle outliers", 1993.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1, 0.0], [1, 0.1], [1, 0.2], [1, 0.3], [-1, 1]])
    >>> int(outlier_scores(X, 2).argmax())
    4
    """
    n = len(np.asarray(X))
    if n < 3:
        return np.zeros(n)
    return scores_of(nearest_neighbors(X, min(k, n - 1), metric="cosine")[0])


def scores_of(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `outlier_scores` from the distances of n points to their k nearest, (n, k)."""
    n = len(distances)
    if n < 3:
        return np.zeros(n)
    apart = distances.mean(axis=1)
    spread = _TO_SIGMA * float(np.median(np.abs(apart - np.median(apart))))
    if spread == 0:
        return np.zeros(n)
    scores: NDArray[np.float64] = (apart - np.median(apart)) / spread
    return scores
