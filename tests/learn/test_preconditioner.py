"""What shortens conjugate gradients is near the inverse of the Hessian, and turns no step round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.learn.preconditioner import _AXES, Preconditioner
from embedlens.learn.softmax_regression import _Hessian, minimise


def weighted(n, r, k, dtype=np.float64, seed=0):
    """Points along axes of falling variance, and weights that follow the first of them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, r)) * (1 + np.arange(r)) ** -0.7
    W = 1 / (1 + np.exp(-X[:, :1] * rng.standard_normal(k)))
    return X.astype(dtype), (W * (1 - W)).astype(dtype), 10.0 ** rng.uniform(-2, 2, k)


def preconditioner(X, W, strengths):
    squares = np.square(X, dtype=np.float64).sum(axis=0)
    return Preconditioner.of(X, squares, lambda rows: W[rows], strengths)


def hessian(X, w, strength):
    """Of one regression, with its intercept, in float64."""
    both = np.hstack([X, np.ones((len(X), 1))]).astype(np.float64)
    penalty = np.append(np.full(X.shape[1], 1 / strength), 0.0)
    return (both * w[:, None]).T @ both + np.diag(penalty)


def matrix(near, column, r, k):
    """Write out what it does to slopes of one column."""
    slopes = np.zeros((r + 1, r + 1, k))
    slopes[np.arange(r + 1), np.arange(r + 1), column] = 1.0
    return np.stack([near(each)[:, column] for each in slopes], axis=1)


@pytest.mark.parametrize("r", [1, 3, _AXES])
def test_of_few_axes_it_is_the_inverse_of_the_hessian(r):
    X, W, strengths = weighted(400, r, 3)
    near = preconditioner(X, W, strengths)
    for column in range(3):
        product = matrix(near, column, r, 3) @ hessian(X, W[:, column], strengths[column])
        np.testing.assert_allclose(product, np.eye(r + 1), atol=1e-2)


def test_of_many_axes_it_is_the_inverse_of_the_widest_and_the_diagonal_of_the_rest():
    X, W, strengths = weighted(400, 60, 2)
    order = np.random.default_rng(1).permutation(60)  # the widest need not come first
    X = X[:, order]
    widest = np.argsort(-np.square(X).sum(axis=0))[:_AXES]
    found = matrix(preconditioner(X, W, strengths), 1, 60, 2)
    block = np.append(widest, 60)
    exact = hessian(X, W[:, 1], strengths[1])
    product = found[np.ix_(block, block)] @ exact[np.ix_(block, block)]
    np.testing.assert_allclose(product, np.eye(len(block)), atol=1e-2)
    rest = np.setdiff1d(np.arange(60), widest)
    assert not found[np.ix_(rest, block)].any()
    diagonal = np.square(X[:, rest]).sum(axis=0) * W[:, 1].mean() + 1 / strengths[1]
    np.testing.assert_allclose(found[rest, rest], 1 / diagonal, rtol=1e-6)


@settings(max_examples=40)
@given(
    n=st.integers(2, 80),
    r=st.integers(1, 50),
    certain=st.floats(0, 1),
    strength=st.sampled_from([1e-4, 1.0, 1e4]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)
def test_what_it_makes_of_a_slope_always_falls(n, r, certain, strength, dtype, seed):
    X, W, _ = weighted(n, r, 2, dtype, seed)
    rng = np.random.default_rng(seed)
    W[rng.random(n) < certain] = 0  # pictures that are sure do not bend the loss
    near = preconditioner(X, W, np.full(2, strength))
    slopes = rng.standard_normal((r + 1, 2))
    eased = near(slopes)
    assert np.isfinite(eased).all()
    assert (np.einsum("ij,ij->j", slopes, eased) > 0).all()


def test_some_columns_of_it_are_as_before():
    X, W, strengths = weighted(100, 40, 4)
    near, slopes = preconditioner(X, W, strengths), np.random.default_rng(0).normal(size=(41, 4))
    some = np.array([3, 1])
    np.testing.assert_array_equal(near.take(some)(slopes[:, some]), near(slopes)[:, some])


def test_classes_that_are_confused_need_few_products(monkeypatch):
    """Of 12 classes in pairs; a diagonal alone takes 55 products, this 25."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1500, 60)) * (1 + np.arange(60)) ** -1.0
    codes = (X[:, 0] > 0) * 6 + np.clip((X[:, 1] * 2 + 3).astype(int), 0, 5)
    codes = np.where(rng.random(1500) < 0.3, codes ^ 1, codes)
    codes = np.unique(codes, return_inverse=True)[1]
    products, curved = [], _Hessian.times

    def counted(self, *args):
        products.append(1)
        return curved(self, *args)

    monkeypatch.setattr(_Hessian, "times", counted)
    found = minimise(X, codes, codes.max() + 1, 1.0)
    assert found.reached(1e-6)
    assert len(products) <= 35
