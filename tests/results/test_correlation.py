"""Correlations across backbones, against SciPy and by counting."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embedlens.results import correlate, correlation_sentence, correlations, reduced_features
from embedlens.results.correlation import rank_interval


def results_of(measures, random=()):
    """Results with the measures (backbone, stage, metric, split, value)."""
    frame = pd.DataFrame(measures, columns=["backbone", "stage", "metric", "split", "value"])
    frame["repeat"] = frame.groupby(["backbone", "stage", "metric", "split"]).cumcount()
    names = list(dict.fromkeys(frame["backbone"]))

    def mean(metric, split="all", stage="pretrained"):
        rows = frame.query("metric == @metric and split == @split and stage == @stage")
        return rows.groupby("backbone", sort=False)["value"].mean()

    def first(metric, split="test", stage="pretrained"):
        rows = frame.query("metric == @metric and split == @split and stage == @stage")
        return rows[rows["repeat"] == 0].set_index("backbone")["value"]

    backbones = pd.DataFrame({"backbone": names, "pretrained": [n not in random for n in names]})

    def measured(**values):
        return frame[(frame[list(values)] == pd.Series(values)).all(axis=1)]

    return SimpleNamespace(
        mean=mean, first=first, measured=measured, backbones=backbones, measures=frame
    )


def study_of(count, random=()):
    """So many backbones whose LogME has the order of their accuracy."""
    rows = []
    for i in range(count):
        rows += [
            (f"b{i}", "pretrained", "linear_probe.accuracy", "test", 0.8 + 0.01 * i),
            (f"b{i}", "pretrained", "score.log_me", "train", float(i**2)),
            (f"b{i}", "pretrained", "silhouette.pca", "all", [0.3, 0.1, 0.2][i % 3]),
        ]
    return results_of(rows, random)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=3, max_size=6, unique=True))
def test_both_coefficients_are_scipy_s(points):
    x, y = np.array(points).round(3).T
    if np.ptp(x) < 1e-3 or np.ptp(y) < 1e-3:
        return
    found = correlate(x, y)
    assert found.pearson == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    assert found.pearson_low <= found.pearson_high


@pytest.mark.parametrize(("count", "p"), [(3, 2 / 6), (4, 2 / 24), (5, 2 / 120), (6, 2 / 720)])
def test_a_perfect_order_has_the_least_chance_there_is(count, p):
    assert correlate(range(count), range(count)).p == pytest.approx(p)


def test_p_of_many_backbones_is_that_of_scipy_s_permutation_test():
    rng = np.random.default_rng(0)
    x = rng.normal(size=12)
    y = x + rng.normal(size=12)
    expected = stats.permutation_test(
        (x,), lambda x: stats.spearmanr(x, y).statistic, permutation_type="pairings",
        n_resamples=4_000, rng=1,
    ).pvalue  # fmt: skip
    assert correlate(x, y).p == pytest.approx(expected, abs=0.02)


def test_a_constant_score_has_no_correlation():
    found = correlate([1, 1, 1, 1], [1, 2, 3, 4])
    assert np.isnan(found.pearson)


@pytest.mark.parametrize("count", [5, 6, 10, 25])
def test_a_perfect_order_has_an_interval_with_a_width(count):
    found = correlate(range(count), np.arange(count) ** 3)
    assert found.spearman == pytest.approx(1.0)
    assert found.spearman_low < 0.999
    assert found.spearman_high == 1
    turned = correlate(range(count), -np.arange(count))
    assert (turned.spearman_low, turned.spearman_high) == (-1, pytest.approx(-found.spearman_low))


def test_the_interval_of_a_correlation_is_scipy_s():
    rng = np.random.default_rng(0)
    x = rng.normal(size=12)
    y = x + rng.normal(size=12)
    found, expected = correlate(x, y), stats.pearsonr(x, y).confidence_interval()
    assert (found.pearson_low, found.pearson_high) == pytest.approx(tuple(expected), abs=1e-6)


@pytest.mark.parametrize("truth", [0.0, 0.5, 0.9])
def test_the_interval_of_ranks_holds_as_often_as_is_claimed(truth):
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        x, y = rng.multivariate_normal([0, 0], [[1, truth], [truth, 1]], 8).T
        low, high = rank_interval(stats.spearmanr(x, y).statistic, 8)
        held += low <= 6 / np.pi * np.arcsin(truth / 2) <= high
    assert held / 400 > 0.92


def test_points_of_one_backbone_count_as_one():
    """Ten copies of each point say no more than one, and give no chance of an order."""
    x, y = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 4, 3, 6])
    names = np.arange(5)
    once, often = correlate(x, y), correlate(x.repeat(10), y.repeat(10), names.repeat(10))
    assert often.backbones == 5
    assert (often.pearson_low, often.pearson_high) == pytest.approx(
        (once.pearson_low, once.pearson_high)
    )
    assert np.isnan(often.p)


def test_random_weights_are_left_out():
    found = correlations(study_of(6, random=("b0", "b5")))
    assert found["score.log_me"].backbones == 4
    assert found["score.log_me"].spearman == pytest.approx(1.0)


def test_a_score_that_goes_with_accuracy_is_named_and_one_that_does_not_is_not():
    sentence = correlation_sentence(correlations(study_of(7)))
    assert "Across 7 pretrained backbones, of 2 scores and silhouettes" in sentence
    assert "LogME (Spearman 1.00" in sentence
    assert "silhouette.pca" not in sentence


def test_too_few_backbones_are_said_to_be_too_few():
    sentence = correlation_sentence(correlations(study_of(3)))
    assert sentence.startswith("3 pretrained backbones are too few")
    assert "33%" in sentence
    assert "one pretrained backbone" in correlation_sentence(correlations(study_of(1)))


def test_reduced_features_pair_each_map_with_its_own_silhouette():
    results = results_of(
        [
            ("a", "pretrained", "silhouette.pca", "all", 0.3),
            ("a", "pretrained", "silhouette.pca", "test", 0.4),
            ("a", "pretrained", "pca.knn.accuracy", "test", 0.7),
            ("a", "pretrained", "pca.knn.accuracy", "test", 0.9),
            ("a", "tuned", "silhouette.pca", "test", 0.5),
            ("a", "tuned", "pca.knn.accuracy", "test", 0.8),
            ("a", "pretrained", "silhouette.tsne", "test", 0.9),
        ]
    )
    found = reduced_features(results)
    # Both of the test pictures of split 1; the mean over all splits stands apart.
    columns = ["stage", "space", "silhouette", "accuracy", "mean", "splits"]
    assert found[columns].to_numpy().tolist() == [
        ["pretrained", "pca", 0.4, 0.7, pytest.approx(0.8), 2],
        ["tuned", "pca", 0.5, 0.8, 0.8, 1],
    ]
