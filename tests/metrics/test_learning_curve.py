"""Learning curves: the law against SciPy, intervals against draws from a known law."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from embedlens.metrics.learning_curve import (
    fit_power_law,
    learning_curve,
    learning_curve_of_means,
)

SIZES = np.array([20, 50, 100, 200, 500, 1000])


def known(n, a=0.9, b=1.6, c=0.45):
    return a - b * np.asarray(n, float) ** -c


def simulated(seed, truth=known, draws=5, points=400, spread=0.01):
    """Hits of points that are unequally hard, by draws that are unequally good."""
    rng = np.random.default_rng(seed)
    hardness = rng.random(points)
    luck = rng.normal(0, spread, (draws, len(SIZES), 1)) / np.sqrt(SIZES[:, None] / SIZES[0])
    return (hardness < truth(SIZES)[:, None] + luck).astype(float)


class TestPowerLaw:
    @pytest.mark.parametrize("law", [(0.9, 1.6, 0.45), (1.0, 2.0, 0.7), (0.7, 0.9, 0.2)])
    def test_a_law_is_found_again(self, law):
        found = fit_power_law(SIZES, known(SIZES, *law))
        assert found.at(2000) == pytest.approx(known(2000, *law), abs=2e-3)

    def test_it_fits_as_well_as_scipy(self):
        rng = np.random.default_rng(0)
        for _ in range(10):
            y = known(SIZES) + rng.normal(0, 0.01, len(SIZES))
            theirs, _ = curve_fit(
                known, SIZES, y, (0.9, 1, 0.5), bounds=([0, 0, 0.05], [1, 99, 1.5])
            )
            ours = fit_power_law(SIZES, y)
            assert np.sum((ours.at(SIZES) - y) ** 2) <= 1.05 * np.sum(
                (known(SIZES, *theirs) - y) ** 2
            )

    @given(st.lists(st.floats(0, 1), min_size=4, max_size=6))
    def test_it_never_falls_and_never_exceeds_one(self, accuracy):
        law = fit_power_law(SIZES[: len(accuracy)], accuracy)
        more = law.at(np.geomspace(1, 1e6, 50))
        assert (np.diff(more) >= -1e-12).all()
        assert more.max() <= 1
        assert law.scale >= 0


class TestLearningCurve:
    def test_accuracy_is_the_share_of_hits(self):
        hits = simulated(0)
        curve = learning_curve(SIZES, hits, np.ones(hits.shape))
        assert curve.accuracy == pytest.approx(hits.mean(axis=(0, 2)))

    def test_intervals_hold_the_truth_in_most_draws(self):
        held, last = [], []
        for seed in range(80):
            hits = simulated(seed)
            curve = learning_curve(SIZES, hits, np.ones(hits.shape))
            then, now = curve.expect(2000), curve.intervals[-1]
            held.append(then.low <= known(2000) <= then.high)
            last.append(now.low <= known(1000) <= now.high)
        assert np.mean(held) >= 0.9
        assert np.mean(last) >= 0.9

    def test_a_curve_that_is_level_promises_nothing(self):
        hits = simulated(1, truth=lambda n: np.full(len(n), 0.8))
        then = learning_curve(SIZES, hits, np.ones(hits.shape)).expect(2000)
        assert then.low < 0.8 < then.high
        assert then.estimate - hits[:, -1].mean() < 0.005

    def test_all_right_has_a_width_below_and_none_above(self):
        hits = np.ones((5, len(SIZES), 30))
        then = learning_curve(SIZES, hits, hits).expect(2000)
        assert then.high == then.estimate == 1
        assert 0.85 < then.low < 0.95

    def test_points_that_some_draws_do_not_test(self):
        hits = simulated(2)
        shown = np.ones(hits.shape)
        shown[0, :, :200] = shown[1:, :, 200:] = 0
        curve = learning_curve(SIZES, hits * shown, shown)
        assert curve.accuracy == pytest.approx(
            (hits * shown).sum(axis=(0, 2)) / shown.sum(axis=(0, 2))
        )
        assert curve.law is not None

    def test_one_draw_and_three_sizes_have_no_law(self):
        hits = simulated(3)[:1, :3]
        curve = learning_curve(SIZES[:3], hits, np.ones(hits.shape))
        assert curve.law is None
        with pytest.raises(ValueError, match="A law needs 4 numbers of labels; there are 3"):
            curve.expect(200)

    def test_it_promises_no_more_than_twice_the_labels(self):
        hits = simulated(4)
        curve = learning_curve(SIZES, hits, np.ones(hits.shape))
        for labels in (999, 2001):
            with pytest.raises(ValueError, match=f"labels is {labels}; the curve bears 1,000 to"):
                curve.expect(labels)

    def test_what_does_not_fit_is_refused(self):
        hits = simulated(5)
        with pytest.raises(ValueError, match="ascend"):
            learning_curve(SIZES[::-1], hits, np.ones(hits.shape))
        with pytest.raises(ValueError, match="shapes"):
            learning_curve(SIZES[:2], hits, np.ones(hits.shape))
        with pytest.raises(ValueError, match="never tested"):
            learning_curve(SIZES, hits, np.zeros(hits.shape))


def test_a_curve_of_means_is_that_of_hits_where_these_are_the_means():
    sizes = np.array([10, 20, 40, 80, 160])
    rng = np.random.default_rng(2)
    ease = rng.normal(0, 0.15, 400)  # some points are harder, at every number of labels
    draws = rng.normal(0, 0.01, (5, 1, 1))
    shares = 0.9 - 1.2 * sizes[:, None] ** -0.6 + ease + draws
    hits = (rng.random((5, 5, 400)) < shares).astype(float)
    of_hits = learning_curve(sizes, hits, np.ones_like(hits))
    means = hits.mean(axis=(0, 2))
    influence = (hits.mean(axis=0) - means[:, None]).T / 400
    of_means = learning_curve_of_means(sizes, means, influence, hits.mean(axis=2), 2000)
    assert of_means.law.at(320) == pytest.approx(of_hits.law.at(320), abs=2e-3)
    for one, other in zip(of_means.intervals, of_hits.intervals, strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=5e-3)
    one, other = of_means.gain(320), of_hits.gain(320)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1.5e-2)


@pytest.mark.parametrize("short", ["means", "influence", "by_draw"])
def test_means_of_other_shapes_are_refused(short):
    of = {"means": np.zeros(4), "influence": np.zeros((9, 4)), "by_draw": np.zeros((2, 4))}
    of[short] = of[short][..., :3]
    with pytest.raises(ValueError, match=r"give .m,., .m,., .points, m. and .draws, m."):
        learning_curve_of_means([1, 2, 3, 4], **of, trials=5)
