"""Which pictures are proposed for labelling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.curation import next_label_sets, next_labels
from embedlens.curation.active_learning import doubtful_pictures, typical_pictures
from embedlens.learn import LinearProbe


def blobs(sizes, d=16, spread=0.1, seed=0):
    """Clusters around random centres, and the cluster of each point."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), d))
    return centres[which] + spread * rng.normal(size=(len(which), d)), which


def test_without_a_label_each_cluster_gets_one_and_the_largest_comes_first():
    X, which = blobs([50, 10, 30, 20])
    chosen = next_labels(X, 4)
    assert which[chosen].tolist() == [0, 2, 3, 1]


def test_the_picture_taken_is_the_most_typical_of_its_cluster():
    """By all distances, sorted."""
    X, which = blobs([60, 40], d=3)
    for row in typical_pictures(X, 2, known=X[:0]):
        unit = X - X.mean(axis=0)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        own = np.flatnonzero(which == which[row])
        distances = np.linalg.norm(unit[own][:, None] - unit[own][None], axis=2)
        distances.sort(axis=1)
        assert row == own[distances[:, 1:21].mean(axis=1).argmin()]


def test_clusters_that_have_a_label_wait():
    X, which = blobs([40, 30, 20])
    known = X[which == 0][:1]
    pool = X[1:]
    chosen = next_labels(pool, 2, known=known, labels=["a"])
    assert sorted(which[1:][chosen].tolist()) == [1, 2]


def test_with_labels_it_asks_where_the_probe_doubts():
    rng = np.random.default_rng(0)
    ends = np.array([[-4.0, 0], [4.0, 0]])
    known = np.repeat(ends, 10, axis=0) + 0.1 * rng.normal(size=(20, 2))
    labels = np.repeat(["left", "right"], 10)
    between = rng.uniform([-0.4, -3], [0.4, 3], size=(40, 2))
    sure = 5 * np.repeat(ends, 200, axis=0) + 0.1 * rng.normal(size=(400, 2))
    pool = np.concatenate([sure, between])
    chosen = next_labels(pool, 4, known=known, labels=labels)
    assert (chosen >= 400).all()
    # And they differ: no two from the same end of the band.
    heights = np.sort(pool[chosen, 1])
    assert heights[0] < -1
    assert heights[-1] > 1


def test_only_the_most_doubtful_are_asked_for():
    X, which = blobs([40, 40, 40], spread=1.0)
    known, labels = X[::6], which[::6]
    pool = np.delete(X, np.s_[::6], axis=0)
    chosen = doubtful_pictures(pool, 1, known=known, labels=labels)
    shares = np.sort(LinearProbe().fit(known, labels).predict_proba(pool), axis=1)
    margin = shares[:, -1] - shares[:, -2]
    assert (margin[chosen] <= np.sort(margin)[9]).all()


@pytest.mark.parametrize("labels", [None, ["a", "a"], ["a", "b"]])
@pytest.mark.parametrize("budget", [1, 5, 9, 1000])
def test_equal_pictures_are_chosen_once_each(labels, budget):
    X = np.zeros((9, 4))
    known = None if labels is None else np.eye(4)[:2]
    chosen = next_labels(X, budget, known=known, labels=labels)
    assert len(set(chosen.tolist())) == len(chosen) == min(budget, 9)


@settings(max_examples=30)
@given(
    n=st.integers(1, 40), m=st.integers(0, 12), classes=st.integers(1, 4),
    budget=st.integers(1, 50), scale=st.sampled_from([1e-30, 1.0, 1e30]), seed=st.integers(0, 99),
)  # fmt: skip
def test_every_choice_is_a_row_and_comes_once(n, m, classes, budget, scale, seed):
    rng = np.random.default_rng(seed)
    X, known = (scale * rng.normal(size=(k, 3)) for k in (n, m))
    X[rng.random(n) < 0.3] = X[0]  # copies
    labels = rng.integers(0, classes, m)
    chosen = next_labels(X, budget, known=known, labels=labels, seed=seed)
    assert chosen.dtype == np.int64
    assert len(set(chosen.tolist())) == len(chosen) == min(budget, n)
    assert ((chosen >= 0) & (chosen < n)).all()
    again = next_labels(X, budget, known=known, labels=labels, seed=seed)
    np.testing.assert_array_equal(chosen, again)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"budget": 0}, "budget is 0"),
        ({"X": [[np.nan, 0]]}, "NaN"),
        ({"known": np.zeros((2, 3)), "labels": ["a", "b"]}, "known has 3 features, and X has 2"),
        ({"known": np.zeros((2, 2)), "labels": ["a"]}, "label"),
        ({"known": np.zeros((2, 2))}, "label"),
        ({"X": np.zeros((0, 2))}, "empty"),
    ],
)
def test_what_does_not_fit_is_refused(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        next_labels(**{"X": np.zeros((5, 2)), "budget": 1, **given})


class TestLabelSets:
    def test_it_asks_where_some_label_is_in_doubt_and_more_where_several_are(self):
        rng = np.random.default_rng(0)
        corners = np.array([[-3.0, -3], [-3, 3], [3, -3], [3, 3]])
        known = np.repeat(corners, 10, axis=0) + 0.1 * rng.normal(size=(40, 2))
        sure = 2 * np.repeat(corners, 100, axis=0) + 0.1 * rng.normal(size=(400, 2))
        one = np.column_stack([0.3 * rng.normal(size=10), 5 * rng.choice([-1, 1], 10)])
        both = 0.2 * rng.normal(size=(10, 2))
        pool = np.concatenate([sure, one, both])
        chosen = next_label_sets(pool, 2, known=known, members=known > 0)
        assert (chosen >= 400).all()
        assert (chosen >= 410).any()

    def test_where_nothing_can_be_learned_typical_ones_are_asked_for(self):
        X, which = blobs([50, 10, 30])
        for members in (np.zeros((3, 2), bool), np.ones((3, 1), bool)):
            chosen = next_label_sets(X, 2, known=X[which == 0][:3], members=members)
            assert sorted(which[chosen].tolist()) == [1, 2]

    def test_each_is_asked_for_once_and_all_where_they_are_few(self):
        X, _ = blobs([30])
        X[10:20] = X[10]
        known = blobs([12], seed=1)[0]
        for budget in (1, 7, 30, 99):
            chosen = next_label_sets(X, budget, known=known, members=known[:, :3] > 0)
            assert len(np.unique(chosen)) == len(chosen) == min(budget, 30)

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"budget": 0}, "budget is 0"),
            ({"members": np.ones((4, 2), bool)}, "give a row each"),
            ({"known": np.ones((5, 3))}, "known has 3 features, and X has 16"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, more, said):
        X, _ = blobs([20])
        told = {"budget": 2, "known": X[:5], "members": X[:5, :2] > 0, **more}
        with pytest.raises(ValueError, match=said):
            next_label_sets(X, told.pop("budget"), **told)
