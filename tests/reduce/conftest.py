"""Data for the tests of maps, nice and awkward."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits, make_blobs


@pytest.fixture(scope="session")
def digit_labels() -> NDArray[np.int64]:
    """The digits of those pictures."""
    return load_digits().target[:500]


@pytest.fixture(scope="session")
def blobs() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """300 points in 6 well separated clusters."""
    X, y = make_blobs(300, n_features=10, centers=6, cluster_std=0.5, random_state=0)
    return X, y
