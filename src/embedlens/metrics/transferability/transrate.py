"""TransRate, the mutual information of features and labels by coding rates (Huang et al. 2022)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.lapack import dpotrf

from embedlens.metrics.classes import Classes
from embedlens.metrics.transferability.coordinates import coordinates
from embedlens.metrics.transferability.moments import scatter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def trans_rate(features: ArrayLike, labels: ArrayLike, eps: float = 1e-4) -> float:
    """Return TransRate: coding rate of the features, less that of each class. Higher is better.

    With Z the features minus their mean and Z_c those of class c (minus the same mean),

        TrR = R(Z) - Σ_c n_c/n R(Z_c),    R(Z) = 1/2 log det(I + ZᵀZ / (n ε)).

    Code in circulation, such as Transfer-Learning-Library's, weighs all classes alike. The weights
    n_c/n make it mutual information, which is never negative; the two agree where classes are
    equally large. Rotating or shifting features does not
    change the score. Scaling them does, as ε stays what it is: it compares layers and backbones
    whose features are of like size.

    Parameters
    ----------
    features : array-like of shape (n, d)
        Real numbers. d may be larger than n.
    labels : array-like of shape (n,)
        Labels of any type, of at least 2 classes.
    eps : float, default 1e-4
        Distortion ε, in squared units of the features. The default is the paper's.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If features are not a finite matrix, there is not one label a point, there are fewer than
        2 classes or no two points of a class, or ``eps`` is not positive and finite.

    References
    ----------
    L.-K. Huang, J. Huang, Y. Rong, Q. Yang, Y. Wei, "Frustratingly easy transferability
    estimation", ICML 2022, arXiv 2106.09362.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from embedlens.metrics.transferability import trans_rate
    >>> X, y = load_iris(return_X_y=True)
    >>> round(trans_rate(X, y), 3)
    0.589
    """
    if not 0 < eps < np.inf:
        raise ValueError(f"eps must be positive and finite, not {eps}.")
    X = coordinates(features)
    classes = Classes.of(labels, len(X))
    mean = X.mean(axis=0, dtype=np.float64)
    rate = _coding_rate(scatter(X, mean), len(X), eps)
    for start, stop in pairwise(classes.starts):
        own, count = X[classes.order[start:stop]], int(stop - start)
        if count < X.shape[1]:
            centered = own - mean
            products = centered @ centered.T
        else:
            products = scatter(own, mean)
        rate -= count / len(X) * _coding_rate(products, count, eps)
    return rate


def _coding_rate(products: NDArray[np.float64], count: int, eps: float) -> float:
    """Return R from ZᵀZ or, of the same determinant, ZZᵀ."""
    matrix = products / (count * eps)
    matrix[np.diag_indices_from(matrix)] += 1.0
    factor, _ = dpotrf(matrix, lower=1)
    return float(np.log(factor.diagonal()).sum())
