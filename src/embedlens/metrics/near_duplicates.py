"""All pairs of points that nearly coincide: of hashes by differing bits, of features by cosine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.checks import as_points, check_finite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

_MOST = 32
_ROWS = 1024
_COLUMNS = 4096
_DIRECTIONS = 128
# Of so many hashes all pairs are compared sooner than quarters are looked up, and so it is for a
# larger radius: there are too many quarters near one.
_ALL, _NEAR = 100_000, 11
# How much too long a squared distance may come out of the projection. It is the true one times a
# chi-squared variable over its 128 degrees of freedom: above 1.6 in 1 of 50,000 cases.
_LENIENCE = 1.6


@dataclass(frozen=True)
class Pairs:
    """Pairs of points.

    Attributes
    ----------
    first, second : ndarray of shape (pairs,), int64
        Rows, ``first < second``, in ascending order.
    value : ndarray of shape (pairs,), int64 or float64
        Differing bits, or cosine similarity.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    value: NDArray[Any]

    def __len__(self) -> int:
        return len(self.first)


def hamming_pairs(hashes: ArrayLike, radius: int, *, most: int = _MOST) -> Pairs:
    """Return the pairs of 64-bit hashes that differ in at most ``radius`` bits, exactly.

    Of up to 100,000 hashes every pair is compared. Of more, those alone that agree in a quarter of
    their bits but for a fourth of the radius: with a radius of 10 that is one pair in 120.

    Parameters
    ----------
    hashes : array-like of shape (n,), uint64
        The hashes.
    radius : int
        0 to 64.
    most : int, default=32
        Pairs listed for a hash with later ones, the first in order: ten thousand equal hashes
        would make fifty million pairs. They stay linked with each other all the same.

    Returns
    -------
    Pairs

    Raises
    ------
    ValueError
        If the hashes are not uint64 in one dimension, or ``radius`` or ``most`` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = hamming_pairs(np.array([0b0000, 0b1111, 0b0001], np.uint64), 1)
    >>> pairs.first, pairs.second, pairs.value
    (array([0]), array([2]), array([1]))
    """
    from embedlens.arrays.threads import in_order
    from embedlens.metrics.hamming import Bands, banded_near_rows, near_rows

    values = np.ascontiguousarray(hashes)
    if values.dtype != np.uint64 or values.ndim != 1:
        raise ValueError(f"hashes must be uint64, one a point; got {values.dtype} {values.shape}.")
    if not 0 <= radius <= 64:
        raise ValueError(f"radius must be between 0 and 64 bits; got {radius}.")
    _check_most(most)

    bands = Bands.of(values) if len(values) > _ALL and radius <= _NEAR else None

    def search(rows: tuple[int, int]) -> Pairs:
        if bands is None:
            return Pairs(*near_rows(values, *rows, radius, most))
        return Pairs(*banded_near_rows(values, bands, *rows, radius, most))

    return _joined(in_order(search, _blocks(len(values))))


def cosine_pairs(X: ArrayLike, threshold: float, *, most: int = _MOST) -> Pairs:
    """Return the pairs of points whose cosine similarity is at least ``threshold``.

    For points of length 1, ``|x - y|^2 = 2 - 2 cos``. Every pair is compared in 128 random
    directions, which keep squared distances within a tenth or so (W. Johnson, J. Lindenstrauss,
    1984), at a small part of the cost; those that are near there are measured in full, in
    float64. So no pair is listed wrongly, and one that lies just at the threshold is missed in at
    most 1 of 50,000 cases, whatever the points; up to 128 features, never.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Points; the zero vector is near none.
    threshold : float
        Between 0 and 1. The lower, the more pairs have to be measured in full.
    most : int, default=32
        Pairs measured in full for a point with later ones: those nearest in the projection.

    Returns
    -------
    Pairs

    Raises
    ------
    ValueError
        If ``X`` is no matrix of real numbers, or holds NaN or infinity, or ``threshold`` or
        ``most`` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = cosine_pairs(np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1]]), 0.99)
    >>> pairs.first, pairs.second
    (array([0]), array([2]))
    """
    from embedlens.arrays.threads import in_order

    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be between 0 and 1; got {threshold}.")
    _check_most(most)
    points = _unit(as_points(X))
    left, right = _lifted(_projected(points))
    lenience = _LENIENCE if points.shape[1] > _DIRECTIONS else 1.0
    # Minus half the squared distance, with room for the rounding of float32.
    limit = np.float32(-lenience * (1 - threshold) - 1e-5)

    def search(rows: tuple[int, int]) -> Pairs:
        return _measured(points, _close(left, right, rows, limit, most), threshold)

    return _joined(in_order(search, _blocks(len(points))))


