"""Silhouettes: the values, what may be given, what is refused, scores, samples, reports."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.metrics import silhouette_samples as of_sklearn

from embedlens.metrics import silhouette_report, silhouette_samples, silhouette_score
from embedlens.metrics.class_distances import frames, high_dimensional, matrix, moments, tiling

FEATURE_METRICS = ("euclidean", "sqeuclidean", "cosine")


# The values


@pytest.mark.parametrize("metric", FEATURE_METRICS)
@pytest.mark.parametrize(
    ("n", "d", "k"),
    [
        (500, 1, 3),
        (500, 3, 10),
        (900, 2, 400),
        (400, 7, 2),
        (400, 16, 5),
        (700, 17, 4),
        (900, 80, 300),
    ],
)
def test_agrees_with_scikit_learn(blobs, metric, n, d, k):
    X, labels = blobs(n, d, k)
    ours, theirs = (
        silhouette_samples(X, labels, metric=metric),
        of_sklearn(X, labels, metric=metric),
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6, rtol=0)
    assert abs(ours.mean() - theirs.mean()) < 1e-7


@pytest.mark.parametrize("d", [3, 40])
def test_distances_and_gram_matrix_give_the_euclidean_silhouette(blobs, distances, d):
    X, labels = blobs(300, d, 6)
    expected = of_sklearn(X, labels)
    given_distances = silhouette_samples(distances(X), labels, metric="precomputed")
    np.testing.assert_allclose(given_distances, expected, atol=1e-9, rtol=0)
    for G in (X @ X.T, (X - X.mean(axis=0)) @ (X - X.mean(axis=0)).T):
        ours = silhouette_samples(G, labels, metric="gram")
        np.testing.assert_allclose(ours, expected, atol=1e-7, rtol=0)


def test_rows_of_an_asymmetric_distance_matrix_are_what_counts(blobs):
    D = np.random.default_rng(0).random((60, 60))
    np.fill_diagonal(D, 0)
    labels = np.arange(60) % 4
    expected = of_sklearn(D, labels, metric="precomputed")
    for given_as in (D, np.asfortranarray(D)):
        ours = silhouette_samples(given_as, labels, metric="precomputed")
        np.testing.assert_allclose(ours, expected, atol=1e-12, rtol=0)


def test_a_hundred_thousand_points_against_sampled_rows(blobs):
    X, labels = blobs(100_000, 3, 7)
    values = silhouette_samples(X, labels)
    for i in np.random.default_rng(1).choice(len(X), 25, replace=False):
        to_i = np.linalg.norm(X - X[i], axis=1)
        sums, counts = np.bincount(labels, to_i), np.bincount(labels)
        a = sums[labels[i]] / (counts[labels[i]] - 1)
        b = np.delete(sums / counts, labels[i]).min()
        assert values[i] == pytest.approx((b - a) / max(a, b), abs=1e-6)


def test_unbalanced_classes(blobs):
    rng = np.random.default_rng(2)
    for d in (3, 30):
        labels = np.repeat([0, 1, 2, 3], [3000, 40, 3, 1])
        X = rng.normal(size=(4, d))[labels] + rng.normal(size=(len(labels), d))
        np.testing.assert_allclose(
            silhouette_samples(X, labels), of_sklearn(X, labels), atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("metric", FEATURE_METRICS)
@pytest.mark.parametrize("d", [2, 20])
@settings(max_examples=60)
@given(data=st.data())
def test_agrees_with_brute_force_on_few_distinct_points(exact_silhouette, metric, d, data):
    """Duplicates inside and across classes, zero vectors, singletons: whatever comes up."""
    n = data.draw(st.integers(3, 40))
    k = data.draw(st.integers(2, n - 1))
    labels = np.array(data.draw(st.permutations([i % k for i in range(n)])))
    values = st.sampled_from([0.0, 1.0, -1.0, 0.1, 3.7])
    distinct = np.array(data.draw(st.lists(values, min_size=4 * d, max_size=4 * d))).reshape(4, d)
    X = distinct[data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))]
    np.testing.assert_allclose(
        silhouette_samples(X, labels, metric=metric),
        exact_silhouette(X, labels, metric),
        atol=1e-6,
        rtol=0,
    )


@pytest.mark.parametrize("d", [1, 3, 9, 40])
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1), exponents=st.lists(st.integers(-9, 9), min_size=4, max_size=4)
)
def test_any_mixture_of_scales_is_exact(exact_silhouette, d, seed, exponents):
    """Classes whose size and place differ by up to eighteen powers of ten."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(60) % 4)
    sizes = 10.0 ** np.array(exponents)
    centres = rng.normal(size=(4, d)) * rng.permutation(sizes)[:, None]
    X = centres[labels] + rng.normal(size=(60, d)) * sizes[labels, None]
    np.testing.assert_allclose(
        silhouette_samples(X, labels), exact_silhouette(X, labels), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
def test_far_from_the_origin(blobs, exact_silhouette, d, offset):
    X, labels = blobs(200, d, 4)
    X = X + offset
    for metric in ("euclidean", "sqeuclidean"):
        np.testing.assert_allclose(
            silhouette_samples(X, labels, metric=metric),
            exact_silhouette(X, labels, metric),
            atol=1e-6,
            rtol=0,
        )


@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e30, 1e150])
def test_does_not_depend_on_the_unit(blobs, d, scale):
    X, labels = blobs(200, d, 4)
    for metric in FEATURE_METRICS:
        np.testing.assert_allclose(
            silhouette_samples(X * scale, labels, metric=metric),
            silhouette_samples(X, labels, metric=metric),
            atol=1e-6,
            rtol=0,
        )


