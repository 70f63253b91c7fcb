"""N-LEEP: LEEP on the components of a Gaussian mixture of the features (Li et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.metrics.classes import Classes
from embedlens.metrics.transferability.coordinates import coordinates
from embedlens.metrics.transferability.moments import scatter
from embedlens.metrics.transferability.source_labels import leep

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_COMPONENTS_A_CLASS = 5
_VARIANCE_KEPT = 0.8


def n_leep(
    features: ArrayLike,
    labels: ArrayLike,
    n_components: int | None = None,
    random_state: int | None = 0,
) -> float:
    """Return N-LEEP: LEEP with the clusters of the features as source classes. Higher is better.

    Features are projected on their leading principal components and a Gaussian mixture with full
    covariances is fitted, without labels. The probability P(v | x) of its component v takes the
    place of the source class's in LEEP:

        N-LEEP = 1/n Σ_i log Σ_v P(y_i | v) P(v | x_i).

    So it needs no ImageNet top. The principal components that hold 80% of the variance are kept;
    they are divided by one number so that their mean variance is 1 and the mixture's ridge
    (1e-6) is relative to it. Hence the score does not depend on the scale of the features, nor
    on shifts or, but for rounding, rotations.

    Parameters
    ----------
    features : array-like of shape (n, d)
        Real numbers. d may be larger than n.
    labels : array-like of shape (n,)
        Labels of any type, of at least 2 classes.
    n_components : int, optional
        Gaussians of the mixture. By default 5 for each class, as in the paper's experiments.
        With few points for each the score nears 0 whatever the features.
    random_state : int or None, default 0
        Seeds the mixture, which has many local optima: the score varies with it.

    Returns
    -------
    float
        In nats, at most 0.

    Raises
    ------
    ValueError
        If features are not a finite matrix, there is not one label a point, there are fewer than
        2 classes or no two points of a class, or the components are not from 1 to n.

    Notes
    -----
    The mixture is scikit-learn's. Its cost grows with n x components x kept dimensions squared.

    References
    ----------
    Y. Li et al., "Ranking neural checkpoints", CVPR 2021, arXiv 2011.11200.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from embedlens.metrics.transferability import n_leep
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(-0.6 < n_leep(X, y) < 0)
    True
    """
    from sklearn.mixture import GaussianMixture

    X = coordinates(features)
    classes = Classes.of(labels, len(X))
    asked = _COMPONENTS_A_CLASS * len(classes.names) if n_components is None else n_components
    if not 1 <= asked <= len(X):
        raise ValueError(
            f"A mixture of {asked} components cannot be fitted to {len(X)} points"
            f" ({_COMPONENTS_A_CLASS} a class by default); give n_components from 1 to {len(X)}."
        )
    points = _leading_coordinates(X)
    mixture = GaussianMixture(asked, random_state=random_state).fit(points)
    return leep(mixture.predict_proba(points), labels)


def _leading_coordinates(X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the principal coordinates that hold most of the variance; their mean variance is 1."""
    mean = X.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(scatter(X, mean) / len(X))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    shares = np.cumsum(values)
    kept = int(np.searchsorted(shares, _VARIANCE_KEPT * shares[-1])) + 1
    scale = np.sqrt(values[:kept].mean())
    axes = vectors[:, :kept] / (scale or 1.0)
    points: NDArray[np.float64] = X @ axes - mean @ axes
    return points
