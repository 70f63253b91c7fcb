"""What holds for every score of features: awkward data, labels of any type, errors."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from embedlens.metrics import transferability
from embedlens.metrics.transferability import gbc, h_score, log_me, moments, n_leep, trans_rate

SCORES = {
    "log_me": log_me,
    "h_score": h_score,
    "h_score, plain": partial(h_score, shrinkage=False),
    "n_leep": partial(n_leep, n_components=4),
    "trans_rate": trans_rate,
    "gbc": gbc,
    "gbc, diagonal": partial(gbc, covariance="diagonal"),
    "gbc, all features": partial(gbc, n_components=None),
}


@pytest.fixture(params=list(SCORES))
def score(request):
    """A score of features and labels."""
    return SCORES[request.param]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_awkward_data_have_a_finite_score(score, awkward):
    value = score(*awkward)
    assert type(value) is float
    assert np.isfinite(value)


def test_wide_features_score_as_their_coordinates_do(score, classes):
    """A rotation into n of the d dimensions, the others being zero, changes none of these."""
    X, y = classes(0.8, n=30, d=70, k=3)
    basis = np.linalg.qr(X.T)[0]
    rotated = np.hstack([X @ basis, np.zeros((30, 40))])
    assert score(rotated, y) == pytest.approx(score(X, y), rel=1e-6, abs=1e-9)
    assert score(X.astype(np.float32), y) == pytest.approx(score(X, y), rel=1e-3, abs=1e-3)


# A mixture starts from points drawn by their position, so N-LEEP depends on the order.
@pytest.mark.parametrize("name", [name for name in SCORES if name != "n_leep"])
def test_the_order_of_points_does_not_matter(name, classes):
    X, y = classes(0.8)
    order = np.random.default_rng(0).permutation(len(y))
    assert SCORES[name](X[order], y[order]) == pytest.approx(SCORES[name](X, y), rel=1e-9)


@pytest.mark.parametrize(
    "names", [["wolf", "cat", "lion", "ant"], [True, False, 3, "x"], [-1.5, 0.0, 7.25, 1e9]]
)
def test_labels_may_be_of_any_type(score, classes, names):
    X, y = classes(0.8)
    listed = [names[code] for code in y]
    labels = np.array(listed, dtype=object) if len({type(n) for n in names}) > 1 else listed
    assert score(X, labels) == pytest.approx(score(X, y), rel=1e-9)


def test_features_and_labels_are_left_as_they_are(score, classes):
    X, y = classes(0.8)
    before = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    score(X, y)
    np.testing.assert_array_equal(before[0], X)
    np.testing.assert_array_equal(before[1], y)


def test_blocks_of_rows_do_not_matter(score, classes, monkeypatch):
    X, y = classes(0.8)
    whole = score(X, y)
    monkeypatch.setattr(moments, "_BLOCK_BYTES", 8)
    assert score(X, y) == pytest.approx(whole, rel=1e-9)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_by_their_place(score, classes, wide, value):
    X, y = classes(1.0, n=30, d=90 if wide else 5)
    X[3, 2] = value
    with pytest.raises(ValueError, match=r"(NaN|infinity): X\[3, 2\]"):
        score(X, y)


def test_wrong_shapes_and_labels_are_refused(score, classes):
    X, y = classes(1.0)
    with pytest.raises(ValueError, match="120 points but 119 labels"):
        score(X, y[1:])
    with pytest.raises(ValueError, match="Number of labels is 1"):
        score(X, np.zeros(120))
    with pytest.raises(ValueError, match=r"Expected X of shape \(points, features\)"):
        score(X[:, 0], y)
    with pytest.raises(ValueError, match="NaN at position 0"):
        score(X, np.where(np.arange(120) == 0, np.nan, y))


def test_the_package_exports_its_scores():
    assert set(transferability.__all__) == {
        "gbc", "h_score", "leep", "log_me", "n_leep", "nce", "trans_rate"
    }  # fmt: skip
    assert all(callable(getattr(transferability, name)) for name in transferability.__all__)
