"""Candidates compared on the same pictures: the winner's figure, and who is surely worse."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.metrics import compare, difference_interval, proportion_interval
from embedlens.metrics.comparison import compare_figures


def studied(accuracies, pictures, seed, splits=3):
    """Hits and trials of candidates of known accuracy, wrong on much the same pictures."""
    from scipy.special import ndtri

    rng = np.random.default_rng(seed)
    shape = (pictures, len(accuracies))
    hard = 0.8 * rng.standard_normal((pictures, 1)) + 0.6 * rng.standard_normal(shape)
    right = hard < ndtri(np.asarray(accuracies))
    shown = rng.binomial(splits, 0.4, (pictures, 1)) * np.ones(shape)
    return right * shown, shown


def counts(draw):
    pictures, candidates = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shown = rng.integers(0, 4, (pictures, candidates)).astype(float)
    shown[0] = np.maximum(shown[0], 1)
    return rng.binomial(shown.astype(int), draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))), shown


def same(one, two):
    return all(np.array_equal(getattr(one, f), getattr(two, f)) for f in one.__dataclass_fields__)


@settings(max_examples=40)
@given(st.composite(counts)())
def test_whatever_is_counted_the_answer_is_in_order(counted):
    hits, shown = counted
    found = compare(hits, shown)
    assert found.best == found.accuracy.argmax()
    np.testing.assert_allclose(found.accuracy, hits.sum(0) / shown.sum(0))
    assert 0 <= found.low <= found.expected <= found.high <= 1
    assert found.expected <= found.accuracy[found.best]
    assert (found.intervals[:, 0] <= found.accuracy).all()
    assert (found.intervals[:, 1] >= found.accuracy).all()
    assert not found.worse[found.best]
    assert (found.worse == (found.behind[:, 0] > 0)).all()
    assert same(found, compare(hits, shown))


def test_each_candidates_own_interval_is_that_of_a_proportion():
    hits, shown = studied([0.9, 0.8, 0.7], 60, 1)
    for k, (low, high) in enumerate(compare(hits, shown).intervals):
        alone = proportion_interval(hits[:, k], shown[:, k])
        assert (low, high) == (alone.low, alone.high)


def test_one_candidate_was_not_chosen_and_nothing_is_corrected():
    hits, shown = studied([0.8], 100, 0)
    found, alone = compare(hits, shown), proportion_interval(hits[:, 0], shown[:, 0])
    assert found.expected == pytest.approx(alone.estimate, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-6)
    assert found.worse.tolist() == [False]


def test_a_clear_leader_was_not_chosen_by_luck_and_nothing_is_corrected():
    hits, shown = studied([0.95, 0.6, 0.55, 0.5], 300, 0)
    found, alone = compare(hits, shown), proportion_interval(hits[:, 0], shown[:, 0])
    assert found.expected == pytest.approx(alone.estimate, abs=0.003)
    assert found.worse.tolist() == [False, True, True, True]


def test_copies_of_one_candidate_are_one_candidate():
    """Equals that err on the same pictures give chance nothing to choose from."""
    hits, shown = studied([0.8], 100, 3)
    found = compare(np.repeat(hits, 20, axis=1), shown)
    assert found.best == 0
    assert found.expected == pytest.approx(hits.sum() / shown.sum(), abs=0.01)
    assert not found.worse.any()


def test_the_best_of_many_alike_is_expected_to_get_less_right_than_it_did():
    """Mean errors of the winner's figure over studies: as expected, and plain."""
    errors = np.zeros(2)
    for seed in range(60):
        found = compare(*studied([0.8] * 20, 150, seed))
        errors += [found.expected - 0.8, found.accuracy[found.best] - 0.8]
    errors /= 60
    assert errors[1] > 0.03
    assert abs(errors[0]) < 0.012


@pytest.mark.parametrize("accuracies", [[0.8] * 12, [0.8] * 6 + [0.7] * 6, [0.95, 0.8, 0.8, 0.5]])
def test_intervals_hold_and_claims_are_true(accuracies):
    truth, held, false = np.array(accuracies), 0, 0
    for seed in range(100):
        found = compare(*studied(accuracies, 150, seed))
        held += found.low <= truth[found.best] <= found.high
        false += (found.worse & (truth >= truth[found.best])).any()
    assert held >= 90
    assert false <= 10


