"""Exact k nearest neighbours, from blocks of squared distances.

Blocks come out of matrix products; a compiled scan keeps the k nearest of each row as they pass, so
no n x n array is made. A candidate is a 64-bit key, the bits of its float32 squared distance above
its column: keys order as the distances do, and of equally near columns the first is kept, in
whatever order threads bring the blocks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order
from embedlens.reduce.gram import non_finite_error

_TILE = 1024  # rows and columns of a block: 4 MB of float32
_ROWS = 256  # of a matrix that is given
_PAIR_BYTES = 64 << 20
_NO_ROW = -(1 << 62)
_LARGEST_BITS = np.uint64(np.float32(np.finfo(np.float32).max).view(np.uint32))

# Squared distances below this fraction of the squared norms are computed again, from the rows.
_UNRESOLVED = 1e-3

Neighbors = tuple[NDArray[np.float32], NDArray[np.int32]]
Task = TypeVar("Task")


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
        return _resolved(_nearest_others(points, norms, k), X, X, norms, norms)
    others, other_norms = _centered(queries, mean)
    nearest = _Nearest(len(others), k)

    def meet(rows: slice) -> None:
        for columns in _tiles(len(points)):
            products = others[rows] @ points[columns].T
            nearest.offer(rows, columns, products, other_norms, norms, skip_self=False)

    _do(meet, _tiles(len(others), _ROWS))
    return _resolved(nearest.sorted(), queries, X, other_norms, norms)


def _nearest_others(points: NDArray[np.float32], norms: NDArray[np.float32], k: int) -> Neighbors:
    """Return the k rows nearest to each other row; a block serves its rows and its columns."""
    nearest, tiles = _Nearest(len(points), k), _tiles(len(points))
    turns = {rows.start: threading.Lock() for rows in tiles}

    def meet(pair: tuple[slice, slice]) -> None:
        rows, columns = pair
        products = points[rows] @ points[columns].T
        with turns[rows.start]:
            nearest.offer(rows, columns, products, norms, norms, skip_self=True)
        if columns != rows:
            products = np.ascontiguousarray(products.T)
            with turns[columns.start]:
                nearest.offer(columns, rows, products, norms, norms, skip_self=True)

    # Along the diagonals, so that blocks in work at one time share few rows and columns.
    pairs = [zip(tiles, tiles[gap:], strict=False) for gap in range(len(tiles))]
    _do(meet, chain.from_iterable(pairs))
    return nearest.sorted()


def nearest_in_gram(G: NDArray[Any], k: int) -> Neighbors:
    """Return the k nearest neighbours of each row but itself, given the rows' Gram matrix."""
    norms = np.diagonal(G).astype(np.float64)
    rounding = 8 * np.finfo(G.dtype).eps
    nearest = _Nearest(len(G), k)
    zeros = np.zeros(len(G), np.float32)

    def meet(rows: slice) -> None:
        both = norms[rows, None] + norms
        D = both - 2.0 * G[rows]
        D[rounding * both >= D] = 0.0
        D *= -0.5
        nearest.offer(rows, slice(0, len(G)), D, zeros, zeros, skip_self=True)

    _do(meet, _tiles(len(G), _ROWS))
    return nearest.sorted()


def nearest_in_distances(D: NDArray[Any], k: int, *, skip_self: bool = False) -> Neighbors:
    """Return the squares of the k smallest distances in each row, and their columns."""
    m, n = D.shape
    nearest = _Nearest(m, k)
    zeros = np.zeros(max(m, n), np.float32)

    def meet(rows: slice) -> None:
        nearest.offer(
            rows, slice(0, n), -0.5 * np.square(D[rows]), zeros, zeros, skip_self=skip_self
        )

    _do(meet, _tiles(m, _ROWS))
    return nearest.sorted()


class _Nearest:
    """The k nearest columns of each row, among those offered so far."""

    def __init__(self, n_rows: int, k: int) -> None:
        self._k = k
        self._keys = np.empty((n_rows, k + max(k, 64)), np.uint64)
        self._counts = np.zeros(n_rows, np.int64)
        self._limits = np.full(n_rows, np.iinfo(np.uint64).max)

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
        squared = np.empty((len(self._keys), self._k), np.float32)
        neighbors = np.empty(squared.shape, np.int32)

        def sort(rows: slice) -> None:
            keys = self._keys[rows]
            _select(keys, self._counts[rows], self._k)
            keys = np.sort(keys[:, : self._k], axis=1)
            squared[rows] = (keys >> np.uint64(32)).astype(np.uint32).view(np.float32)
            neighbors[rows] = (keys & np.uint64(0xFFFFFFFF)).astype(np.int32)

        _do(sort, _tiles(len(squared), _ROWS))
        return squared, neighbors


@inlined()
def _key(squared: Any, column: int) -> Any:
    bits = np.float32(max(squared, np.float32(0))).view(np.uint32)
    return (np.uint64(bits) << np.uint64(32)) | np.uint64(column)


@inlined()
def _squared_distance(key: Any) -> Any:
    bits = np.uint32(min(key >> np.uint64(32), _LARGEST_BITS))
    return bits.view(np.float32)


@inlined()
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


@kernel()
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
    for i in range(m):
        row, norm, limit, count = keys[i], row_norms[i], limits[i], counts[i]
        farthest = _squared_distance(limit)
        products_i = products[i]
        own = first_own + i - first_column
        for j in range(n):
            squared = norm + column_norms[j] - np.float32(2) * products_i[j]
            if squared <= farthest and j != own:
                key = _key(squared, first_column + j)
                if key >= limit:
                    continue
                row[count] = key
                count += 1
                if count == capacity:
                    _keep_smallest(row, count, k)
                    count, limit = k, row[0]
                    for kept in range(1, k):
                        limit = max(limit, row[kept])
                    farthest = _squared_distance(limit)
        limits[i], counts[i] = limit, count


@kernel()
def _select(keys: Any, counts: Any, k: int) -> None:
    for i in range(len(keys)):
        _keep_smallest(keys[i], counts[i], k)


def _do(work: Callable[[Task], None], tasks: Iterable[Task]) -> None:
    for _ in in_order(work, tasks):
        pass


def _tiles(n: int, size: int = _TILE) -> list[slice]:
    return [slice(i, min(i + size, n)) for i in range(0, n, size)]


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
