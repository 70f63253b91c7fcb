"""Probes of several labels on ever more pictures: which pictures, and what comes of them."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.learn import LabelProbes
from embedlens.learn.label_draws import numbers_of_labels, order_of_labels
from embedlens.learn.label_set_draws import COLUMNS, rarest_labels, score_on_draws
from embedlens.learn.softmax_regression import Coordinates

TRAIN, TEST = np.arange(150), np.arange(150, 200)


@pytest.fixture(scope="module")
def made():
    """Points, and four labels: two that they tell, one of a few pictures, one of all."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 12))
    few = np.zeros(200, bool)
    few[[3, 90, 160]] = True
    return X, np.column_stack([X[:, 0] > 0, X[:, 1] + X[:, 2] > 1, few, np.ones(200, bool)])


def drawn(made, strengths, **settings):
    X, members = made
    return score_on_draws(
        Coordinates.of(X), members, TRAIN, TEST, strengths=np.array(strengths), **settings
    )


def test_scores_are_those_of_probes_on_the_first_of_the_order(made):
    X, members = made
    table = drawn(made, [0.1, 1.0, 0.5, np.nan], draw=3, seed=5)
    assert tuple(table.columns) == COLUMNS
    assert table["labels"].unique().tolist() == numbers_of_labels(150, 4)[:-1]
    order = TRAIN[
        order_of_labels(rarest_labels(members[TRAIN]), None, TRAIN, np.random.default_rng([5, 3]))
    ]
    for size, own in table.groupby("labels"):
        assert own["picture"].tolist() == TEST.tolist()
        first = order[:size]
        probes = LabelProbes().fit_at(
            X[first], members[first], np.array([0.1, 1.0, 0.5, 1.0]) * 150 / size
        )
        expected = probes.predict_proba(X[TEST])
        learned = probes.learned_
        scores = np.stack(own["scores"].to_list())
        assert np.abs(scores[:, learned] - expected[:, learned]).max() < 0.01
        assert (scores[:, :3][:, ~learned[:3]] == 0.5).all()


def test_a_label_that_nothing_teaches_has_no_score_and_one_not_drawn_yet_says_nothing(made):
    table = drawn(made, [0.1, 0.1, 0.1, np.nan])
    scores = np.stack(table["scores"].to_list())
    assert np.isnan(scores[:, 3]).all()
    assert not np.isnan(scores[:, :3]).any()


def test_groups_are_drawn_as_wholes(made):
    one, same, grouped = (
        drawn(made, [0.1, 0.1, 0.1, np.nan], groups=groups)
        for groups in (None, None, np.repeat(np.arange(20), 10))
    )
    stacked = [np.stack(table["scores"].to_list()) for table in (one, same, grouped)]
    np.testing.assert_array_equal(stacked[0], stacked[1])
    assert not np.array_equal(stacked[0], stacked[2])


def test_too_few_pictures_make_no_curve(made):
    X, members = made
    table = score_on_draws(
        Coordinates.of(X), members, TRAIN[:8], TEST, strengths=np.array([0.1, 0.1, 0.1, np.nan])
    )
    assert not len(table)
    assert tuple(table.columns) == COLUMNS


def test_the_rarest_label_stands_for_a_picture():
    members = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [1, 0, 1], [0, 0, 0]], bool)
    assert rarest_labels(members).tolist() == [1, 0, 2, 2, -1]
