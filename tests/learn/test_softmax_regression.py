from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from embedlens.arrays import bounded_threads
from embedlens.learn import row_blocks, softmax_regression
from embedlens.learn.linear_probe import LinearProbe
from embedlens.learn.softmax_regression import (
    TOLERANCE,
    Coordinates,
    _Hessian,
    _Problem,
    minimise,
)

STRENGTHS = (1e-4, 1e-2, 1.0, 100.0)


def points(n: int, d: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.normal(size=(classes, d))[y] + 1.5 * rng.normal(size=(n, d)), y


def one_alone() -> tuple[np.ndarray, np.ndarray]:
    X, y = points(91, 6, 3)
    return X, np.where(np.arange(91) == 90, 3, y)


def duplicates() -> tuple[np.ndarray, np.ndarray]:
    X, y = points(30, 6, 3)
    return np.repeat(X, 4, axis=0), np.r_[np.repeat(y, 4)[:-1], 0]


def far_off() -> tuple[np.ndarray, np.ndarray]:
    X, y = points(90, 6, 3)
    return X + 1e5, y


def constant_column() -> tuple[np.ndarray, np.ndarray]:
    X, y = points(90, 6, 3)
    X[:, 2] = 7.0
    return X, y


def apart() -> tuple[np.ndarray, np.ndarray]:
    X, y = points(60, 4, 3)
    return X + 100 * np.eye(4)[y], y


AWKWARD = {
    "plain": lambda: points(90, 6, 4),
    "two classes": lambda: points(90, 6, 2),
    "a class of one": one_alone,
    "duplicates": duplicates,
    "far from the origin": far_off,
    "more columns than points": lambda: points(30, 80, 3),
    "a constant column": constant_column,
    "far apart": apart,
    "two points": lambda: (np.array([[0.0, 1.0], [1.0, 3.0]]), np.array([0, 1])),
}


def scaled(X: np.ndarray) -> np.ndarray:
    return (X - X.mean(axis=0)) / np.sqrt(((X - X.mean(axis=0)) ** 2).mean())


def losses(X: np.ndarray, y: np.ndarray, strength: float) -> tuple[float, float]:
    """The probe's loss on scaled points, and scikit-learn's to a tight tolerance."""
    X = scaled(X)
    kernel, bias = LinearProbe().fit_at(X, y, strength).layer()
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=20_000).fit(X, y)
    both = []
    for W, b in ((kernel, bias), (model.coef_.T, model.intercept_)):
        if W.shape[1] == 1:
            W, b = np.hstack([-W, W]) / 2, np.r_[-b, b] / 2
        logits = X @ W + b
        own = np.arange(len(y)), np.unique(y, return_inverse=True)[1]
        logits -= logits.max(axis=1, keepdims=True)
        loss = (np.log(np.exp(logits).sum(axis=1)) - logits[own]).sum()
        both.append(loss + (W**2).sum() / (2 * strength) * (2 if len(b) == 2 else 1))
    return both[0], both[1]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("make", AWKWARD.values(), ids=AWKWARD.keys())
def test_the_loss_is_the_least(make, strength):
    ours, least = losses(*make(), strength)
    assert ours <= least * (1 + TOLERANCE)
    assert ours >= least * (1 - 1e-5), "no loss is less than the least"


@pytest.mark.parametrize("strength", STRENGTHS)
def test_in_single_precision_too_and_over_several_blocks(strength, monkeypatch):
    monkeypatch.setattr(softmax_regression, "_SMALL", 0)
    monkeypatch.setattr(row_blocks, "_ROWS", 32)
    ours, least = losses(*points(200, 12, 4), strength)
    assert ours <= least * (1 + TOLERANCE)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_gap_bounds_what_is_left(strength):
    X, y = points(120, 8, 3)
    among = Coordinates.of(X)
    least = among.fit(y, 3, strength, tolerance=1e-12).loss
    for tolerance in (1e-1, 1e-2, 1e-4):
        rough = among.fit(y, 3, strength, tolerance=tolerance)
        assert rough.reached(tolerance)
        assert rough.loss - least <= rough.gap * (1 + 1e-6) + 1e-12 * least


def test_a_part_is_fitted_as_if_it_were_alone():
    X, y = points(120, 8, 3)
    rows = np.flatnonzero(np.arange(120) % 5 != 1)
    part = Coordinates.of(X).part(rows).fit(y[rows], 3, 0.1, tolerance=1e-12)
    alone = Coordinates.of(X[rows]).fit(y[rows], 3, 0.1, tolerance=1e-12)
    assert part.loss == pytest.approx(alone.loss, rel=1e-9)


def test_a_start_changes_the_way_and_not_the_end():
    X, y = points(120, 8, 3)
    among = Coordinates.of(X)
    cold = among.fit(y, 3, 1.0, tolerance=1e-12)
    warm = among.fit(y, 3, 1.0, start=among.fit(y, 3, 0.1), tolerance=1e-12)
    assert warm.loss == pytest.approx(cold.loss, rel=1e-10)
    assert among.fit(y, 3, 1.0, start=cold).steps == 0


@pytest.mark.parametrize("shape", [(200, 12), (40, 90)])
def test_the_number_of_threads_does_not_change_a_bit(shape, monkeypatch):
    monkeypatch.setattr(row_blocks, "_ROWS", 32)
    monkeypatch.setattr(softmax_regression, "_SMALL", 0)
    X, y = points(*shape, 4)
    found = []
    for threads in (1, 2):
        with bounded_threads(threads):
            found.append(LinearProbe().fit(X, y, validation=(X[:50], y[:50])).predict_proba(X))
    np.testing.assert_array_equal(*found)


def test_features_that_do_not_vary_have_shares_alone():
    found = Coordinates.of(np.ones((10, 3))).fit(np.arange(10) % 5 // 2, 3, 1.0)
    shares = found.shares(np.zeros((1, found.weights.shape[0])))
    np.testing.assert_allclose(shares, [[0.4, 0.4, 0.2]], atol=1e-3)


def test_the_hessian_leaves_out_points_of_which_all_is_certain():
    """The product keeps all but a hundredth of the curvature, with a tenth of the points."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 8))
    shares = np.full((3000, 3), 1e-6)
    shares[:, 0] = 1 - 2e-6
    shares[::10] = rng.dirichlet(np.ones(3), 300)
    problem = _Problem(X, np.zeros(3000, np.intp), 3, strength=1e9)
    some, every = _Hessian.at(problem, shares), _Hessian(X, shares, 1e9)
    assert len(some.X) <= 300
    for _ in range(20):
        way = rng.standard_normal((9, 3))
        bend, whole = (np.vdot(way, each.times(way)) for each in (some, every))
        assert 0.97 * whole <= bend <= whole * (1 + 1e-12)


@pytest.mark.parametrize("certain", [True, False])
def test_points_that_are_all_certain_or_all_alike_are_no_special_case(certain):
    """Of two classes far apart no point is left in doubt, and of noise each is."""
    rng = np.random.default_rng(0)
    codes = np.arange(60) % 2
    X = rng.standard_normal((60, 4)) + (100.0 * codes[:, None] if certain else 0)
    found = minimise(X - X.mean(axis=0), codes, 2, 1e4)
    assert np.isfinite(found.weights).all()
    assert found.reached(1e-6)
