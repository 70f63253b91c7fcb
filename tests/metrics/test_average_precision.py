"""Average precision is scikit-learn's, and moves with each point as its influence says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from embedlens.metrics.precision import average_precision, interval_of

points = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=30).filter(
    lambda drawn: any(relevant for relevant, _ in drawn)
)


@given(points)
def test_it_is_that_of_scikit_learn_with_ties_too(drawn):
    relevant, scores = map(np.array, zip(*drawn, strict=True))
    found = average_precision(relevant, scores)
    assert found.estimate == pytest.approx(average_precision_score(relevant, scores), abs=1e-12)


@settings(max_examples=40)
@given(points, st.integers(0, 29))
def test_influence_is_the_derivative_by_a_points_weight(drawn, row):
    relevant, scores = map(np.array, zip(*drawn, strict=True))
    found, row = average_precision(relevant, scores), row % len(relevant)
    step, weights = 1e-5, np.ones(len(relevant))
    ends = []
    for sign in (1, -1):
        weights[row] = 1 + sign * step
        ends.append(average_precision_score(relevant, scores, sample_weight=weights))
    assert found.influence[row] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-6)
    assert found.influence.sum() == pytest.approx(0, abs=1e-9)


def test_its_variance_is_that_of_a_bootstrap_of_points():
    rng = np.random.default_rng(0)
    relevant = rng.random(400) < 0.3
    scores = rng.normal(size=400) + relevant
    found = average_precision(relevant, scores)
    redrawn = []
    for _ in range(1500):
        rows = rng.integers(0, 400, 400)
        redrawn.append(average_precision(relevant[rows], scores[rows]).estimate)
    assert np.sqrt((found.influence**2).sum()) == pytest.approx(np.std(redrawn), rel=0.1)


@pytest.mark.parametrize(("prevalence", "apart"), [(0.1, 1.0), (0.3, 3.0), (0.5, 5.0), (0.05, 4.0)])
def test_its_interval_holds_the_truth(prevalence, apart):
    rng = np.random.default_rng(1)

    def drawn(n):
        relevant = rng.random(n) < prevalence
        relevant[0] = True
        return relevant, rng.normal(size=n) + apart * relevant

    true, held = average_precision_score(*drawn(200_000)), 0
    for _ in range(300):
        relevant, scores = drawn(120)
        found = average_precision(relevant, scores)
        variance = (found.influence**2).sum() * 120 / 119
        about = interval_of(found.estimate, variance, relevant.sum())
        held += about.low <= true <= about.high
    assert held / 300 >= 0.92


def test_where_all_are_found_the_interval_has_a_width_by_how_many_there_are():
    few, many = interval_of(1.0, 0.0, 5), interval_of(1.0, 0.0, 50)
    assert few.low < many.low < many.high == few.high == 1.0
    assert few.low == pytest.approx(0.05 ** (1 / 5))


@pytest.mark.parametrize(
    ("relevant", "scores", "said"),
    [
        ([False, False], [1, 2], "no point is relevant"),
        ([True, False], [np.nan, 2], "a score is NaN"),
        ([True], [1, 2], "shape"),
    ],
)
def test_what_has_no_average_precision_is_refused(relevant, scores, said):
    with pytest.raises(ValueError, match=said):
        average_precision(relevant, scores)
