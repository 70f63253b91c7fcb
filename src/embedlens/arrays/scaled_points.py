"""Points read block by block, brought near 1 or to unit length and near the origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Rows = slice | NDArray[np.int64]

_CHUNK_BYTES = 4 << 20
_ALL = slice(None)


class ScaledPoints:
    """Points (n, d), each times a factor, minus an origin. The points are not copied.

    Attributes
    ----------
    X : (n, d)
    factors : (n,) float64
    absent : (n,) bool
        Points without a factor: zero vectors, which cannot have unit length. They are read as 0.
    origin : (d,) float64
        Subtracted from each point; zero at first.
    """

    def __init__(self, X: NDArray[Any], factors: NDArray[np.float64]) -> None:
        self.X, self.factors, self.absent = X, factors, factors == 0
        self.origin = np.zeros(X.shape[1])

    @classmethod
    def scaled(cls, X: NDArray[Any], scale: float) -> ScaledPoints:
        """Return points times one number, a power of two that brings them near 1."""
        return cls(X, np.full(len(X), scale))

    @classmethod
    def unit(cls, X: NDArray[Any], scale: float) -> ScaledPoints:
        """Return points at unit length; ``scale`` brings them near it, lest squares overflow."""
        points = cls.scaled(X, scale)
        norms = np.empty(len(X))
        for chunk in points.chunks(0, len(X)):
            block = points.read(chunk)
            norms[chunk] = np.sqrt(np.einsum("ij,ij->i", block, block))
        return cls(X, np.divide(scale, norms, out=np.zeros_like(norms), where=norms > 0))

    def middle(self) -> NDArray[np.float64]:
        """Return a place that most points are near, whatever the others do."""
        some = self.read(slice(0, None, -(-len(self.X) // 256)))
        return np.asarray(np.median(some, axis=0) + self.origin)

    def read(
        self, rows: Rows, features: slice = _ALL, dtype: type[np.floating[Any]] = np.float64
    ) -> NDArray[Any]:
        """Return some features of some points, as new numbers of the precision ``dtype``."""
        block = self.X[rows, features].astype(dtype)
        block *= self.factors[rows, None].astype(dtype)
        block -= self.origin[features].astype(dtype)
        block[self.absent[rows]] = 0
        return block

    def chunks(self, start: int, stop: int, numbers: int = 0) -> Iterator[slice]:
        """Yield slices that cut ``start:stop`` into blocks of a few megabytes.

        That is, of the points or, if there are more, of so many float64 ``numbers`` for each.
        """
        step = max(1, _CHUNK_BYTES // (8 * max(self.X.shape[1], numbers)))
        for first in range(start, stop, step):
            yield slice(first, min(first + step, stop))
