"""The keys between some points and some others: which kind suits what is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays.checks import as_points, as_square, largest_magnitude
from embedlens.arrays.feature_distances import FewDimensions, ManyDimensions
from embedlens.arrays.pairwise import DistanceMatrix, GramMatrix, Pairwise

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def pairwise(
    X: ArrayLike,
    metric: str,
    queries: ArrayLike | None = None,
    *,
    precision: type[np.float32] | type[np.float64] | None = None,
) -> Pairwise:
    """Return the keys between ``queries``, by default the points themselves, and points ``X``.

    Parameters
    ----------
    X : array-like of shape (n, d), or (n, n) for "precomputed" and "gram"
    metric : {"euclidean", "sqeuclidean", "cosine", "precomputed", "gram"}
    queries : array-like of shape (m, d), optional
    precision : float32 or float64, optional
        Of the products of features; by default that of the features.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or the metric, or hold NaN or infinity.
    """
    if metric in ("precomputed", "gram"):
        if queries is not None:
            raise ValueError(f'metric="{metric}" knows no points but its own: leave queries out.')
        matrix = as_square(X, metric)
        largest_magnitude(matrix)
        return GramMatrix(matrix) if metric == "gram" else DistanceMatrix(matrix)
    points = as_points(X)
    others = points if queries is None else as_points(queries)
    if others.shape[1] != points.shape[1]:
        raise ValueError(
            f"queries have {others.shape[1]} features and X has {points.shape[1]}; they must agree."
        )
    if points.shape[1] <= FewDimensions.most:
        return FewDimensions(others, points, metric)
    narrow = all(X.dtype in (np.float16, np.float32) for X in (others, points))
    return ManyDimensions(
        others, points, metric, precision or (np.float32 if narrow else np.float64)
    )
