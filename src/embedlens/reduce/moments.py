"""Mean and scatter of points that come in parts: all that principal components need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlens.arrays.checks import non_finite_error

_CHUNK_BYTES = 16 << 20


@dataclass(frozen=True, eq=False)
class Moments:
    """How many points there are, their mean, and their scatter about it.

    Parts of a set that lie in several files or on several machines each give theirs; the sum of
    them is that of all points, whatever the parts: ``sum(map(Moments.of, parts))``.

    Attributes
    ----------
    count : int
        Points.
    mean : ndarray of shape (d,), float64
        Zero where there is no point.
    scatter : ndarray of shape (d, d), float64
        Xᵀ X of the centred points: their covariance times ``count`` - 1, or times ``count``.

    References
    ----------
    Chan, Golub, LeVeque (1983), "Algorithms for computing the sample variance", The American
    Statistician 37, 242-247: how the parts add up without a loss of digits far from the origin.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.reduce import PCA, Moments
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [5.0, 1.0]])
    >>> moments = Moments.of(X[:1]) + Moments.of(X[1:])
    >>> bool(np.allclose(moments.scatter / 3, np.cov(X.T)))
    True
    >>> PCA(1).fit_moments(moments).transform(X[:2]).shape
    (2, 1)
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @classmethod
    def of(cls, X: ArrayLike) -> Moments:
        """Measure points, in float64 and block by block.

        Parameters
        ----------
        X : array-like of shape (n, d)
            A memory map is read in blocks. No point at all is a part as any other.

        Raises
        ------
        ValueError
            If ``X`` has not two dimensions or holds NaN or infinity, or if its squares exceed
            float64.
        """
        points = np.asarray(X)
        if points.ndim != 2 or not points.shape[1]:
            raise ValueError(f"Expected X of shape (points, features), got shape {points.shape}.")
        total = cls(0, np.zeros(points.shape[1]), np.zeros((points.shape[1],) * 2))
        step = max(1, _CHUNK_BYTES // (8 * points.shape[1]))
        for first in range(0, len(points), step):
            total += _of_block(points[first : first + step], first)
        return total

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of the points of both."""
        if not isinstance(other, Moments):
            return NotImplemented
        if self.mean.shape != other.mean.shape:
            raise ValueError(
                f"Points of {len(self.mean)} and of {len(other.mean)} features do not add up."
            )
        if not other.count:
            return self
        count = self.count + other.count
        step = other.mean - self.mean
        # Twice the same vector: BLAS keeps the product symmetric.
        apart = step * np.sqrt(self.count / count * other.count)
        mean = self.mean + step * (other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + np.outer(apart, apart))

    def __radd__(self, other: Any) -> Moments:
        """Let ``sum`` begin with 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented


def _of_block(block: NDArray[Any], first: int) -> Moments:
    # Relative to its first point: of equal points nothing is left, not even rounding.
    start = block[0].astype(np.float64)
    near = block.astype(np.float64) - start
    step = near.mean(axis=0)
    near -= step
    scatter: NDArray[np.float64] = near.T @ near
    if not np.isfinite(scatter.trace()):
        if np.isfinite(block).all():
            raise ValueError("X holds numbers whose squares exceed float64: scale the features.")
        raise non_finite_error(block, first)
    return Moments(len(block), start + step, scatter)
