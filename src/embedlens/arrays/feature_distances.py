"""Keys from features: squared Euclidean distances of points scaled, or brought to unit length.

Half the squared distance of unit vectors is their cosine distance.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.checks import largest_magnitude, unit_scale
from embedlens.arrays.kernel import kernel
from embedlens.arrays.pairwise import Bounds, Pairwise
from embedlens.arrays.scaled_points import ScaledPoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

    Rows = slice | NDArray[np.int64]

_CHUNK = 1 << 20  # numbers read at once
_COMPILED = {np.dtype(np.float32), np.dtype(np.float64)}  # others are converted first
_ROUNDINGS = 16  # of a key, besides those of its products
_UNDERFLOW = 1e-35  # what products and norms near 1 may lose to numbers too small for float32
_UNIT_ROUNDING = 32 * float(np.finfo(np.float64).eps)  # with room
_TREE_ROUNDING = 1e-12  # of a square of a distance of few dimensions, with room
_BELOW_TWO = 1.999  # a bound of the key 2, rounded or not
_RESIDENT_BYTES = 96 << 20  # points up to this size are brought near the origin once and kept


class _Features(Pairwise):
    def __init__(self, queries: NDArray[Any], points: NDArray[Any], metric: str) -> None:
        self.shape = (len(queries), len(points))
        largest = largest_magnitude(points)
        if queries is not points:
            largest = max(largest, largest_magnitude(queries))
        self.metric, self.scale = metric, unit_scale(largest)
        self.columns = self._read(points)
        self.rows = self.columns if queries is points else self._read(queries)

    def _read(self, X: NDArray[Any]) -> ScaledPoints:
        cosine = self.metric == "cosine"
        return (ScaledPoints.unit if cosine else ScaledPoints.scaled)(X, self.scale)

    def exact(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        squares = np.empty(columns.shape)
        if {self.rows.X.dtype, self.columns.X.dtype} <= _COMPILED:
            x, y = np.asarray(self.rows.X), np.asarray(self.columns.X)
            _squares_of_pairs(x, self.rows.factors, rows, y, self.columns.factors, columns, squares)
        else:
            self._exact_of_others(rows, columns, squares)
        self._set_absent(squares, rows, columns)
        return squares

    def _exact_of_others(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], squares: NDArray[np.float64]
    ) -> None:
        d, m = self.columns.X.shape[1], columns.shape[1]
        height, width = max(1, _CHUNK // (d * m)), max(1, _CHUNK // d)
        for i, j in product(range(0, len(rows), height), range(0, m, width)):
            some = columns[i : i + height, j : j + width]
            step = self.columns.read(some.ravel()).reshape(*some.shape, d)
            step -= self.rows.read(rows[i : i + height])[:, None]
            squares[i : i + height, j : j + width] = np.einsum("ijk,ijk->ij", step, step)

    def _set_absent(self, squares: NDArray[Any], rows: Rows, columns: Rows) -> None:
        absent = self._absent(rows, columns)
        if absent is not None:
            squares[absent] = 2

    def _absent(self, rows: Rows, columns: Rows) -> NDArray[np.bool_] | None:
        """Return which pairs have a zero vector and so no angle; None if none has."""
        if self.metric != "cosine":
            return None
        x, y = self.rows.absent[rows, None], self.columns.absent[columns]
        return x | y if x.any() or y.any() else None

    def distances(self, keys: NDArray[Any]) -> NDArray[np.float64]:
        if self.metric == "cosine":
            return np.asarray(keys / 2)
        if self.metric == "sqeuclidean":
            return np.asarray(keys / self.scale**2)
        return np.asarray(np.sqrt(keys) / self.scale)


@kernel(reassociate=True)
def _squares_of_pairs(
    x: NDArray[Any],
    x_factors: NDArray[np.float64],
    rows: NDArray[np.int64],
    y: NDArray[Any],
    y_factors: NDArray[np.float64],
    columns: NDArray[np.int64],
    squares: NDArray[np.float64],
) -> None:
    for i in range(columns.shape[0]):
        one, factor = x[rows[i]], x_factors[rows[i]]
        for j in range(columns.shape[1]):
            other, its = y[columns[i, j]], y_factors[columns[i, j]]
            total = 0.0
            for k in range(len(one)):
                step = factor * one[k] - its * other[k]
                total += step * step
            squares[i, j] = total


class FewDimensions(_Features):
    """Keys in few dimensions: sums of squared differences, exact and equal for equal points."""

    most = 16
    searched = 3  # dimensions at most in which a tree is searched: on maps
    _worthwhile = 2000  # points from which that is quicker than to look at all

    def __init__(self, queries: NDArray[Any], points: NDArray[Any], metric: str) -> None:
        super().__init__(queries, points, metric)
        self._points = np.ascontiguousarray(self.columns.read(slice(None)).T)
        self._queries = self._points
        if queries is not points:
            self._queries = np.ascontiguousarray(self.rows.read(slice(None)).T)
        self._tree = self._make_tree()

    def _make_tree(self) -> cKDTree | None:
        d, n = self._points.shape
        nowhere = self.metric == "cosine" and (self.rows.absent.any() or self.columns.absent.any())
        if d > self.searched or n < self._worthwhile or nowhere:
            return None
        from scipy.spatial import cKDTree

        return cKDTree(self._points.T)

    def search(self, rows: slice, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """Search a tree of the points."""
        if self._tree is None:
            return None
        distances, columns = self._tree.query(self._queries[:, rows].T, k)
        last = distances.reshape(-1, k)[:, -1]
        # Below 0 for those in one place, of which any may have been found.
        return last**2 * (1 - _TREE_ROUNDING) - _UNDERFLOW, columns.reshape(-1, k).astype(np.int64)

    def keys(self, rows: Rows, columns: Rows) -> NDArray[np.float64]:
        """Return keys by differences."""
        x, y = self._queries[:, rows], self._points[:, columns]
        squares = np.zeros((x.shape[1], y.shape[1]))
        _add_squares(x, y, squares)
        self._set_absent(squares, rows, columns)
        return squares

    def exact(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the very numbers of ``keys``."""
        squares = np.zeros(columns.shape)
        _add_squares_of_pairs(self._queries, rows, self._points, columns, squares)
        self._set_absent(squares, rows, columns)
        return squares

    def slack(self, rows: Rows) -> NDArray[np.float64]:
        """Return zeros: these keys and ``exact`` are equally good."""
        return np.zeros(len(self.rows.factors[rows]))


