"""Points in frames: each class held relative to its own mean, read block by block.

Float32 is exact enough for distances when coordinates are no larger than distances.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes

_CENTRE_BYTES = 16 << 20  # for the centres; and as much for the points' products with them
_RESIDENT_BYTES = 96 << 20  # residuals up to this size are computed once and kept
_CHUNK_BYTES = 4 << 20
_SLAB = 2048  # features read at once
_SMALLEST = 32  # points in a class that has a frame of its own


class Frames:
    """Points in class order, each minus the centre of the frame that holds its class.

    Parameters
    ----------
    X : (n, d)
        The points, in input order; finite.
    classes : Classes
    scale : float
        A power of two that brings the points near 1, where squares neither overflow nor vanish.

    Attributes
    ----------
    of_class : (k,) int64
        Frame of each class: large classes have their own, the last frame holds all others.
    of_point : (n,) int64
        Frame of each point, in class order.
    centres : (f, d) float64
        Mean of the scaled points of each frame, in the precision that residuals are taken in.
    """

    def __init__(self, X: NDArray[Any], classes: Classes, scale: float) -> None:
        n, d = X.shape
        self._X, self._order, self._scale = X, classes.order, scale
        self._dtype = np.float32 if X.dtype in (np.float16, np.float32) else np.float64
        most = max(_CENTRE_BYTES // (8 * max(n, d)), 1)
        largest = np.argsort(-classes.counts, kind="stable")[:most]
        own = np.sort(largest[classes.counts[largest] >= _SMALLEST])
        self.of_class = np.full(len(classes.counts), len(own))
        self.of_class[own] = np.arange(len(own))
        self.of_point = self.of_class[classes.codes[classes.order]]
        self.centres = self._means()
        self._resident = self._read(0, n, slice(0, d)) if 4 * n * d <= _RESIDENT_BYTES else None

    def slabs(self) -> Iterator[slice]:
        """Yield runs of features that together are all."""
        d = self._X.shape[1]
        for first in range(0, d, _SLAB):
            yield slice(first, min(first + _SLAB, d))

    def residuals(self, start: int, stop: int, slab: slice) -> NDArray[np.float32]:
        """Return some features of points ``start:stop`` minus their centres; do not write to it."""
        if self._resident is not None:
            return self._resident[start:stop, slab]
        return self._read(start, stop, slab)

    def points(self, start: int, stop: int, slab: slice) -> NDArray[np.float64]:
        """Return some features of the scaled points ``start:stop`` themselves."""
        block: NDArray[np.float64] = self._X[self._order[start:stop], slab].astype(np.float64)
        block *= self._scale
        return block

    def _read(self, start: int, stop: int, slab: slice) -> NDArray[np.float32]:
        out = np.empty((stop - start, slab.stop - slab.start), dtype=np.float32)
        for first, frame, block in self._runs(start, stop, slab):
            block -= self.centres[frame, slab].astype(block.dtype)
            out[first - start : first - start + len(block)] = block
        return out

    def _means(self) -> NDArray[np.float64]:
        counts = np.bincount(self.of_point)
        sums = np.zeros((len(counts), self._X.shape[1]))
        for _, frame, block in self._runs(0, len(self._X), slice(0, self._X.shape[1])):
            sums[frame] += block.sum(axis=0, dtype=np.float64)
        sums /= counts[:, None]
        return sums.astype(self._dtype).astype(np.float64)

    def _runs(self, start: int, stop: int, slab: slice) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield runs of scaled points of one frame: position, frame, a copy of the points."""
        step = max(1, _CHUNK_BYTES // (8 * (slab.stop - slab.start)))
        for first in range(start, stop, step):
            rows = slice(first, min(first + step, stop))
            block: NDArray[Any] = self._X[self._order[rows], slab].astype(self._dtype, copy=False)
            block *= self._dtype(self._scale)
            edges = np.flatnonzero(np.diff(self.of_point[rows], prepend=-1, append=-1))
            for a, b in pairwise(edges.tolist()):
                yield first + a, int(self.of_point[first + a]), block[a:b]