@pytest.mark.parametrize("d", [3, 40])
def test_float32_features_far_from_the_origin(blobs, exact_silhouette, d):
    """Rounding to float32 is the giver's; nothing more may be lost."""
    X, labels = blobs(200, d, 4)
    X = (X + 1000).astype(np.float32)
    np.testing.assert_allclose(
        silhouette_samples(X, labels), exact_silhouette(X, labels), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("d", [3, 40])
def test_sums_of_equal_distances_do_not_drift(d):
    """A grid of points: float32 sums of equal numbers would be rounded one way."""
    X = np.zeros((4000, d), dtype=np.float32)
    X[:, 0] = np.arange(4000) % 2 * 0.1
    labels = np.arange(4000) // 2 % 3
    difference = silhouette_samples(X, labels) - of_sklearn(X.astype(np.float64), labels)
    assert np.abs(difference).max() < 1e-6
    assert abs(difference.mean()) < 1e-7


@pytest.mark.parametrize("metric", FEATURE_METRICS)
@pytest.mark.parametrize("d", [2, 30])
@pytest.mark.parametrize("value", [0.0, 0.1, -7e9])
def test_all_points_equal_is_zero(metric, d, value):
    X = np.full((50, d), value)
    assert not silhouette_samples(X, np.arange(50) % 3, metric=metric).any()
    G = np.full((50, 50), value**2)
    assert not silhouette_samples(G, np.arange(50) % 3, metric="gram").any()


def test_only_point_of_a_class_has_zero():
    X = np.array([[0.0], [1.0], [9.0], [20.0]])
    assert silhouette_samples(X, ["a", "a", "b", "c"])[2:].tolist() == [0, 0]


def test_zero_vector_is_at_cosine_distance_one_from_all(exact_silhouette):
    X = np.array([[0.0, 0], [0, 0], [1, 0], [2, 0.1], [0, 1], [0.1, 3]])
    labels = [0, 1, 0, 0, 1, 1]
    ours = silhouette_samples(X, labels, metric="cosine")
    np.testing.assert_allclose(ours, exact_silhouette(X, labels, "cosine"), atol=1e-12)
    assert ours[:2].tolist() == [0, 0]


@pytest.mark.parametrize("metric", ["cosine", "sqeuclidean"])
def test_batches_do_not_change_cosine_and_squared_distances(blobs, monkeypatch, metric):
    """As one batch and as many: what NVIDIA/cuml issue 8446 reports to differ."""
    X, labels = blobs(400, 12, 9, np.float32)
    whole = silhouette_samples(X, labels, metric=metric)
    monkeypatch.setattr(moments, "_MEANS_BYTES", 8 * 12 * 2)  # two classes at a time
    monkeypatch.setattr("embedlens.arrays.scaled_points._CHUNK_BYTES", 8 * 12 * 37)
    parts = silhouette_samples(X, labels, metric=metric)
    np.testing.assert_allclose(parts, whole, atol=1e-12, rtol=0)
    expected = of_sklearn(X.astype(np.float64), labels, metric=metric)
    np.testing.assert_allclose(parts, expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("d", [3, 40])
def test_classes_in_groups_give_the_same(blobs, monkeypatch, d):
    """Where n times k sums would not fit, classes are taken some at a time."""
    X, labels = blobs(900, d, 70)
    expected = of_sklearn(X, labels)
    cut = tiling.cut
    for module in ("low_dimensional", "high_dimensional"):
        monkeypatch.setattr(
            f"embedlens.metrics.class_distances.{module}.cut",
            lambda starts, size: cut(starts, min(size, 90), sums_bytes=8 * 900 * 11),
        )
    np.testing.assert_allclose(silhouette_samples(X, labels), expected, atol=1e-6, rtol=0)


def test_features_in_slabs_give_the_same(blobs, monkeypatch):
    """Features that do not fit are read some at a time, and few classes have their own frame."""
    X, labels = blobs(600, 50, 5)
    X[::7] = X[0]  # near pairs are read a second time
    expected = of_sklearn(X, labels)
    monkeypatch.setattr(frames, "_SLAB", 13)
    monkeypatch.setattr(frames, "_RESIDENT_BYTES", 0)
    monkeypatch.setattr(frames, "_CHUNK_BYTES", 8 * 13 * 29)
    monkeypatch.setattr(frames, "_CENTRE_BYTES", 8 * 600 * 2)
    monkeypatch.setattr(high_dimensional, "_TILE", 70)
    np.testing.assert_allclose(silhouette_samples(X, labels), expected, atol=1e-6, rtol=0)


def test_rows_of_a_matrix_in_chunks_give_the_same(blobs, distances, monkeypatch):
    X, labels = blobs(150, 3, 4)
    monkeypatch.setattr(matrix, "_CHUNK_BYTES", 8 * 150 * 7)
    expected = of_sklearn(X, labels)
    for metric, given_as in (("precomputed", distances(X)), ("gram", X @ X.T)):
        ours = silhouette_samples(given_as, labels, metric=metric)
        np.testing.assert_allclose(ours, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize("metric", [*FEATURE_METRICS, "gram"])
@pytest.mark.parametrize("d", [3, 40])
def test_same_to_the_bit_for_any_number_of_threads(blobs, threads, metric, d):
    X, labels = blobs(3000, d, 5, np.float32)
    given_as = X @ X.T if metric == "gram" else X
    threads(1)
    one = silhouette_samples(given_as, labels, metric=metric)
    threads(2)
    two = silhouette_samples(given_as, labels, metric=metric)
    assert one.tobytes() == two.tobytes()


def test_ten_thousand_classes_fit_in_memory():
    """All sums at once would be 2.4 GB for each class distance."""
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(30_000, 3)), np.arange(30_000) % 10_000
    tracemalloc.start()
    values = silhouette_samples(X, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300e6
    for i in (0, 12_345, 29_999):
        sums = np.bincount(labels, np.linalg.norm(X - X[i], axis=1))
        a, b = sums[labels[i]] / 2, np.delete(sums, labels[i]).min() / 3
        assert values[i] == pytest.approx((b - a) / max(a, b), abs=1e-6)


# What may be given


@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize(
    "given_as",
    [
        np.asfortranarray,
        lambda X: np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
        lambda X: X[::-1][::-1, ::-1][:, ::-1],
        lambda X: X.tolist(),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(np.int16),
        lambda X: X.astype(">f8"),
        lambda X: X.astype(object),
        pd.DataFrame,
    ],
    ids=[
        "Fortran",
        "strided",
        "reversed",
        "list",
        "float16",
        "int16",
        "big-endian",
        "object",
        "frame",
    ],
)
def test_any_layout_and_type_of_points(blobs, d, given_as):
    X, labels = blobs(200, d, 4)
    X = np.round(4 * X)  # whole numbers, so that every type holds them exactly
    np.testing.assert_allclose(
        silhouette_samples(given_as(X), labels), of_sklearn(X, labels), atol=1e-6, rtol=0
    )


def test_memory_map_is_not_changed(blobs, tmp_path):
    X, labels = blobs(200, 40, 4, np.float32)
    np.save(tmp_path / "features.npy", X)
    features = np.load(tmp_path / "features.npy", mmap_mode="r")
    np.testing.assert_allclose(
        silhouette_samples(features, labels), of_sklearn(X, labels), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("metric", [*FEATURE_METRICS, "precomputed", "gram"])
def test_points_are_not_changed(blobs, distances, metric):
    X, labels = blobs(100, 20, 4)
    X = distances(X) if metric == "precomputed" else X @ X.T if metric == "gram" else X
    before = X.copy()
    silhouette_report(X, labels, metric=metric)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    "labels",
    [
        ["fox", "lion", "fox", "lion", "wolf", "wolf"],
        np.array([b"fox", b"lion", b"fox", b"lion", b"wolf", b"wolf"]),
        [10, -3, 10, -3, 7, 7],
        [0.5, 1.5, 0.5, 1.5, 2.5, 2.5],
        np.array(["fox", 3, "fox", 3, "wolf", "wolf"], dtype=object),
        pd.Categorical(["fox", "lion", "fox", "lion", "wolf", "wolf"]),
        pd.Series(["fox", "lion", "fox", "lion", "wolf", "wolf"], index=[9, 8, 7, 6, 5, 4]),
    ],
    ids=["str", "bytes", "int", "float", "mixed", "Categorical", "Series"],
)
def test_labels_of_any_type(labels):
    X = np.array([[0.0], [5.0], [1.0], [5.5], [9.0], [12.0]])
    expected = of_sklearn(X, [0, 1, 0, 1, 2, 2])
    np.testing.assert_allclose(silhouette_samples(X, labels), expected, atol=1e-6)


def test_two_labels_of_bool_type():
    X = np.array([[0.0], [5.0], [1.0], [5.5]])
    labels = np.array([True, False, True, False])
    np.testing.assert_allclose(silhouette_samples(X, labels), of_sklearn(X, labels), atol=1e-6)


# What is refused


@pytest.mark.parametrize(
    ("X", "labels", "says"),
    [
        (np.zeros((4, 2)), [0, 0, 0, 0], "Number of labels is 1. Valid values are 2 to"),
        (np.zeros((4, 2)), [0, 1, 2, 3], "Number of labels is 4. Valid values are 2 to"),
        (np.zeros((2, 2)), [0, 1], "Number of labels is 2. Valid values are 2 to"),
        (np.zeros((4, 2)), [0, 1, 0], "Found 4 points but 3 labels"),
        (np.zeros((3, 2)), [[0], [1], [0]], r"one-dimensional.*\(3, 1\)"),
        (np.zeros((3, 2)), [0, np.nan, 0], "labels contains NaN at position 1"),
        (np.zeros((4, 2)), ["a", "b", np.nan, "a"], "labels contains NaN at position 2"),
        (np.zeros((4, 2)), ["a", None, "b", "a"], "labels contains None at position 1"),
        (np.zeros((4, 2)), pd.array([1, 2, None, 1], "Int64"), "labels contains NaN at position 2"),
        (
            np.zeros((3, 2)),
            np.array(["a", "b", np.nan], object),
            "labels contains NaN at position 2",
        ),
        (np.zeros(4), [0, 1, 0, 1], r"shape \(points, features\).*\(4,\)"),
        (np.zeros((0, 2)), [], r"X is empty.*\(0, 2\)"),
        (np.zeros((4, 0)), [0, 1, 0, 1], r"X is empty.*\(4, 0\)"),
        (np.zeros((4, 2), dtype=complex), [0, 1, 0, 1], "complex128"),
        (np.array([["a"], ["b"], ["c"]]), [0, 1, 0], "real numbers"),
        (csr_matrix(np.eye(4)), [0, 1, 0, 1], "sparse.*toarray"),
    ],
)
def test_bad_input_is_named(X, labels, says):
    with pytest.raises(ValueError, match=says):
        silhouette_samples(X, labels)


@pytest.mark.parametrize("metric", [*FEATURE_METRICS, "precomputed", "gram"])
@pytest.mark.parametrize(
    ("bad", "named"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "inf")]
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_and_infinity_are_named_with_their_place(metric, bad, named, dtype):
    X = np.zeros((30, 30), dtype=dtype)
    X[17, 4] = bad
    with pytest.raises(ValueError, match=rf"{named}.*X\[17, 4\]"):
        silhouette_samples(X, np.arange(30) % 3, metric=metric)


@pytest.mark.parametrize("metric", ["precomputed", "gram"])
def test_matrix_must_be_square(metric):
    with pytest.raises(ValueError, match=rf"{metric}.*\(4, 3\)"):
        silhouette_samples(np.zeros((4, 3)), [0, 1, 0, 1], metric=metric)


def test_distances_must_have_a_zero_diagonal():
    D = 1 - np.eye(4)
    D[2, 2] = 0.5
    with pytest.raises(ValueError, match=r"diagonal: X\[2, 2\] is 0.5"):
        silhouette_samples(D, [0, 1, 0, 1], metric="precomputed")
    D[2, 2] = 1e-15
    silhouette_samples(D, [0, 1, 0, 1], metric="precomputed")


def test_unknown_metric_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"euclidean, .*gram; got 'manhattan'"):
        silhouette_samples(np.zeros((4, 2)), [0, 1, 0, 1], metric="manhattan")


# Scores and samples


def test_score_is_the_mean_over_points_or_over_classes(blobs):
    X, labels = blobs(300, 3, 5)
    values = silhouette_samples(X, labels)
    means = [values[labels == c].mean() for c in range(5)]
    assert silhouette_score(X, labels) == pytest.approx(values.mean(), abs=1e-12)
    assert silhouette_score(X, labels, average="macro") == pytest.approx(np.mean(means), abs=1e-12)


def test_unknown_average_is_refused(blobs):
    with pytest.raises(ValueError, match=r"micro.*macro.*weighted"):
        silhouette_score(*blobs(30, 3, 5), average="weighted")


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_sample_of_all_points_gives_the_score_itself(blobs, average):
    X, labels = blobs(300, 3, 5)
    whole = silhouette_score(X, labels, average=average)
    assert silhouette_score(X, labels, average=average, sample_size=300) == pytest.approx(whole)


@pytest.mark.parametrize("metric", ["euclidean", "precomputed", "gram"])
def test_sample_is_the_same_for_the_same_seed(blobs, distances, metric):
    X, labels = blobs(300, 3, 5)
    X = distances(X) if metric == "precomputed" else X @ X.T if metric == "gram" else X
    scores = [
        silhouette_score(X, labels, metric=metric, sample_size=60, random_state=seed)
        for seed in (1, 1, 2)
    ]
    assert scores[0] == scores[1] != scores[2]


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_samples_centre_on_the_score_though_classes_are_unbalanced(average):
    """A uniform sample of 60 of 2,000 points would miss the class of 10 three times in four."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [1600, 390, 10])
    X = 4 * np.eye(3)[labels] + rng.normal(size=(2000, 3)) * np.array([2.0, 1, 0.2])[labels, None]
    whole = silhouette_score(X, labels, average=average)
    samples = [
        silhouette_score(X, labels, average=average, sample_size=60, random_state=seed)
        for seed in range(100)
    ]
    assert np.mean(samples) == pytest.approx(whole, abs=0.02)


@pytest.mark.parametrize("size", [9, 301, 0, -5])
def test_sample_that_cannot_hold_the_classes_is_refused(blobs, size):
    with pytest.raises(ValueError, match=rf"between 10, two points of each of 5.*300.*got {size}"):
        silhouette_score(*blobs(300, 3, 5), sample_size=size)


# Reports


def test_report_holds_the_score_and_the_classes(blobs):
    X, labels = blobs(300, 3, 3)
    names = np.array(["fox", "lion", "wolf"])[labels]
    values = silhouette_samples(X, names)
    report = silhouette_report(X, names)
    assert report.micro == pytest.approx(values.mean())
    assert report.macro == pytest.approx(silhouette_score(X, names, average="macro"))
    assert (report.metric, report.confidence, report.count) == ("euclidean", 0.95, 300)
    assert report.share_negative == (values < 0).mean()
    assert report.micro_interval[0] < report.micro < report.micro_interval[1]
    assert report.macro_interval[0] < report.macro < report.macro_interval[1]
    frame = report.to_frame()
    assert frame.index.tolist() == ["fox", "lion", "wolf"]
    assert frame.index.name == "label"
    for label, row in frame.iterrows():
        own = values[names == label]
        assert row["mean"] == pytest.approx(own.mean())
        assert row["low"] < row["mean"] < row["high"]
        assert row["count"] == len(own)
        assert row["share_negative"] == (own < 0).mean()


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine", "precomputed", "gram"])
@pytest.mark.parametrize("place", [0.0, 0.3])
def test_a_point_that_is_as_near_to_another_class_as_to_its_own_is_not_nearer(
    distances, metric, place
):
    X = np.array([[0.0], [1.0], [1.0], [2.0], [3.0], [3.0]])
    names = np.array([0, 1, 1, 1, 2, 2])
    if metric == "cosine":  # angles 0, 1, 1, 2, ... on the circle
        X = np.concatenate([np.cos(X), np.sin(X)], axis=1)
    wide = np.concatenate([X] * 20, axis=1)
    for points in (X, X + place, wide + place) if metric != "cosine" else (X, wide):
        given_as = {"precomputed": distances, "gram": lambda Z: Z @ Z.T}.get(metric, lambda Z: Z)
        report = silhouette_report(given_as(points.astype(np.float64)), names, metric=metric)
        values = silhouette_samples(given_as(points.astype(np.float64)), names, metric=metric)
        assert report.share_negative == (values < -1e-5).mean()
        if metric in ("euclidean", "precomputed", "gram"):
            assert report.share_negative == 0
            assert [one.share_negative for one in report.classes] == [0, 0, 0]


def test_report_of_a_class_of_one_point():
    report = silhouette_report([[0.0], [1.0], [9.0], [10.0], [50.0]], list("aabbc"))
    alone = report.classes[2]
    assert (alone.label, alone.mean, alone.count, alone.share_negative) == ("c", 0, 1, 0)
    assert np.isnan([alone.low, alone.high]).all()
    assert np.isfinite(report.micro_interval).all()


@pytest.mark.parametrize("d", [3, 40])
def test_report_is_the_same_from_features_distances_and_gram_matrix(blobs, distances, d):
    X, labels = blobs(200, d, 4)
    by_features = silhouette_report(X, labels)
    for metric, given_as in (("precomputed", distances(X)), ("gram", X @ X.T)):
        report = silhouette_report(given_as, labels, metric=metric)
        assert report.micro_interval == pytest.approx(by_features.micro_interval, abs=1e-6)
        np.testing.assert_allclose(report.to_frame(), by_features.to_frame(), atol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
def test_intervals_agree_with_leaving_each_point_out(blobs, metric):
    """The jackknife by class, which computes every silhouette anew, as independent reference."""
    X, labels = blobs(120, 3, 3)
    counts = np.bincount(labels)

    def means(kept):
        values = of_sklearn(X[kept], labels[kept], metric=metric)
        by_class = np.bincount(labels[kept], values) / np.bincount(labels[kept])
        return [by_class @ counts / counts.sum(), by_class.mean(), *by_class]

    without = np.array([means(np.arange(120) != i) for i in range(120)])
    variance = sum(
        (n - 1)
        / n
        * np.square(without[labels == c] - without[labels == c].mean(axis=0)).sum(axis=0)
        for c, n in enumerate(counts)
    )
    report = silhouette_report(X, labels, metric=metric, confidence=0.6827)
    halves = [(high - low) / 2 for low, high in (report.micro_interval, report.macro_interval)]
    halves += [(one.high - one.low) / 2 for one in report.classes]
    np.testing.assert_allclose(halves, np.sqrt(variance), rtol=0.12)


def test_intervals_hold_the_true_value_as_often_as_they_claim():
    """150 draws; the spread of the silhouettes alone would hold it in about 70%."""

    def draw(rng, n):
        labels = np.repeat([0, 1, 2], n)
        return 2 * np.eye(3)[labels] + rng.normal(size=(3 * n, 3)), labels

    rng = np.random.default_rng(0)
    truth = np.mean([silhouette_score(*draw(rng, 2000)) for _ in range(4)])
    held = 0
    for _ in range(150):
        low, high = silhouette_report(*draw(rng, 30)).micro_interval
        held += low <= truth <= high
    assert 0.88 <= held / 150 <= 0.99


def test_intervals_of_large_classes_come_from_part_of_their_points(blobs, monkeypatch):
    X, labels = blobs(3000, 3, 3)
    part = silhouette_report(X, labels)
    monkeypatch.setattr("embedlens.metrics.influence._MOST", 3000)
    whole = silhouette_report(X, labels)
    assert part.micro == whole.micro
    half, all_half = (np.ptp(report.micro_interval) for report in (part, whole))
    assert half != all_half
    assert half == pytest.approx(all_half, rel=0.15)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_must_be_a_share(blobs, confidence):
    with pytest.raises(ValueError, match=f"between 0 and 1.*got {confidence}"):
        silhouette_report(*blobs(30, 3, 3), confidence=confidence)


# The import


def test_nothing_heavy_is_imported_before_use():
    code = (
        "import sys, embedlens.metrics as m; m.silhouette_score; m.nearest_neighbors;"
        "m.distortion_report; print({'numba', 'sklearn', 'scipy', 'pandas'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_kernels_are_kept_between_processes(tmp_path):
    """The second process compiles nothing: every kernel comes from the first one's files."""
    code = (
        "import numpy as np; from numba.core import event;"
        "from embedlens.metrics import silhouette_samples;"
        "compiled = event.install_recorder('numba:compile');"
        "recorder = compiled.__enter__();"
        "[silhouette_samples(np.random.rand(40, d), np.arange(40) % 3) for d in (3, 20)];"
        "print(len(recorder.buffer))"
    )
    counts = []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"NUMBA_CACHE_DIR": str(tmp_path), "PATH": str(Path(sys.executable).parent)},
        )
        counts.append(int(run.stdout))
    assert counts[0] > 0
    assert counts[1] == 0