@kernel()
def _add_squares(
    x: NDArray[np.float64], y: NDArray[np.float64], squares: NDArray[np.float64]
) -> None:
    for i in range(squares.shape[0]):
        for t in range(len(x)):
            for j in range(squares.shape[1]):
                step = x[t, i] - y[t, j]
                squares[i, j] += step * step


@kernel()
def _add_squares_of_pairs(
    x: NDArray[np.float64],
    rows: NDArray[np.int64],
    y: NDArray[np.float64],
    columns: NDArray[np.int64],
    squares: NDArray[np.float64],
) -> None:
    for i in range(squares.shape[0]):
        for t in range(len(x)):
            for j in range(squares.shape[1]):
                step = x[t, rows[i]] - y[t, columns[i, j]]
                squares[i, j] += step * step


class ManyDimensions(_Features):
    """Keys in many dimensions: matrix products in the precision ``dtype``."""

    block_shape = (1024, 2048)
    tile = (1024, 1024)
    symmetric = True
    slab = 2048  # features multiplied at once, and the length of the sums in float32

    def __init__(
        self,
        queries: NDArray[Any],
        points: NDArray[Any],
        metric: str,
        dtype: type[np.float32] | type[np.float64],
    ) -> None:
        super().__init__(queries, points, metric)
        self._dtype = dtype
        # An origin that float32 holds exactly, so that subtracting it is rounded once.
        self.columns.origin = self.rows.origin = self.columns.middle().astype(self._dtype)
        self._column_norms = self._norms(self.columns)
        same = queries is points
        self._row_norms = self._column_norms if same else self._norms(self.rows)
        small = points.size * np.dtype(self._dtype).itemsize <= _RESIDENT_BYTES
        self._held: NDArray[Any] | None = None
        if small:
            held = np.empty(points.shape, self._dtype)
            for chunk in self.columns.chunks(0, len(points)):
                held[chunk] = self._read_some(self.columns, chunk, slice(None))
            self._held = held

    def keys(self, rows: Rows, columns: Rows) -> NDArray[Any]:
        """Return keys from norms and products."""
        squares = self._product(rows, columns)
        squares *= -2
        squares += self._row_norms[rows, None].astype(self._dtype)
        squares += self._column_norms[columns].astype(self._dtype)
        np.maximum(squares, 0, out=squares)
        self._set_absent(squares, rows, columns)
        return squares

    def rough(self, rows: slice, columns: slice) -> Bounds:
        """Return norms made less by what the rounding of products may come to, and products.

        A product is wrong by at most length * unit roundoff * |x||y| (Higham 2002, eq. 3.5), and
        2 |x||y| <= |x|^2 + |y|^2: so each norm bears its own share, and a point
        far off loosens the bounds of no other.
        """
        products = self._product(rows, columns)
        terms = [
            self._least(norms, self._length(), self._dtype)
            for norms in (self._row_norms[rows], self._column_norms[columns])
        ]
        absent = self._absent(rows, columns)
        if absent is not None:
            sums = terms[0][:, None] + terms[1]
            products[absent] = ((sums - self._dtype(_BELOW_TWO)) / 2)[absent]
        return Bounds(products, self._dtype(-2), *terms)

    def lower(self, rows: NDArray[np.int64], columns: slice) -> NDArray[np.float64]:
        """Return the same bounds from products in float64."""
        bounds = self.rows.read(rows) @ self.columns.read(columns).T
        bounds *= -2
        length = len(self.columns.origin) + _ROUNDINGS
        bounds += self._least(self._row_norms[rows], length, np.float64)[:, None]
        bounds += self._least(self._column_norms[columns], length, np.float64)
        self._set_absent(bounds, rows, columns)
        return np.asarray(bounds)

    def slack(self, rows: Rows) -> NDArray[np.float64]:
        """Return the bound on the rounding of products.

        A sum of products is wrong by length * unit roundoff * |x||y| at most (Higham 2002,
        eq. 3.5), and |x||y| is at most half the sum of the squared norms.
        """
        bound: NDArray[np.float64] = self._row_norms[rows] + self._column_norms.max()
        return bound * (self._length() * np.finfo(self._dtype).eps / 2)

    def _length(self) -> int:
        """Return how often a product in slabs is rounded, and what it is made of."""
        d = len(self.columns.origin)
        return min(d, self.slab) + d // self.slab + _ROUNDINGS

    def _least(
        self,
        norms: NDArray[np.float64],
        length: int,
        dtype: type[np.float32] | type[np.float64],
    ) -> NDArray[Any]:
        """Return squared norms with which norms minus rounded products are a lower bound."""
        least = norms * (1 - length * np.finfo(dtype).eps / 2) - _UNDERFLOW
        if self.metric == "cosine":
            # Points near each other and far from the origin are rounded as they get unit length,
            # whatever their distance: |x - y|^2 by up to 8 (|x| + |y|) roundoffs of each.
            least -= _UNIT_ROUNDING * (np.sqrt(norms) + _UNIT_ROUNDING)
        return np.asarray(least, dtype)

    def _product(self, rows: Rows, columns: Rows) -> NDArray[Any]:
        first, *others = self._slabs()
        product = self._product_in(rows, columns, first)
        for features in others:
            product += self._product_in(rows, columns, features)
        return product

    def _product_in(self, rows: Rows, columns: Rows, features: slice) -> NDArray[Any]:
        x = self._read_some(self.rows, rows, features)
        product: NDArray[Any] = x @ self._read_some(self.columns, columns, features).T
        return product

    def _read_some(self, points: ScaledPoints, rows: Rows, features: slice) -> NDArray[Any]:
        if self._held is not None and points is self.columns:
            return self._held[rows, features]
        # A scale is a power of two and rounds nothing; factors to unit length round in float64,
        # and so do numbers that the precision does not hold.
        exact = self.metric != "cosine" and np.can_cast(points.X.dtype, self._dtype)
        dtype = self._dtype if exact else np.float64
        return points.read(rows, features, dtype).astype(self._dtype, copy=False)

    def _slabs(self) -> Iterator[slice]:
        for first in range(0, len(self.columns.origin), self.slab):
            yield slice(first, first + self.slab)

    def _norms(self, points: ScaledPoints) -> NDArray[np.float64]:
        norms = np.empty(len(points.X))
        for chunk in points.chunks(0, len(norms)):
            block = points.read(chunk)
            norms[chunk] = np.einsum("ij,ij->i", block, block)
        return norms
