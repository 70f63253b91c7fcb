"""Samples by class: as many as asked, none lost, in proportion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlens.metrics.classes import Classes
from embedlens.metrics.stratified import (
    class_shares,
    content_keys,
    sample_by_content,
    stratified_sample,
)


def classes_of(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    return Classes.of(np.random.default_rng(0).permutation(labels), len(labels))


@given(
    counts=st.lists(st.integers(1, 50), min_size=2, max_size=12).filter(lambda c: max(c) > 1),
    even=st.booleans(),
    part=st.floats(0, 1),
)
def test_every_class_gives_two_points_or_all_it_has(counts, even, part):
    classes = classes_of(counts)
    least = sum(min(count, 2) for count in counts)
    size = least + round(part * (sum(counts) - least))
    weights = np.ones(len(counts)) if even else classes.counts
    sample = stratified_sample(classes, size, weights, np.random.default_rng(0))
    assert len(set(sample.tolist())) == len(sample) == size
    assert (np.diff(sample) > 0).all()
    taken = np.bincount(classes.codes[sample], minlength=len(counts))
    assert (np.minimum(counts, 2) <= taken).all()
    assert (taken <= counts).all()


@pytest.mark.parametrize(
    ("weights", "taken"),
    [([1600, 390, 10], [80, 18, 2]), ([1, 1, 1], [45, 45, 10])],
)
def test_shares_are_in_proportion_to_the_weights(weights, taken):
    classes = classes_of([1600, 390, 10])
    sample = stratified_sample(classes, 100, np.array(weights), np.random.default_rng(0))
    assert np.bincount(classes.codes[sample]).tolist() == pytest.approx(taken, abs=2)


counts_of_classes = st.lists(st.integers(1, 60), min_size=1, max_size=12)


@given(counts=counts_of_classes, size=st.integers(12, 200), seed=st.integers(-3, 3))
def test_a_sample_by_content_is_the_same_in_any_order(counts, size, seed):
    labels = np.repeat([f"{code:02}" for code in range(len(counts))], counts)
    ids = np.array([f"{i:x}" for i in range(len(labels))])
    rows = sample_by_content(labels, ids, size, seed)
    assert len(rows) == min(size, len(labels))
    assert (np.diff(rows) > 0).all()
    turn = np.random.default_rng(0).permutation(len(labels))
    again = sample_by_content(labels[turn], ids[turn], size, seed)
    assert set(ids[rows]) == set(ids[turn][again])
    taken = np.unique(labels[rows], return_counts=True)[1]
    assert len(taken) == len(counts)
    assert (taken >= np.minimum(counts, min(20, max(1, size // (2 * len(counts)))))).all()


def test_parts_of_a_set_keep_their_least_keys_and_make_the_same_sample():
    rng = np.random.default_rng(1)
    labels = rng.choice(["a", "b", "c"], 3000, p=[0.9, 0.09, 0.01])
    ids = np.array([f"{i:x}" for i in rng.permutation(3000)])
    whole = set(ids[sample_by_content(labels, ids, 500)])
    names, counts = np.unique(labels, return_counts=True)
    shares, merged = dict(zip(names, class_shares(counts, 500), strict=True)), set()
    for name in names:
        kept = []
        for shard in np.array_split(np.arange(3000), 7):
            mine = ids[shard][labels[shard] == name]
            kept += sorted(zip(content_keys(mine), mine, strict=True))[: shares[name]]
        merged |= {each for _, each in sorted(kept)[: shares[name]]}
    assert merged == whole


def test_no_class_is_lost_where_there_are_more_than_the_sample_holds():
    assert sample_by_content(["a", "b", "c", "c"], ["1", "2", "3", "4"], 2)[:2].tolist() == [0, 1]
    assert class_shares([5, 1, 0, 3], 2).tolist() == [1, 1, 0, 1]


def test_a_sample_says_what_does_not_fit():
    with pytest.raises(ValueError, match="one each"):
        sample_by_content(["a", "b"], ["1"], 1)


def test_another_seed_draws_another_sample_in_the_same_shares():
    labels, ids = np.repeat(["a", "b"], [900, 100]), np.arange(1000).astype(str)
    one, other = (sample_by_content(labels, ids, 100, seed) for seed in (0, 1))
    assert set(one) != set(other)
    assert np.bincount(one >= 900).tolist() == np.bincount(other >= 900).tolist() == [80, 20]
