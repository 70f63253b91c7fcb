"""Mean distances to classes from a distance matrix or a Gram matrix, row by row.

The limit is the memory's speed: every number is read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.checks import check_finite
from embedlens.arrays.gram import rounding_of
from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order
from embedlens.metrics.class_distances import ClassDistances

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes

_CHUNK_BYTES = 4 << 20


def class_distances(D: NDArray[Any], classes: Classes) -> ClassDistances:
    """Return mean distances to the classes from a distance matrix (n, n)."""

    def sums(rows: slice) -> NDArray[np.float64]:
        return _sum_distances(_rows(D, rows), classes.codes, len(classes.counts))

    return _means(sums, classes)


def class_distances_of_gram(G: NDArray[Any], classes: Classes) -> ClassDistances:
    """Return mean Euclidean distances to the classes from the points' Gram matrix (n, n).

    Squared distances within the rounding of their terms count as zero, as in
    :func:`embedlens.reduce.squared_distances`.
    """
    norms = G.diagonal().astype(np.float64)
    rounding = rounding_of(G)

    def sums(rows: slice) -> NDArray[np.float64]:
        block = _rows(G, rows)
        return _sum_roots(block, norms[rows], norms, rounding, classes.codes, len(classes.counts))

    return _means(sums, classes)


def _means(sums: Callable[[slice], NDArray[np.float64]], classes: Classes) -> ClassDistances:
    """Return mean distances from the function that sums those of some rows, by class."""
    n, k = len(classes.codes), len(classes.counts)
    result = ClassDistances.unknown(n)

    def meet(rows: slice) -> None:
        means, numbers, own = sums(rows), np.arange(rows.stop - rows.start), classes.codes[rows]
        result.own[rows] = means[numbers, own] / np.maximum(classes.counts[own] - 1, 1)
        means /= classes.counts
        means[numbers, own] = np.inf
        result.nearest_class[rows] = means.argmin(axis=1)
        result.nearest[rows] = means.min(axis=1)

    step = max(1, _CHUNK_BYTES // (8 * max(n, k)))
    for _ in in_order(meet, (slice(a, min(a + step, n)) for a in range(0, n, step))):
        pass
    return result


def _rows(D: NDArray[Any], rows: slice) -> NDArray[Any]:
    """Return rows as float32 or float64 in C order, without a copy where they are so already."""
    dtype = D.dtype if D.dtype in (np.float32, np.float64) else np.float64
    block = np.ascontiguousarray(D[rows], dtype=dtype)
    check_finite(block, rows.start)
    return block


@inlined()
def _add_by_class(
    values: NDArray[Any], codes: NDArray[np.int64], sums: NDArray[np.float64]
) -> None:
    """Add values up by class in four rows of sums, so that no addition waits for the last."""
    whole = len(values) // 4 * 4
    for start in range(0, whole, 4):
        for lane in range(4):
            sums[lane, codes[start + lane]] += values[start + lane]
    for j in range(whole, len(values)):
        sums[0, codes[j]] += values[j]


@kernel()
def _sum_distances(block: NDArray[Any], codes: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return, for each row of distances, the sum over each class: (rows, k)."""
    sums, lanes = np.empty((len(block), k)), np.empty((4, k))
    for i in range(len(block)):
        lanes[:] = 0
        _add_by_class(block[i], codes, lanes)
        for c in range(k):
            sums[i, c] = lanes[0, c] + lanes[1, c] + lanes[2, c] + lanes[3, c]
    return sums


@kernel()
def _sum_roots(
    block: NDArray[Any],
    row_norms: NDArray[np.float64],
    norms: NDArray[np.float64],
    rounding: float,
    codes: NDArray[np.int64],
    k: int,
) -> NDArray[np.float64]:
    """Return, for each row of a Gram matrix, the sum of the distances to each class: (rows, k)."""
    sums, lanes = np.empty((len(block), k)), np.empty((4, k))
    roots = np.empty(len(norms), dtype=np.float32)
    for i in range(len(block)):
        for j in range(len(norms)):
            both = row_norms[i] + norms[j]
            square = both - 2 * np.float64(block[i, j])
            roots[j] = np.sqrt(np.float32(square if square > rounding * both else 0.0))
        lanes[:] = 0
        _add_by_class(roots, codes, lanes)
        for c in range(k):
            sums[i, c] = lanes[0, c] + lanes[1, c] + lanes[2, c] + lanes[3, c]
    return sums
