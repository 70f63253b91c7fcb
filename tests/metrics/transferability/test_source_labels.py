"""LEEP and NCE against their definitions, point by point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from embedlens.metrics.transferability import leep, nce


def log_expected_prediction(theta, y):
    """LEEP as Nguyen et al. 2020 define it."""
    n, sources = theta.shape
    joint = {c: theta[y == c].sum(axis=0) / n for c in np.unique(y)}
    marginal = sum(joint.values())
    logs = []
    for i in range(n):
        terms = [joint[y[i]][z] / marginal[z] * theta[i, z] for z in range(sources) if marginal[z]]
        logs.append(np.log(sum(terms)))
    return np.mean(logs)


def probabilities(seed, n=40, sources=7, sharpness=2.0):
    logits = sharpness * np.random.default_rng(seed).standard_normal((n, sources))
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), sharpness=st.floats(0, 20))
def test_leep_is_its_definition(seed, sharpness):
    theta = probabilities(seed, sharpness=sharpness)
    y = np.random.default_rng(seed + 1).permutation(np.arange(40) % 3)
    assert leep(theta, y) == pytest.approx(log_expected_prediction(theta, y), rel=1e-10, abs=1e-12)


def test_source_classes_that_never_occur_count_for_nothing():
    theta, y = probabilities(0), np.arange(40) % 3
    padded = np.insert(theta, [0, 3, 7], 0.0, axis=1)
    assert leep(padded, y) == pytest.approx(leep(theta, y), rel=1e-12)


def test_a_certain_top_gives_nce():
    """Where each picture has one source class for certain, LEEP is NCE."""
    rng = np.random.default_rng(0)
    z, y = rng.integers(0, 6, 50), rng.integers(0, 3, 50)
    assert leep(np.eye(6)[z], y) == pytest.approx(nce(z, y), rel=1e-12)


def test_equal_probabilities_give_minus_the_entropy_of_the_labels():
    y = np.array(["a"] * 10 + ["b"] * 30)
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert leep(np.full((40, 5), 0.2), y) == pytest.approx(-entropy)


def test_a_top_that_tells_the_classes_apart_scores_higher():
    y = np.arange(40) % 4
    blurred = [(1 - blur) * np.eye(4)[y] + blur / 4 for blur in (1.0, 0.6, 0.2, 0.0)]
    scores = [leep(theta, y) for theta in blurred]
    assert scores == sorted(scores)
    assert scores[-1] == 0


def test_probabilities_in_half_precision_are_taken():
    theta, y = probabilities(0, sources=1000), np.arange(40) % 3
    assert leep(theta.astype(np.float16), y) == pytest.approx(leep(theta, y), abs=1e-3)


@pytest.mark.parametrize("bad", [[0.5, 0.6], [1.2, -0.2], [np.nan, 1.0], [0.0, 0.0], [np.inf, 0]])
def test_rows_that_are_no_distribution_are_refused(bad):
    theta = np.array([[0.5, 0.5], [0.1, 0.9], bad, [0.3, 0.7]])
    with pytest.raises(ValueError, match="Row 2 of source_probabilities is no distribution"):
        leep(theta, [0, 1, 0, 1])


def conditional_entropy(z, y):
    """Tran et al. 2019: the mean of log P(y_i | z_i)."""
    return np.mean([np.log(np.mean(y[z == z[i]] == y[i])) for i in range(len(y))])


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), sources=st.integers(1, 60), k=st.integers(2, 6))
def test_nce_is_its_definition_and_mutual_information_less_entropy(seed, sources, k):
    rng = np.random.default_rng(seed)
    z, y = rng.integers(0, sources, 50), rng.permutation(np.arange(50) % k)
    assert nce(z, y) == pytest.approx(conditional_entropy(z, y), abs=1e-12)
    assert nce(z, y) == pytest.approx(mutual_info_score(z, y) - mutual_info_score(y, y), abs=1e-9)


def test_source_labels_that_tell_all_score_zero_and_those_that_tell_nothing_the_entropy():
    y = np.repeat([0, 1], [10, 30])
    assert nce(y + 5, y) == pytest.approx(0, abs=1e-15)
    assert nce(np.zeros(40), y) == pytest.approx(0.25 * np.log(0.25) + 0.75 * np.log(0.75))


def test_labels_may_be_of_any_type():
    z, y = ["tabby", 3, "tabby", "lion", 3], ["cat", "dog", "cat", "dog", "cat"]
    assert nce(np.array(z, dtype=object), y) == pytest.approx(nce([0, 1, 0, 2, 1], y))


def test_bad_source_labels_are_refused():
    with pytest.raises(ValueError, match=r"shape \(4, 2\).*argmax"):
        nce(np.full((4, 2), 0.5), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="NaN at position 1"):
        nce([0.0, np.nan, 1.0, 0.0], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="4 points but 3 labels"):
        nce([0, 1, 2, 3], [0, 1, 0])
