"""Exact k nearest neighbours, from blocks of squared distances.

Blocks come out of matrix products; a compiled scan keeps the k nearest of each row as they pass, so
no n x n array is made. A candidate is a 64-bit key, the bits of its float32 squared distance above
its column: keys order as the distances do, and of equally near columns the first is kept, in
whatever order threads bring the blocks.

Products in float32 are rounded, by more than the distance of near points far from the origin. So
what is kept of features are the least *lower bounds* of distances, a few more than k; these are
measured by differences in float64; and where a point that was not kept could be nearer still,
bounds in float64 say which points could be, and all of these are measured.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.checks import non_finite_error
from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order

_TILE = 1024  # rows and columns of a block: 4 MB of float32
_ROWS = 256  # of a matrix that is given
_PAIR_BYTES = 64 << 20
_NO_ROW = -(1 << 62)
_LARGEST_BITS = np.uint64(np.float32(np.finfo(np.float32).max).view(np.uint32))

_SPARE = 16  # candidates beyond k: rounding may have put true neighbours among them
_SAMPLE = 256  # rows that tell where most points are
_ROUNDINGS = 16  # of a bound, besides those of its d products
_UNDERFLOW = 1e-35  # what products and norms near 1 may lose to numbers too small for float32

Neighbors = tuple[NDArray[np.floating[Any]], NDArray[np.int32]]
Rows = slice | NDArray[np.intp]
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
    squared_distances : ndarray of shape (m, k), float64
        By differences, rising: zero for equal rows, and as good far from the origin as near it.
    neighbors : ndarray of shape (m, k), int32
        Of equally near rows the first comes first.

    Raises
    ------
    ValueError
        If ``X`` or ``queries`` hold NaN or infinity.
    """
    themselves = queries is None
    origin, scale = _frame(X, X if queries is None else queries)
    points = _Located.at(X, origin, scale)
    others = points if queries is None else _Located.at(queries, origin, scale)
    kept = min(k + _SPARE, len(X) - themselves)
    bounds, candidates = _least_bounds(others, points, kept, themselves)
    squares = np.empty(candidates.shape)
    numbers = np.arange(len(others.rows))

    def measure(rows: slice) -> None:
        _measure(others.rows, numbers[rows], points.rows, candidates[rows], squares[rows])

    _do(measure, _tiles(len(numbers), _ROWS))
    squares, neighbors = _by_distance(squares, candidates, k)
    if kept < len(X) - themselves:
        # What was not kept is no nearer than this.
        beyond = bounds[:, -1].astype(np.float64) / points.scale**2
        doubtful = np.flatnonzero(squares[:, -1] > beyond)
        _search_again(others, points, doubtful, (squares, neighbors), themselves)
    return squares, neighbors


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


@dataclass(frozen=True)
class _Located:
    """Points, and where they lie in a frame in which most are near the origin.

    Attributes
    ----------
    rows : ndarray of shape (n, d), float32 or float64
    origin : ndarray of shape (d,), float64
    scale : float
        A power of two. In the frame a row is (row - origin) · scale.
    """

    rows: NDArray[Any]
    origin: NDArray[np.float64]
    scale: float

    @classmethod
    def at(cls, X: NDArray[Any], origin: NDArray[np.float64], scale: float) -> _Located:
        """Read points of any dtype and layout; such as are ready are not copied."""
        narrow = np.can_cast(X.dtype, np.float32)
        return cls(np.ascontiguousarray(X, np.float32 if narrow else np.float64), origin, scale)

    def read(self, some: Rows, dtype: type[np.floating[Any]]) -> NDArray[Any]:
        """Return some rows in the frame, rounded to ``dtype``."""
        located = (self.rows[some] - self.origin) * self.scale
        return np.asarray(located, dtype)

    def least_norms(self, located: NDArray[Any]) -> NDArray[Any]:
        """Return norms for which |x|² + |y|² - 2 x·y, products rounded, is a lower bound.

        A product is wrong by at most d · unit roundoff · |x||y| (N. Higham, "Accuracy and
        stability of numerical algorithms", 2002, eq. 3.5), and 2 |x||y| <= |x|² + |y|².
        """
        norms = np.einsum("ij,ij->i", located, located, dtype=np.float64)
        error = (located.shape[1] + _ROUNDINGS) * np.finfo(located.dtype).eps / 2
        return np.asarray(norms * (1 - error) - _UNDERFLOW, located.dtype)


