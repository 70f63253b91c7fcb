"""Batches with several members of every class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.learn import LazyRows, balanced_batches


def rows_of(y, size, epochs=1, **options):
    """The rows that each batch draws."""
    data = balanced_batches(np.arange(len(y))[:, None], y, size, **options)
    return [data[i][0][:, 0].astype(int) for _ in range(epochs) for i in range(len(data))]


@settings(max_examples=60)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=12), st.integers(2, 64), st.integers(0, 9))
def test_no_batch_is_too_large_or_holds_a_point_twice_or_a_class_once(counts, size, seed):
    y = np.repeat(np.arange(len(counts)) * 3, counts)
    batches = rows_of(y, size, epochs=3, random_state=seed)
    assert len(batches) == 3 * -(-len(y) // size)
    for rows in batches:
        assert 0 < len(rows) <= size
        assert len(set(rows)) == len(rows)
        classes, members = np.unique(y[rows], return_counts=True)
        assert len(classes) == min(len(counts), size // 2)
        for label, found in zip(classes, members, strict=True):
            own = counts[label // 3]
            assert found >= min(2, own)
            # Equal numbers; a class that has fewer gives all.
            assert found == min(own, members.max()) or members.max() < 2


def test_every_member_has_its_turn_before_any_comes_again():
    y = np.array(["a"] * 20 + ["b"] * 7)
    drawn = np.concatenate(rows_of(y, 8, epochs=10))
    for label, members in {"a": 20, "b": 7}.items():
        of_class = drawn[y[drawn] == label]
        for turn in range(len(of_class) // members):
            assert len(set(of_class[turn * members : (turn + 1) * members])) == members


def test_weights_make_up_for_the_balance():
    y = np.repeat([0, 1, 2], [60, 30, 2])
    _, classes, weights = balanced_batches(np.zeros((92, 1)), y, 12)[0]
    assert np.bincount(classes).tolist() == [4, 4, 2]
    assert np.bincount(classes, weights) == pytest.approx(10 * np.array([60, 30, 2]) / 92)


def test_more_classes_than_a_batch_holds_take_turns():
    y = np.repeat(np.arange(10), 4)
    seen = [set(y[rows]) for rows in rows_of(y, 8)]
    assert {len(classes) for classes in seen} == {4}
    assert set.union(*seen) == set(range(10))


def test_the_same_seed_draws_the_same_and_another_seed_another():
    y = np.repeat([0, 1], 50)
    one, same, other = (np.concatenate(rows_of(y, 10, random_state=s)) for s in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_targets_follow_their_points_and_rows_are_read_from_a_memory_map(tmp_path):
    np.save(tmp_path / "X.npy", np.arange(40.0)[:, None])
    stored = np.load(tmp_path / "X.npy", mmap_mode="r")
    X = LazyRows(stored, np.arange(0, 40, 2))
    y = np.arange(20) % 3
    points, targets, _ = balanced_batches(X, y, 9, targets=-X[:])[0]
    assert points.dtype == np.float32
    assert np.array_equal(targets, -points)


def test_one_class_is_still_a_batch():
    assert len(rows_of(np.zeros(5, int), 4)[0]) == 4
