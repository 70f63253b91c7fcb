"""The search for nearest neighbours, against float64 by brute force, on awkward data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.arrays import neighbors
from embedlens.arrays.feature_distances import FewDimensions
from embedlens.arrays.keys import pairwise
from embedlens.arrays.neighbors import nearest
from embedlens.arrays.pairwise import DistanceMatrix

CASES = (
    "one point far off",
    "far from the origin",
    "heavy tails",
    "a tight group",
    "copies",
    "sizes beyond float32",
    "sizes below float32",
)


def sorted_keys(D, k, *, themselves=True):
    """The k least of each row of float64 numbers, of equal ones the first."""
    D = np.array(D, np.float64)
    if themselves:
        np.fill_diagonal(D, np.inf)
    order = np.argsort(D, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(D, order, axis=1), order


def squares(X, Y=None):
    X = np.asarray(X, np.float64)
    Y = X if Y is None else np.asarray(Y, np.float64)
    return np.array([np.square(Y - x).sum(axis=1) for x in X])


def unit(X):
    X = np.asarray(X, np.float64)
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)


def search(X, k, metric="sqeuclidean", queries=None):
    pairs = pairwise(X, metric, queries, precision=np.float32)
    keys, columns = nearest(pairs, k, themselves=queries is None)
    return pairs.distances(keys), columns


def spread_out(case, rng, n, d):
    """Points of which products in float32 tell little."""
    X = rng.normal(size=(n, d))
    if case == "one point far off":
        X[3] *= 1e6
    elif case == "far from the origin":
        X += 1e4
    elif case == "heavy tails":
        X = rng.standard_cauchy((n, d)) ** 3
    elif case == "a tight group":
        X[: n // 2] = X[0] + 1e-7 * X[: n // 2]
    elif case == "copies":
        X = X[rng.integers(0, 5, n)]
    elif case == "sizes beyond float32":
        X *= 1e60
    elif case == "sizes below float32":
        X *= 1e-60
    return X


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("d", [3, 40])
def test_awkward_points_have_the_neighbours_of_brute_force(case, d):
    X = spread_out(case, np.random.default_rng(d), 300, d)
    found, columns = search(X, 12)
    expected, order = sorted_keys(squares(X), 12)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@settings(max_examples=80)
@given(
    seed=st.integers(0, 1 << 30),
    d=st.sampled_from([2, 17, 64]),
    metric=st.sampled_from(["sqeuclidean", "cosine"]),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    offset=st.sampled_from([0.0, 3.0, 500.0]),
    exponent=st.integers(-3, 4),
    with_queries=st.booleans(),
)
def test_bounds_never_exceed_what_they_bound(
    seed, d, metric, dtype, offset, exponent, with_queries
):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(30, d)) + offset).astype(dtype)
    X[0] = np.clip(X[0].astype(np.float64) * 10.0**exponent, -6e4, 6e4).astype(dtype)
    X[5] = X[6]
    X[rng.integers(0, 30)] = 0
    queries = X[:10] + dtype(1) if with_queries else None
    pairs = pairwise(X, metric, queries, precision=np.float32)
    m, n = pairs.shape
    exact = pairs.exact(np.arange(m), np.tile(np.arange(n), (m, 1)))
    rough = pairs.rough(slice(0, m), slice(0, n))
    for bounds in (rough, rough.turned()):
        factor = bounds.factor * bounds.products
        values = bounds.row_terms[:, None] + bounds.column_terms + factor
        below = exact if bounds is rough else exact.T
        assert (np.maximum(values, 0) <= below).all()
    assert (np.maximum(pairs.lower(np.arange(m), slice(0, n)), 0) <= exact).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_in_few_dimensions_keys_are_exact_to_the_bit(metric):
    """Else the bound of a neighbour might exceed its distance."""
    X = np.random.default_rng(0).normal(size=(200, 7)) * np.pi
    pairs = pairwise(X, metric)
    everything = np.tile(np.arange(200), (200, 1))
    exact = pairs.exact(np.arange(200), everything)
    np.testing.assert_array_equal(pairs.keys(slice(0, 200), slice(0, 200)), exact)


@pytest.mark.parametrize("step", [1.0, 0.1])
@pytest.mark.parametrize("d", [2, 20])
def test_points_on_a_grid_tie_by_their_order(step, d):
    """More points at one distance than spare candidates, at distances that float32 has or has not.

    The distances of reference are of whole numbers, which tie exactly.
    """
    rng = np.random.default_rng(0)
    whole = np.zeros((400, d))
    whole[:, :2] = rng.integers(0, 6, (400, 2))
    X = whole * step
    columns = search(X, 30)[1]
    D = squares(whole)
    if step == 1.0:
        np.testing.assert_array_equal(columns, sorted_keys(D, 30)[1])
    found = np.take_along_axis(D, columns, axis=1)
    np.testing.assert_array_equal(found, sorted_keys(D, 30)[0])


def test_zero_vectors_are_at_cosine_distance_one():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 30))
    X[::9] = 0
    found, columns = search(X, 150, "cosine")
    D = squares(unit(X)) / 2
    absent = ~X.any(axis=1)
    D[absent[:, None] | absent] = 1
    expected, _ = sorted_keys(D, 150)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert columns[0].tolist() == list(range(1, 151))


@settings(max_examples=60)
@given(data=st.data(), n=st.integers(2, 120))
def test_given_distances_may_be_any_numbers(data, n):
    """Negative by rounding, beyond float32, tiny, equal, and not the same both ways."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    values = np.array([-1e-17, 0.0, 1e-300, 1e-45, 0.1, 0.1 + 1e-12, 1.0, 7.0, 1e39, 1e300, -3.0])
    some = data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=6))
    D = rng.choice(values[some], (n, n))
    k = data.draw(st.integers(1, n - 1))
    keys, columns = nearest(DistanceMatrix(D), k, themselves=True)
    expected, order = sorted_keys(D, k)
    np.testing.assert_array_equal(keys, expected)
    np.testing.assert_array_equal(columns, order)