def test_the_correction_is_that_of_a_bootstrap_written_plainly():
    """Noise made by weighing pictures at random, one draw at a time."""
    hits, shown = studied([0.85, 0.84, 0.83, 0.8, 0.8, 0.78], 120, 5)
    kept = shown[:, 0] > 0
    hits, shown = hits[kept], shown[kept]
    accuracy = hits.sum(0) / shown.sum(0)
    rng, told = np.random.default_rng(0), []
    for _ in range(20_000):
        weights = rng.standard_normal(len(hits))
        noise = (weights[:, None] * (hits - accuracy * shown)).sum(0) / shown.sum(0)
        chosen = int((accuracy + np.sqrt(0.5) * noise).argmax())
        told.append(accuracy[chosen] - noise[chosen] / np.sqrt(0.5))
    assert compare(hits, shown).expected == pytest.approx(np.mean(told), abs=0.006)


def test_claims_are_those_of_a_step_down_written_plainly():
    """One pair of candidates at a time, by noise that is drawn by weighing pictures."""
    hits, shown = studied([0.9, 0.85, 0.75, 0.74, 0.5], 200, 2)
    kept = shown[:, 0] > 0
    hits, shown = hits[kept], shown[kept]
    accuracy, total = hits.sum(0) / shown.sum(0), shown[:, 0].sum()
    point = (shown[:, 0] ** 2).sum() / total
    residuals = (hits - accuracy * shown) / total
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((8000, len(hits))) @ residuals
    noise += rng.standard_normal((8000, 5)) / (total / point + 2)
    open_pairs = set(permutations(range(5), 2))
    pairs = {
        (i, j): difference_interval(hits[:, i], hits[:, j], shown[:, 0]) for i, j in open_pairs
    }
    centre = {pair: (each.low + each.high) / 2 for pair, each in pairs.items()}
    deviation = {pair: (each.high - each.low) / 2 / 1.959964 for pair, each in pairs.items()}
    apart = set()
    while open_pairs:
        differences = [noise[:, i] - noise[:, j] for i, j in open_pairs]
        largest = np.max([each / each.std() for each in differences], axis=0)
        limit = np.quantile(largest, 0.95)
        new = {pair for pair in open_pairs if centre[pair] > limit * deviation[pair]}
        if not new:
            break
        apart, open_pairs = apart | new, open_pairs - new
    found = compare(hits, shown)
    assert set(zip(*np.nonzero(found.apart), strict=True)) == apart
    assert (found.worse == found.apart[found.best]).all()
    assert found.worse.any()
    assert not found.worse.all()


@pytest.mark.parametrize("pictures", [1, 6, 40])
def test_all_right_leaves_room_for_doubt(pictures):
    found = compare(np.ones((pictures, 3)), np.ones((pictures, 3)))
    alone = proportion_interval(np.ones(pictures))
    assert (found.expected, found.low, found.high) == (1.0, alone.low, 1.0)
    assert not found.worse.any()


def test_nothing_right_is_no_error():
    found = compare(np.zeros((10, 3)), np.ones((10, 3)))
    assert (found.best, found.expected, found.low) == (0, 0.0, 0.0)
    assert found.high > 0.1
    assert not found.worse.any()


def test_pictures_that_nobody_was_tested_on_say_nothing():
    hits, shown = studied([0.9, 0.7, 0.5], 80, 0)
    padded = np.pad(hits, ((0, 50), (0, 0))), np.pad(shown, ((0, 50), (0, 0)))
    assert same(compare(hits, shown), compare(*padded))


def test_a_candidate_may_lack_pictures():
    hits, shown = studied([0.9, 0.9, 0.3], 200, 0)
    hits[:100, 1] = shown[:100, 1] = 0
    found = compare(hits, shown)
    assert found.accuracy[1] == hits[100:, 1].sum() / shown[100:, 1].sum()
    assert np.ptp(found.intervals[1]) > np.ptp(found.intervals[0])
    assert found.worse.tolist() == [False, False, True]


def test_trials_may_be_given_once_for_all():
    hits, shown = studied([0.9, 0.7], 50, 0)
    assert same(compare(hits, shown), compare(hits, shown[:, 0]))


