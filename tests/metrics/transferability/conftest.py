"""Labelled features: Gaussian classes at a given distance, and awkward ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

Labelled = tuple[np.ndarray, np.ndarray]


def gaussian_classes(
    separation: float, n: int = 120, d: int = 8, k: int = 4, seed: int = 0
) -> Labelled:
    """Unbalanced classes of unequal spread, their means about ``separation`` deviations apart."""
    rng = np.random.default_rng(seed)
    y = np.concatenate(
        [np.arange(k), rng.choice(k, n - k, p=np.arange(1, k + 1) / (k * (k + 1) / 2))]
    )
    means = separation * rng.standard_normal((k, d))
    mixing = rng.standard_normal((d, d)) / np.sqrt(d)
    X = means[y] + rng.standard_normal((n, d)) @ mixing + 2.0
    return X, y


@pytest.fixture(scope="session")
def classes() -> Callable[..., Labelled]:
    """Return ``gaussian_classes``."""
    return gaussian_classes


def _awkward() -> dict[str, Labelled]:
    X, y = gaussian_classes(1.0, n=40, d=6, k=3)
    constant = X.copy()
    constant[:, [0, 3]] = 0.1, 1e5
    rank_one = np.outer(np.arange(40.0), np.ones(6))
    lone = y.copy()
    lone[:2] = [7, 8]
    return {
        "wide": gaussian_classes(1.0, n=20, d=300, k=3),
        "wide, float32": (gaussian_classes(1.0, n=20, d=300, k=3)[0].astype(np.float32), y[:20]),
        "constant columns": (constant, y),
        "repeated columns": (np.hstack([X, X, -X[:, :1]]), y),
        "repeated points": (np.repeat(X[:10], 4, axis=0), np.repeat(y[:10], 4)),
        "repeated wide points": (
            np.repeat(gaussian_classes(1.0, n=10, d=90, k=3)[0], 2, axis=0),
            np.repeat(gaussian_classes(1.0, n=10, d=90, k=3)[1], 2),
        ),
        "one direction": (rank_one, y),
        "one feature": (X[:, :1], y),
        "all points equal": (np.full((40, 6), 0.1), y),
        "all zero": (np.zeros((40, 6)), y),
        "all zero and wide": (np.zeros((20, 50)), y[:20]),
        "labels among the features": (np.eye(3)[y], y),
        "classes of one point": (X, lone),
        "integers": (np.round(4 * X).astype(np.int64), y),
        "unequal scales": (X * np.logspace(-6, 6, 6), y),
        "far from the origin": (X + 1e6, y),
    }


AWKWARD = _awkward()


@pytest.fixture(params=list(AWKWARD))
def awkward(request: pytest.FixtureRequest) -> Labelled:
    """Features and labels that break a formula taken literally."""
    return AWKWARD[request.param]
