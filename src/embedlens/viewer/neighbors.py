"""Nearest pictures of one picture in the full feature space, when asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

METRIC = "Euclidean, all features"

_BLOCK = 2**24  # numbers looked at at once: 64 MB
_SPARE = 32  # candidates beyond k, as products in float32 are rounded


class FeatureNeighbors:
    """Finds the nearest pictures of one, in features that may be larger than memory.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        The features, perhaps memory-mapped; read in blocks.
    others : ndarray of shape (m, d), optional
        Those of pictures that are asked about, by the rows from n on, and are never found.
    """

    def __init__(
        self, values: NDArray[np.floating], others: NDArray[np.floating] | None = None
    ) -> None:
        self._values = values
        self._others = others
        self._rows = max(1, _BLOCK // max(1, values.shape[1]))
        self._squares: NDArray[np.float64] | None = None

    def of(self, row: int, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and rows of the ``k`` nearest of a picture, itself left out."""
        count = len(self._values)
        if row >= count and self._others is not None:
            return self.near(self._others[row - count], k)
        return self.near(self._values[row], k, but=row)

    def near(
        self, query: NDArray[np.floating], k: int, but: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and rows of the ``k`` nearest of features, (d,), one row left out.

        Candidates come from products in float32; the nearest ``k + 32`` of them are measured again
        in float64 by differences.
        """
        values, query = self._values, np.asarray(query, np.float32)
        most = len(values) - (but is not None)
        products = np.concatenate([block @ query for block in self._blocks()])
        keys = self._norms() - 2.0 * products
        if but is not None:
            keys[but] = np.inf
        kept = min(k + _SPARE, most)
        candidates = np.argpartition(keys, kept - 1)[:kept]
        differences = np.asarray(values[candidates], np.float64) - query.astype(np.float64)
        distances = np.sqrt(np.square(differences).sum(axis=1))
        order = np.lexsort((candidates, distances))[: min(k, most)]
        return distances[order], candidates[order]

    def _norms(self) -> NDArray[np.float64]:
        if self._squares is None:
            squares = [np.einsum("ij,ij->i", block, block) for block in self._blocks()]
            self._squares = np.concatenate(squares).astype(np.float64)
        return self._squares

    def _blocks(self) -> list[NDArray[np.floating]]:
        starts = range(0, len(self._values), self._rows)
        return [self._values[start : start + self._rows] for start in starts]
