"""Who is near whom in the features: found once, asked by every check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.metrics import nearest_neighbors

NEIGHBORS = 10
_FEW = 5  # with fewer neighbours there is no telling which distance is usual


@dataclass(frozen=True)
class Neighborhood:
    """The nearest pictures of each picture, by the cosine of features.

    Attributes
    ----------
    distances : ndarray of shape (n, k), float64
        Ascending; k is 10, or all others where there are fewer.
    indices : ndarray of shape (n, k), int64
        Their rows.
    """

    distances: NDArray[np.float64]
    indices: NDArray[np.int64]

    @classmethod
    def of(
        cls, features: NDArray[np.floating], among: NDArray[np.int64] | None = None
    ) -> Neighborhood:
        """Find them.

        Parameters
        ----------
        features : ndarray of shape (n, d)
            Of all pictures.
        among : ndarray of int64, optional
            The rows that can be found, more than 10; by default all.

        Raises
        ------
        ValueError
            If the features hold NaN or infinity.
        """
        n = len(features)
        if n < 2:
            return cls(np.empty((n, 0)), np.empty((n, 0), np.int64))
        if among is None or len(among) == n:
            return cls(*nearest_neighbors(features, min(NEIGHBORS, n - 1), metric="cosine"))
        distances, indices = nearest_neighbors(
            features[among], NEIGHBORS + 1, metric="cosine", queries=features
        )
        indices = among[indices]
        dropped = indices == np.arange(n)[:, None]
        dropped[~dropped.any(axis=1), -1] = True
        return cls(
            distances[~dropped].reshape(n, NEIGHBORS), indices[~dropped].reshape(n, NEIGHBORS)
        )

    def pairs(self, nearer: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return pairs that lie far nearer than the neighbours of both usually do.

        Parameters
        ----------
        nearer : float
            The part of the distance to the last neighbour, of both, that is near.

        Returns
        -------
        pairs : ndarray of shape (m, 2), int64
            Rows, the lower first, in order.
        ratio : ndarray of shape (m,), float64
            Their distance over the lesser of the two distances to the last neighbour.
        """
        if self.distances.shape[1] < _FEW:
            return np.empty((0, 2), np.int64), np.empty(0)
        usual = np.minimum(self.distances[:, -1:], self.distances[:, -1][self.indices])
        # Where all are in one place nothing stands out.
        near = (usual > 0) & (self.distances < nearer * usual)
        row, place = np.nonzero(near)
        found = np.sort(np.stack([row, self.indices[row, place]], axis=1), axis=1)
        pairs, first = np.unique(found, axis=0, return_index=True)
        ratio = self.distances[row, place] / usual[row, place]
        return pairs.astype(np.int64).reshape(-1, 2), ratio[first]

    def nearest(self) -> NDArray[np.int64]:
        """Return each picture with its nearest, as pairs of rows, the lower first."""
        rows = np.arange(len(self.indices))[: len(self.indices) * bool(self.indices.size)]
        found = np.stack([rows, self.indices[rows, 0] if len(rows) else rows], axis=1)
        return np.unique(np.sort(found, axis=1), axis=0).astype(np.int64)
