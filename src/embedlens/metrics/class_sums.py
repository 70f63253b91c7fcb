"""Exact silhouettes of points that lie in parts, from the sums of each class over the parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from embedlens.arrays.checks import as_labels, check_finite
from embedlens.arrays.threads import in_order
from embedlens.metrics.class_distances.moments import squared_distances
from embedlens.metrics.classes import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

SummedMetric = Literal["sqeuclidean", "cosine"]

_CHUNK_BYTES = 8 << 20
_REACH = 1e-140, 1e140  # of numbers whose squares float64 holds, summed over any dimensions


@dataclass(frozen=True, eq=False)
class ClassSums:
    """What is known of each class once all of its points were added up.

    The mean squared distance of a point to a class follows from the mean of the class and from
    the spread about it; so does the mean cosine distance, of points at unit length. Parts of a set
    that lie in several files or on several machines each give their sums, the sums add up, and
    with them each part gives the silhouettes of its points: two passes over any number of points,
    each held once. The silhouettes are those of ``silhouette_samples`` of all points together.

    Attributes
    ----------
    metric : {"sqeuclidean", "cosine"}
        Of the silhouettes.
    names : ndarray of shape (k,), object
        The classes, sorted where they can be compared.
    counts : ndarray of shape (k,), int64
        Points of each class.
    placed : ndarray of shape (k,), int64
        Those that have a direction: with "cosine" all but zero vectors.
    means : ndarray of shape (k, d), float64
        Of those that have one; of points at unit length with "cosine".
    squares : ndarray of shape (k,), float64
        The sum of their squared distances to the mean.

    References
    ----------
    Gaido (2023), "Distributed silhouette algorithm: evaluating clustering on big data",
    arXiv 2303.14102. Chan, Golub, LeVeque (1983): how means and squares add up.

    Examples
    --------
    >>> parts = [([[0.0], [1.0]], ["a", "a"]), ([[4.0]], ["b"]), ([[5.0]], ["b"])]
    >>> sums = sum(ClassSums.of(X, labels, metric="sqeuclidean") for X, labels in parts)
    >>> [sums.silhouettes(X, labels).round(4).tolist() for X, labels in parts]
    [[0.9512, 0.92], [0.92], [0.9512]]
    """

    metric: SummedMetric
    names: NDArray[np.object_]
    counts: NDArray[np.int64]
    placed: NDArray[np.int64]
    means: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, X: ArrayLike, labels: ArrayLike, *, metric: SummedMetric) -> ClassSums:
        """Add up the points of one part, block by block.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points; a memory map is read in blocks. No point at all is a part as any other.
        labels : array-like of shape (n,)
            Their classes, of any type; a part may hold some of them only.
        metric : {"sqeuclidean", "cosine"}
            Of the silhouettes that the sums are for.

        Raises
        ------
        ValueError
            If labels and points do not match in number, either holds NaN, or points hold
            infinity or, with "sqeuclidean", numbers that are not of 1e-140 to 1e140.
        """
        if metric not in get_args(SummedMetric):
            known = " and ".join(get_args(SummedMetric))
            raise ValueError(f"Sums of classes are of {known}; got {metric!r}.")
        points = _as_part(X)
        names, codes = encode(as_labels(labels, len(points)))
        total = cls.none(metric, names, points.shape[1])
        for rows in _chunks(len(points), points.shape[1]):
            block, present = _read(points, rows, metric)
            total = _added(total, _of_block(total, block, present, codes[rows]))
        return total

    def __add__(self, other: ClassSums) -> ClassSums:
        """Return the sums of the points of both."""
        if not isinstance(other, ClassSums):
            return NotImplemented
        if (self.metric, self.means.shape[1]) != (other.metric, other.means.shape[1]):
            raise ValueError(
                f"Sums for {self.metric} of {self.means.shape[1]} features and for {other.metric} "
                f"of {other.means.shape[1]} do not add up."
            )
        names, codes = encode(np.concatenate([self.names, other.names]))
        mine, theirs = codes[: len(self.names)], codes[len(self.names) :]
        return _added(_among(self, names, mine), _among(other, names, theirs))

    def __radd__(self, other: Any) -> ClassSums:
        """Let ``sum`` begin with 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def silhouettes(self, X: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
        """Return the silhouettes of the points of one part among all that were added up.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points that are among those of the sums.
        labels : array-like of shape (n,)
            Their classes.

        Returns
        -------
        ndarray of shape (n,), float64
            0 for the only point of a class.

        Raises
        ------
        ValueError
            If there are not 2 classes or more, and fewer than points; if a class is not among
            those that were added up; or as for `of`.
        """
        points, n = _as_part(X), int(self.counts.sum())
        if not 1 < len(self.names) < n:
            raise ValueError(
                f"The sums are of {n} points of {len(self.names)} classes; silhouettes need 2 "
                "classes or more, and fewer than points."
            )
        codes = self._codes(as_labels(labels, len(points)))
        # Near the origin products of coordinates lose no digits.
        origin = self.placed @ self.means / max(1, int(self.placed.sum()))
        means = self.means - origin

        def of_rows(rows: slice) -> NDArray[np.float64]:
            block, present = _read(points, rows, self.metric)
            return self._coefficients(block - origin, present, codes[rows], means, origin)

        numbers = max(points.shape[1], len(self.names))
        blocks = in_order(of_rows, _chunks(len(points), numbers))
        return np.concatenate([np.zeros(0), *blocks])

    @classmethod
    def none(cls, metric: SummedMetric, names: NDArray[np.object_], d: int) -> ClassSums:
        """Return the sums of no points of classes in ``d`` features."""
        k = len(names)
        none = np.zeros(k, np.int64)
        return cls(metric, names, none, none, np.zeros((k, d)), np.zeros(k))

    def _codes(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        places = {name: place for place, name in enumerate(self.names.tolist())}
        names, codes = encode(labels)
        unknown = [name for name in names.tolist() if name not in places]
        if unknown:
            raise ValueError(f"The class {unknown[0]!r} is not among those that were added up.")
        return np.array([places[name] for name in names.tolist()], np.int64)[codes]

    def _coefficients(
        self,
        block: NDArray[np.float64],
        present: NDArray[np.bool_],
        codes: NDArray[np.int64],
        means: NDArray[np.float64],
        origin: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the silhouettes of some points, which lie as the means do relative to an origin.

        A point without a direction is at a squared distance of 2 from all others, and of them.
        """
        every = np.arange(len(block))
        sums = squared_distances(block, means)
        sums *= self.placed
        sums += self.squares + 2 * (self.counts - self.placed)
        own = sums[every, codes] / np.maximum(self.counts[codes] - 1, 1)
        sums /= self.counts
        sums[every, codes] = np.inf
        nearest = sums.min(axis=1)
        # What the rounding of coordinates may make of equal points or directions.
        norms = np.einsum("ij,ij->i", block, block) + origin @ origin
        noise = 64 * np.finfo(np.float64).eps ** 2 * norms
        own[own <= noise] = nearest[nearest <= noise] = 0
        larger = np.maximum(own, nearest)
        kept = present & (larger > 0) & (self.counts[codes] > 1)
        values: NDArray[np.float64] = np.zeros(len(block))
        np.divide(nearest - own, larger, out=values, where=kept)
        return values


def _of_block(
    sums: ClassSums,
    block: NDArray[np.float64],
    present: NDArray[np.bool_],
    codes: NDArray[np.int64],
) -> ClassSums:
    """Return the sums of some points, of the classes ``codes`` among those of ``sums``."""
    k = len(sums.names)
    rows = np.flatnonzero(present)
    rows = rows[np.argsort(codes[rows], kind="stable")]
    means = np.zeros((k, block.shape[1]))
    squares: NDArray[np.float64] = np.zeros(k)
    if len(rows):
        held = codes[rows]
        edges = np.flatnonzero(np.diff(held, prepend=-1))
        sizes = np.diff(edges, append=len(rows))
        # Relative to its first point: of equal points nothing is left, not even rounding.
        first = block[rows[edges]]
        near = block[rows] - np.repeat(first, sizes, axis=0)
        steps = np.add.reduceat(near, edges, axis=0) / sizes[:, None]
        near -= np.repeat(steps, sizes, axis=0)
        means[held[edges]] = first + steps
        squares += np.bincount(held, np.einsum("ij,ij->i", near, near), k)
    return ClassSums(
        sums.metric,
        sums.names,
        np.bincount(codes, minlength=k),
        np.bincount(codes[rows], minlength=k),
        means,
        squares,
    )


def _added(one: ClassSums, other: ClassSums) -> ClassSums:
    """Add sums of the same classes."""
    placed = one.placed + other.placed
    apart, most = other.means - one.means, np.maximum(placed, 1)
    return ClassSums(
        one.metric,
        one.names,
        one.counts + other.counts,
        placed,
        one.means + apart * (other.placed / most)[:, None],
        one.squares
        + other.squares
        + np.einsum("ij,ij->i", apart, apart) * (one.placed * (other.placed / most)),
    )


def _among(sums: ClassSums, names: NDArray[np.object_], places: NDArray[np.int64]) -> ClassSums:
    """Return the same sums among more classes, of which these have the given places."""
    found = ClassSums.none(sums.metric, names, sums.means.shape[1])
    counts, placed = found.counts.copy(), found.placed.copy()
    counts[places], placed[places] = sums.counts, sums.placed
    found.means[places], found.squares[places] = sums.means, sums.squares
    return ClassSums(sums.metric, names, counts, placed, found.means, found.squares)


def _as_part(X: ArrayLike) -> NDArray[Any]:
    points = np.asarray(X)
    if points.ndim != 2 or not points.shape[1]:
        raise ValueError(f"Expected X of shape (points, features), got shape {points.shape}.")
    return points


def _chunks(n: int, numbers: int) -> Iterator[slice]:
    """Yield slices of points, with so many float64 numbers for each, of a few megabytes."""
    step = max(1, _CHUNK_BYTES // (8 * numbers))
    for first in range(0, n, step):
        yield slice(first, min(first + step, n))


def _read(
    points: NDArray[Any], rows: slice, metric: SummedMetric
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return some points, at unit length for "cosine", and whether each has a place."""
    block = points[rows].astype(np.float64)
    largest = check_finite(block, rows.start)
    if metric == "cosine":
        reach = np.abs(block).max(axis=1, keepdims=True)
        np.divide(block, reach, out=block, where=reach > 0)
        norms = np.sqrt(np.einsum("ij,ij->i", block, block))[:, None]
        np.divide(block, norms, out=block, where=norms > 0)
        return block, reach[:, 0] > 0
    if largest and not _REACH[0] < largest < _REACH[1]:
        raise ValueError(
            f"X holds numbers of {largest:g}, whose squares exceed float64: scale the features."
        )
    return block, np.ones(len(block), bool)
