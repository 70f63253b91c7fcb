"""Distortion of a map: against scikit-learn, SciPy and what must be so."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as of_sklearn

from embedlens.metrics import (
    continuity,
    distance_correlation,
    distortion_report,
    nearest_neighbors,
    neighborhood_preservation,
    trustworthiness,
)


@pytest.fixture(params=[(250, 5, np.float64), (250, 60, np.float32)], ids=["few", "many"])
def projected(request, blobs):
    """Features and their first two principal components."""
    n, d, dtype = request.param
    X, _ = blobs(n, d, 5, dtype)
    return X, PCA(2).fit_transform(X)


@pytest.mark.parametrize("k", [1, 5, 40])
def test_agrees_with_scikit_learn(projected, k):
    X, Y = projected
    expected = of_sklearn(X.astype(np.float64), Y, n_neighbors=k)
    assert trustworthiness(X, Y, k) == pytest.approx(expected, abs=1e-6)
    backwards = of_sklearn(Y, X.astype(np.float64), n_neighbors=k)
    assert continuity(X, Y, k) == pytest.approx(backwards, abs=1e-6)
    by_angle = of_sklearn(X.astype(np.float64), Y, n_neighbors=k, metric="cosine")
    assert trustworthiness(X, Y, k, metric="cosine") == pytest.approx(by_angle, abs=1e-6)


def test_gram_matrix_and_distances_give_the_same(projected, distances):
    X, Y = projected
    X = X.astype(np.float64)
    expected = distortion_report(X, Y).to_frame()
    for metric, matrix in (("precomputed", distances(X)), ("gram", X @ X.T)):
        report = distortion_report(matrix, Y, metric=metric).to_frame()
        np.testing.assert_allclose(report["value"], expected["value"], atol=1e-9)


@pytest.mark.parametrize("kind", ["random", "float32", "grid", "duplicates", "far from the origin"])
@pytest.mark.parametrize("d", [2, 40])
def test_a_map_that_is_the_features_turned_and_scaled_keeps_everything(kind, d):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, d))
    if kind == "float32":
        X = X.astype(np.float32)
    elif kind == "grid":
        X = np.round(X)
    elif kind == "duplicates":
        X[30:90] = X[0]
    elif kind == "far from the origin":
        X = X + 1e6
    report = distortion_report(X, 4 * X[:, ::-1])
    exact = dict.fromkeys((5, 10, 20, 50), 1.0)
    assert report.trustworthiness == report.continuity == exact
    assert report.neighborhood_preservation == exact
    assert report.distance_correlation.pearson == pytest.approx(1, abs=1e-6)
    assert report.distance_correlation.spearman == pytest.approx(1, abs=1e-6)


def test_a_random_map_keeps_nothing(blobs):
    X, _ = blobs(1000, 10, 5)
    report = distortion_report(X, np.random.default_rng(1).normal(size=(1000, 3)))
    assert report.trustworthiness[10] == pytest.approx(0.5, abs=0.02)
    assert report.continuity[10] == pytest.approx(0.5, abs=0.02)
    assert report.neighborhood_preservation[50] == pytest.approx(50 / 999, abs=0.01)
    assert report.distance_correlation.pearson == pytest.approx(0, abs=0.05)


def test_torn_neighbours_cost_continuity_and_strangers_cost_trustworthiness():
    line = np.arange(200.0).reshape(-1, 1)
    torn = np.where(line < 100, line, line + 1e4) % 100 + (line // 100) * 1e4
    folded = np.abs(line - 99.5)
    assert trustworthiness(line, torn) == pytest.approx(1, abs=1e-3)
    assert trustworthiness(line, folded) < 0.8
    assert continuity(line, folded) > 0.97


def test_a_tie_is_no_intrusion():
    """All points equal in the features: no neighbour in the map is a wrong one."""
    Y = np.random.default_rng(0).normal(size=(40, 2))
    assert trustworthiness(np.full((40, 3), 0.1), Y) == 1
    assert trustworthiness(np.full((40, 30), 0.1), Y) == 1
    assert continuity(Y, np.full((40, 3), 0.1)) == 1


def test_preservation_is_the_share_of_common_neighbours(projected):
    X, Y = projected
    kept = neighborhood_preservation(X, Y, ks=(1, 7, 249))
    for k in (1, 7):
        before, after = nearest_neighbors(X, k)[1], nearest_neighbors(Y, k)[1]
        common = [len(set(a) & set(b)) / k for a, b in zip(before, after, strict=True)]
        assert kept[k] == pytest.approx(np.mean(common))
    assert kept[249] == 1


def test_distances_of_all_points_correlate_as_in_scipy(projected):
    X, Y = projected
    x, y = pdist(X.astype(np.float64)), pdist(Y)
    found = distance_correlation(X, Y)
    assert (found.points, found.pairs) == (250, len(x))
    assert found.pearson == pytest.approx(pearsonr(x, y)[0], abs=1e-9)
    assert found.spearman == pytest.approx(spearmanr(x, y)[0], abs=1e-6)


def test_points_are_drawn_by_the_seed(projected):
    draws = [distance_correlation(*projected, sample_size=50, random_state=i) for i in (1, 1, 2)]
    assert draws[0] == draws[1]
    assert draws[0].pearson != draws[2].pearson
    assert (draws[0].points, draws[0].pairs) == (50, 1225)


def test_correlation_of_equal_distances_is_unknown():
    found = distance_correlation(np.zeros((10, 3)), np.arange(10.0).reshape(-1, 1))
    assert np.isnan([found.pearson, found.spearman]).all()


def test_report_holds_what_the_functions_return(projected):
    X, Y = projected
    report = distortion_report(X, Y, ks=(3, 30))
    assert (report.metric, report.count) == ("euclidean", 250)
    assert report.trustworthiness == {k: trustworthiness(X, Y, k) for k in (3, 30)}
    assert report.continuity == {k: continuity(X, Y, k) for k in (3, 30)}
    assert report.neighborhood_preservation == neighborhood_preservation(X, Y, (3, 30))
    assert report.distance_correlation == distance_correlation(X, Y)
    frame = report.to_frame()
    assert frame.columns.tolist() == ["metric", "k", "value"]
    assert frame["k"].isna().sum() == 2
    row = frame[(frame["metric"] == "continuity") & (frame["k"] == 30)]
    assert row["value"].item() == report.continuity[30]


def test_report_leaves_out_numbers_of_neighbours_that_small_maps_do_not_have(blobs):
    X, _ = blobs(30, 5, 3)
    assert list(distortion_report(X, X[:, :2]).trustworthiness) == [5, 10]


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (trustworthiness, {"k": 20}, "less than n / 2 = 20; got 20"),
        (continuity, {"k": 0}, "at least 1.*got 0"),
        (distortion_report, {"ks": (5, 25)}, "less than n / 2 = 20; got 25"),
        (neighborhood_preservation, {"ks": (5, 40)}, "between 1 and 39.*got 40"),
        (distance_correlation, {"sample_size": 2}, "needs 3 points or more; got 2"),
    ],
)
def test_numbers_out_of_range_are_named(function, arguments, says):
    X = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match=says):
        function(X, X, **arguments)


@pytest.mark.parametrize(
    "function",
    [
        trustworthiness,
        continuity,
        neighborhood_preservation,
        distance_correlation,
        distortion_report,
    ],
)
def test_features_and_map_must_be_of_the_same_finite_points(function):
    X = np.random.default_rng(0).normal(size=(120, 3))
    with pytest.raises(ValueError, match="X has 120 points and Y has 119"):
        function(X, X[1:])
    Y = X.copy()
    Y[5, 1] = np.nan
    with pytest.raises(ValueError, match=r"NaN.*X\[5, 1\]"):
        function(X, Y)


def test_same_for_any_number_of_threads(blobs, threads):
    X, _ = blobs(2500, 30, 5, np.float32)
    threads(1)
    one = distortion_report(X, X[:, :2])
    threads(2)
    assert distortion_report(X, X[:, :2]) == one
