"""Temperature, calibration error and conformal sets, against scikit-learn and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from embedlens.metrics.calibration import (
    at_temperature,
    conformal_sets,
    conformal_threshold,
    expected_calibration_error,
    platt_scaling,
    reliability,
    temperature,
)


def overconfident(n=4000, k=4, factor=3.0, seed=0):
    """Scores that are `factor` times those of which labels were drawn."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, (n, k))
    labels = np.array([rng.choice(k, p=each) for each in at_temperature(true, 1.0)])
    return factor * true, labels


class TestPlattScaling:
    def test_it_is_scikit_learns(self):
        X, y = make_classification(1500, 20, weights=[0.9], flip_y=0.1, random_state=0)
        model = LogisticRegression(C=1e-3).fit(X[:300], y[:300])
        theirs = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid")
        theirs.fit(X[300:], y[300:])
        scores = model.decision_function(X)
        slope, intercept = platt_scaling(scores[300:], y[300:])
        ours = 1 / (1 + np.exp(-(slope * scores + intercept)))
        np.testing.assert_allclose(ours, theirs.predict_proba(X)[:, 1], atol=1e-4)

    @pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
    def test_it_is_the_least_of_platts_loss(self, scale):
        rng = np.random.default_rng(0)
        has = rng.random(80) < 0.2
        scores = scale * (rng.normal(size=80) + 1.5 * has - 4)
        slope, intercept = platt_scaling(scores, has)
        wanted = np.where(has, (has.sum() + 1) / (has.sum() + 2), 1 / ((~has).sum() + 2))
        off = 1 / (1 + np.exp(-(slope * scores + intercept))) - wanted
        assert abs(off.sum()) < 1e-3
        assert abs(off @ (scores / scale)) < 1e-2
        assert slope > 0

    def test_low_scores_of_a_rare_label_come_above_one_half(self):
        scores = np.r_[np.full(90, -4.0), np.full(10, -1.5)]
        slope, intercept = platt_scaling(scores, scores > -2)
        assert slope * -1.5 + intercept > 1 > -1 > slope * -4 + intercept

    def test_scores_that_mislead_or_say_nothing_keep_their_order(self):
        rng = np.random.default_rng(0)
        has = rng.random(200) < 0.3
        slope, intercept = platt_scaling(rng.normal(size=200) - has, has)
        assert 0 < slope < 0.01
        assert 1 / (1 + np.exp(-intercept)) == pytest.approx(has.mean(), abs=0.02)
        assert platt_scaling(np.ones(5), np.ones(5, bool)) == (1.0, 0.0)
        slope, intercept = platt_scaling(np.ones(40), np.arange(40) < 10)
        assert 1 / (1 + np.exp(-(slope + intercept))) == pytest.approx(0.25, abs=0.03)

    @pytest.mark.parametrize("scores", [[0.0, np.nan], [0.0, np.inf], [[0.0, 1.0]], [0.0]])
    def test_what_is_no_score_is_refused(self, scores):
        with pytest.raises(ValueError, match=r"finite|give"):
            platt_scaling(scores, [True, False])


class TestTemperature:
    def test_it_is_scikit_learns(self):
        X, y = make_classification(
            2000, 20, n_informative=6, n_classes=3, flip_y=0.2, random_state=0
        )
        model = LogisticRegression(C=1e4, max_iter=2000).fit(X[:100], y[:100])
        theirs = CalibratedClassifierCV(FrozenEstimator(model), method="temperature")
        theirs.fit(X[100:], y[100:])
        inverse = theirs.calibrated_classifiers_[0].calibrators[0].beta_
        ours = temperature(model.decision_function(X[100:]), y[100:])
        assert ours == pytest.approx(1 / inverse, rel=1e-2)

    @pytest.mark.parametrize("factor", [0.2, 1.0, 3.0, 20.0])
    def test_it_finds_the_factor_that_scores_were_multiplied_by(self, factor):
        scores, labels = overconfident(factor=factor)
        assert temperature(scores, labels) == pytest.approx(factor, rel=0.06)

    def test_it_is_the_best_of_a_fine_grid(self):
        scores, labels = overconfident(60)
        grid = np.exp(np.linspace(np.log(0.01), np.log(100), 4001))
        loss = [
            log_loss(labels, at_temperature(scores, t), labels=range(4)) * 60 + np.log(t) ** 2 / 2
            for t in grid
        ]
        assert temperature(scores, labels) == pytest.approx(grid[np.argmin(loss)], rel=3e-3)

    def test_probabilities_serve_as_their_logarithms(self):
        scores, labels = overconfident(500)
        shares = np.log(at_temperature(scores, 1.0))
        assert temperature(shares, labels) == pytest.approx(temperature(scores, labels), rel=1e-4)

    @pytest.mark.parametrize("n", [1, 2, 10])
    def test_few_that_are_all_right_do_not_make_it_sure(self, n):
        found = temperature([[2.0, 0.0, 0.0]] * n, [0] * n)
        assert 0.1 < found < 1

    def test_without_points_or_choice_it_is_one(self):
        assert temperature(np.empty((0, 3)), np.empty(0, int)) == 1
        assert temperature([[3.0], [1.0]], [0, 0]) == 1
        assert temperature([[3.0, 1.0]], [-1]) == 1

    def test_points_of_classes_that_have_no_score_say_nothing(self):
        scores, labels = overconfident(100)
        more = np.concatenate([scores, 100 * scores])
        unknown = np.concatenate([labels, np.full(100, -1)])
        assert temperature(more, unknown) == temperature(scores, labels)

    @pytest.mark.parametrize("size", [1e-300, 1e300])
    def test_extreme_scores_end_at_a_bound_or_stay_finite(self, size):
        found = temperature([[size, 0.0], [size, 0.0]], [0, 1])
        assert 0.01 <= found <= 100
        assert np.isfinite(at_temperature([[size, 0.0]], found)).all()

    def test_a_score_of_minus_infinity_is_a_share_of_nothing(self):
        assert at_temperature([[0.0, -np.inf]], 1.0)[0, 1] < 1e-29
        assert np.isfinite(temperature([[0.0, -np.inf], [0.0, -np.inf]], [0, 1]))

    @pytest.mark.parametrize(
        ("scores", "labels"),
        [
            ([[1.0, np.nan]], [0]),
            ([[1.0, np.inf]], [0]),
            ([[-np.inf, -np.inf]], [0]),
            ([1.0, 2.0], [0, 1]),
            ([[1.0, 2.0]], [0, 1]),
            ([[1.0, 2.0]], ["cat"]),
        ],
    )
    def test_what_are_no_scores_is_refused(self, scores, labels):
        with pytest.raises(ValueError, match=r"score|labels"):
            temperature(scores, labels)


