"""Neighbours found once among all points are those that a search of each part finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.learn import NeighborsProbe
from embedlens.learn.nearest_among import NearestAmong
from embedlens.metrics import nearest_neighbors


@settings(max_examples=40)
@given(
    n=st.integers(4, 60),
    share=st.floats(0.05, 0.9),
    kept=st.integers(1, 20),
    duplicates=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_part_is_answered_as_by_a_search_of_it(n, share, kept, duplicates, seed):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, 3)).astype(np.float32)
    if duplicates:
        points[: n // 2] = points[n // 2 : n // 2 + n // 2]
    near = NearestAmong.of(points, kept)
    order = rng.permutation(n)
    cut = min(max(1, int(share * n)), n - 1)
    gallery, queries = np.sort(order[:cut]), order[cut:]
    k = int(rng.integers(1, cut + 1))  # perhaps more than were kept for it
    distances, places = near.within(queries, gallery, k)
    expected, found = nearest_neighbors(
        points[gallery], k, metric="cosine", queries=points[queries]
    )
    np.testing.assert_allclose(distances, expected, atol=1e-6)
    apart = np.diff(expected, axis=1, prepend=-1, append=3) > 1e-6
    sole = apart[:, :-1] & apart[:, 1:]  # of equal distances any may come first
    sole[:, -1] = False
    np.testing.assert_array_equal(places[sole], found[sole])


def test_a_vote_among_points_is_that_of_a_probe_fitted_to_them():
    rng = np.random.default_rng(0)
    y = np.array(["a", "b", "c"])[rng.integers(3, size=400)]
    X = rng.standard_normal((400, 6)) + 1.5 * (y[:, None] == np.array(["a", "b", "c"] * 2))
    train, validation, test = np.split(rng.permutation(400), [260, 320])
    near = NearestAmong.of(X, max(NeighborsProbe().ks))
    among = NeighborsProbe()
    classes, shares = among.vote_among(near, y, train, validation, test)
    probe = NeighborsProbe().fit(X[train], y[train], validation=(X[validation], y[validation]))
    assert among.k_ == probe.k_
    assert among.validation_accuracy_ == probe.validation_accuracy_
    np.testing.assert_array_equal(classes, probe.classes_)
    np.testing.assert_allclose(shares, probe.predict_proba(X[test]), atol=1e-5)


def test_without_validation_the_first_number_that_fits_votes():
    X, y = np.eye(6), np.array(list("aabbcc"))
    X[1::2] += X[::2] * 2
    probe = NeighborsProbe((1, 50))
    near, none = NearestAmong.of(X, 50), np.empty(0, np.intp)
    classes, shares = probe.vote_among(near, y, np.array([0, 2, 4]), none, np.array([1, 3, 5]))
    assert probe.k_ == 1
    assert classes[shares.argmax(axis=1)].tolist() == ["a", "b", "c"]
