from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

from embedlens.learn.out_of_fold import (
    out_of_enough_folds,
    out_of_fold,
    out_of_fold_anew,
)
from embedlens.learn.softmax_regression import Coordinates


def test_points_of_a_group_do_not_tell_of_each_other():
    """Each group has a label of its own: whoever has not seen the group cannot know it."""
    rng = np.random.default_rng(0)
    X = np.repeat(10 * rng.normal(size=(40, 30)), 3, axis=0)
    codes = np.repeat(rng.integers(0, 2, 40), 3)
    groups = np.repeat(np.arange(40), 3).astype(str).tolist()
    together = out_of_fold(X, codes, strength=1.0)
    apart = out_of_fold(X, codes, groups, strength=1.0)
    assert (together.argmax(axis=1) == codes).mean() > 0.85
    assert (apart.argmax(axis=1) == codes).mean() < 0.75


def test_all_points_in_one_group_are_not_judged():
    X, y = load_iris(return_X_y=True)
    assert not out_of_fold(X, y, ["all"] * len(y)).any()


@pytest.mark.parametrize("alone", [[0], [0, 1]])
def test_a_class_in_one_group_has_no_probability_where_it_was_not_seen(alone):
    X, y = load_iris(return_X_y=True)
    groups = [f"class {code}" if code in alone else str(i) for i, code in enumerate(y)]
    shares = out_of_fold(X, y, groups)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    own = shares[np.arange(len(y)), y]
    assert (own[np.isin(y, alone)] == 0).all()
    assert (own[~np.isin(y, alone)] > 0).all()


@pytest.mark.parametrize("count", [2, 3])
def test_few_groups_are_enough(count):
    X, y = load_iris(return_X_y=True)
    groups = [str(i % count) for i in range(len(y))]
    assert (out_of_fold(X, y, groups).argmax(axis=1) == y).mean() > 0.8


def test_folds_are_asked_until_enough_points_have_been():
    X, y = load_iris(return_X_y=True)
    whole = out_of_fold(X, y)
    for enough, folds in ((1, 1), (30, 1), (31, 2), (150, 5), (1_000, 5)):
        asked, shares = out_of_enough_folds(Coordinates.of(X), y, enough=enough)
        assert len(asked) == 30 * folds
        assert (np.bincount(y[asked]) == 10 * folds).all()
        np.testing.assert_array_equal(shares, whole[asked])


class TestAnew:
    """Probes that each choose their strength themselves."""

    def test_each_fold_is_asked_by_a_probe_of_the_others(self):
        """Which one it is does not matter much where classes lie apart."""
        X, y = load_iris(return_X_y=True)
        shares = out_of_fold_anew(Coordinates.of(X), y)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert (shares.argmax(axis=1) == y).mean() > 0.9

    def test_groups_stay_whole_where_a_strength_is_chosen_too(self):
        """Else a strength that learns copies by heart would win, and be sure of the others."""
        rng = np.random.default_rng(0)
        X = np.repeat(rng.normal(size=(40, 30)), 3, axis=0)
        codes, groups = np.repeat(rng.integers(0, 2, 40), 3), np.repeat(np.arange(40), 3)
        sure = [
            out_of_fold_anew(Coordinates.of(X), codes, each).max(axis=1).mean()
            for each in (None, groups.astype(str).tolist())
        ]
        assert sure[1] < 0.75 < 0.9 < sure[0]

    def test_a_strength_that_flatters_its_few_points_is_found_out(self):
        """Labels at random: a strength that suits them is chance, and is not the others'."""
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(60, 40)), rng.integers(0, 2, 60)
        one = out_of_fold(X, y, strength=1e2)
        anew = out_of_fold_anew(Coordinates.of(X), y)
        sure = [each.max(axis=1).mean() for each in (one, anew)]
        assert sure[1] < 0.7 < 0.8 < sure[0]

    @pytest.mark.parametrize("alone", [[0], [0, 1]])
    def test_a_class_in_one_group_has_no_probability_where_it_was_not_seen(self, alone):
        X, y = load_iris(return_X_y=True)
        groups = [f"class {code}" if code in alone else str(i) for i, code in enumerate(y)]
        shares = out_of_fold_anew(Coordinates.of(X), y, groups)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert (shares[np.isin(y, alone), y[np.isin(y, alone)]] == 0).all()

    @pytest.mark.parametrize("codes", [[0, 1], [0, 0, 1], [0, 1, 2], [0, 1, 2, 3, 3], [0, 0, 1, 1]])
    def test_few_points_are_asked_all_the_same(self, codes):
        X = np.eye(len(codes))
        shares = out_of_fold_anew(Coordinates.of(X), codes)
        assert np.isfinite(shares).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert out_of_fold_anew(Coordinates.of(X), codes, ["all"] * len(codes)).sum() == 0
