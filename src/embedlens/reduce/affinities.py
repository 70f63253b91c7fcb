"""Affinities of t-SNE: the probability that two points are neighbours.

L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008, section 2; sparse as in
L. van der Maaten, "Accelerating t-SNE using tree-based algorithms", JMLR 15, 2014, section 4.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order

_ENTROPY_TOLERANCE = 1e-5  # nats
_STEPS = 100
_ROWS = 64  # a thread calibrates at once


def conditional_affinities(
    squared_distances: NDArray[np.floating[Any]], perplexity: float
) -> NDArray[np.float64]:
    """Return p(j|i) of Gaussians whose widths give each row the same perplexity.

    Parameters
    ----------
    squared_distances : ndarray of shape (n, k)
        Squared distances to the k nearest neighbours.
    perplexity : float
        Effective number of neighbours, at most k: the exponential of each row's entropy.

    Returns
    -------
    ndarray of shape (n, k), float64
        Rows add up to 1. A row of equal distances is uniform.
    """
    squared = np.ascontiguousarray(squared_distances, np.float64)
    affinities = np.empty(squared.shape)

    def calibrate(first: int) -> None:
        some = slice(first, first + _ROWS)
        _conditional(squared[some], float(np.log(perplexity)), affinities[some])

    for _ in in_order(calibrate, range(0, len(squared), _ROWS)):
        pass
    return affinities


def joint_affinities(neighbors: NDArray[np.int32], conditional: NDArray[np.float64]) -> Any:
    """Return P = (p(j|i) + p(i|j)) / 2n, as a ``scipy.sparse.csr_array`` of float32.

    Parameters
    ----------
    neighbors : ndarray of shape (n, k)
        Column of each conditional affinity.
    conditional : ndarray of shape (n, k)
    """
    from scipy.sparse import csr_array

    n, k = neighbors.shape
    rows = np.arange(0, n * k + 1, k)
    P = csr_array((conditional.ravel(), neighbors.ravel(), rows), shape=(n, n))
    P = csr_array(P + P.T)
    P.sort_indices()
    P.data /= P.data.sum()
    return P.astype(np.float32)


@inlined(reassociate=True)
def _calibrate(squared: Any, entropy: float, affinities: Any) -> None:
    """Write the Gaussian affinities of one row, its precision found by bisection."""
    k = len(squared)
    nearest, spread = np.float64(squared[0]), 0.0
    for j in range(k):
        nearest = min(nearest, np.float64(squared[j]))
    for j in range(k):
        spread += (squared[j] - nearest) / k
    if spread <= 0:
        for j in range(k):
            affinities[j] = 1 / k
        return
    precision, low, high = 1 / spread, 0.0, 0.0  # high: 0 while unknown
    for _ in range(_STEPS):
        total, weighted = 0.0, 0.0
        for j in range(k):
            excess = squared[j] - nearest
            affinities[j] = np.exp(-precision * excess)
            total += affinities[j]
            weighted += affinities[j] * excess
        error = np.log(total) + precision * weighted / total - entropy
        if abs(error) < _ENTROPY_TOLERANCE:
            break
        if error > 0:
            low = precision
            precision = (low + high) / 2 if high > 0 else 2 * precision
        else:
            high = precision
            precision = (low + high) / 2
    for j in range(k):
        affinities[j] /= total


@kernel(reassociate=True)
def _conditional(squared_distances: Any, entropy: float, affinities: Any) -> None:
    for i in range(len(squared_distances)):
        _calibrate(squared_distances[i], entropy, affinities[i])