def _frame(*sets: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """Return an origin near most points of the first set, and 1 / the reach of all."""
    X = sets[0]
    origin = np.median(X[:: -(-len(X) // _SAMPLE)].astype(np.float64), axis=0)
    reach = 0.0
    for X in sets:
        low, high = X.min(axis=0), X.max(axis=0)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise non_finite_error(X)
        reach = max(reach, float(np.maximum(high - origin, origin - low).max()))
    return origin, float(np.exp2(-np.frexp(reach)[1])) if reach > 0 else 1.0


def _least_bounds(others: _Located, points: _Located, kept: int, themselves: bool) -> Neighbors:
    """Return the ``kept`` least lower bounds of each row of ``others``, and their columns."""
    right = points.read(slice(None), np.float32)
    right_norms = points.least_norms(right)
    if themselves:
        return _nearest_others(right, right_norms, kept)
    left = others.read(slice(None), np.float32)
    left_norms = others.least_norms(left)
    nearest = _Nearest(len(left), kept)

    def meet(rows: slice) -> None:
        for columns in _tiles(len(right)):
            products = left[rows] @ right[columns].T
            nearest.offer(rows, columns, products, left_norms, right_norms, skip_self=False)

    _do(meet, _tiles(len(left), _ROWS))
    return nearest.sorted()


def _search_again(
    others: _Located,
    points: _Located,
    doubtful: NDArray[np.intp],
    found: Neighbors,
    themselves: bool,
) -> None:
    """Measure all columns that could be among the nearest of the doubtful rows; write them.

    Bounds are in float64, and the k-th nearest found so far is no nearer than the true one.
    """
    squares, neighbors = found
    k = squares.shape[1]
    step = max(1, _PAIR_BYTES // (8 * len(points.rows)))
    for start in range(0, len(doubtful), step):
        rows = doubtful[start : start + step]
        bounds = _bounds(others, points, rows)
        if themselves:
            bounds[np.arange(len(rows)), rows] = np.inf
        possible = bounds <= squares[rows, -1:] * points.scale**2
        for i, row in enumerate(rows):
            columns = np.flatnonzero(possible[i])[None].astype(np.int32)
            measured = np.empty(columns.shape)
            _measure(others.rows, rows[i : i + 1], points.rows, columns, measured)
            nearest = _by_distance(measured, columns, k)
            squares[row], neighbors[row] = nearest[0][0], nearest[1][0]


def _bounds(others: _Located, points: _Located, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return lower bounds, in the frame, of the squared distances of some rows to all points."""
    left = others.read(rows, np.float64)
    bounds = np.empty((len(rows), len(points.rows)))
    for columns in _tiles(len(points.rows)):
        right = points.read(columns, np.float64)
        np.matmul(left, right.T, out=bounds[:, columns])
        bounds[:, columns] *= -2
        bounds[:, columns] += points.least_norms(right)
    bounds += others.least_norms(left)[:, None]
    return bounds


@kernel(reassociate=True)
def _measure(queries: Any, rows: Any, X: Any, columns: Any, squares: Any) -> None:
    """Write the squared distances of some rows of ``queries`` to some rows of ``X`` each."""
    for i in range(len(rows)):
        one = queries[rows[i]]
        for j in range(columns.shape[1]):
            other = X[columns[i, j]]
            total = 0.0
            for f in range(len(one)):
                step = np.float64(one[f]) - np.float64(other[f])
                total += step * step
            squares[i, j] = total


def _by_distance(
    squares: NDArray[np.float64], columns: NDArray[np.int32], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the k nearest of each row, in order."""
    order = np.lexsort((columns, squares), axis=1)[:, :k]
    return np.take_along_axis(squares, order, 1), np.take_along_axis(columns, order, 1)
