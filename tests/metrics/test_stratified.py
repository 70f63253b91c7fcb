"""Samples by class: as many as asked, none lost, in proportion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlens.metrics.classes import Classes
from embedlens.metrics.stratified import stratified_sample


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
