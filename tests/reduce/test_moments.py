"""Moments of parts add up to those of all points, and principal components of them are PCA's."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.decomposition
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.reduce import PCA, Moments


def added(X, edges):
    """The moments of ``X`` added up over parts that begin at some rows."""
    return sum(Moments.of(part) for part in np.split(X, sorted(edges)))


def direct(X):
    """Mean and scatter in extended precision."""
    X = np.asarray(X, np.longdouble)
    near = X - X.mean(axis=0)
    return X.mean(axis=0), near.T @ near


@settings(max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 6),
    st.sampled_from([0.0, 1e3, 1e8]),
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_any_parts_add_up_to_the_whole(n, d, offset, edges, seed):
    X = np.random.default_rng(seed).normal(offset, 1, (n, d))
    moments = added(X, [min(edge, n) for edge in edges])
    mean, scatter = direct(X)
    assert moments.count == n
    np.testing.assert_allclose(moments.mean, mean.astype(float), rtol=1e-14, atol=1e-13)
    # What float64 holds of a point at such a distance, and no more, is lost.
    rounding = n * 1e-15 * max(1.0, offset)
    np.testing.assert_allclose(moments.scatter, scatter.astype(float), rtol=1e-11, atol=rounding)


def test_blocks_of_a_large_array_add_up(monkeypatch, digits):
    whole = Moments.of(digits)
    monkeypatch.setattr("embedlens.reduce.moments._CHUNK_BYTES", 8 * digits.shape[1] * 7)
    parts = Moments.of(digits)
    assert parts.count == whole.count == len(digits)
    np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=1e-10, atol=1e-8)
    assert np.array_equal(parts.scatter, parts.scatter.T)


def test_equal_points_have_no_scatter_at_all():
    moments = added(np.full((90, 3), 1 / 3, np.float32), [10, 10, 71])
    assert not moments.scatter.any()
    assert np.array_equal(moments.mean, np.full(3, np.float32(1 / 3), np.float64))


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_components_and_scores_are_those_of_pca(digits, offset):
    X = digits.astype(np.float64) + offset * digits.std()
    expected = PCA(5)
    scores = expected.fit_transform(X)
    # One part of one point, one of none, and one whose points are all alike.
    X = np.concatenate([X[:1], X[1:1], X[1:]])
    pca = PCA(5).fit_moments(added(X, [0, 1, 1, 700]))
    assert pca.method_ == "covariance"
    moved = np.concatenate([pca.transform(part) for part in np.split(X, [300])])
    assert np.abs(moved - scores).max() <= 1e-7 * np.abs(scores).max()
    np.testing.assert_allclose(pca.components_, expected.components_, atol=1e-7)
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_"):
        np.testing.assert_allclose(getattr(pca, name), getattr(expected, name), rtol=1e-9)
    reference = sklearn.decomposition.PCA(5, svd_solver="full").fit(X)
    np.testing.assert_allclose(pca.explained_variance_, reference.explained_variance_, rtol=1e-8)
    np.testing.assert_allclose(
        np.abs(moved), np.abs(reference.transform(X)), atol=1e-6 * scores.max()
    )


def test_equal_points_have_components_without_variance():
    pca = PCA(2).fit_moments(Moments.of(np.full((9, 4), 7.0)))
    assert not pca.explained_variance_.any()
    assert not pca.explained_variance_ratio_.any()
    assert not pca.transform(np.full((2, 4), 7.0)).any()


@pytest.mark.parametrize(
    ("X", "said"),
    [
        ([[0.0, np.nan]], r"contains NaN: X\[0, 1\]"),
        ([[0.0, 1.0], [np.inf, 1.0]], r"contains infinity: X\[1, 0\]"),
        ([[1e200], [-1e200]], "squares exceed float64"),
        ([1.0, 2.0], "got shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_what_cannot_be_measured_is_refused(X, said):
    with pytest.raises(ValueError, match=said):
        Moments.of(X)


def test_parts_of_other_features_and_too_few_points_are_refused():
    with pytest.raises(ValueError, match="of 2 and of 3 features"):
        Moments.of(np.ones((4, 2))) + Moments.of(np.ones((4, 3)))
    with pytest.raises(ValueError, match="two points or more, not 1"):
        PCA(1).fit_moments(Moments.of(np.ones((1, 2))))
    with pytest.raises(ValueError, match=r"min\(n, d\) = 2, not 3"):
        PCA(3).fit_moments(Moments.of(np.eye(4)[:, :2]))
