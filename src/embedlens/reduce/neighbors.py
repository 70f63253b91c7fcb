"""Exact k nearest neighbours, from blocks of squared distances.

Blocks come out of matrix products; a compiled scan keeps the k nearest of each row as they pass, so
no n x n array is made. A candidate is a 64-bit key, the bits of its float32 squared distance above
its column: keys order as the distances do, and of equally near columns the first is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import get_num_threads, prange
from numpy.typing import NDArray

from embedlens.reduce.gram import non_finite_error
from embedlens.reduce.kernel import kernel

_TILE = 2048  # rows and columns of a block: 16 MB of float32
_PAIR_BYTES = 64 << 20
_NO_ROW = -(1 << 62)

# Squared distances below this fraction of the squared norms are computed again, from the rows.
_UNRESOLVED = 1e-3

Neighbors = tuple[NDArray[np.float32], NDArray[np.int32]]


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
    squared_distances : ndarray of shape (m, k), float32
        Rising; zero for equal rows, and as accurate far from the origin as near it.
    neighbors : ndarray of shape (m, k), int32
    """
    mean = X.mean(axis=0, dtype=np.float64)
    points, norms = _centered(X, mean)
    if queries is None:
        nearest = _Nearest(len(X), k)
        pairs = [(i, j) for i in _tiles(len(X)) for j in _tiles(len(X), i.start)]
        for rows, columns, products in _products(points, points, pairs):
            nearest.offer(rows, columns, products, norms, norms, skip_self=True)
            if columns != rows:
                nearest.offer(columns, rows, products.T, norms, norms, skip_self=True)
        return _resolved(nearest.sorted(), X, X, norms, norms)
    others, other_norms = _centered(queries, mean)
    nearest = _Nearest(len(others), k)
    pairs = [(i, j) for i in _tiles(len(others)) for j in _tiles(len(points))]
    for rows, columns, products in _products(others, points, pairs):
        nearest.offer(rows, columns, products, other_norms, norms, skip_self=False)
    return _resolved(nearest.sorted(), queries, X, other_norms, norms)


def nearest_in_gram(G: NDArray[Any], k: int) -> Neighbors:
    """Return the k nearest neighbours of each row but itself, given the rows' Gram matrix."""
    norms = np.diagonal(G).astype(np.float64)
    rounding = 8 * np.finfo(G.dtype).eps
    nearest = _Nearest(len(G), k)
    zeros = np.zeros(len(G), np.float32)
    for rows in _tiles(len(G)):
        both = norms[rows, None] + norms
        D = both - 2.0 * G[rows]
        D[rounding * both >= D] = 0.0
        D *= -0.5
        nearest.offer(rows, slice(0, len(G)), D, zeros, zeros, skip_self=True)
    return nearest.sorted()


def nearest_in_distances(D: NDArray[Any], k: int, *, skip_self: bool = False) -> Neighbors:
    """Return the squares of the k smallest distances in each row, and their columns."""
    m, n = D.shape
    nearest = _Nearest(m, k)
    zeros = np.zeros(max(m, n), np.float32)
    for rows in _tiles(m):
        nearest.offer(
            rows, slice(0, n), -0.5 * np.square(D[rows]), zeros, zeros, skip_self=skip_self
        )
    return nearest.sorted()


class _Nearest:
    """The k nearest columns of each row, among those offered so far."""

    def __init__(self, n_rows: int, k: int) -> None:
        self._k = k
        self._keys = np.empty((n_rows, k + max(k, 64)), np.uint64)
        self._counts = np.zeros(n_rows, np.int64)
        self._limits = np.full(n_rows, np.finfo(np.float32).max)

    def offer(
        self,
        rows: slice,
        columns: slice,
        products: NDArray[Any],
        row_norms: NDArray[np.float32],
        column_norms: NDArray[np.float32],
        *,
        skip_self: bool,
    ) -> None:
        """Take the block of squared distances ``row_norms + column_norms - 2 products``."""
        _scan(
            np.ascontiguousarray(products, np.float32),
            row_norms[rows],
            column_norms[columns],
            columns.start,
            rows.start if skip_self else _NO_ROW,
            self._k,
            self._keys[rows],
            self._counts[rows],
            self._limits[rows],
        )

    def sorted(self) -> Neighbors:
        found: Neighbors = _sorted(self._keys, self._counts, self._k)
        return found


