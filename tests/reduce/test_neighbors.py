"""Exact neighbours, against scikit-learn's brute force in float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from embedlens.reduce import gram
from embedlens.reduce.neighbors import nearest_in_distances, nearest_in_gram, nearest_points


def brute(X, k, queries=None):
    """Squared distances to the k nearest, by full sorting in float64."""
    others = X if queries is None else queries
    D = cdist(np.asarray(others, np.float64), np.asarray(X, np.float64), "sqeuclidean")
    if queries is None:
        np.fill_diagonal(D, np.inf)
    order = np.argsort(D, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(D, order, axis=1), order


@pytest.mark.parametrize("d", [1, 2, 40, 700])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_distances_are_those_of_brute_force(d, offset):
    X = (np.random.default_rng(d).normal(size=(300, d)) + offset).astype(np.float32)
    squared, neighbors = nearest_points(X, 20)
    np.testing.assert_allclose(squared, brute(X, 20)[0], rtol=1e-3, atol=1e-12)
    assert not (neighbors == np.arange(300)[:, None]).any()
    assert (np.diff(squared, axis=1) >= 0).all()


def test_more_points_than_a_block():
    """Blocks above the diagonal serve their columns too."""
    X = np.random.default_rng(0).normal(size=(4500, 8)).astype(np.float32)
    squared, neighbors = nearest_points(X, 5)
    expected, order = brute(X, 5)
    np.testing.assert_allclose(squared, expected, rtol=1e-3)
    assert (neighbors == order).mean() > 0.999


def test_duplicates_are_at_zero_and_first_comes_first():
    X = np.random.default_rng(0).normal(size=(50, 6)) + 1e3
    X[[10, 20, 40]] = X[30]
    squared, neighbors = nearest_points(X, 4)
    for row, others in ((10, [20, 30, 40]), (30, [10, 20, 40])):
        assert not squared[row, :3].any()
        assert neighbors[row, :3].tolist() == others


def test_all_points_equal():
    squared, neighbors = nearest_points(np.ones((7, 3)), 3)
    assert not squared.any()
    assert neighbors[0].tolist() == [1, 2, 3]


def test_queries_may_be_points_themselves(digits):
    squared, neighbors = nearest_points(digits, 3, digits[100:110])
    assert neighbors[:, 0].tolist() == list(range(100, 110))
    assert not squared[:, 0].any()
    np.testing.assert_allclose(squared, brute(digits, 3, digits[100:110])[0], rtol=1e-3)


def test_gram_and_distances_find_the_same(wide):
    expected, order = brute(wide, 10)
    for squared, neighbors in (
        nearest_in_gram(gram(wide), 10),
        nearest_in_distances(cdist(wide, wide), 10, skip_self=True),
        nearest_points(wide, 10),
    ):
        np.testing.assert_allclose(squared, expected, rtol=1e-4)
        np.testing.assert_array_equal(neighbors, order)


def test_every_neighbour_may_be_asked_for():
    X = np.arange(5.0)[:, None]
    squared, _ = nearest_points(X, 4)
    np.testing.assert_allclose(squared[0], [1, 4, 9, 16], rtol=1e-6)


def test_a_number_that_is_none_is_named(digits):
    X = digits.astype(np.float64)
    X[3, 5] = np.nan
    with pytest.raises(ValueError, match=r"X\[3, 5\]"):
        nearest_points(X, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e3, 1e6, 1e9])
def test_one_point_far_off_changes_nobody_elses_neighbours(factor, dtype):
    X = np.random.default_rng(0).normal(size=(400, 20))
    X[0] *= factor
    X = X.astype(dtype)
    squared, neighbors = nearest_points(X, 15)
    expected, order = brute(X, 15)
    np.testing.assert_array_equal(neighbors[1:], order[1:])
    np.testing.assert_allclose(squared, expected, rtol=1e-6)


@pytest.mark.parametrize("spread", [1e-2, 1e-4, 1e-7])
def test_neighbours_within_classes_far_apart(spread):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 20))[np.arange(400) % 10] + spread * rng.normal(size=(400, 20))
    squared, neighbors = nearest_points(X, 15)
    expected, order = brute(X, 15)
    np.testing.assert_array_equal(neighbors, order)
    np.testing.assert_allclose(squared, expected, rtol=1e-6)


def test_neighbours_in_heavy_tails():
    X = np.random.default_rng(0).standard_cauchy((500, 12)) ** 3
    np.testing.assert_array_equal(nearest_points(X, 10)[1], brute(X, 10)[1])


def test_queries_far_from_the_points():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    queries = rng.normal(size=(8, 5)) * np.logspace(0, 7, 8)[:, None]
    np.testing.assert_array_equal(nearest_points(X, 7, queries)[1], brute(X, 7, queries)[1])


def test_a_query_that_is_no_number_is_named(digits):
    queries = digits[:3].astype(np.float64)
    queries[2, 5] = np.inf
    with pytest.raises(ValueError, match=r"X\[2, 5\]"):
        nearest_points(digits, 2, queries)
