"""Nearest neighbours: exact, ties by index, whatever the blocks and the rounding of products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.arrays.feature_distances import ManyDimensions
from embedlens.arrays.keys import pairwise
from embedlens.arrays.pairwise import Pairwise
from embedlens.metrics import nearest_neighbors
from embedlens.metrics.tied_ranks import _count_less


def by_sorting(D, k, *, themselves=True):
    """The k nearest of each row by a stable sort."""
    D = D.copy()
    if themselves:
        np.fill_diagonal(D, np.inf)
    indices = np.argsort(D, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(D, indices, axis=1), indices


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("d", "k"), [(1, 1), (3, 5), (16, 299), (17, 5), (60, 270)])
def test_agrees_with_sorting_all_distances(blobs, distances, metric, dtype, d, k):
    X, _ = blobs(300, d, 5, dtype)
    if d == 1 and metric == "cosine":
        pytest.skip("in one dimension all are ties, at 0 or 2 but for rounding")
    found, indices = nearest_neighbors(X, k, metric=metric)
    expected, order = by_sorting(distances(X, metric), k)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    if dtype != np.float16:  # whose few values make ties that rounding of the reference breaks
        np.testing.assert_array_equal(indices, order)


def test_gram_matrix_and_distances_give_the_same(blobs, distances):
    X, _ = blobs(200, 30, 4)
    expected, order = nearest_neighbors(X, 8)
    for metric, matrix in (("precomputed", distances(X)), ("gram", X @ X.T)):
        found, indices = nearest_neighbors(matrix, 8, metric=metric)
        np.testing.assert_allclose(found, expected, atol=1e-9)
        np.testing.assert_array_equal(indices, order)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("d", [3, 40])
def test_queries_may_be_other_points(blobs, distances, metric, d):
    X, _ = blobs(200, d, 4)
    queries, _ = blobs(50, d, 4, seed=1)
    found, indices = nearest_neighbors(X, 200, metric=metric, queries=queries)
    D = distances(np.concatenate([queries, X]), metric)[:50, 50:]
    expected, order = by_sorting(D, 200, themselves=False)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_array_equal(indices, order)


@pytest.mark.parametrize("d", [3, 40])
def test_a_query_that_is_a_point_finds_that_point(blobs, d):
    X, _ = blobs(100, d, 4, np.float32)
    found, indices = nearest_neighbors(X, 1, queries=X)
    assert not found.any()
    assert indices.ravel().tolist() == list(range(100))


@settings(max_examples=60)
@given(
    data=st.data(),
    d=st.sampled_from([1, 3, 20]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_of_equal_distances_the_lower_index_is_nearer(distances, data, d, dtype):
    """Whole numbers, whose distances are exact, and many duplicates."""
    n = data.draw(st.integers(2, 60))
    values = st.lists(st.integers(0, 2), min_size=3 * d, max_size=3 * d)
    some = np.array(data.draw(values), dtype=dtype).reshape(3, d)
    X = some[data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))]
    k = data.draw(st.integers(1, n - 1))
    _, indices = nearest_neighbors(X, k)
    np.testing.assert_array_equal(indices, by_sorting(distances(X), k)[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_more_duplicates_than_spare_candidates(dtype):
    """Products cannot order these; all that could be neighbours are measured again."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(5, 40)), 100, axis=0).astype(dtype)[rng.permutation(500)]
    found, indices = nearest_neighbors(X, 20)
    assert not found.any()
    for i in range(0, 500, 50):
        same = np.flatnonzero(np.equal(X, X[i]).all(axis=1))
        assert indices[i].tolist() == same[same != i][:20].tolist()


