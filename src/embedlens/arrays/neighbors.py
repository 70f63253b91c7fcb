"""The k nearest columns of each row, exactly, from blocks of lower bounds.

Blocks come out of matrix products; a compiled scan keeps the k nearest of each row as they pass, so
no n x n array is made. A candidate is a 64-bit key, the bits of a float32 bound above its column:
these order as the bounds do, and of equal bounds the first column is kept, in whatever order
threads bring the blocks.

Products in float32 are rounded, by more than the distance of near points far from the origin. So
what is kept are the least *lower bounds*, a few more than k; these are measured exactly; and where
a column that was not kept could be nearer still, bounds in float64 say which columns could be, and
all of these are measured.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order

if TYPE_CHECKING:
    from embedlens.arrays.pairwise import Bounds, Pairwise

_ROWS = 256  # measured at once
_BOUNDS_BYTES = 16 << 20  # of bounds in float64
_NO_ROW = -(1 << 62)
_LARGEST = np.float32(np.finfo(np.float32).max)
_LARGEST_BITS = np.uint64(_LARGEST.view(np.uint32))
_TIED = 0.01  # of the rows: more are searched again in no less time than a scan takes
_SPARE = 16  # candidates beyond k: rounding may have put true neighbours among them

Found = tuple[NDArray[np.float64], NDArray[np.int64]]
Task = TypeVar("Task")


def nearest(pairs: Pairwise, k: int, *, themselves: bool) -> Found:
    """Return keys and columns of the k nearest of each row, in order.

    Parameters
    ----------
    pairs : Pairwise
        Of m rows and n columns.
    k : int
        At most n; n - 1 if rows and columns are the same points.
    themselves : bool
        Whether they are, and no point is its own neighbour.

    Returns
    -------
    keys : ndarray of shape (m, k), float64
        Exact, rising.
    columns : ndarray of shape (m, k), int64
        Of equal keys the lower column comes first.
    """
    m, n = pairs.shape
    others = n - themselves
    kept = min(k + _SPARE, others)
    for find in (_searched, _least_bounds):
        found = find(pairs, kept, themselves)
        if found is None:
            continue
        nearer = _nearest_of(pairs, found, k)
        doubtful = _doubtful(pairs, nearer, found, others)
        # Of very many in one place, or as far off, a scan keeps the first: a search does not.
        if len(doubtful) <= _TIED * m:
            break
    _search_again(pairs, doubtful, nearer, themselves)
    return nearer


def _nearest_of(pairs: Pairwise, found: Found, k: int) -> Found:
    """Return exact keys and columns of the k nearest of those that were found of each row."""
    m = pairs.shape[0]
    keys, columns = np.empty((m, k)), np.empty((m, k), np.int64)

    def measure(rows: slice) -> None:
        numbers = np.arange(rows.start, rows.stop)
        keys[rows], columns[rows] = _measured(pairs, numbers, found[1][rows], k)

    _do(measure, _tiles(m, _ROWS))
    return keys, columns


def _doubtful(pairs: Pairwise, nearer: Found, found: Found, others: int) -> NDArray[np.intp]:
    """Return the rows of which a column that was not found may be nearer."""
    bounds, candidates = found
    if candidates.shape[1] == others:
        return np.empty(0, np.intp)
    # What was not kept is no nearer than this; of negative keys the bound is 0.
    doubtful = nearer[0][:, -1] > bounds
    if pairs.signed:
        doubtful |= bounds == 0
    return np.flatnonzero(doubtful)


def _measured(pairs: Pairwise, rows: NDArray[np.intp], columns: NDArray[np.int64], k: int) -> Found:
    """Return exact keys and columns of the k nearest of some columns (r, c) of each row."""
    exact = pairs.exact(rows, columns)
    order = np.lexsort((columns, exact))[:, :k]
    return np.take_along_axis(exact, order, 1), np.take_along_axis(columns, order, 1)


def _search_again(
    pairs: Pairwise, doubtful: NDArray[np.intp], found: Found, themselves: bool
) -> None:
    """Measure all columns that could be among the nearest of the doubtful rows; write them.

    Bounds are in float64, and the k-th nearest found so far is no nearer than the true one.
    """
    keys, columns = found
    k, step = keys.shape[1], max(1, _BOUNDS_BYTES // (8 * pairs.shape[1]))

    def search(some: slice) -> None:
        rows = doubtful[some]
        bounds = np.empty((len(rows), pairs.shape[1]))
        for tile in _tiles(pairs.shape[1], pairs.tile[1]):
            bounds[:, tile] = pairs.lower(rows, tile)
        if themselves:
            bounds[np.arange(len(rows)), rows] = np.inf
        possible = bounds <= keys[rows, -1:]
        for i, row in enumerate(rows):
            nearer = _measured(pairs, rows[i : i + 1], np.flatnonzero(possible[i])[None], k)
            keys[row], columns[row] = nearer[0][0], nearer[1][0]

    _do(search, _tiles(len(doubtful), step))


def _least_bounds(
    pairs: Pairwise, kept: int, themselves: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the last of the ``kept`` least lower bounds of each row, and the columns of all."""
    least = _Least(pairs.shape[0], kept)
    if themselves and pairs.symmetric:
        _offer_half(pairs, least)
        return least.taken()

    def meet(rows: slice) -> None:
        for columns in _tiles(pairs.shape[1], pairs.tile[1]):
            least.offer(rows, columns, pairs.rough(rows, columns), skip_self=themselves)

    _do(meet, _tiles(pairs.shape[0], pairs.tile[0]))
    return least.taken()


