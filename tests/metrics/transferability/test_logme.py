"""LogME against the paper's equation, written out and maximised by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import ortho_group

from embedlens.metrics.transferability import log_me


def evidence(F, y, alpha, beta):
    """The log evidence as You et al. 2021 write it, divided by n."""
    n, d = F.shape
    A = alpha * np.eye(d) + beta * F.T @ F
    m = beta * np.linalg.solve(A, F.T @ y)
    total = n / 2 * np.log(beta) + d / 2 * np.log(alpha) - n / 2 * np.log(2 * np.pi)
    total -= beta / 2 * np.sum((F @ m - y) ** 2) + alpha / 2 * m @ m
    return (total - np.linalg.slogdet(A)[1] / 2) / n


def highest_evidence(F, y):
    """The maximum over α and β, from several starts."""

    def loss(logs):
        return -evidence(F, y, *np.exp(logs))

    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000, "maxfev": 4000}
    found = [
        minimize(loss, start, method="Nelder-Mead", bounds=[(-14, 14)] * 2, options=options).fun
        for start in [(a, b) for a in (-4.0, 0.0, 4.0) for b in (0.0, 4.0)]
    ]
    return max(-min(found), noiseless_evidence(F, y))


def noiseless_evidence(F, y):
    """The equation's limit for β to infinity: y is F w and no noise, with the best α."""
    n, d = F.shape
    if n > d:
        return -np.inf
    q = y @ np.linalg.solve(F @ F.T, y)
    return -(np.log(2 * np.pi * q / n) + 1 + np.linalg.slogdet(F @ F.T)[1] / n) / 2


def fixed_point(F, y):
    """The paper's iteration, from α = β = 1 until it rests."""
    n = len(F)
    values, vectors = np.linalg.eigh(F.T @ F)
    values = np.maximum(values, 0.0)
    alpha = beta = 1.0
    for _ in range(5000):
        gamma = np.sum(beta * values / (alpha + beta * values))
        m = vectors @ (beta * (vectors.T @ (F.T @ y)) / (alpha + beta * values))
        alpha, beta = gamma / (m @ m), (n - gamma) / np.sum((F @ m - y) ** 2)
    return evidence(F, y, alpha, beta)


def one_hot(y):
    return [(y == c).astype(float) for c in np.unique(y)]


@pytest.mark.parametrize("separation", [0.0, 0.3, 2.0])
@pytest.mark.parametrize(("n", "d"), [(60, 5), (25, 24), (20, 40)])
def test_is_the_papers_evidence_at_its_maximum(classes, separation, n, d):
    X, y = classes(separation, n=n, d=d, k=3)
    expected = np.mean([highest_evidence(X, target) for target in one_hot(y)])
    assert log_me(X, y) == pytest.approx(expected, abs=1e-7)


def test_is_where_the_papers_iteration_rests(classes):
    X, y = classes(0.5, n=100, d=10)
    expected = np.mean([fixed_point(X, target) for target in one_hot(y)])
    assert log_me(X, y) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(6, 30),
    d=st.integers(1, 12),
    log_alpha=st.floats(-8, 8),
    log_beta=st.floats(-8, 8),
)
def test_no_alpha_and_beta_give_more_evidence(seed, n, d, log_alpha, log_beta):
    """What is returned is an upper bound of the equation, at any α and β shared by the classes."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.permutation(np.arange(n) % 2)
    there = np.mean([evidence(X, t, np.exp(log_alpha), np.exp(log_beta)) for t in one_hot(y)])
    assert there <= log_me(X, y) + 1e-8


def test_features_that_tell_nothing_are_left_out():
    """Features orthogonal to the labels: the best weights are zero and only noise is left."""
    y = np.array([0, 0, 1, 1])
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    noise = 0.5  # mean square of a 0-1 target with as many ones as zeros
    assert log_me(X, y) == pytest.approx(-0.5 * np.log(2 * np.pi * noise) - 0.5, abs=1e-9)


def test_rotating_and_scaling_change_nothing(classes):
    X, y = classes(0.5)
    rotation = ortho_group.rvs(X.shape[1], random_state=0)
    assert log_me(1e-3 * X @ rotation, y) == pytest.approx(log_me(X, y), abs=1e-9)


def test_shifting_changes_it(classes):
    """There is no intercept, so the mean is one of the features' directions."""
    X, y = classes(0.5)
    assert abs(log_me(X + 5.0, y) - log_me(X, y)) > 1e-3


def test_classes_farther_apart_score_higher(classes):
    scores = [log_me(*classes(separation)) for separation in (0.0, 0.3, 1.0, 3.0)]
    assert scores == sorted(scores)
    assert scores[-1] > scores[0] + 0.1


def test_a_class_fitted_exactly_has_a_finite_score_above_all_others(classes):
    """One-hot features repeat the labels: the equation has no maximum there."""
    X, y = classes(3.0)
    score = log_me(np.eye(4)[y], y)
    assert np.isfinite(score)
    assert score > log_me(X, y)