def test_rounding_of_float32_products_hides_no_neighbour(blobs, distances):
    """Far from the origin, and a tight group of which all are within the rounding."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 64)).astype(np.float32)
    X[:150] = X[0] + rng.normal(size=(150, 64)).astype(np.float32) * np.float32(1e-4)
    X += np.float32(100)
    _, indices = nearest_neighbors(X, 10)
    np.testing.assert_array_equal(indices, by_sorting(distances(X), 10)[1])


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("offset", [0, 1000])
def test_keys_are_wrong_by_no_more_than_the_slack(blobs, metric, offset, precision):
    X = blobs(200, 300, 5, np.float32)[0] + np.float32(offset)
    pairs = pairwise(X, metric, precision=precision)
    exact = pairs.exact(np.arange(200), np.tile(np.arange(200), (200, 1)))
    error = np.abs(pairs.keys(slice(0, 200), slice(0, 200)) - exact)
    assert (error <= pairs.slack(slice(0, 200))[:, None]).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "gram", "precomputed"])
@pytest.mark.parametrize("d", [3, 40])
def test_blocks_do_not_change_the_answer(blobs, distances, monkeypatch, metric, d):
    X, _ = blobs(150, d, 4, np.float32)
    given_as = {"gram": X @ X.T, "precomputed": distances(X)}.get(metric, X)
    whole = nearest_neighbors(given_as, 7, metric=metric)
    monkeypatch.setattr(Pairwise, "block_shape", (11, 13))
    monkeypatch.setattr(Pairwise, "tile", (11, 13))
    monkeypatch.setattr(ManyDimensions, "block_shape", (17, 19))
    monkeypatch.setattr(ManyDimensions, "tile", (17, 19))
    monkeypatch.setattr(ManyDimensions, "slab", 9)
    monkeypatch.setattr("embedlens.arrays.feature_distances._RESIDENT_BYTES", 0)
    monkeypatch.setattr("embedlens.arrays.feature_distances._CHUNK", 100)
    monkeypatch.setattr("embedlens.arrays.scaled_points._CHUNK_BYTES", 1000)
    parts = nearest_neighbors(given_as, 7, metric=metric)
    np.testing.assert_array_equal(parts[1], whole[1])
    np.testing.assert_allclose(parts[0], whole[0], atol=1e-12)


@pytest.mark.parametrize("d", [3, 40])
def test_same_to_the_bit_for_any_number_of_threads(blobs, threads, d):
    X, _ = blobs(3000, d, 5, np.float32)
    threads(1)
    one = nearest_neighbors(X, 10)
    threads(2)
    two = nearest_neighbors(X, 10)
    assert [a.tobytes() for a in one] == [a.tobytes() for a in two]


@pytest.mark.parametrize("d", [2, 30])
def test_zero_vector_is_at_cosine_distance_one_from_all(d):
    X = np.zeros((5, d))
    X[2, 0], X[3, 1], X[4, :2] = 5, 2, -1
    found, indices = nearest_neighbors(X, 4, metric="cosine")
    np.testing.assert_allclose(found[:2], 1)
    assert indices[:2].tolist() == [[1, 2, 3, 4], [0, 2, 3, 4]]
    np.testing.assert_allclose(found[2], [1, 1, 1, 1 + np.sqrt(0.5)])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"k": 0}, "between 1 and 9.*got 0"),
        ({"k": 10}, "between 1 and 9.*got 10"),
        ({"k": 11, "queries": np.zeros((2, 3))}, "between 1 and 10.*got 11"),
        ({"k": 1, "queries": np.zeros((2, 4))}, "queries have 4 features and X has 3"),
        ({"k": 1, "metric": "gram"}, r"square matrix, got shape \(10, 3\)"),
        ({"k": 1, "metric": "sqeuclidean"}, "must be one of euclidean.*got 'sqeuclidean'"),
    ],
)
def test_bad_input_is_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        nearest_neighbors(np.zeros((10, 3)), **arguments)


def test_distances_know_no_other_queries():
    with pytest.raises(ValueError, match="leave queries out"):
        nearest_neighbors(np.zeros((4, 4)), 1, metric="precomputed", queries=np.zeros((1, 4)))


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "gram", "precomputed"])
def test_nan_is_named_with_its_place(metric):
    X = np.zeros((30, 30))
    X[3, 4] = np.nan
    with pytest.raises(ValueError, match=r"NaN.*X\[3, 4\]"):
        nearest_neighbors(X, 2, metric=metric)


def test_counts_of_numbers_below_thresholds():
    rng = np.random.default_rng(0)
    block, thresholds = rng.integers(0, 9, (5, 70)).astype(float), rng.integers(0, 9, (5, 3)) * 1.0
    counts = np.ones((5, 3), dtype=np.int64)
    _count_less(block, thresholds, counts)
    np.testing.assert_array_equal(counts - 1, (block[:, None] < thresholds[:, :, None]).sum(axis=2))
