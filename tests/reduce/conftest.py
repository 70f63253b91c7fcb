"""Data for the tests of maps, nice and awkward."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits, make_blobs


@pytest.fixture(scope="session")
def digits() -> NDArray[np.float32]:
    """500 pictures of handwritten digits, 64 pixels each."""
    return load_digits().data[:500].astype(np.float32)


@pytest.fixture(scope="session")
def digit_labels() -> NDArray[np.int64]:
    """The digits of those pictures."""
    return load_digits().target[:500]


@pytest.fixture(scope="session")
def wide(digits: NDArray[np.float32]) -> NDArray[np.float32]:
    """120 pictures in 2,000 random rectified features: n << d, as feature maps are."""
    weights = np.random.default_rng(0).normal(size=(64, 2000)).astype(np.float32)
    return np.maximum(digits[:120] @ weights, 0)


@pytest.fixture(scope="session")
def blobs() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """300 points in 6 well separated clusters."""
    X, y = make_blobs(300, n_features=10, centers=6, cluster_std=0.5, random_state=0)
    return X, y