def test_a_group_is_one_picture():
    """Ten shots of each subject say no more than one of them, given with its group."""
    hits, shown = studied([0.9, 0.86, 0.8], 40, 4)
    ten = np.repeat(hits, 10, axis=0), np.repeat(shown, 10, axis=0)
    grouped = compare(*ten, groups=np.repeat(np.arange(40), 10))
    once, loose = compare(hits, shown), compare(*ten)
    assert grouped.expected == pytest.approx(once.expected, abs=1e-9)
    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high), abs=0.02)
    assert loose.high - loose.low < 0.6 * (once.high - once.low)


def test_the_order_of_pictures_does_not_matter():
    hits, shown = studied([0.9, 0.86, 0.8], 90, 4)
    turned = compare(hits[::-1], shown[::-1])
    found = compare(hits, shown)
    assert turned.expected == pytest.approx(found.expected, abs=1e-9)
    assert turned.worse.tolist() == found.worse.tolist()


@pytest.mark.parametrize("pictures", range(1, 12))
def test_two_candidates_on_few_pictures_are_told_apart_as_by_mcnemars_exact_test(pictures):
    """One right wherever the other is wrong: chance alone does that in 2 of 2**n draws."""
    hits = np.tile([[1.0, 0.0]], (pictures, 1))
    expected = 2 * 0.5**pictures < 0.05
    assert compare(hits, np.ones((pictures, 2))).worse.tolist() == [False, expected]


@pytest.mark.parametrize(
    ("hits", "shown", "words"),
    [
        ([1, 0], [1, 1], "shape \\(2,\\)"),
        ([[1, 0]], [[1, 1, 1]], "shape \\(1, 3\\)"),
        ([[2.0, 0]], [[1, 1]], "Picture 0 has 2 hits of candidate 0 in 1 trials"),
        ([[np.nan, 0]], [[1, 1]], "Picture 0 has nan hits"),
        ([[1.0, 0]], [[np.inf, 1]], "inf trials"),
        ([[1, 0], [1, 0]], [[1, 0], [1, 0]], "Candidate 1 was tested on no picture"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "Candidate 0 was tested on no picture"),
        (np.zeros((3, 0)), np.zeros((3, 0)), "shape \\(3, 0\\)"),
    ],
)
def test_what_cannot_be_compared_is_refused(hits, shown, words):
    with pytest.raises(ValueError, match=words):
        compare(hits, shown)


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="3 pictures"):
        compare(np.ones((3, 2)), np.ones((3, 2)), groups=[0, 1])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        compare(np.ones((3, 2)), np.ones((3, 2)), confidence=confidence)


class TestFiguresThatAreNoShares:
    """`compare_figures` of shares and their influences is `compare` of the hits."""

    def test_of_shares_it_is_what_compare_says(self):
        right = (np.random.default_rng(0).random((300, 4)) < [0.9, 0.85, 0.84, 0.6]).astype(float)
        share = right.mean(axis=0)
        one = compare(right, np.ones((300, 1)))
        other = compare_figures(share, (right - share) / 300, np.full(4, 300))
        assert one.best == other.best
        assert other.expected == pytest.approx(one.expected, abs=1e-9)
        assert other.worse.tolist() == one.worse.tolist()
        assert other.behind == pytest.approx(one.behind, abs=1e-9)
        # A sample's variance is n / (n - 1) of a proportion's.
        assert other.intervals == pytest.approx(one.intervals, abs=2e-3)

    def test_equal_candidates_that_find_all_have_a_width_and_none_is_worse(self):
        found = compare_figures([1.0, 1.0], np.zeros((20, 2)), [8, 8])
        assert not found.apart.any()
        assert (found.intervals[:, 0] < 0.8).all()
        assert found.expected == 1.0

    @pytest.mark.parametrize(
        ("figures", "influences", "sizes"),
        [([0.5], np.zeros((3, 2)), [3]), ([1.5], np.zeros((3, 1)), [3]), ([np.nan], [[0]], [1])],
    )
    def test_what_does_not_fit_is_refused(self, figures, influences, sizes):
        with pytest.raises(ValueError, match="Figures"):
            compare_figures(figures, influences, sizes)
