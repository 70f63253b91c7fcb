"""Distances between some points and some others, a block at a time, from whatever is given.

A block holds *keys*, numbers that grow with the distance: squared distances of scaled points for
"euclidean", "sqeuclidean", "cosine" and "gram", the distances themselves for "precomputed".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.gram import rounding_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Rows = slice | NDArray[np.int64]

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Bounds:
    """Lower bounds ``row_terms + column_terms + factor * products``; 0 where that is negative.

    Attributes
    ----------
    products : ndarray of shape (r, c), float32 or float64
        In C order.
    factor : float of the same precision
    row_terms : ndarray of shape (r,)
    column_terms : ndarray of shape (c,)
    """

    products: NDArray[Any]
    factor: np.floating[Any]
    row_terms: NDArray[Any]
    column_terms: NDArray[Any]

    def turned(self) -> Bounds:
        """Return those between the columns and the rows."""
        products = np.ascontiguousarray(self.products.T)
        return Bounds(products, self.factor, self.column_terms, self.row_terms)


class Pairwise(ABC):
    """Keys between m rows (queries) and n columns (points)."""

    shape: tuple[int, int]
    block_shape = (128, 2048)  # rows and columns for which `keys` is quick
    tile = (32, 2048)  # and `rough`
    symmetric = False  # whether `rough` is worth having once for rows and columns
    signed = False  # whether keys may be negative

    @abstractmethod
    def keys(self, rows: Rows, columns: Rows) -> NDArray[Any]:
        """Return the keys between some rows and some columns, wrong by at most ``slack``."""

    @abstractmethod
    def exact(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the keys, correct to the last digits, between rows (r,) and columns (r, m)."""

    @abstractmethod
    def slack(self, rows: Rows) -> NDArray[np.float64]:
        """Return, for some rows, the largest difference between ``keys`` and ``exact``."""

    def rough(self, rows: slice, columns: slice) -> Bounds:
        """Return lower bounds of the keys between some rows and some columns; here the keys."""
        keys = np.ascontiguousarray(self.keys(rows, columns), np.float64)
        return Bounds(keys, np.float64(1), *(np.zeros(size) for size in keys.shape))

    def lower(self, rows: NDArray[np.int64], columns: slice) -> NDArray[np.float64]:
        """Return lower bounds in float64; here the keys, which are exact."""
        return np.asarray(self.keys(rows, columns), np.float64)

    def search(self, rows: slice, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """Return, if there is a quick way, k near columns of some rows, and what bounds the others.

        No column that is not returned has a key below the bound of its row.
        """
        return None

    def blocks(self, rows: slice) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the keys of some rows with all columns: first column, block."""
        for first in range(0, self.shape[1], self.block_shape[1]):
            last = min(first + self.block_shape[1], self.shape[1])
            yield first, self.keys(rows, slice(first, last))

    def row_blocks(self) -> Iterator[slice]:
        """Yield slices that cut the rows into blocks."""
        for first in range(0, self.shape[0], self.block_shape[0]):
            yield slice(first, min(first + self.block_shape[0], self.shape[0]))

    @abstractmethod
    def distances(self, keys: NDArray[Any]) -> NDArray[np.float64]:
        """Return the distances that have these keys."""


class DistanceMatrix(Pairwise):
    """Keys that are given: a distance matrix."""

    def __init__(self, D: NDArray[Any]) -> None:
        self.D, self.shape = D, D.shape
        self.signed, self.large = bool(D.min() < 0), float(D.max()) > _LARGEST

    def keys(self, rows: Rows, columns: Rows) -> NDArray[Any]:
        """Return them as float64."""
        if isinstance(rows, slice) or isinstance(columns, slice):
            return self.D[rows, columns].astype(np.float64)
        return self.D[np.ix_(rows, columns)].astype(np.float64)

    def exact(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the very numbers of ``keys``."""
        return self.D[rows[:, None], columns].astype(np.float64)

    def slack(self, rows: Rows) -> NDArray[np.float64]:
        """Return zeros."""
        return np.zeros(len(np.arange(self.shape[0])[rows]))

    def rough(self, rows: slice, columns: slice) -> Bounds:
        """Return the keys, those beyond float32 as its largest number."""
        bounds = super().rough(rows, columns)
        if self.large:
            np.minimum(bounds.products, _LARGEST, out=bounds.products)
        return bounds

    def distances(self, keys: NDArray[Any]) -> NDArray[np.float64]:
        """Return them."""
        return keys.astype(np.float64)


class GramMatrix(DistanceMatrix):
    """Squared Euclidean distances from a Gram matrix; zero within the rounding of their terms."""

    def __init__(self, G: NDArray[Any]) -> None:
        self.D, self.shape = G, G.shape
        self.norms = G.diagonal().astype(np.float64)
        self.rounding = rounding_of(G)
        self.large = 4 * float(self.norms.max()) > _LARGEST

    def keys(self, rows: Rows, columns: Rows) -> NDArray[Any]:
        """Return them as float64."""
        return self._squares(super().keys(rows, columns), self.norms[rows, None], columns)

    def exact(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the very numbers of ``keys``."""
        return self._squares(super().exact(rows, columns), self.norms[rows, None], columns)

    def _squares(
        self, products: NDArray[Any], norms: NDArray[np.float64], columns: Rows
    ) -> NDArray[np.float64]:
        """Make squared distances of products, in place."""
        both = norms + self.norms[columns]
        products *= -2
        products += both
        both *= self.rounding
        products[products <= both] = 0
        return products

    def distances(self, keys: NDArray[Any]) -> NDArray[np.float64]:
        """Return their roots."""
        return np.asarray(np.sqrt(keys, dtype=np.float64))