@kernel(parallel=True)
def _scan(
    products: Any,
    row_norms: Any,
    column_norms: Any,
    first_column: int,
    first_own: int,
    k: int,
    keys: Any,
    counts: Any,
    limits: Any,
) -> None:
    m, n = products.shape
    capacity = keys.shape[1]
    for i in prange(m):
        row, norm, limit, count = keys[i], row_norms[i], limits[i], counts[i]
        products_i = products[i]
        own = first_own + i - first_column
        for j in range(n):
            squared = norm + column_norms[j] - np.float32(2) * products_i[j]
            if squared < limit and j != own:
                bits = np.float32(max(squared, np.float32(0))).view(np.uint32)
                row[count] = (np.uint64(bits) << np.uint64(32)) | np.uint64(first_column + j)
                count += 1
                if count == capacity:
                    _keep_smallest(row, count, k)
                    count = k
                    limit = np.uint32(row[:k].max() >> np.uint64(32)).view(np.float32)
        limits[i], counts[i] = limit, count


@kernel()
def _keep_smallest(keys: Any, count: int, k: int) -> None:
    """Bring the k smallest of the first ``count`` keys to the front (quickselect)."""
    low, high = 0, count - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@kernel(parallel=True)
def _sorted(keys: Any, counts: Any, k: int) -> Any:
    m = len(keys)
    squared = np.empty((m, k), np.float32)
    neighbors = np.empty((m, k), np.int32)
    for i in prange(m):
        row = np.sort(keys[i, : counts[i]])
        for j in range(k):
            squared[i, j] = np.uint32(row[j] >> np.uint64(32)).view(np.float32)
            neighbors[i, j] = np.int32(row[j] & np.uint64(0xFFFFFFFF))
    return squared, neighbors


def _products(
    left: NDArray[np.float32], right: NDArray[np.float32], pairs: list[tuple[slice, slice]]
) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Yield blocks of ``left`` ``right``ᵀ in order, as many at a time as there are threads."""
    workers = get_num_threads()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(pairs), workers):
            batch = pairs[start : start + workers]
            blocks = pool.map(lambda pair: left[pair[0]] @ right[pair[1]].T, batch)
            for (rows, columns), block in zip(batch, blocks, strict=True):
                yield rows, columns, block


def _tiles(n: int, start: int = 0) -> list[slice]:
    return [slice(i, min(i + _TILE, n)) for i in range(start, n, _TILE)]


def _centered(
    X: NDArray[Any], mean: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the rows minus ``mean``, and their squared norms."""
    centered = np.empty(X.shape, np.float32)
    norms = np.empty(len(X), np.float32)
    for rows in _tiles(len(X)):
        centered[rows] = X[rows] - mean
        norms[rows] = np.einsum("ij,ij->i", centered[rows], centered[rows], dtype=np.float64)
    if not np.isfinite(norms).all():
        raise non_finite_error(X)
    return centered, norms


def _resolved(
    found: Neighbors,
    queries: NDArray[Any],
    X: NDArray[Any],
    query_norms: NDArray[np.float32],
    norms: NDArray[np.float32],
) -> Neighbors:
    """Give the squared distances that rounding hides from the rows themselves, and sort again."""
    squared, neighbors = found
    near = squared < _UNRESOLVED * (query_norms[:, None] + norms[neighbors])
    rows, places = np.nonzero(near)
    step = max(1, _PAIR_BYTES // (8 * X.shape[1]))
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], places[start : start + step]
        difference = np.subtract(queries[i], X[neighbors[i, j]], dtype=np.float64)
        squared[i, j] = np.einsum("ij,ij->i", difference, difference)
    order = np.lexsort((neighbors, squared), axis=1)
    return np.take_along_axis(squared, order, 1), np.take_along_axis(neighbors, order, 1)