def _searched(pairs: Pairwise, kept: int, themselves: bool) -> Found | None:
    """Return the same by a search, where there is a quicker way than all bounds."""
    if pairs.search(slice(0, 1), 1) is None:
        return None
    m = pairs.shape[0]
    bounds, columns = np.empty(m), np.empty((m, kept), np.int64)

    def search(rows: slice) -> None:
        found = pairs.search(rows, kept + themselves)
        assert found is not None
        bounds[rows], near = found
        if themselves:  # last, or nowhere among many of the same place: then the last is left out
            own = near == np.arange(rows.start, rows.stop)[:, None]
            near = np.take_along_axis(near, np.argsort(own, axis=1, kind="stable"), axis=1)
        columns[rows] = near[:, :kept]

    _do(search, _tiles(m, _ROWS))
    return bounds, columns


def _offer_half(pairs: Pairwise, least: _Least) -> None:
    """Offer each block to its rows and, turned, to its columns: half the products."""
    tiles = _tiles(pairs.shape[0], pairs.tile[1])
    turns = {rows.start: threading.Lock() for rows in tiles}

    def meet(pair: tuple[slice, slice]) -> None:
        rows, columns = pair
        bounds = pairs.rough(rows, columns)
        with turns[rows.start]:
            least.offer(rows, columns, bounds, skip_self=True)
        if columns != rows:
            bounds = bounds.turned()
            with turns[columns.start]:
                least.offer(columns, rows, bounds, skip_self=True)

    # Along the diagonals, so that blocks in work at one time share few rows and columns.
    in_turn = [zip(tiles, tiles[gap:], strict=False) for gap in range(len(tiles))]
    _do(meet, chain.from_iterable(in_turn))


class _Least:
    """The k columns of least bounds of each row, among those offered so far."""

    def __init__(self, n_rows: int, k: int) -> None:
        self._k = k
        self._keys = np.empty((n_rows, k + max(k, 64)), np.uint64)
        self._counts = np.zeros(n_rows, np.int64)
        self._limits = np.full(n_rows, np.iinfo(np.uint64).max)

    def offer(
        self,
        rows: slice,
        columns: slice,
        bounds: Bounds,
        *,
        skip_self: bool,
    ) -> None:
        """Take the bounds between some rows and some columns."""
        _scan(
            bounds.products,
            bounds.factor,
            bounds.row_terms,
            bounds.column_terms,
            columns.start,
            rows.start if skip_self else _NO_ROW,
            self._k,
            self._keys[rows],
            self._counts[rows],
            self._limits[rows],
        )

    def taken(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the last bound of each row, and its columns in ascending order of bounds."""
        last = np.empty(len(self._keys))
        columns = np.empty((len(last), self._k), np.int64)

        def sort(rows: slice) -> None:
            keys = self._keys[rows]
            _select(keys, self._counts[rows], self._k)
            keys = np.sort(keys[:, : self._k], axis=1)
            last[rows] = (keys[:, -1] >> np.uint64(32)).astype(np.uint32).view(np.float32)
            columns[rows] = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)

        _do(sort, _tiles(len(last), _ROWS))
        return last, columns


@inlined()
def _key(bound: Any, column: int) -> Any:
    """Return the bits of the bound, rounded down to float32, above those of the column."""
    least = min(max(bound, np.float32(0)), _LARGEST)
    rounded = np.float32(least)
    bits = np.uint64(rounded.view(np.uint32)) & np.uint64(0x7FFFFFFF)
    if rounded > least:
        bits -= np.uint64(1)
    return (bits << np.uint64(32)) | np.uint64(column)


@inlined()
def _reach(limit: Any) -> Any:
    """Return a bound that all bounds whose keys are below the limit do not exceed."""
    bits = np.uint32(min((limit >> np.uint64(32)) + np.uint64(1), _LARGEST_BITS))
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
    factor: Any,
    row_terms: Any,
    column_terms: Any,
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
        row, term, limit, count = keys[i], row_terms[i], limits[i], counts[i]
        reach = _reach(limit)
        products_i = products[i]
        own = first_own + i - first_column
        for j in range(n):
            bound = term + column_terms[j] + factor * products_i[j]
            if bound <= reach and j != own:
                key = _key(bound, first_column + j)
                if key >= limit:
                    continue
                row[count] = key
                count += 1
                if count == capacity:
                    _keep_smallest(row, count, k)
                    count, limit = k, row[0]
                    for kept in range(1, k):
                        limit = max(limit, row[kept])
                    reach = _reach(limit)
        limits[i], counts[i] = limit, count


@kernel()
def _select(keys: Any, counts: Any, k: int) -> None:
    for i in range(len(keys)):
        _keep_smallest(keys[i], counts[i], k)


def _do(work: Callable[[Task], None], tasks: Iterable[Task]) -> None:
    for _ in in_order(work, tasks):
        pass


def _tiles(n: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, n)) for i in range(0, n, size)]
