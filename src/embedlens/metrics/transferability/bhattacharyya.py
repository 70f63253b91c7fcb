"""GBC, the Gaussian Bhattacharyya coefficient (Pándy et al. 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from embedlens.metrics.classes import Classes
from embedlens.metrics.transferability.coordinates import finite_matrix
from embedlens.metrics.transferability.moments import class_sums
from embedlens.reduce.pca import PCA

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SMALLEST_VARIANCE = 1e-4  # of the mean variance of a coordinate: classes of one point have none


def gbc(
    features: ArrayLike,
    labels: ArrayLike,
    covariance: Literal["spherical", "diagonal"] = "spherical",
    n_components: int | None = 64,
) -> float:
    """Return GBC: minus the overlap of all pairs of classes, as Gaussians. Higher is better.

    Each class is a Gaussian with its mean μ and covariance Σ, and

        GBC = -Σ_{i ≠ j} exp(-D(i, j)),
        D(i, j) = 1/8 (μ_i - μ_j)ᵀ Σ⁻¹ (μ_i - μ_j) + 1/2 log(|Σ| / √(|Σ_i| |Σ_j|)),
        Σ = (Σ_i + Σ_j) / 2;

    each pair counts twice, as (i, j) and as (j, i). Rotating, shifting or scaling the features
    does not change the score, save that rotations matter for "diagonal" with
    ``n_components=None``.

    Parameters
    ----------
    features : array-like of shape (n, d)
        Real numbers. d may be larger than n.
    labels : array-like of shape (n,)
        Labels of any type, of at least 2 classes.
    covariance : {"spherical", "diagonal"}, default "spherical"
        One variance a class, or one for each class and coordinate.
    n_components : int or None, default 64
        Principal components that features are projected on first, fewer where the data have
        fewer. In many dimensions Gaussians hardly overlap, and the score is 0 for every
        backbone. None takes the features as they are.

    Returns
    -------
    float
        From -k (k - 1) for k classes alike, to 0 for classes that do not overlap.

    Raises
    ------
    ValueError
        If features are not a finite matrix, there is not one label a point, there are fewer than
        2 classes or no two points of a class, or an argument is unknown.

    Notes
    -----
    A variance is taken for at least 1e-4 of the mean variance of a coordinate, so that classes
    of one point and constant features have a distance; the authors' code takes 1e-4 itself,
    which depends on the scale of the features.

    References
    ----------
    M. Pándy, A. Agostinelli, J. Uijlings, V. Ferrari, T. Mensink, "Transferability estimation
    using Bhattacharyya class separability", CVPR 2022, arXiv 2111.12780.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from embedlens.metrics.transferability import gbc
    >>> X, y = load_iris(return_X_y=True)
    >>> round(gbc(X, y), 3)
    -0.33
    """
    if covariance not in ("spherical", "diagonal"):
        raise ValueError(f"covariance must be 'spherical' or 'diagonal', not {covariance!r}.")
    X = finite_matrix(features)
    classes = Classes.of(labels, len(X))
    # Rounding must not make equal points differ.
    rounding = 16 * np.finfo(np.result_type(X.dtype, np.float32)).eps * float(np.abs(X).max())
    if n_components is not None:
        if n_components < 1:
            raise ValueError(f"n_components must be at least 1, or None, not {n_components}.")
        X = PCA(min(n_components, *X.shape)).fit_transform(X)
    means, variances = _gaussians(X.astype(np.float64), classes, covariance)
    smallest = _SMALLEST_VARIANCE * float(X.var(axis=0, dtype=np.float64).mean())
    variances = np.maximum(variances, max(smallest, rounding**2) or 1.0)
    logs = np.log(variances)
    overlap = 0.0
    for i in range(len(means) - 1):
        both = (variances[i] + variances[i + 1 :]) / 2
        squares = (means[i] - means[i + 1 :]) ** 2 / both
        spread = np.log(both) - (logs[i] + logs[i + 1 :]) / 2
        overlap += 2 * float(np.exp(-(squares / 8 + spread / 2).sum(axis=1)).sum())
    return 0.0 - overlap


def _gaussians(
    X: NDArray[np.float64], classes: Classes, covariance: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means and the variances of the classes, (k, d) each."""
    means = class_sums(X, classes) / classes.counts[:, None]
    deviations = (X - means[classes.codes]) ** 2
    variances = class_sums(deviations, classes) / classes.counts[:, None]
    if covariance == "spherical":
        variances[:] = variances.mean(axis=1, keepdims=True)
    return means, variances