def _check_most(most: int) -> None:
    if most < 1:
        raise ValueError(f"most must be 1 or more; got {most}.")


def _blocks(n: int) -> list[tuple[int, int]]:
    return [(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]


def _joined(parts: Iterable[Pairs]) -> Pairs:
    columns = [(each.first, each.second, each.value) for each in parts]
    if not columns:
        return Pairs(*(np.empty(0, np.int64) for _ in range(3)))
    return Pairs(*map(np.concatenate, zip(*columns, strict=True)))


def _unit(X: NDArray[Any]) -> NDArray[np.float32]:
    """Bring rows to length 1, whatever their size and dtype; what has no direction stays at zero.

    Raises
    ------
    ValueError
        If they hold NaN or infinity.
    """
    unit = np.empty(X.shape, np.float32)
    for start in range(0, len(X), _ROWS):
        block = X[start : start + _ROWS].astype(np.float64)
        check_finite(block, start)
        # By the largest part first: squares of 1e200 or 1e-200 are lost.
        largest = np.abs(block).max(axis=1, keepdims=True)
        np.divide(block, largest, out=block, where=largest > 0)
        lengths = np.linalg.norm(block, axis=1, keepdims=True)
        np.divide(block, lengths, out=block, where=lengths > 0)
        unit[start : start + _ROWS] = block
    return unit


def _projected(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project to random directions, scaled so that squared distances are kept on average."""
    d = points.shape[1]
    if d <= _DIRECTIONS:
        return points
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((d, _DIRECTIONS), dtype=np.float32)
    projected: NDArray[np.float32] = points @ (axes / np.float32(np.sqrt(_DIRECTIONS)))
    return projected


def _lifted(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Add columns with which a single product gives minus half of each squared distance."""
    half = -0.5 * np.einsum("ij,ij->i", points, points)[:, None]
    one = np.ones_like(half)
    return np.hstack([points, half, one]), np.hstack([points, one, half])


def _close(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    rows: tuple[int, int],
    limit: np.float32,
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of some rows with later ones that are close in the projection."""
    start, stop = rows
    found, keys = [], []
    for first in range(start, len(right), _COLUMNS):
        block = left[start:stop] @ right[first : first + _COLUMNS].T
        at = np.flatnonzero(block >= limit)
        row, column = at // block.shape[1] + start, at % block.shape[1] + first
        later = column > row
        found.append(np.stack([row[later], column[later]]))
        keys.append(block.ravel()[at[later]])
    (row, column), key = np.concatenate(found, axis=1), np.concatenate(keys)
    order = np.lexsort((column, -key, row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = place < most
    return row[kept], column[kept]


def _measured(
    points: NDArray[np.float32],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    threshold: float,
) -> Pairs:
    """Measure candidates in float64 and keep those at or above the threshold, in order."""
    row, column = pairs
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    value = np.empty(len(row))
    for start in range(0, len(row), _ROWS):
        some = slice(start, start + _ROWS)
        one, other = points[row[some]].astype(np.float64), points[column[some]].astype(np.float64)
        value[some] = np.einsum("ij,ij->i", one, other)
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        value[some] /= np.where(lengths > 0, lengths, 1)
    near = value >= threshold
    return Pairs(row[near], column[near], value[near])