def test_rows_may_be_others_than_the_columns():
    D = np.random.default_rng(0).random((7, 300))
    keys, columns = nearest(DistanceMatrix(D), 20, themselves=False)
    expected, order = sorted_keys(D, 20, themselves=False)
    np.testing.assert_array_equal(keys, expected)
    np.testing.assert_array_equal(columns, order)


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_gram_matrices_of_any_size(scale):
    X = np.random.default_rng(0).normal(size=(150, 8)) * scale
    found, columns = search(X @ X.T, 9, "gram")
    expected, order = sorted_keys(np.sqrt(squares(X)), 9)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.fixture
def by_tree(monkeypatch):
    """A tree is searched however few points there are; how often is counted."""
    found, query = [], FewDimensions.search

    def counted(self, rows, k):
        answer = query(self, rows, k)
        found.append(answer is not None)
        return answer

    def with_tree(*arguments, **options):
        found.clear()
        with monkeypatch.context() as patch:
            patch.setattr(FewDimensions, "_worthwhile", 0)
            patch.setattr(FewDimensions, "search", counted)
            answer = search(*arguments, **options)
        return answer, any(found)

    return with_tree


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("case", [*CASES, "grid"])
def test_a_tree_finds_what_a_scan_finds_to_the_bit(case, d, metric, by_tree):
    """Of equal distances the first too, though a tree finds any."""
    rng = np.random.default_rng(0)
    X = spread_out(case, rng, 300, d)
    if case == "grid":
        X = rng.integers(1, 5, (300, d)).astype(float)
    for k, queries in ((1, None), (40, None), (299, None), (7, X[:50] + 1.0)):
        found, searched = by_tree(X, k, metric, queries)
        assert searched
        for one, other in zip(found, search(X, k, metric, queries), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_tree_is_not_asked_where_an_angle_is_missing_or_dimensions_are_many(by_tree):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[5] = 0
    assert not by_tree(X, 5, "cosine")[1]
    assert by_tree(X, 5, "euclidean")[1]
    assert not by_tree(rng.normal(size=(60, 4)), 5, "euclidean")[1]


def test_of_very_many_in_one_place_all_are_scanned_as_if_there_were_no_tree(by_tree, monkeypatch):
    """A few are searched for again, a row at a time."""
    rng = np.random.default_rng(0)
    scans, scan = [], neighbors._least_bounds
    monkeypatch.setattr(neighbors, "_least_bounds", lambda *pairs: scans.append(1) or scan(*pairs))
    X = rng.normal(size=(3000, 3))
    X[:25] = X[0]
    by_tree(X, 5)
    assert scans == []
    X[:1000] = X[0]
    by_tree(X, 5)
    assert scans == [1]
