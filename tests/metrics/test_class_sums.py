"""Silhouettes from sums over parts are those of all points together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples as of_sklearn

from embedlens.metrics import ClassSums, silhouette_samples

METRICS = ("sqeuclidean", "cosine")


def in_parts(X, labels, edges, metric):
    """Silhouettes from two passes over parts that begin at some rows."""
    parts = list(zip(np.split(X, sorted(edges)), np.split(labels, sorted(edges)), strict=True))
    sums = sum(ClassSums.of(*part, metric=metric) for part in parts)
    return np.concatenate([sums.silhouettes(*part) for part in parts])


def brute_force(X, labels, metric):
    """Silhouettes from all pairs, in extended precision."""
    X = np.asarray(X, np.longdouble)
    if metric == "cosine":
        norms = np.sqrt((X**2).sum(axis=1, keepdims=True))
        X = np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)
        pairs = 1 - X @ X.T
        pairs[np.abs(pairs) < 1e-17] = 0
        np.fill_diagonal(pairs, 0)
    else:
        pairs = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    names, codes = np.unique(labels, return_inverse=True)
    sums = np.stack([pairs[:, codes == c].sum(axis=1) for c in range(len(names))], axis=1)
    counts, every = np.bincount(codes), np.arange(len(X))
    own = sums[every, codes] / np.maximum(counts[codes] - 1, 1)
    means = sums / counts
    means[every, codes] = np.inf
    nearest = means.min(axis=1)
    larger = np.maximum(own, nearest)
    values = np.divide(nearest - own, larger, out=np.zeros_like(own), where=larger > 0)
    values[counts[codes] == 1] = 0
    return values.astype(np.float64)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=60)
@given(
    n=st.integers(4, 40),
    d=st.integers(1, 6),
    k=st.integers(2, 6),
    offset=st.sampled_from([0.0, 1.0, 1e5]),
    copies=st.booleans(),
    edges=st.lists(st.integers(0, 40), max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_parts_give_the_exact_silhouettes(metric, n, d, k, offset, copies, edges, seed):
    """Classes of one point, equal points, parts of one class and of none are among them."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1, 0], rng.integers(0, k, n - 3)])
    X = np.round(rng.normal(size=(n, d)) + labels[:, None], 0 if copies else 9) + offset
    edges = [min(edge, n) for edge in edges]
    actual = in_parts(X, labels, edges, metric)
    # Squared distances of points so far from the origin have lost that many digits in X itself.
    near = 1e-9 if offset < 1e5 or metric == "sqeuclidean" else 1e-4
    np.testing.assert_allclose(actual, brute_force(X, labels, metric), atol=near, rtol=0)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_agrees_with_all_points_together(blobs, metric, offset):
    X, labels = blobs(700, 40, 30)
    X, order = np.asarray(X + offset, np.float32), np.argsort(labels, kind="stable")
    X, labels = X[order], labels[order]  # each part holds a class or two
    actual = in_parts(X, labels, range(20, 700, 20), metric)
    np.testing.assert_allclose(
        actual, silhouette_samples(X, labels, metric=metric), atol=1e-7, rtol=0
    )
    if offset == 0.0:
        expected = of_sklearn(X.astype(np.float64), labels, metric=metric)
        np.testing.assert_allclose(actual, expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("metric", METRICS)
def test_blocks_of_a_large_part_add_up(monkeypatch, blobs, metric):
    X, labels = blobs(300, 12, 5)
    expected = in_parts(X, labels, [], metric)
    monkeypatch.setattr("embedlens.metrics.class_sums._CHUNK_BYTES", 8 * 12 * 11)
    np.testing.assert_allclose(in_parts(X, labels, [], metric), expected, atol=1e-12, rtol=0)


def test_a_zero_vector_is_at_distance_one_from_all():
    X = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.1], [0.0, 3.0], [0.0, 0.0], [0.1, 2.0]])
    labels = np.array(["a", "a", "a", "b", "b", "b"])
    actual = in_parts(X, labels, [1, 5], "cosine")
    np.testing.assert_allclose(actual, of_sklearn(X, labels, metric="cosine"), atol=1e-12, rtol=0)


@pytest.mark.parametrize("metric", METRICS)
def test_classes_of_equal_points_are_perfect_wherever_they_lie(metric):
    X = np.repeat([[1e6 / 3, 1.0], [1e6 / 7, 1.0]], 50, axis=0)
    labels = np.repeat(["a", "b"], 50)
    if metric == "cosine":  # which are of one direction, but for the lengths
        X[:, 1] *= 1e7
        X[::2] *= 3
    assert (in_parts(X, labels, range(0, 100, 7), metric) == 1.0).all()
    assert not in_parts(np.ones((8, 3)) / 3, np.arange(8) % 2, [3], metric).any()


def test_labels_of_any_type_may_come_in_any_part():
    X = np.array([[0.0], [1.0], [4.0], [5.0]])
    labels = np.array(["cat", 3, 3, "cat"], dtype=object)
    expected = silhouette_samples(X, labels, metric="sqeuclidean")
    np.testing.assert_allclose(in_parts(X, labels, [1, 2], "sqeuclidean"), expected, atol=1e-12)


SUMS = ClassSums.of([[0.0], [1.0], [4.0]], ["a", "a", "b"], metric="sqeuclidean")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ClassSums.of([[0.0]], ["a"], metric="euclidean"), "got 'euclidean'"),
        (lambda: ClassSums.of([[0.0, np.nan]], ["a"], metric="cosine"), r"NaN: X\[0, 1\]"),
        (lambda: ClassSums.of([[1e200]], ["a"], metric="sqeuclidean"), "scale the features"),
        (lambda: ClassSums.of([[1.0]], ["a", "b"], metric="cosine"), "Found 1 points but 2 labels"),
        (lambda: ClassSums.of([1.0], ["a"], metric="cosine"), "got shape"),
        (lambda: SUMS + ClassSums.of([[1.0]], ["a"], metric="cosine"), "do not add up"),
        (lambda: SUMS.silhouettes([[1.0]], ["c"]), "'c' is not among"),
        (
            lambda: ClassSums.of([[0.0], [1.0]], ["a", "a"], metric="cosine").silhouettes(
                [[0.0]], ["a"]
            ),
            "2 points of 1 classes",
        ),
    ],
)  # fmt: skip
def test_what_has_no_silhouette_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
