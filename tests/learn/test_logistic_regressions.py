"""Regressions that share their products are what each would be alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from embedlens.learn import softmax_regression
from embedlens.learn.logistic_regressions import fit_each
from embedlens.learn.softmax_regression import TOLERANCE, Coordinates


def drawn(n=150, d=10, seed=0):
    """Points, and columns that are easy, hard, rare, separable and twice the same."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    noise = rng.normal(size=(3, n))
    Y = np.column_stack([
        X[:, 0] + noise[0] > 0, noise[1] > 0, X[:, 1] + noise[2] > 2, X[:, 2] > 0.3,
        X[:, 0] + noise[0] > 0,
    ])  # fmt: skip
    Y[0] = True
    return X, Y


def penalised(X, told, at, strength):
    """The loss by its formula."""
    signs = np.where(told, 1, -1)
    logits = X @ at[:-1] + at[-1]
    return np.logaddexp(0, -signs * logits).sum() + at[:-1] @ at[:-1] / (2 * strength)


@pytest.mark.parametrize("strength", [1e-4, 1.0, 1e2])
def test_each_loss_is_as_small_as_scikit_learns(strength):
    X, Y = drawn()
    among = Coordinates.of(X)
    strengths = strength * np.array([1, 2, 1, 0.5, 1])
    found = fit_each(among, Y, strengths)
    assert (found.gaps <= TOLERANCE * found.losses).all()
    for column in range(Y.shape[1]):
        own = strengths[column]
        reference = LogisticRegression(C=own, tol=1e-10, max_iter=10_000)
        reference.fit(among.values, Y[:, column])
        best = np.append(reference.coef_[0], reference.intercept_)
        least = penalised(among.values, Y[:, column], best, own)
        loss = penalised(among.values, Y[:, column], found.at[:, column], own)
        assert found.losses[column] == pytest.approx(loss, rel=1e-6)
        assert loss <= least * (1 + 2 * TOLERANCE)
    assert found.at[:, 0] == pytest.approx(found.at[:, 4])


def test_in_single_precision_and_over_several_blocks(monkeypatch):
    X, Y = drawn(3000, 6)
    monkeypatch.setattr(softmax_regression, "_SMALL", 0)
    among = Coordinates.of(X)
    assert among.values.dtype == np.float32
    found = fit_each(among, Y, np.ones(5))
    exact = fit_each(Coordinates(among.values.astype(float), among.axes, among.mean, among.scale),
                     Y, np.ones(5), tolerance=1e-10)  # fmt: skip
    assert (found.gaps <= TOLERANCE * found.losses).all()
    assert found.losses == pytest.approx(exact.losses, rel=2e-6)


def test_a_part_is_fitted_as_if_it_were_alone():
    X, Y = drawn()
    rows = np.arange(10, 130)
    part = fit_each(Coordinates.of(X).part(rows), Y[rows], np.full(5, 0.1), tolerance=1e-10)
    alone = fit_each(Coordinates.of(X[rows]), Y[rows], np.full(5, 0.1), tolerance=1e-10)
    assert part.losses == pytest.approx(alone.losses, rel=1e-8)


def test_a_start_at_the_end_stays_there():
    X, Y = drawn()
    among = Coordinates.of(X)
    end = fit_each(among, Y, np.ones(5), tolerance=1e-8)
    again = fit_each(among, Y, np.ones(5), start=end.at)
    assert (again.at == end.at).all()


def test_what_is_told_of_each_does_not_depend_on_the_others():
    X, Y = drawn()
    among = Coordinates.of(X)
    together = fit_each(among, Y, np.ones(5), tolerance=1e-8)
    for column in range(5):
        alone = fit_each(among, Y[:, [column]], np.ones(1), tolerance=1e-8)
        assert together.at[:, column] == pytest.approx(alone.at[:, 0], abs=1e-3)
