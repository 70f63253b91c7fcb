"""Intervals of a share and of a difference: how often they hold, against sums and draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from embedlens.metrics.proportion import (
    difference_interval,
    effective_size,
    proportion_interval,
)


def splits(rng, pictures, repeats=5):
    """How often each picture is tested in splits that hold out a fifth."""
    shown = np.zeros(pictures, int)
    for _ in range(repeats):
        shown[rng.choice(pictures, pictures // 5, replace=False)] += 1
    return shown


def chances(rng, share, like, n):
    """Each picture's chance to be right; two tests of one picture correlate by ``like``."""
    if like == 1:
        return (rng.random(n) < share).astype(float)
    odds = 1 / like - 1
    return rng.beta(share * odds, (1 - share) * odds, n)


@pytest.mark.parametrize("n", [6, 20, 40, 200])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.95, 0.99, 1.0])
def test_a_share_is_held_as_often_as_is_claimed(n, share):
    """Summed over all outcomes; a bootstrap holds .95 in 28% at n = 6, 62% at 20, 83% at 40."""
    intervals = [proportion_interval(np.arange(n) < hits) for hits in range(n + 1)]
    holds = [each.low <= share <= each.high for each in intervals]
    assert binom.pmf(np.arange(n + 1), n, share)[holds].sum() >= 0.94


@pytest.mark.parametrize("n", [6, 20, 200])
def test_no_share_is_held_much_less_often_than_is_claimed(n):
    intervals = [proportion_interval(np.arange(n) < hits) for hits in range(n + 1)]
    for share in np.linspace(0.002, 0.998, 250):
        holds = [each.low <= share <= each.high for each in intervals]
        assert binom.pmf(np.arange(n + 1), n, share)[holds].sum() > 0.9


@pytest.mark.parametrize(("hits", "n"), [(6, 6), (5, 6), (19, 20), (7, 40), (1, 200)])
def test_ends_are_where_scipy_s_binomial_has_half_of_a_twentieth_beyond(hits, n):
    found = proportion_interval(np.arange(n) < hits)
    above = binom.sf(hits, n, found.low) + binom.pmf(hits, n, found.low) / 2
    assert above == pytest.approx(0.025, abs=1e-9)
    if hits < n:
        below = binom.cdf(hits - 1, n, found.high) + binom.pmf(hits, n, found.high) / 2
        assert below == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize("like", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 0.99])
def test_pictures_tested_in_several_splits_are_held_as_often(like, share):
    rng = np.random.default_rng(int(100 * like + share * 1000))
    held = 0
    for _ in range(300):
        shown = splits(rng, 100)
        hits = rng.binomial(shown, chances(rng, share, like, 100))
        found = proportion_interval(hits, shown)
        held += found.low <= share <= found.high
    # Two standard errors below 95% of 300 are 92.5%; three are 91%.
    assert held / 300 > 0.91


@pytest.mark.parametrize("hits", [0, 1, 4, 6])
def test_a_picture_tested_again_with_the_same_outcome_is_one(hits):
    once = proportion_interval(np.arange(6) < hits)
    often = proportion_interval(5 * (np.arange(6) < hits), np.full(6, 5))
    assert (once.low, once.high) == pytest.approx((often.low, often.high), abs=1e-9)


def test_tests_of_a_picture_that_have_nothing_in_common_count_in_full():
    rng = np.random.default_rng(0)
    shown = np.full(2_000, 4)
    assert effective_size(rng.binomial(shown, 0.8), shown) == pytest.approx(8_000, rel=0.1)
    assert effective_size(shown * (rng.random(2_000) < 0.8), shown) == pytest.approx(2_000, rel=0.1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=40))
def test_the_share_lies_within_and_mirrors(pairs):
    shown = np.array([n for _, n in pairs])
    hits = np.minimum([h for h, _ in pairs], shown)
    found, mirrored = proportion_interval(hits, shown), proportion_interval(shown - hits, shown)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.high > found.low
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_a_difference_lies_within_has_a_width_and_turns(pairs):
    first, second = np.array(pairs).T
    shown = np.full(len(pairs), 3)
    found, turned = (
        difference_interval(first, second, shown), difference_interval(second, first, shown)
    )  # fmt: skip
    assert -1 <= found.low <= found.estimate + 1e-12
    assert found.estimate - 1e-12 <= found.high <= 1
    assert found.high > found.low
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)


def test_a_difference_of_points_tried_once_is_bonett_and_price_s():
    """By their formula, from the counts of the pictures that one alone gets right."""
    one, two, n = 7, 2, 30
    first = np.arange(n) < 20
    second = np.r_[np.zeros(one), np.ones(20 - one), np.ones(two), np.zeros(n - 20 - two)]
    a, b = (one + 1) / (n + 2), (two + 1) / (n + 2)
    half = 1.959964 * np.sqrt((a + b - (a - b) ** 2) / (n + 2))
    found = difference_interval(first, second)
    assert (found.low, found.high) == pytest.approx((a - b - half, a - b + half), abs=1e-6)
    assert found.estimate == pytest.approx((one - two) / n)


@pytest.mark.parametrize(("first", "second"), [(0.99, 0.95), (0.95, 0.9), (0.9, 0.8), (0.7, 0.5)])
@pytest.mark.parametrize("repeats", [1, 5])
def test_a_difference_is_held_as_often_as_is_claimed(first, second, repeats):
    """Of two on the same pictures, mostly hard for both; each is right on a picture or is not."""
    from scipy.stats import norm

    rng = np.random.default_rng(int(1000 * first))
    held = 0
    for _ in range(300):
        shown = splits(rng, 100) if repeats > 1 else np.ones(60, int)
        both = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], len(shown))
        one, two = (both < norm.ppf([first, second])).T
        found = difference_interval(one * shown, two * shown, shown)
        held += found.low <= first - second <= found.high
    assert held / 300 > 0.91


def test_two_that_are_right_on_all_may_differ_yet():
    assert difference_interval(np.ones(6), np.ones(6)).low < -0.2
    assert difference_interval(np.ones(200), np.ones(200)).low < -0.005


@pytest.mark.parametrize(
    ("hits", "shown", "said"),
    [
        ([2, 0], [1, 1], "Point 0 has 2 hits in 1 trials"),
        ([0, np.nan], [1, 1], "Point 1 has nan hits"),
        ([1, 0], [1, 1, 1], r"shape \(2,\)"),
        ([0, 0], [0, 0], "2 points have 0 trials"),
        ([], [], "0 points"),
    ],
)
def test_what_cannot_be_counted_is_refused(hits, shown, said):
    with pytest.raises(ValueError, match=said):
        proportion_interval(hits, shown)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_share(confidence):
    with pytest.raises(ValueError, match="confidence is"):
        proportion_interval([1, 0], [2, 1], confidence)
