"""Retrieval against a sort in float64 and scikit-learn's average precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import average_precision_score

from embedlens.metrics import retrieval
from embedlens.metrics.proportion import share_interval
from embedlens.metrics.retrieval import mean_interval, retrieve, retrieve_sharing


def brute_force(gallery, own, queries, wanted):
    first, precision = [], []
    for far, label in zip(cdist(queries, gallery), wanted, strict=True):
        right = own == label
        if not right.any():
            first.append(0)
            precision.append(0.0)
            continue
        first.append(1 + int((far[~right] <= far[right].min()).sum()))
        precision.append(average_precision_score(right, -far))
    return np.array(first), np.array(precision)


@given(
    seed=st.integers(0, 2**20),
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 15), st.integers(1, 6)),
    levels=st.sampled_from([2, 3, 0]),
)
def test_it_is_that_of_a_sort_by_distance_with_equal_distances_too(seed, sizes, levels):
    n, m, d = sizes
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n + m, d)) if not levels else rng.integers(0, levels, (n + m, d))
    labels = rng.choice(list("abcd"), n + m)
    parts = points[:n], labels[:n], points[n:], labels[n:]
    found = retrieve(*parts)
    first, precision = brute_force(*parts)
    assert found.first.tolist() == first.tolist()
    assert found.average_precision == pytest.approx(precision, abs=1e-9)
    for k in (1, 5):
        assert found.recall_at(k).tolist() == [0 < each <= k for each in first]


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_neither_scale_nor_shift_changes_it(scale, shift):
    rng = np.random.default_rng(0)
    points, labels = rng.standard_normal((60, 20)), rng.choice(list("ab"), 60)
    plain = retrieve(points[:40], labels[:40], points[40:], labels[40:])
    moved = (points + shift) * scale
    found = retrieve(moved[:40], labels[:40], moved[40:], labels[40:])
    assert found.first.tolist() == plain.first.tolist()
    assert found.average_precision == pytest.approx(plain.average_precision)


def test_blocks_give_what_one_gives(monkeypatch):
    rng = np.random.default_rng(0)
    points, labels = rng.standard_normal((90, 7)), rng.choice(list("abc"), 90)
    parts = points[:50], labels[:50], points[50:], labels[50:]
    whole = retrieve(*parts)
    for name in ("_KEPT", "_SORTED", "_READ"):
        monkeypatch.setattr(retrieval, name, 1_600)
    found = retrieve(*parts)
    assert found.first.tolist() == whole.first.tolist()
    assert found.average_precision.tolist() == whole.average_precision.tolist()


def test_points_that_are_all_alike_find_nothing_first():
    found = retrieve(np.ones((10, 3)), list("aabbbbbbbb"), np.ones((1, 3)), ["a"])
    assert found.first.tolist() == [9]
    assert found.average_precision == pytest.approx([0.2])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="3 columns and the queries 2"):
        retrieve(np.ones((4, 3)), list("abab"), np.ones((1, 2)), ["a"])
    with pytest.raises(ValueError, match="4 points of the gallery"):
        retrieve(np.ones((4, 3)), list("ab"), np.ones((1, 3)), ["a"])
    with pytest.raises(ValueError, match="NaN"):
        retrieve([[np.nan], [1.0]], ["a", "b"], [[1.0]], ["a"])


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (8.0, 2.0), (0.4, 0.1), (30.0, 1.0)])
def test_the_interval_of_a_mean_holds(a, b):
    rng = np.random.default_rng(0)
    drawn = rng.beta(a, b, (2_000, 60))
    found = [mean_interval(each) for each in drawn]
    held = np.mean([each.low <= a / (a + b) <= each.high for each in found])
    assert held > 0.93
    share = share_interval(a / (a + b), 60)  # numbers between 0 and 1 spread no more than hits
    assert np.mean([each.high - each.low for each in found]) < 1.1 * (share.high - share.low)


def test_a_picture_in_several_splits_is_one():
    once = mean_interval([0.2, 0.9, 0.5, 0.7])
    thrice = mean_interval([0.6, 2.7, 1.5, 2.1], [3, 3, 3, 3])
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    all_one = mean_interval(np.ones(20))
    assert all_one.estimate == all_one.high == 1
    assert 0.6 < all_one.low < 0.95
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_interval([1.5])


def test_points_that_share_a_label_match():
    rng = np.random.default_rng(0)
    points, members = rng.integers(0, 3, (50, 3)), rng.random((50, 4)) < 0.3
    parts = points[:35], members[:35], points[35:], members[35:]
    found = retrieve_sharing(*parts)
    for row, (far, wanted) in enumerate(zip(cdist(parts[2], parts[0]), parts[3], strict=True)):
        right = (parts[1] & wanted).any(axis=1)
        if not right.any():
            assert found.first[row] == found.average_precision[row] == 0
            continue
        assert found.first[row] == 1 + (far[~right] <= far[right].min()).sum()
        expected = average_precision_score(right, -far)
        assert found.average_precision[row] == pytest.approx(expected)


def test_one_label_a_point_is_a_class():
    rng = np.random.default_rng(1)
    points, codes = rng.normal(size=(60, 5)), rng.integers(0, 4, 60)
    one = np.eye(4, dtype=bool)[codes]
    shared = retrieve_sharing(points[:40], one[:40], points[40:], one[40:])
    plain = retrieve(points[:40], codes[:40], points[40:], codes[40:])
    assert shared.first.tolist() == plain.first.tolist()
    assert shared.average_precision.tolist() == plain.average_precision.tolist()


@pytest.mark.parametrize("members", [np.ones((3, 2)), np.ones((4, 3)), np.ones(4)])
def test_labels_that_do_not_fit_are_refused(members):
    with pytest.raises(ValueError, match=r"[Ll]abels"):
        retrieve_sharing(np.eye(4), members, np.eye(4), np.ones((4, 2)))
