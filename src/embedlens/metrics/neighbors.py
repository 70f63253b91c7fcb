"""Exact nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

NeighborMetric = Literal["euclidean", "cosine", "gram", "precomputed"]


def nearest_neighbors(
    X: ArrayLike,
    k: int,
    *,
    metric: NeighborMetric = "euclidean",
    queries: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the k points of ``X`` nearest to each query, exactly.

    Blocks of lower bounds of distances come from matrix products in float32. The nearest
    candidates are measured in float64 by differences; where the bounds leave open whether a
    neighbour is missing, so are all that could be it.

    Parameters
    ----------
    X : array-like of shape (n, d), or (n, n) for "gram" and "precomputed"
        Points, any real dtype and memory layout; their Gram matrix; or their distances.
    k : int
        Neighbours of each query: 1 to n, or to n - 1 without ``queries``.
    metric : {"euclidean", "cosine", "gram", "precomputed"}, default="euclidean"
        "gram" gives Euclidean distances. The zero vector is at cosine distance 1 from all others.
    queries : array-like of shape (m, d), optional
        By default the points themselves, and then no point is its own neighbour.

    Returns
    -------
    distances : ndarray of shape (m, k), float64
        In ascending order.
    indices : ndarray of shape (m, k), int64
        Rows of ``X``. Of points at equal distance, the one with the lower index is nearer.

    Raises
    ------
    ValueError
        If ``k`` is out of range, the arrays do not fit, or hold NaN or infinity.

    Notes
    -----
    Memory beyond the result: about 100 MB, 60 MB for each thread, and ``8 * max(3 k + 48, k + 80)``
    bytes a query. The result does not depend on the number of threads
    (:func:`embedlens.arrays.bounded_threads`).

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.metrics import nearest_neighbors
    >>> distances, indices = nearest_neighbors(np.array([[0.0], [1.0], [3.0]]), 1)
    >>> distances.ravel(), indices.ravel()
    (array([1., 1., 2.]), array([1, 0, 1]))
    """
    from embedlens.arrays.keys import pairwise
    from embedlens.arrays.neighbors import nearest

    if metric not in get_args(NeighborMetric):
        known = ", ".join(get_args(NeighborMetric))
        raise ValueError(f"metric must be one of {known}; got {metric!r}.")
    pairs = pairwise(X, metric, queries, precision=np.float32)
    others = pairs.shape[1] - (queries is None)
    if not 1 <= k <= others:
        raise ValueError(f"k must be between 1 and {others}, the number of other points; got {k}.")
    keys, indices = nearest(pairs, k, themselves=queries is None)
    return pairs.distances(keys), indices
