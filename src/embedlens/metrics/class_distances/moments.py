"""Mean squared and cosine distances to classes from class sums: exact in O(n k d).

For a class with mean m and variance v (the mean squared distance of its points to m), the mean
squared distance of x to its points is |x - m|² + v. The cosine distance of x and y is half the
squared distance of x/|x| and y/|y|. See Gaido, arXiv 2303.14102.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.scaled_points import ScaledPoints
from embedlens.arrays.threads import in_order
from embedlens.metrics.class_distances import ClassDistances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes

_NEAR = 1e-6  # share of the norms below which a squared distance is computed by differences
_CHUNK = 1 << 19  # numbers that it is computed from at once
_MEANS_BYTES = 32 << 20  # class means held at once, float64


def squared_euclidean(X: NDArray[Any], classes: Classes, scale: float) -> ClassDistances:
    """Return mean squared Euclidean distances of ``X`` (n, d), finite, to the classes.

    ``scale`` is a power of two that brings the points near 1; the result is in its square.
    """
    return _class_distances(ScaledPoints.scaled(X, scale), classes)


def cosine(X: NDArray[Any], classes: Classes, scale: float) -> ClassDistances:
    """Return mean cosine distances of ``X`` (n, d), finite, to the classes.

    The zero vector is at distance 1 from all others, as in scikit-learn.
    """
    return _class_distances(ScaledPoints.unit(X, scale), classes).divided(2)


def _class_distances(points: ScaledPoints, classes: Classes) -> ClassDistances:
    points.origin = points.middle()
    n, k = len(points.X), len(classes.counts)
    codes, norms = classes.codes[classes.order], np.empty(n)
    ordered = ClassDistances.unknown(n)
    width = max(1, _MEANS_BYTES // (8 * points.X.shape[1]))
    for first in range(0, k, width):
        group = _Group.of(points, classes, first, min(first + width, k))
        ordered.own[classes.starts[group.first] : classes.starts[group.last]] = group.own

        def meet(chunk: slice, group: _Group = group) -> None:
            block = points.read(classes.order[chunk])
            norms[classes.order[chunk]] = np.einsum("ij,ij->i", block, block)
            group.meet(block, codes[chunk], ordered.nearest[chunk], ordered.nearest_class[chunk])

        for _ in in_order(meet, points.chunks(0, n, numbers=group.last - group.first)):
            pass
    result = ordered.in_input_order(classes)
    result.own[points.absent] = result.nearest[points.absent] = 2
    # What the rounding of coordinates may make of equal points or directions.
    noise = 64 * np.finfo(np.float64).eps ** 2 * (norms + points.origin @ points.origin)
    for distances in (result.own, result.nearest):
        distances[distances <= noise] = 0
    return result


@dataclass(frozen=True)
class _Group:
    """Some classes: their means, and what the mean squared distance to their points is made of."""

    first: int
    last: int
    means: NDArray[np.float64]  # (g, d)
    share: NDArray[np.float64]  # (g,) share of the points that have a place, not being zero vectors
    offset: NDArray[np.float64]  # (g,) the mean squared distance is share * |x - mean|² + this
    own: NDArray[np.float64]  # (points of the classes,) mean squared distance to the others

    @classmethod
    def of(cls, points: ScaledPoints, classes: Classes, first: int, last: int) -> _Group:
        """Measure the classes ``first:last``."""
        starts, counts = classes.starts[first : last + 1], classes.counts[first:last]
        begin, end = int(starts[0]), int(starts[-1])
        codes = np.repeat(np.arange(last - first), counts)
        present = ~points.absent[classes.order[begin:end]]
        placed = np.bincount(codes, present, last - first)
        means = np.zeros((last - first, points.X.shape[1]))
        for chunk in points.chunks(begin, end):
            runs = codes[chunk.start - begin : chunk.stop - begin]
            edges = np.flatnonzero(np.diff(runs, prepend=-1))
            block = points.read(classes.order[chunk])
            means[runs[edges]] += np.add.reduceat(block, edges, axis=0)
        means /= np.maximum(placed, 1)[:, None]
        squares = np.zeros(end - begin)
        for chunk in points.chunks(begin, end):
            inside = slice(chunk.start - begin, chunk.stop - begin)
            step = points.read(classes.order[chunk]) - means[codes[inside]]
            squares[inside] = np.einsum("ij,ij->i", step, step) * present[inside]
        # The squared distances of x to the class's points sum up to placed * |x - mean|², their
        # own about the mean, and 2 for each point without a place.
        rest = np.bincount(codes, squares, last - first) + 2 * (counts - placed)
        own = (placed[codes] * squares + rest[codes]) / np.maximum(counts[codes] - 1, 1)
        return cls(first, last, means, placed / counts, rest / counts, own)

    def meet(
        self,
        block: NDArray[np.float64],
        codes: NDArray[np.int64],
        nearest: NDArray[np.float64],
        nearest_class: NDArray[np.int64],
    ) -> None:
        """Update the nearest class of some points of classes ``codes``."""
        squares = squared_distances(block, self.means)
        squares *= self.share
        squares += self.offset
        own = np.flatnonzero((codes >= self.first) & (codes < self.last))
        squares[own, codes[own] - self.first] = np.inf
        least = squares.argmin(axis=1)
        values = squares[np.arange(len(squares)), least]
        closer = values < nearest
        nearest[closer] = values[closer]
        nearest_class[closer] = least[closer] + self.first


def squared_distances(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared distances of rows to rows, those lost in rounding by differences."""
    norms = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
    squares: NDArray[np.float64] = norms - 2 * (x @ y.T)
    i, j = np.nonzero(squares < _NEAR * norms)
    step = max(1, _CHUNK // x.shape[1])
    for some in (slice(a, a + step) for a in range(0, len(i), step)):
        difference = x[i[some]] - y[j[some]]
        squares[i[some], j[some]] = np.einsum("ij,ij->i", difference, difference)
    return squares