def brute_force_error(confidence, right, bins):
    """Bins between quantiles, points of one confidence in one; one loop a bin."""
    edges = np.quantile(confidence, np.arange(1, bins) / bins, method="lower")
    number = [int(np.sum(np.unique(edges) < each)) for each in confidence]
    error = 0.0
    for each in set(number):
        own = np.array(number) == each
        error += own.mean() * abs(np.mean(right[own]) - np.mean(confidence[own]))
    return error


class TestReliability:
    @given(
        st.lists(st.tuples(st.sampled_from([0.3, 0.5, 0.51, 0.9, 1.0]), st.booleans()), min_size=1),
        st.integers(1, 20),
    )
    def test_the_error_is_that_of_brute_force(self, rows, bins):
        confidence, right = (np.array(each) for each in zip(*rows, strict=True))
        error = expected_calibration_error(confidence, right, bins)
        assert error == pytest.approx(brute_force_error(confidence, right, bins))
        order = np.random.default_rng(0).permutation(len(rows))
        assert expected_calibration_error(confidence[order], right[order], bins) == pytest.approx(
            error
        )

    def test_true_confidences_show_what_chance_does(self):
        rng = np.random.default_rng(0)
        found = []
        for _ in range(200):
            confidence = rng.uniform(0.4, 1, 300)
            found.append(reliability(confidence, rng.random(300) < confidence))
        error, chance = (np.mean([getattr(e, n) for e in found]) for n in ("error", "by_chance"))
        assert error == pytest.approx(chance, rel=0.1)

    def test_bins_hold_equally_many(self):
        confidence = np.random.default_rng(0).random(150)
        assert reliability(confidence, confidence > 0.5).count.tolist() == [10] * 15

    def test_all_sure_and_all_right_is_no_error(self):
        told = reliability(np.ones(20), np.ones(20, bool))
        assert (told.error, told.by_chance) == (0, 0)

    def test_what_are_no_confidences_is_refused(self):
        for confidence, right in (([], []), ([1.2], [True]), ([0.5], [True, False])):
            with pytest.raises(ValueError, match=r"point|confidence|shapes"):
                reliability(confidence, right)


class TestConformalSets:
    @settings(max_examples=40)
    @given(st.integers(1, 60), st.sampled_from([0.5, 0.8, 0.9, 0.95]), st.integers(0, 99))
    def test_the_threshold_is_the_quantile_of_the_definition(self, n, coverage, seed):
        rng = np.random.default_rng(seed)
        shares = rng.dirichlet(np.ones(3), n)
        labels = rng.integers(0, 3, n)
        scores = np.sort(1 - shares[np.arange(n), labels])
        rank = int(np.ceil((n + 1) * coverage - 1e-9))  # from 1, of the ascending scores
        expected = 0.0 if rank > n else 1 - scores[rank - 1]
        assert conformal_threshold(shares, labels, coverage) == pytest.approx(expected)

    def test_new_points_are_held_as_often_as_asked(self):
        held = []
        for seed in range(60):
            scores, labels = overconfident(1100, seed=seed)
            shares = at_temperature(scores, 1.0)
            threshold = conformal_threshold(shares[:100], labels[:100])
            sets = conformal_sets(shares[100:], threshold)
            held.append(sets[np.arange(1000), labels[100:]].mean())
        assert np.mean(held) == pytest.approx(0.9, abs=0.015)

    def test_too_few_points_hold_all_classes(self):
        threshold = conformal_threshold([[0.9, 0.1]] * 8, [0] * 8)
        assert threshold == 0
        assert conformal_sets([[1.0, 0.0]], threshold).all()

    def test_a_class_that_is_not_known_counts_as_missed(self):
        shares, labels = [[0.9, 0.1]] * 20, [0] * 18
        assert conformal_threshold(shares, [*labels, 0, 0]) == 0.9
        assert conformal_threshold(shares, [*labels, 2, -1]) == 0.0

    def test_where_all_are_right_sets_may_be_empty(self):
        shares = np.stack([np.linspace(0.6, 1, 99), np.linspace(0.4, 0, 99)], axis=1)
        sets = conformal_sets(shares, conformal_threshold(shares, np.zeros(99, int)))
        assert sets.sum(axis=1).max() == 1
        assert (sets.sum(axis=1) == 0).mean() == pytest.approx(0.1, abs=0.02)

    @pytest.mark.parametrize("coverage", [0, 1, -1, 90])
    def test_a_coverage_that_is_no_share_is_refused(self, coverage):
        with pytest.raises(ValueError, match=f"coverage is {coverage}"):
            conformal_threshold([[0.5, 0.5]], [0], coverage)
