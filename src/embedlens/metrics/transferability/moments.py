"""Sums of features in float64, read in blocks of rows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes

_BLOCK_BYTES = 128 << 20


def scatter(X: NDArray[Any], origin: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
    """Return (X - origin)ᵀ (X - origin), (d, d), for X of shape (n, d)."""
    total = np.zeros((X.shape[1], X.shape[1]))
    for block in _blocks(X, origin):
        total += block.T @ block  # NumPy takes syrk for a product of this form
    return total


def squared_norms(X: NDArray[Any], origin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared distance of each point to ``origin``, (n,)."""
    return np.concatenate([np.einsum("ij,ij->i", b, b) for b in _blocks(X, origin)])


def class_sums(X: NDArray[Any], classes: Classes) -> NDArray[np.float64]:
    """Return the sum of the features of each class, (k, d)."""
    sums = np.empty((len(classes.counts), X.shape[1]))
    for c, (start, stop) in enumerate(pairwise(classes.starts)):
        X[classes.order[start:stop]].sum(axis=0, dtype=np.float64, out=sums[c])
    return sums


def _blocks(X: NDArray[Any], origin: NDArray[np.float64] | float) -> Iterator[NDArray[np.float64]]:
    """Yield the rows of X - origin, some at a time, in float64."""
    n, d = X.shape
    rows = max(d, _BLOCK_BYTES // (8 * d))  # fewer than d would make the d x d sums the work
    for start in range(0, n, rows):
        yield X[start : start + rows] - np.asarray(origin, np.float64)
