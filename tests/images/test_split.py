from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlens.errors import ImageSetError
from embedlens.images import SPLITS, stratified_split
from embedlens.images.split import complete_split

# Few ids, so that some fall together, within a class and across classes.
pictures = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 40).map(str)), min_size=1, max_size=60
)
shares = st.floats(0, 0.9)
seeds = st.integers(0, 2**32)


def distinct(count: int, label: str = "cat") -> tuple[list[str], list[str]]:
    return [label] * count, [f"{label}{i:04}" for i in range(count)]


@given(pictures, shares, shares, seeds)
def test_identical_pictures_are_never_parted(pairs, test, validation, seed):
    labels, groups = zip(*pairs, strict=True)
    splits = stratified_split(labels, groups, test, validation, seed)
    assert set(splits) <= set(SPLITS)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))


@given(pictures, shares, shares, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_pictures_does_not_matter(pairs, test, validation, seed, random):
    order = list(range(len(pairs)))
    random.shuffle(order)
    labels, groups = zip(*pairs, strict=True)
    splits = stratified_split(labels, groups, test, validation, seed)
    shuffled = stratified_split(
        [labels[i] for i in order], [groups[i] for i in order], test, validation, seed
    )
    assert shuffled.tolist() == splits[order].tolist()


@given(st.integers(1, 200), st.integers(1, 50), shares, shares, seeds)
def test_another_class_changes_nothing(count, others, test, validation, seed):
    labels, groups = distinct(count)
    more_labels, more_groups = distinct(others, "an earlier class")
    alone = stratified_split(labels, groups, test, validation, seed)
    among = stratified_split(more_labels + labels, more_groups + groups, test, validation, seed)
    assert among[others:].tolist() == alone.tolist()


@given(st.integers(4, 400), shares, shares, seeds)
def test_shares_are_met_to_the_nearest_picture(count, test, validation, seed):
    found = Counter(stratified_split(*distinct(count), test, validation, seed).tolist())
    assert found["train"] >= 1
    assert abs(found["test"] - test * count) <= max(0.5 + 1e-9, 1 if test else 0)
    rest = count - found["test"]
    wanted = validation * rest
    assert abs(found["validation"] - wanted) <= max(0.5 + 1e-9, 1 if validation else 0)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, (1, 0, 0)),
        (2, (1, 0, 1)),
        (3, (1, 1, 1)),
        (4, (2, 1, 1)),
        (10, (6, 2, 2)),
        (1000, (560, 240, 200)),
    ],
)
def test_the_default_is_the_studys_and_small_classes_reach_every_split_they_can(count, expected):
    found = Counter(stratified_split(*distinct(count)).tolist())
    assert tuple(found[split] for split in SPLITS) == expected


def test_halves_are_rounded_up():
    """As one learns it at school; not to the even number."""
    found = Counter(stratified_split(*distinct(5), test=0.5, validation=0).tolist())
    assert found == {"test": 3, "train": 2}


def test_the_seed_decides():
    first, again, other = (
        stratified_split(*distinct(50), seed=seed).tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_classes_of_equal_size_are_drawn_apart():
    cats = stratified_split(*distinct(50, "cat")).tolist()
    dogs = stratified_split(*distinct(50, "dog")).tolist()
    assert cats != dogs


def test_every_picture_may_be_tested_in_turn():
    """Over many seeds each picture is in the test split about a fifth of the time."""
    draws = np.array([stratified_split(*distinct(20), seed=seed) == "test" for seed in range(300)])
    frequency = draws.mean(axis=0)
    # Six standard deviations of a binomial share over 300 draws.
    assert np.abs(frequency - 0.2).max() < 6 * np.sqrt(0.2 * 0.8 / 300)


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_an_impossible_share_is_named(share):
    with pytest.raises(ImageSetError, match=f"test share {share} is not in"):
        stratified_split(*distinct(5), test=share)
    with pytest.raises(ImageSetError, match=f"validation share {share} is not in"):
        stratified_split(*distinct(5), validation=share)


def test_a_negative_seed_is_named():
    with pytest.raises(ImageSetError, match="seed -1 is negative"):
        stratified_split(*distinct(5), seed=-1)


@given(pictures, seeds, st.lists(st.sampled_from(SPLITS), min_size=60, max_size=60))
def test_given_splits_are_kept_and_only_missing_ones_are_drawn(pairs, seed, given_splits):
    labels, groups = zip(*pairs, strict=True)
    # Copies lie in one split, as the image set sees to.
    of_group = dict(zip(groups, given_splits, strict=False))
    given_splits = [of_group[group] for group in groups]
    splits = complete_split(labels, groups, given_splits, seed=seed).tolist()
    for before, after in zip(given_splits, splits, strict=True):
        if before != "train":
            assert after == before
        elif after != "train":
            assert after not in given_splits


def test_with_nothing_given_it_is_the_stratified_split():
    labels, groups = distinct(30)
    drawn = complete_split(labels, groups, [""] * 30, 0.3, 0.2, 5)
    assert drawn.tolist() == stratified_split(labels, groups, 0.3, 0.2, 5).tolist()


@given(
    st.lists(
        st.tuples(st.integers(0, 8).map(str), st.sampled_from("abc")), min_size=1, max_size=50
    ),
    seeds,
)
def test_no_class_misses_a_split_that_it_could_be_in(pairs, seed):
    """Nothing that is left could be mended by moving one group and taking nothing away."""
    groups, labels = zip(*pairs, strict=True)
    splits = stratified_split(labels, groups, seed=seed)
    own = {label: {g for g, each in pairs if each == label} for label in set(labels)}
    labels_of = {g: {each for name, each in pairs if name == g} for g in set(groups)}
    split_of = dict(zip(groups, splits, strict=True))

    def count(label, split):
        return sum(split_of[g] == split for g in own[label])

    for label, members in own.items():
        if len(members) < 2:
            continue
        for split in ("train", "test"):
            if count(label, split):
                continue
            for g in members:
                others = labels_of[g] - {label}
                # Moving any of them would leave another class without one there.
                assert any(count(other, split_of[g]) == 1 for other in {*others, label})


def test_a_class_all_of_whose_pictures_are_under_two_labels_is_tested():
    groups = [f"{i}" for i in range(10)] + [f"{i}" for i in range(4)]
    labels = ["many"] * 10 + ["rare"] * 4
    for seed in range(20):
        splits = stratified_split(labels, groups, seed=seed)
        assert set(splits[10:]) == {"train", "validation", "test"}
        assert set(splits[:10]) == {"train", "validation", "test"}
