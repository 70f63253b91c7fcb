"""Average precision of held-out scores is that of new points, and varies as the jackknife says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from embedlens.metrics.held_out_precision import held_out_precision

trials = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 2), st.integers(0, 7)),
    min_size=1,
    max_size=40,
).filter(lambda drawn: any(relevant for relevant, *_ in drawn))


def columns(drawn):
    relevant, scores, splits, units = map(np.array, zip(*drawn, strict=True))
    return relevant, scores, splits, units


def by_hand(relevant, scores, splits, units, without=None):
    """Judge one relevant trial after the other, those of one unit left out."""
    levels = np.zeros(len(scores))
    for split in set(splits):
        own = scores[splits == split]
        if own.min() < own.max():
            levels[splits == split] = (own - np.mean(own)) / np.std(own)
    found = []
    for i in np.flatnonzero(relevant):
        if units[i] == without:
            continue
        weight = relevant.sum() / max(relevant[units != units[i]].sum(), 1)
        right = wrong = 0.0
        for j in range(len(scores)):
            if units[j] not in (units[i], without) and levels[j] >= levels[i]:
                right += weight * relevant[j]
                wrong += not relevant[j]
        found.append(right / (right + wrong) if right + wrong else 1.0)
    return np.mean(found) if found else np.nan


@given(trials)
def test_each_relevant_trial_is_judged_among_those_of_other_units(drawn):
    given = columns(drawn)
    assert held_out_precision(*given).estimate == pytest.approx(by_hand(*given), abs=1e-12)


@settings(max_examples=60)
@given(trials, st.booleans())
def test_influences_are_what_is_lost_without_each_unit(drawn, each_alone):
    relevant, scores, splits, units = columns(drawn)
    units = np.arange(len(units)) if each_alone else units
    found = held_out_precision(relevant, scores, splits, units)
    names = np.unique(units)
    lost = np.array([by_hand(relevant, scores, splits, units, name) for name in names])
    lost[np.isnan(lost)] = found.estimate  # a unit that has all
    wanted = (lost.mean() - lost) * (len(names) - 1) / len(names)
    assert found.influence == pytest.approx(wanted, abs=1e-12)


def test_the_scale_of_a_splits_scores_says_nothing():
    rng = np.random.default_rng(0)
    relevant, splits = rng.random(90) < 0.3, np.repeat([0, 1, 2], 30)
    scores = rng.normal(size=90) + relevant
    moved = scores * np.array([1.0, 7.0, 0.1])[splits] + np.array([0.0, -3.0, 5.0])[splits]
    one, other = (held_out_precision(relevant, each, splits) for each in (scores, moved))
    assert one.estimate == pytest.approx(other.estimate)
    assert average_precision_score(relevant, moved) < one.estimate - 0.05


def test_all_found_is_one_and_equal_scores_are_a_guess():
    relevant, splits = np.tile([True, False, False, False], 20), np.repeat([0, 1], 40)
    found = held_out_precision(relevant, np.where(relevant, 0.9, 0.1), splits)
    assert found.estimate == 1.0
    assert not found.influence.any()
    assert held_out_precision(relevant, np.full(80, 0.1), splits).estimate == pytest.approx(0.25)


@pytest.mark.parametrize(("prevalence", "apart"), [(0.1, 1.5), (0.3, 0.0), (0.2, 1.0)])
def test_of_few_points_it_is_that_of_many_where_scikit_learn_s_is_too_high(prevalence, apart):
    rng = np.random.default_rng(0)

    def drawn(n):
        while True:
            relevant = rng.random(n) < prevalence
            if relevant.sum() >= 2:
                return relevant, rng.normal(size=n) + apart * relevant

    true = average_precision_score(*drawn(200_000))
    few = [drawn(40) for _ in range(600)]
    own = np.mean([held_out_precision(*each).estimate for each in few])
    plain = np.mean([average_precision_score(*each) for each in few])
    assert plain > true + 0.02
    assert abs(own - true) < 0.6 * (plain - true)


def test_the_deviation_is_not_below_that_of_redrawn_points():
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        relevant = rng.random(150) < 0.2
        found = held_out_precision(relevant, rng.normal(size=150) + 1.5 * relevant)
        drawn.append((found.estimate, (found.influence**2).sum() * 150 / 149))
    figures, variances = np.transpose(drawn)
    assert 0.95 * figures.std() < np.sqrt(variances.mean()) < 1.35 * figures.std()


@pytest.mark.parametrize(
    ("relevant", "scores", "said"),
    [
        ([False, False], [1, 2], "none is relevant"),
        ([True, False], [np.nan, 2], "not finite"),
        ([True, False], [np.inf, 2], "not finite"),
        ([True], [1, 2], "shape"),
    ],
)
def test_what_has_no_average_precision_is_refused(relevant, scores, said):
    with pytest.raises(ValueError, match=said):
        held_out_precision(relevant, scores)
