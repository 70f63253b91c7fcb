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
    """

    def __init__(self, values: NDArray[np.floating]) -> None:
        self._values = values
        self._rows = max(1, _BLOCK // max(1, values.shape[1]))
        self._squares: NDArray[np.float64] | None = None

    def of(self, row: int, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and rows of the ``k`` nearest of a picture, itself left out.

        Candidates come from products in float32; the nearest ``k + 32`` of them are measured again
        in float64 by differences.
        """
        values = self._values
        k = min(k, len(values) - 1)
        query = np.asarray(values[row], np.float32)
        products = np.concatenate([block @ query for block in self._blocks()])
        keys = self._norms() - 2.0 * products
        keys[row] = np.inf
        kept = min(k + _SPARE, len(values) - 1)
        candidates = np.argpartition(keys, kept - 1)[:kept]
        differences = np.asarray(values[candidates], np.float64) - query.astype(np.float64)
        distances = np.sqrt(np.square(differences).sum(axis=1))
        order = np.lexsort((candidates, distances))[:k]
        return distances[order], candidates[order]

    def _norms(self) -> NDArray[np.float64]:
        if self._squares is None:
            squares = [np.einsum("ij,ij->i", block, block) for block in self._blocks()]
            self._squares = np.concatenate(squares).astype(np.float64)
        return self._squares

    def _blocks(self) -> list[NDArray[np.floating]]:
        starts = range(0, len(self._values), self._rows)
        return [self._values[start : start + self._rows] for start in starts]
