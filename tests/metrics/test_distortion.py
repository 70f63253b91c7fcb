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
from embedlens.metrics.tied_ranks import Circle, neighbors_by_lot, ranks_by_lot


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


def of_chance(n, k):
    """Trustworthiness and continuity where ranks are drawn by lot, on average."""
    return 1 - (n - 1 - k) * (n - k) / ((n - 1) * (2 * n - 3 * k - 1))


@pytest.mark.parametrize("d", [3, 30])
@pytest.mark.parametrize("place", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("ordered", [False, True])
def test_a_map_of_points_in_one_place_scores_as_chance_does(d, place, ordered):
    X = np.random.default_rng(0).normal(size=(200, 8))
    if ordered:  # as pictures are, class after class: the first of equals must not be the nearest
        X = np.arange(200.0)[:, None] + 0.1 * X
    report = distortion_report(X, np.full((200, d), place), ks=(10, 50))
    for k in (10, 50):
        assert report.trustworthiness[k] == pytest.approx(of_chance(200, k), abs=0.03)
        assert report.continuity[k] == pytest.approx(of_chance(200, k), abs=0.03)
        assert report.neighborhood_preservation[k] == pytest.approx(k / 199, abs=0.03)
    assert np.isnan(report.distance_correlation.pearson)
    assert np.isnan(report.distance_correlation.spearman)
    assert continuity(X, np.full((200, d), place), 10) == report.continuity[10]
    assert trustworthiness(X, np.full((200, d), place), 10) == report.trustworthiness[10]


def test_features_that_are_all_alike_say_nothing_of_a_map():
    Y = np.random.default_rng(0).normal(size=(200, 2))
    for d in (3, 30):
        X = np.full((200, d), 0.1)
        assert trustworthiness(X, Y, 10) == pytest.approx(of_chance(200, 10), abs=0.03)
        assert continuity(X, Y, 10) == pytest.approx(of_chance(200, 10), abs=0.03)


def expected_by_lot(A, B, k):
    """1 less the mean excess of ranks in B of the k nearest in A, over many orders of ties."""
    rng, n, found = np.random.default_rng(1), len(A), []
    for _ in range(200):
        excess = 0
        for i in range(n):
            lot = rng.permutation(n)
            order = [np.lexsort((lot, D[i])) for D in (A, B)]
            order = [each[each != i] for each in order]
            ranks = np.empty(n)
            ranks[order[1]] = np.arange(1, n)
            excess += np.maximum(ranks[order[0][:k]] - k, 0).sum()
        found.append(1 - 2 * excess / (n * k * (2 * n - 3 * k - 1)))
    return np.mean(found)


@pytest.mark.parametrize("case", ["coarse map", "coarse features", "both", "two places"])
def test_ties_count_as_orders_drawn_by_lot_do(case):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    Y = X[:, :2] + 0.5 * rng.normal(size=(40, 2))
    if case in ("coarse features", "both"):
        X = np.round(X)
    if case in ("coarse map", "both"):
        Y = np.round(Y)
    if case == "two places":
        Y = np.where(X[:, :1] > 0, [[1.0, 0.0]], [[0.0, 3.0]])
    # Of whole numbers squares are exact, and ties are ties.
    A, B = (((Z[:, None] - Z[None]) ** 2).sum(-1) for Z in (X, Y))
    for k in (3, 8):
        assert trustworthiness(X, Y, k) == pytest.approx(expected_by_lot(B, A, k), abs=0.03)
        assert continuity(X, Y, k) == pytest.approx(expected_by_lot(A, B, k), abs=0.03)


def test_ranks_of_ties_are_those_of_sorting_by_distance_and_circle():
    rng = np.random.default_rng(0)
    for X in (rng.integers(0, 3, (60, 2)) * 1.0, rng.integers(0, 2, (60, 20)) * 1.0):
        circle = Circle.of(60)
        D = ((X[:, None] - X[None]) ** 2).sum(-1)
        order = [np.lexsort((circle.steps(i, slice(None)), D[i])) for i in range(60)]
        order = np.array([each[each != i] for i, each in enumerate(order)])
        assert np.array_equal(neighbors_by_lot(X, 7, "euclidean", circle), order[:, :7])
        assert np.array_equal(neighbors_by_lot(X, 59, "euclidean", circle), order)
        wanted = np.array([rng.permutation(np.delete(np.arange(60), i))[:9] for i in range(60)])
        place = np.argsort(np.insert(order, 0, np.arange(60), axis=1), axis=1)
        expected = np.take_along_axis(place, wanted, axis=1)
        assert np.array_equal(ranks_by_lot(X, wanted, "euclidean", circle), expected)


def test_distances_that_differ_by_rounding_alone_share_a_rank():
    """Corners of a cube, turned: three distances."""
    X = np.random.default_rng(0).integers(0, 2, (80, 3)) * 1.0
    turned = X @ np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    assert distance_correlation(X, turned).spearman == pytest.approx(1, abs=1e-12)
    corners = np.eye(30)
    turned = corners @ np.linalg.qr(np.random.default_rng(1).normal(size=(30, 30)))[0]
    found = distance_correlation(turned, np.random.default_rng(2).normal(size=(30, 2)))
    assert np.isnan([found.pearson, found.spearman]).all()


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
        (neighborhood_preservation, {"ks": (0, 5)}, "between 1 and 39.*got 0"),
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
