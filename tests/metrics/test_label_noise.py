from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.metrics.label_noise import label_noise


def drawn(rng, n, k, sharpness):
    """Probabilities of points, and classes drawn from them: a classifier as sure as it is right."""
    logits = rng.normal(size=(n, k)) * sharpness
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    true = (rng.random((n, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
    return shares, true


@pytest.mark.parametrize("sharpness", [1.5, 3.0, 8.0])
@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1])
def test_the_share_that_is_wrong_of_labels_called_wrong_is_stated(sharpness, rate):
    """By classifiers that are right in 54, 73 and 90 of 100 cases."""
    rng = np.random.default_rng(0)
    shares, true = drawn(rng, 3000, 6, sharpness)
    labels = true.copy()
    bad = rng.choice(3000, round(3000 * rate), replace=False)
    labels[bad] = (true[bad] + rng.integers(1, 6, len(bad))) % 6
    found = label_noise(labels, shares)
    sure = found.wrong >= 0.5
    assert sure.any()
    # Three standard deviations of that many draws.
    expected = found.wrong[sure].mean()
    room = 3 * np.sqrt(expected * (1 - expected) / sure.sum())
    assert (labels != true)[sure].mean() == pytest.approx(expected, abs=room)
    if sharpness == 8:
        assert found.rate == pytest.approx(rate, rel=0.1)
        assert sure[bad].mean() > 0.8


@pytest.mark.parametrize("sharpness", [1.0, 2.0, 4.0])
def test_a_classifier_that_is_often_wrong_does_not_make_right_labels_wrong(sharpness):
    shares, true = drawn(np.random.default_rng(1), 1500, 8, sharpness)
    assert (shares.argmax(axis=1) != true).sum() > 150
    found = label_noise(true, shares)
    assert (found.wrong >= 0.5).sum() <= 3
    assert found.rate < 0.02


def test_a_witness_that_is_too_sure_is_believed_less():
    shares, true = drawn(np.random.default_rng(2), 2000, 5, 2.0)
    boasting = shares**3 / (shares**3).sum(axis=1, keepdims=True)
    found = label_noise(true, boasting)
    assert np.abs(found.probabilities - shares).mean() < np.abs(boasting - shares).mean() / 3


def test_two_witnesses_together_find_more_than_one():
    rng = np.random.default_rng(3)
    true = rng.integers(0, 4, 1000)
    shares = []
    for _ in range(2):
        logits = 2.5 * np.eye(4)[true] + rng.normal(size=(1000, 4))
        shares.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    labels = true.copy()
    labels[:50] = (labels[:50] + 1) % 4
    found = label_noise(labels, *shares).wrong >= 0.5
    alone = label_noise(labels, shares[0]).wrong >= 0.5
    assert found[:50].sum() > alone[:50].sum()
    assert found[50:].sum() <= 0.3 * found[:50].sum()


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_it_always_gives_probabilities_and_another_class(n, k, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    sure = np.eye(k)[rng.integers(0, k, n)]
    found = label_noise(labels, sure, rng.dirichlet(np.ones(k), n))
    assert ((found.wrong >= 0) & (found.wrong <= 1)).all()
    assert (found.suggested != labels).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "witnesses", "message"),
    [
        ([0, 1], [[[0.5, 0.5]]], "labels must be 1 integers"),
        ([2], [[[0.5, 0.5]]], "0 to 1"),
        ([0], [[[1.5, -0.5]]], "between 0 and 1"),
        ([0], [[[np.nan, 0.5]]], "between 0 and 1"),
        ([0], [[[1.0]]], "two classes or more"),
        ([0], [[[0.5, 0.5]], [[0.2, 0.3, 0.5]]], "of one shape"),
    ],
)
def test_what_does_not_fit_is_refused(labels, witnesses, message):
    with pytest.raises(ValueError, match=message):
        label_noise(labels, *witnesses)


def test_a_rare_class_that_no_witness_tells_is_not_called_wrong_where_its_share_is_given():
    rare = 0.05
    labels = (np.random.default_rng(0).random(1000) < rare).astype(int)
    witness = np.tile([1 - rare, rare], (1000, 1))  # says of each point how usual the classes are
    told = label_noise(labels, witness, witness, prior=[1 - rare, rare])
    assert (told.wrong < 0.5).all()
    assert (label_noise(labels, witness, witness).wrong >= 0.5).sum() == labels.sum()
