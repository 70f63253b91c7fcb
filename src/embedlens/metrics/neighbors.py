"""Exact nearest neighbours, in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedlens.arrays.pairwise import Pairwise

NeighborMetric = Literal["euclidean", "cosine", "gram", "precomputed"]

_SPARE = 16  # candidates beyond k: rounding may have put true neighbours among them


def nearest_neighbors(
    X: ArrayLike,
    k: int,
    *,
    metric: NeighborMetric = "euclidean",
    queries: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the k points of ``X`` nearest to each query, exactly.

    Blocks of distances come from matrix products (float32 unless ``X`` is float64). Products are
    rounded, so the nearest candidates are measured again in float64 by differences; where the
    bound on the rounding leaves open whether a neighbour is missing, so are all that could be it.

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
    Memory beyond the result is bounded: about 100 MB and 60 MB for each thread. The result does
    not depend on the number of threads (:func:`embedlens.arrays.bounded_threads`).

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.metrics import nearest_neighbors
    >>> distances, indices = nearest_neighbors(np.array([[0.0], [1.0], [3.0]]), 1)
    >>> distances.ravel(), indices.ravel()
    (array([1., 1., 2.]), array([1, 0, 1]))
    """
    from embedlens.arrays.pairwise import pairwise
    from embedlens.arrays.threads import in_order

    if metric not in get_args(NeighborMetric):
        known = ", ".join(get_args(NeighborMetric))
        raise ValueError(f"metric must be one of {known}; got {metric!r}.")
    pairs = pairwise(X, metric, queries)
    others = pairs.shape[1] - (queries is None)
    if not 1 <= k <= others:
        raise ValueError(f"k must be between 1 and {others}, the number of other points; got {k}.")
    distances = np.empty((pairs.shape[0], k))
    indices = np.empty((pairs.shape[0], k), dtype=np.int64)

    def search(rows: slice) -> None:
        keys, indices[rows] = _search(pairs, rows, k, themselves=queries is None)
        distances[rows] = pairs.distances(keys)

    for _ in in_order(search, pairs.row_blocks()):
        pass
    return distances, indices


def _search(
    pairs: Pairwise, rows: slice, k: int, *, themselves: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return keys and indices of the k nearest columns of some rows."""
    slack, others = pairs.slack(rows), pairs.shape[1] - themselves
    if not slack.any():
        return _candidates(pairs, rows, k, themselves=themselves)
    kept = min(k + _SPARE, others)
    rounded, candidates = _candidates(pairs, rows, kept, themselves=themselves)
    numbers = np.arange(rows.start, rows.stop)
    keys, indices = _nearest(pairs, numbers, candidates, k)
    if kept < others:
        # What was not kept is no nearer than this.
        beyond = rounded[:, -1] - slack
        for i in np.flatnonzero(beyond <= keys[:, -1]):
            possible = columns_within(pairs, numbers[i], keys[i, -1] + slack[i])
            possible = possible[possible != numbers[i]] if themselves else possible
            nearest = _nearest(pairs, numbers[i : i + 1], possible[None], k)
            keys[i], indices[i] = nearest[0][0], nearest[1][0]
    return keys, indices


def _candidates(
    pairs: Pairwise, rows: slice, kept: int, *, themselves: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the least keys of some rows, in ascending order, and their columns."""
    from embedlens.metrics.selection import keep_least

    keys = np.full((rows.stop - rows.start, kept), np.inf)
    indices = np.full(keys.shape, -1)
    for first, block in pairs.blocks(rows):
        if themselves:
            inside = np.arange(max(rows.start, first), min(rows.stop, first + block.shape[1]))
            block[inside - rows.start, inside - first] = np.inf
        keep_least(block, first, keys, indices)
    return keys, indices


def _nearest(
    pairs: Pairwise, rows: NDArray[np.int64], columns: NDArray[np.int64], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return exact keys and indices of the k nearest of some columns (r, m) of each row."""
    exact = pairs.exact(rows, columns)
    order = np.lexsort((columns, exact))[:, :k]
    return np.take_along_axis(exact, order, axis=1), np.take_along_axis(columns, order, axis=1)


def columns_within(pairs: Pairwise, row: int, key: float) -> NDArray[np.int64]:
    """Return the columns whose rounded keys are at most ``key``."""
    found = [
        first + np.flatnonzero(block[0] <= key)
        for first, block in pairs.blocks(slice(row, row + 1))
    ]
    return np.concatenate(found)
