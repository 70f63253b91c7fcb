"""The Gram matrix and its distances, against float64 by brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from embedlens.reduce import center_gram, gram, squared_distances


def exact_distances(X):
    return cdist(np.asarray(X, np.float64), np.asarray(X, np.float64), "sqeuclidean")


def exact_gram(X, center):
    X = np.asarray(X, np.float64)
    X = X - X.mean(axis=0) if center else X
    return X @ X.T


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("block_bytes", [1, 50_000, 1 << 30])
def test_products_do_not_depend_on_the_blocks(wide, center, block_bytes):
    expected = exact_gram(wide, center)
    actual = gram(wide, center=center, block_bytes=block_bytes)
    assert actual.dtype == np.float64
    assert np.abs(actual - expected).max() <= 2e-6 * np.abs(expected).max()


def test_symmetric_to_the_last_bit(wide):
    for center in (False, True):
        G = gram(wide, center=center)
        np.testing.assert_array_equal(G, G.T)


@pytest.mark.parametrize("d", [3, 300, 5000])
def test_distances_far_from_the_origin_are_accurate(d):
    """An offset of 10,000 standard deviations costs nothing but its rounding in the data."""
    X = (np.random.default_rng(d).normal(size=(80, d)) + 1e4).astype(np.float32)
    expected = exact_distances(X)
    actual = squared_distances(gram(X, center=True))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    np.testing.assert_allclose(squared_distances(gram(X)), expected, rtol=1e-4)


@pytest.mark.parametrize("d", [2, 300, 5000])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_duplicates_are_at_distance_zero(d, offset):
    X = np.random.default_rng(0).normal(size=(60, d)) + offset
    X[[7, 30, 59]] = X[3]
    X = X.astype(np.float32)
    D = squared_distances(gram(X))
    same = np.ix_([3, 7, 30, 59], [3, 7, 30, 59])
    assert not D[same].any()
    assert (D[exact_distances(X) > 0] > 0).all()


def test_near_duplicates_keep_their_distance():
    """Differences of 1e-4 standard deviations, which float32 products alone would lose."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3000))
    X[20:40] = X[20] + 1e-4 * rng.normal(size=(20, 3000))
    X = X.astype(np.float32)
    expected = exact_distances(X)
    np.testing.assert_allclose(squared_distances(gram(X)), expected, rtol=1e-4, atol=1e-12)


def test_two_far_clusters_of_near_points_keep_their_distances():
    rng = np.random.default_rng(0)
    X = 1e-3 * rng.normal(size=(50, 1000))
    X[25:] += 10
    X = X.astype(np.float32)
    actual = squared_distances(gram(X, center=True))
    np.testing.assert_allclose(actual, exact_distances(X), rtol=1e-4)


def test_all_points_equal():
    X = np.full((5, 700), 3.25, np.float32)
    assert not squared_distances(gram(X)).any()
    assert not gram(X, center=True).any()


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.int64, np.bool_, np.float64])
def test_any_real_dtype(dtype):
    X = (np.random.default_rng(0).random((20, 400)) * 2).astype(dtype)
    np.testing.assert_allclose(gram(X), exact_gram(X, False), rtol=1e-5)


def test_memory_layout_does_not_matter(wide):
    expected = gram(wide)
    np.testing.assert_allclose(gram(np.asfortranarray(wide)), expected, rtol=1e-12)
    doubled = np.repeat(np.repeat(wide, 2, axis=0), 3, axis=1)
    np.testing.assert_allclose(gram(doubled[::2, ::3]), expected, rtol=1e-12)


def test_memory_map_is_read_in_blocks(wide, tmp_path: Path):
    np.save(tmp_path / "features.npy", wide)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    np.testing.assert_array_equal(gram(mapped, block_bytes=40_000), gram(wide, block_bytes=40_000))


def test_float64_features_keep_float64_precision():
    X = np.random.default_rng(0).normal(size=(40, 3000))
    np.testing.assert_allclose(gram(X), exact_gram(X, False), rtol=0, atol=1e-9)


@settings(max_examples=50)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(1, 9)),
        elements=st.floats(-1e3, 1e3, width=32),
    )
)
def test_any_small_matrix(X):
    expected = exact_distances(X)
    scale = max(float(np.square(X, dtype=np.float64).sum(axis=1).max()), 1e-30)
    actual = squared_distances(gram(X, center=True))
    assert np.abs(actual - expected).max() <= 1e-6 * scale
    assert (actual >= 0).all()
    assert not np.diagonal(actual).any()


def test_centering_a_gram_matrix_is_centering_the_features(wide):
    np.testing.assert_allclose(
        center_gram(exact_gram(wide, False)), exact_gram(wide, True), atol=1e-7 * wide.size
    )


def test_centering_leaves_its_input_alone(wide):
    G = gram(wide)
    before = G.copy()
    center_gram(G)
    squared_distances(G)
    np.testing.assert_array_equal(G, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_named(wide, bad):
    X = wide.copy()
    X[17, 1234] = bad
    with pytest.raises(ValueError, match=r"X\[17, 1234\]"):
        gram(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros((2, 2), complex), "complex128"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        gram(X)


def test_a_gram_matrix_is_square_and_finite():
    with pytest.raises(ValueError, match=r"square.*\(2, 3\)"):
        squared_distances(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        center_gram([[np.nan, 0.0], [0.0, 1.0]])
