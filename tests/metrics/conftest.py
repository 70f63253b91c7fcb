"""References by brute force."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import silhouette_samples as silhouette_of_sklearn


def pair_by_pair(X: NDArray, metric: str = "euclidean") -> NDArray:
    """Distances in float64, each from the difference of two points."""
    X = np.asarray(X, dtype=np.float64)
    if metric == "cosine":
        norms = np.linalg.norm(X, axis=1)
        X = X / np.where(norms > 0, norms, 1)[:, None]
    squares = np.square(X[:, None, :] - X[None, :, :]).sum(axis=2)
    if metric == "cosine":
        squares[norms == 0] = squares[:, norms == 0] = 2
        np.fill_diagonal(squares, 0)
        return squares / 2
    return squares if metric == "sqeuclidean" else np.sqrt(squares)


@pytest.fixture(scope="session")
def distances() -> Callable[..., NDArray]:
    """The function that measures each pair by itself."""
    return pair_by_pair


@pytest.fixture(scope="session")
def exact_silhouette() -> Callable[..., NDArray]:
    """scikit-learn's silhouettes of distances that were measured pair by pair."""

    def silhouette(X: NDArray, labels: NDArray, metric: str = "euclidean") -> NDArray:
        return silhouette_of_sklearn(pair_by_pair(X, metric), labels, metric="precomputed")

    return silhouette


@pytest.fixture(scope="session")
def blobs() -> Callable[..., tuple[NDArray, NDArray]]:
    """Points (n, d) around k overlapping centres, and their labels."""

    def make(
        n: int, d: int, k: int, dtype: type = np.float64, seed: int = 0
    ) -> tuple[NDArray, NDArray]:
        rng = np.random.default_rng(seed)
        labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
        return (rng.normal(size=(k, d))[labels] + rng.normal(size=(n, d))).astype(dtype), labels

    return make
