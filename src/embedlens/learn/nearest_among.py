"""The nearest of a set of points, found once for all its parts: each split asks others of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.metrics import nearest_neighbors

# Of all points, those to be found among are this share or more as a rule, .56 in a default split,
# and chance takes some: so many more are kept as hold enough of them. Where they do not, those
# points are asked for again, among all of the part.
_SHARE = 0.45

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class NearestAmong:
    """Points with their nearest others by cosine, nearest first.

    Attributes
    ----------
    points : ndarray of shape (n, d)
    distances : ndarray of shape (n, m), float32
    indices : ndarray of shape (n, m), int32
    """

    points: NDArray[np.floating[Any]]
    distances: NDArray[np.float32]
    indices: NDArray[np.int32]

    @classmethod
    def of(cls, points: NDArray[np.floating[Any]], k: int) -> NearestAmong:
        """Find enough of all points to answer for ``k`` of a part of them."""
        kept = min(len(points) - 1, math.ceil(k / _SHARE))
        distances, indices = nearest_neighbors(points, kept, metric="cosine")
        return cls(points, distances.astype(np.float32), indices.astype(np.int32))

    def within(
        self, queries: Rows, gallery: Rows, k: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return what `nearest_neighbors` finds of some points for others, exactly.

        Parameters
        ----------
        queries, gallery : ndarray of int
            Rows of the points; no query is in the gallery.
        k : int
            Neighbours of each, at most as many as the gallery has.

        Returns
        -------
        distances : ndarray of shape (queries, k), float64
            Rising.
        places : ndarray of shape (queries, k), int64
            In ``gallery``. Of equal distances the first of all points is nearer.
        """
        place = np.full(len(self.points), -1, np.int64)
        place[gallery] = np.arange(len(gallery))
        near = place[self.indices[queries]]
        first = np.argsort(near < 0, axis=1, kind="stable")[:, :k]
        places = np.take_along_axis(near, first, axis=1)
        distances = np.take_along_axis(self.distances[queries], first, axis=1).astype(np.float64)
        few = np.flatnonzero((near >= 0).sum(axis=1) < k)
        if len(few):
            if places.shape[1] < k:
                places = np.empty((len(queries), k), np.int64)
                distances = np.empty((len(queries), k))
            distances[few], places[few] = nearest_neighbors(
                self.points[gallery], k, metric="cosine", queries=self.points[queries[few]]
            )
        return distances, places
