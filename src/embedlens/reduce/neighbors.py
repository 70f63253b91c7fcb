"""The nearest neighbours that affinities are made of: squared distances, and rows in int32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.keys import pairwise
from embedlens.arrays.neighbors import nearest
from embedlens.arrays.pairwise import DistanceMatrix

Neighbors = tuple[NDArray[np.floating[Any]], NDArray[np.int32]]


def nearest_points(X: NDArray[Any], k: int, queries: NDArray[Any] | None = None) -> Neighbors:
    """Return the k rows of ``X`` nearest to each query, or to each row of ``X`` but itself.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    k : int
        At most n - 1; n if there are queries.
    queries : ndarray of shape (m, d), optional
        Without them each block of products serves its rows and its columns: half the work.

    Returns
    -------
    squared_distances : ndarray of shape (m, k), float64
        By differences, rising: zero for equal rows, and as good far from the origin as near it.
    neighbors : ndarray of shape (m, k), int32
        Of equally near rows the first comes first.

    Raises
    ------
    ValueError
        If ``X`` or ``queries`` hold NaN or infinity.
    """
    pairs = pairwise(X, "sqeuclidean", queries, precision=np.float32)
    keys, columns = nearest(pairs, k, themselves=queries is None)
    return pairs.distances(keys), columns.astype(np.int32)


def nearest_in_gram(G: NDArray[Any], k: int) -> Neighbors:
    """Return the k nearest neighbours of each row but itself, given the rows' Gram matrix."""
    squares, columns = nearest(pairwise(G, "gram"), k, themselves=True)
    return squares.astype(np.float32), columns.astype(np.int32)


def nearest_in_distances(D: NDArray[Any], k: int, *, skip_self: bool = False) -> Neighbors:
    """Return the squares of the k smallest distances in each row, and their columns."""
    distances, columns = nearest(DistanceMatrix(D), k, themselves=skip_self)
    return np.square(distances).astype(np.float32), columns.astype(np.int32)
