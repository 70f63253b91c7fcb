"""Splits of pictures with several labels: every label on every side, groups whole, shares kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.errors import ImageSetError
from embedlens.images.iterative_split import iterative_split


def drawn(seed, n=200, shares=(0.5, 0.1, 0.04, 0.9)):
    members = np.random.default_rng(seed).random((n, len(shares))) < shares
    return members, [f"{i:03}" for i in range(n)]


@given(st.integers(0, 10_000), st.integers(1, 5))
@settings(max_examples=30)
def test_groups_are_whole_and_no_picture_is_lost(seed, size):
    members, names = drawn(seed, 60)
    groups = [f"g{int(name) // size}" for name in names]
    splits = iterative_split(members, groups, seed=seed)
    assert set(splits) == {"train", "validation", "test"}
    for group in set(groups):
        assert len(set(splits[[each == group for each in groups]])) == 1


def test_each_label_has_its_share_in_each_split():
    for seed in range(5):
        members, names = drawn(seed)
        splits = iterative_split(members, names, seed=seed)
        for split, share in (("train", 0.56), ("validation", 0.24), ("test", 0.2)):
            own = splits == split
            assert abs(own.mean() - share) <= 0.02
            # Within one picture of its share for the rarest, and nearly so for the others.
            assert (abs(members[own].sum(axis=0) - share * members.sum(axis=0)) <= 3).all()


def test_labels_are_nearer_to_their_shares_than_by_chance():
    members, names = drawn(1)
    splits = iterative_split(members, names)
    rng = np.random.default_rng(0)

    def off(splits):
        rates = members[splits == "test"].sum(axis=0) / members.sum(axis=0)
        return abs(rates - 0.2).max()

    by_chance = [off(rng.permutation(splits)) for _ in range(200)]
    assert off(splits) < np.quantile(by_chance, 0.05)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_rare_label_is_trained_and_tested(count):
    members, names = drawn(1, 80)
    members[:, 2] = np.arange(80) < count
    for seed in range(8):
        splits = iterative_split(members, names, seed=seed)
        assert {"train", "test"} <= set(splits[:count])


def test_what_few_pictures_lack_is_on_both_sides():
    members = np.ones((60, 1), bool)
    members[:3] = False
    for seed in range(8):
        splits = iterative_split(members, [f"{i:02}" for i in range(60)], seed=seed)
        assert {"train", "test"} <= set(splits[:3])


def test_the_order_of_pictures_changes_nothing():
    members, names = drawn(2)
    order = np.random.default_rng(0).permutation(len(names))
    one = iterative_split(members, names, seed=3)
    other = iterative_split(members[order], np.array(names)[order], seed=3)
    assert (one[order] == other).all()
    assert (one != iterative_split(members, names, seed=4)).any()


def test_pictures_without_a_label_and_equal_labels_are_split_too():
    members = np.zeros((40, 3), bool)
    members[:20, 0] = members[:20, 1] = True
    splits = iterative_split(members, [f"{i:02}" for i in range(40)])
    assert (splits[:20] == "test").sum() == (splits[20:] == "test").sum() == 4


def test_shares_that_are_none_are_refused():
    with pytest.raises(ImageSetError, match="test share 1"):
        iterative_split([[True]], ["a"], test=1)
