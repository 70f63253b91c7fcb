from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.metrics.label_errors import confident_learning
from embedlens.metrics.outliers import outlier_scores


def confident_joint(labels, shares):
    """Equations 1 and 2 of Northcutt et al. (2021), literally."""
    n, k = shares.shape
    thresholds = []
    for j in range(k):
        own = [shares[i, j] for i in range(n) if labels[i] == j]
        thresholds.append(sum(own) / len(own) if own else np.inf)
    counts = np.zeros((k, k), int)
    counted = []
    for i in range(n):
        reached = [j for j in range(k) if shares[i, j] >= thresholds[j] - 1e-12]
        best = max(reached, key=lambda j: (shares[i, j], -j)) if reached else None
        counted.append(best)
        if best is not None:
            counts[labels[i], best] += 1
    return counts, counted


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_it_counts_as_the_paper_says(n, k, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    shares = rng.dirichlet(np.full(k, 0.5), n)
    counts, counted = confident_joint(labels, shares)
    found = confident_learning(labels, shares)
    np.testing.assert_array_equal(found.counts, counts)
    for i in range(n):
        suspect = counted[i] is not None and counted[i] != labels[i]
        assert found.suspect[i] == suspect
        assert found.suggested[i] == (counted[i] if suspect else labels[i])


def test_planted_mistakes_are_found_and_no_others():
    rng = np.random.default_rng(0)
    true = np.repeat([0, 1, 2], 200)
    shares = np.full((600, 3), 0.05)
    shares[np.arange(600), true] = 0.9
    shares += rng.uniform(0, 0.02, shares.shape)
    shares /= shares.sum(axis=1, keepdims=True)
    labels = true.copy()
    wrong = rng.choice(600, 30, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    found = confident_learning(labels, shares)
    recall = found.suspect[wrong].mean()
    precision = np.isin(np.flatnonzero(found.suspect), wrong).mean()
    assert precision == 1
    assert recall == 1
    assert (found.suggested[wrong] == true[wrong]).all()
    assert found.margin[wrong].min() > np.delete(found.margin, wrong).max()


@pytest.mark.parametrize(
    ("labels", "shares", "message"),
    [
        ([0, 1], [[0.5, 0.5]], "labels must be 1 integers"),
        ([2], [[0.5, 0.5]], "0 to 1"),
        (["a"], [[0.5, 0.5]], "integers"),
        ([0], [[1.5, -0.5]], "between 0 and 1"),
        ([0], [[np.nan, 0.5]], "between 0 and 1"),
    ],
)
def test_what_does_not_fit_is_refused(labels, shares, message):
    with pytest.raises(ValueError, match=message):
        confident_learning(labels, shares)


class TestOutliers:
    def test_scores_are_robust_deviations_of_the_mean_distance_to_neighbours(self):
        X = np.random.default_rng(0).normal(size=(60, 5))
        unit = X / np.linalg.norm(X, axis=1, keepdims=True)
        distances = 1 - unit @ unit.T
        np.fill_diagonal(distances, np.inf)
        apart = np.sort(distances, axis=1)[:, :10].mean(axis=1)
        deviation = 1.4826 * np.median(np.abs(apart - np.median(apart)))
        expected = (apart - np.median(apart)) / deviation
        np.testing.assert_allclose(outlier_scores(X), expected, atol=1e-9)

    def test_planted_outliers_come_first(self):
        rng = np.random.default_rng(0)
        X = rng.normal([5, 5, 0, 0], 0.3, (200, 4))
        X[:4] = [[-5, 5, 0, 0], [0, 0, 5, 0], [0, 0, 0, 5], [5, -5, 0, 0]]
        scores = outlier_scores(X)
        assert set(np.argsort(-scores)[:4]) == {0, 1, 2, 3}
        assert scores[:4].min() > 10 * scores[4:].max()

    @pytest.mark.parametrize("n", [0, 1, 2, 5])
    def test_few_or_equal_points_have_no_outliers(self, n):
        assert (outlier_scores(np.ones((n, 3))) == 0).all()

    @pytest.mark.parametrize("dtype", [np.float16, np.int16])
    @pytest.mark.parametrize("scale", [1, 30])
    def test_narrow_features_give_the_scores_of_wide_ones(self, dtype, scale):
        X = (np.random.default_rng(0).normal(size=(60, 900)) * 10 * scale).astype(dtype)
        np.testing.assert_allclose(outlier_scores(X), outlier_scores(X.astype(float)), atol=1e-4)
