"""Wide features as coordinates in at most n dimensions, with the same inner products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg.lapack import dpstrf

from embedlens.arrays.checks import as_points, non_finite_error
from embedlens.arrays.gram import gram

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def finite_matrix(features: ArrayLike) -> NDArray[Any]:
    """Return ``features`` as a matrix of finite real numbers; raise ValueError if they are not."""
    X = as_points(features)
    if not np.isfinite(X.sum(dtype=np.float64)):
        raise non_finite_error(X)
    return X


def coordinates(features: ArrayLike) -> NDArray[Any]:
    """Return features of n points in no more than n columns, and the same inner products.

    Scores that do not change under a rotation need no more. Features with d <= n are returned as
    they are. Of wider ones the Gram matrix is factored, G = L Lᵀ, and the rows of L returned:
    directions whose share of G is below the rounding of its products are left out.

    Parameters
    ----------
    features : array-like of shape (n, d)
        Real numbers of any dtype.

    Returns
    -------
    ndarray of shape (n, at least 1 and at most n)
        In the dtype of ``features`` where d <= n, else float64.

    Raises
    ------
    ValueError
        If ``features`` is not a matrix of real numbers, or holds NaN or infinity.
    """
    X = as_points(features)
    n, d = X.shape
    if d <= n:
        return finite_matrix(X)
    G = gram(X)
    rounding = 10 * np.finfo(np.result_type(X.dtype, np.float32)).eps
    factor, pivots, rank, _ = dpstrf(G, tol=rounding * G.diagonal().max(), lower=1)
    rows = np.empty((n, max(rank, 1)))
    rows[pivots - 1] = np.tril(factor)[:, : max(rank, 1)]
    return rows
