"""TransRate against its definition with determinants of d x d matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from embedlens.metrics.transferability import trans_rate


def coding_rate(Z, eps):
    n, d = Z.shape
    return np.linalg.slogdet(np.eye(d) + Z.T @ Z / (n * eps))[1] / 2


def direct(X, y, eps):
    """Huang et al. 2022, with each class in proportion to its points."""
    Z = X - X.mean(axis=0)
    inside = sum(np.mean(y == c) * coding_rate(Z[y == c], eps) for c in np.unique(y))
    return coding_rate(Z, eps) - inside


@pytest.mark.parametrize("eps", [1e-4, 0.1, 10.0])
@pytest.mark.parametrize(("n", "d"), [(120, 8), (60, 30), (25, 200)])
def test_is_its_definition(classes, n, d, eps):
    X, y = classes(0.7, n=n, d=d, k=3)
    assert trans_rate(X, y, eps) == pytest.approx(direct(X, y, eps), rel=1e-8)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(4, 30),
    d=st.integers(1, 40),
    log_eps=st.floats(-10, 4),
)
def test_is_never_negative(seed, n, d, log_eps):
    """log det is concave, and ZᵀZ/n is the mean of the classes' own, weighted by their points."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.permutation(np.arange(n) % 3)
    assert trans_rate(X, y, float(np.exp(log_eps))) >= -1e-9


def test_rotating_and_shifting_change_nothing_but_scaling_does(classes):
    X, y = classes(0.5)
    rotation = ortho_group.rvs(X.shape[1], random_state=0)
    score = trans_rate(X, y, 0.1)
    assert trans_rate(X @ rotation + 9, y, 0.1) == pytest.approx(score, rel=1e-9)
    assert trans_rate(10 * X, y, 0.1) != pytest.approx(score, rel=1e-3)
    assert trans_rate(10 * X, y, 10.0) == pytest.approx(score, rel=1e-9)


def test_classes_farther_apart_score_higher(classes):
    scores = [trans_rate(*classes(s), eps=0.1) for s in (0.0, 0.3, 1.0, 3.0)]
    assert scores == sorted(scores)
    assert scores[-1] > scores[0] + 0.5


@pytest.mark.parametrize("eps", [0.0, -1.0, np.nan, np.inf])
def test_a_distortion_that_is_none_is_refused(classes, eps):
    with pytest.raises(ValueError, match=f"eps must be positive and finite, not {eps}"):
        trans_rate(*classes(1.0), eps=eps)
