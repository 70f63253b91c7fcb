"""H-score against its definition, with NumPy's pseudo-inverse and scikit-learn's Ledoit-Wolf."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from sklearn.covariance import ledoit_wolf

from embedlens.metrics.transferability import h_score


def class_means(X, y):
    """Each point replaced by the mean of its class."""
    return np.array([X[y == label].mean(axis=0) for label in y])


def direct(X, y):
    """tr(cov(f)⁻¹ cov(E[f | y])), Bao et al. 2019."""
    inverse = np.linalg.pinv(np.cov(X.T, bias=True), rcond=1e-10, hermitian=True)
    return np.trace(inverse @ np.cov(class_means(X, y).T, bias=True))


def direct_shrunk(X, y):
    """tr(Σ_α⁻¹ (1 - α) Σ_B), Ibrahim et al. 2021."""
    shrunk, alpha = ledoit_wolf(X)
    between = np.cov(class_means(X, y).T, bias=True)
    return np.trace(np.linalg.solve(shrunk, (1 - alpha) * between))


@pytest.mark.parametrize("separation", [0.0, 0.5, 3.0])
@pytest.mark.parametrize(("n", "d"), [(120, 8), (40, 30), (30, 30), (20, 200), (9, 60)])
def test_shrunk_is_its_definition(classes, separation, n, d):
    X, y = classes(separation, n=n, d=d, k=3)
    assert h_score(X, y) == pytest.approx(direct_shrunk(X, y), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("separation", [0.0, 0.5, 3.0])
@pytest.mark.parametrize(("n", "d"), [(120, 8), (40, 30)])
def test_plain_is_its_definition(classes, separation, n, d):
    X, y = classes(separation, n=n, d=d, k=3)
    assert h_score(X, y, shrinkage=False) == pytest.approx(direct(X, y), rel=1e-9)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 40), d=st.integers(1, 60))
@pytest.mark.parametrize("shrinkage", [True, False])
def test_lies_between_zero_and_the_classes_less_one(shrinkage, seed, n, d):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.permutation(np.arange(n) % 3)
    assert -1e-12 <= h_score(X, y, shrinkage) <= 2 + 1e-9


def test_plain_is_at_its_bound_where_features_are_as_many_as_points(classes):
    """Whatever the labels: why there is shrinkage, which still tells them apart."""
    mixed, apart = classes(0.0, n=30, d=100, k=3), classes(1.0, n=30, d=100, k=3)
    assert h_score(*mixed, shrinkage=False) == pytest.approx(2, abs=1e-9)
    assert h_score(*apart, shrinkage=False) == pytest.approx(2, abs=1e-9)
    assert h_score(*apart) > h_score(*mixed) + 0.5


def test_no_affine_map_changes_the_plain_score(classes):
    X, y = classes(0.5)
    mapped = X @ np.random.default_rng(1).standard_normal((8, 8)) * np.logspace(-4, 4, 8) - 3
    assert h_score(mapped, y, False) == pytest.approx(h_score(X, y, False), rel=1e-8)


def test_repeating_and_constant_features_do_not_change_the_plain_score(classes):
    X, y = classes(0.5)
    more = np.hstack([X, X[:, :3] - 2 * X[:, 1:4], np.full((len(X), 2), 0.1)])
    assert h_score(more, y, False) == pytest.approx(h_score(X, y, False), rel=1e-9)


def test_rotating_shifting_and_scaling_do_not_change_the_shrunk_score(classes):
    X, y = classes(0.5)
    rotation = ortho_group.rvs(X.shape[1], random_state=0)
    assert h_score(1e3 * X @ rotation - 7, y) == pytest.approx(h_score(X, y), rel=1e-9)


def test_classes_farther_apart_score_higher(classes):
    for shrinkage in (True, False):
        scores = [h_score(*classes(s), shrinkage) for s in (0.0, 0.3, 1.0, 3.0)]
        assert scores == sorted(scores)
        assert scores[-1] > scores[0] + 1


@pytest.mark.parametrize("shrinkage", [True, False])
def test_features_that_are_all_constant_score_zero(shrinkage):
    assert h_score(np.full((6, 3), 0.1), [0, 0, 1, 1, 2, 2], shrinkage) == 0
