"""Probes of several labels: each is the probe of that label alone; neighbours are counted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity

from embedlens.learn import LabelNeighbors, LabelProbes, LinearProbe

TRAIN, VALIDATION, TEST = slice(120), slice(120, 180), slice(180, None)
CONSTANT = 4  # and all above it


@pytest.fixture(scope="module")
def drawn():
    """Features, and labels: easy, hard, rare, the easy one again, one of all, one of none."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(260, 12)) + 3
    noise = rng.normal(size=260)
    Y = np.column_stack([
        X[:, 0] > 3, X[:, 1] + 2 * noise > 3, X[:, 2] > 4.5, X[:, 0] > 3,
        np.ones(260, bool), np.zeros(260, bool),
    ])  # fmt: skip
    return X, Y


@pytest.fixture(scope="module")
def fitted(drawn):
    X, Y = drawn
    return LabelProbes().fit(X[TRAIN], Y[TRAIN], validation=(X[VALIDATION], Y[VALIDATION]))


def test_each_label_has_the_probe_that_it_would_have_alone(drawn, fitted):
    X, Y = drawn
    shares = fitted.predict_proba(X[TEST])
    for label in range(CONSTANT):
        alone = LinearProbe().fit(
            X[TRAIN], Y[TRAIN, label], validation=(X[VALIDATION], Y[VALIDATION, label])
        )
        assert fitted.strengths_[label] == alone.strength_
        # Losses within a millionth of the least are probabilities within a thousandth.
        assert shares[:, label] == pytest.approx(alone.predict_proba(X[TEST])[:, 1], abs=1e-3)
    assert (shares[:, 0] == shares[:, 3]).all()


def test_it_is_scikit_learns_regression_at_the_strength_that_was_chosen(drawn, fitted):
    X, Y = drawn
    known = slice(VALIDATION.stop)
    near = (X - X[known].mean(axis=0)) / (X[known] - X[known].mean(axis=0)).std()
    shares = fitted.predict_proba(X[TEST])
    for label in range(CONSTANT):
        reference = LogisticRegression(C=fitted.strengths_[label], tol=1e-8, max_iter=10_000)
        reference.fit(near[known], Y[known, label])
        expected = reference.predict_proba(near[TEST])[:, 1]
        assert shares[:, label] == pytest.approx(expected, abs=2e-3)


def test_a_label_of_all_or_of_none_is_not_learned(drawn, fitted):
    X, _ = drawn
    assert fitted.learned_.tolist() == [True] * CONSTANT + [False, False]
    shares = fitted.predict_proba(X[TEST])
    assert np.isnan(shares[:, CONSTANT:]).all()
    assert np.isfinite(shares[:, :CONSTANT]).all()
    assert np.isnan(fitted.strengths_[CONSTANT:]).all()


def test_where_validation_tells_nothing_the_strength_is_one(drawn):
    X, Y = drawn
    lacking = VALIDATION, np.zeros_like(Y[VALIDATION])
    probes = LabelProbes().fit(X[TRAIN], Y[TRAIN], validation=(X[lacking[0]], lacking[1]))
    assert probes.strengths_[:CONSTANT].tolist() == [1.0] * CONSTANT
    assert LabelProbes().fit(X[TRAIN], Y[TRAIN]).strengths_[0] == 1.0


def test_neighbours_vote_with_their_labels(drawn):
    X, Y = drawn
    neighbors = LabelNeighbors().fit(X[TRAIN], Y[TRAIN], validation=(X[VALIDATION], Y[VALIDATION]))
    known = slice(VALIDATION.stop)
    alike = cosine_similarity(X[TEST], X[known])
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, : neighbors.k_]
    votes = np.exp(np.take_along_axis(alike, nearest, axis=1) / 0.07)
    expected = np.einsum("ij,ijk->ik", votes, Y[known][nearest]) / votes.sum(axis=1)[:, None]
    found = neighbors.predict_proba(X[TEST])
    assert found[:, :CONSTANT] == pytest.approx(expected[:, :CONSTANT], abs=1e-5)
    assert np.isnan(found[:, CONSTANT:]).all()


@pytest.mark.parametrize("make", [LabelProbes, LabelNeighbors])
def test_they_are_estimators_that_refuse_what_does_not_fit(make, drawn):
    X, Y = drawn
    assert clone(make()).get_params() == make().get_params()
    with pytest.raises(ValueError, match="give \\(points, labels\\)"):
        make().fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="give \\(points, labels\\)"):
        make().fit(X, Y[:-1])


def test_the_probes_are_one_layer_and_fitted_at_strengths_those_of_one_against_the_rest(drawn):
    X, Y = drawn
    probes = LabelProbes().fit_at(X[TRAIN], Y[TRAIN, :3], [0.1, 1.0, 10.0])
    kernel, bias = probes.layer()
    shares = 1 / (1 + np.exp(-(X[TEST] @ kernel + bias)))
    np.testing.assert_allclose(shares, probes.predict_proba(X[TEST]), atol=1e-12)
    scaled = (X - X[TRAIN].mean(axis=0)) / X[TRAIN].std()
    for label, strength in enumerate([0.1, 1.0, 10.0]):
        theirs = LogisticRegression(C=strength, tol=1e-8, max_iter=1000)
        theirs.fit(scaled[TRAIN], Y[TRAIN, label])
        wanted = theirs.predict_proba(scaled[TEST])[:, 1]
        assert shares[:, label] == pytest.approx(wanted, abs=5e-3)
    kernel, bias = LabelProbes().fit_at(X, Y, np.ones(Y.shape[1])).layer()
    assert not kernel[:, CONSTANT:].any()
    assert not bias[CONSTANT:].any()
