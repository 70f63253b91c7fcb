"""t-SNE: the quality of its maps, its promises, and awkward data."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import sklearn.manifold
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.base import clone
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from embedlens.arrays.threads import threads as number_of_threads
from embedlens.reduce import PCA, TSNE, gram
from embedlens.reduce import tsne as tsne_module
from embedlens.reduce.affinities import conditional_affinities, joint_affinities
from embedlens.reduce.neighbors import nearest_points


def divergence(X, embedding, perplexity=30.0):
    """KL(P || Q) of a map, by definition, in float64."""
    squared, neighbors = nearest_points(X, min(len(X) - 1, int(3 * perplexity + 1)))
    P = joint_affinities(neighbors, conditional_affinities(squared, perplexity)).toarray()
    P = P.astype(np.float64)
    dof = max(embedding.shape[1] - 1, 1)
    q = (1 + squareform(pdist(embedding.astype(np.float64), "sqeuclidean")) / dof) ** (
        -(dof + 1) / 2
    )
    np.fill_diagonal(q, 0)
    some = P > 0
    return (P[some] * np.log(P[some] / (q / q.sum())[some])).sum()


def neighbors_kept(X, embedding, k=10):
    before, after = (
        NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
        for points in (X, embedding)
    )
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(before, after, strict=True)])


@pytest.fixture(scope="module")
def fitted(digits):
    return TSNE().fit(digits)


@pytest.mark.parametrize("n_components", [2, 3])
def test_as_good_as_scikit_learn(digits, n_components):
    """In the mean of two sets: a single small one may end in either's better local optimum."""
    qualities = []
    for X in (digits[:250], digits[250:]):
        peer = sklearn.manifold.TSNE(n_components, init="pca", random_state=0)
        maps = TSNE(n_components).fit_transform(X), peer.fit_transform(X)
        qualities.append([[divergence(X, map_), neighbors_kept(X, map_)] for map_ in maps])
    ours, theirs = np.mean(qualities, axis=0)
    assert ours[0] <= 1.005 * theirs[0]
    assert ours[1] >= theirs[1]


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_the_divergence_is_that_of_the_map(digits, n_components):
    tsne = TSNE(n_components).fit(digits)
    assert tsne.embedding_.shape == (500, n_components)
    assert tsne.embedding_.dtype == np.float32
    assert tsne.kl_divergence_ == pytest.approx(divergence(digits, tsne.embedding_), rel=1e-4)


def test_clusters_stay_apart(blobs):
    X, y = blobs
    assert silhouette_score(TSNE().fit_transform(X), y) > 0.6


def test_the_trace_goes_down_and_ends_at_the_divergence(fitted):
    trace = fitted.trace_
    assert trace.dtype.names == ("iteration", "kl", "gradient_norm")
    assert trace["kl"][-1] == fitted.kl_divergence_ < trace["kl"][0]
    assert trace["iteration"][-1] == fitted.n_iter_ <= 1000
    assert (trace["gradient_norm"] > 0).all()
    assert trace["gradient_norm"][-1] < trace["gradient_norm"][0]


def test_it_stops_when_the_divergence_settles(digits):
    settled = TSNE(tol=0.05).fit(digits)
    longer = TSNE(tol=0.0).fit(digits)
    assert 500 <= settled.n_iter_ < longer.n_iter_


def test_the_callback_hears_of_the_progress(digits):
    heard = []
    tsne = TSNE(callback=lambda *arguments: heard.append(arguments)).fit(digits)
    assert [h[0] for h in heard] == tsne.trace_["iteration"].tolist()
    assert [h[1] for h in heard] == tsne.trace_["kl"].tolist()
    assert {h[2] for h in heard} == {1000}


@pytest.mark.parametrize("method", ["exact", "barnes_hut"])
def test_the_same_bits_for_any_number_of_threads(digits, method, threads, monkeypatch):
    threads(3)
    monkeypatch.setattr(tsne_module, "_PAIRS_A_THREAD", 1)
    one, two, all_ = (TSNE(method=method, n_jobs=n_jobs).fit(digits) for n_jobs in (1, 2, None))
    np.testing.assert_array_equal(one.embedding_, two.embedding_)
    np.testing.assert_array_equal(one.embedding_, all_.embedding_)
    np.testing.assert_array_equal(one.trace_, two.trace_)
    np.testing.assert_array_equal(one.transform(digits[:9]), two.transform(digits[:9]))


def test_threads_are_left_as_they_were(digits, threads):
    threads(2)
    TSNE(n_jobs=1, max_iter=10).fit(digits)
    assert number_of_threads() == 2
    assert not [one for one in threading.enumerate() if one.name == "embedlens"]


def test_the_tree_makes_as_good_a_map(digits):
    exact, tree = (TSNE(method=method).fit(digits) for method in ("exact", "barnes_hut"))
    assert (exact.method_, tree.method_) == ("exact", "barnes_hut")
    assert divergence(digits, tree.embedding_) <= 1.02 * divergence(digits, exact.embedding_)
    assert tree.kl_divergence_ == pytest.approx(divergence(digits, tree.embedding_), rel=0.02)


def test_gram_distances_and_features_make_one_map(wide):
    """The metrics differ in rounding only: the first steps agree, and the ends are as good."""
    maps = [
        TSNE(perplexity=10, metric="euclidean").fit(wide),
        TSNE(perplexity=10, metric="gram").fit(gram(wide)),
        TSNE(perplexity=10, metric="precomputed").fit(cdist(wide, wide)),
    ]
    divergences = [divergence(wide, tsne.embedding_, 10) for tsne in maps]
    assert max(divergences) <= 1.05 * min(divergences)


def test_cosine_is_euclidean_between_directions(digits):
    """And lengths do not matter."""
    lengths = np.random.default_rng(0).uniform(0.1, 9, size=(500, 1))
    first, second = (
        TSNE(metric="cosine", max_iter=30).fit_transform(X) for X in (digits, digits * lengths)
    )
    np.testing.assert_allclose(first, second, atol=1e-2 * np.abs(first).max())


def test_the_start_is_what_is_given(digits):
    start = PCA(3).fit_transform(digits)
    start *= 1e-4 / start[:, 0].std()
    given, default = TSNE(init=start, max_iter=30), TSNE(max_iter=30)
    expected = default.fit_transform(digits)
    np.testing.assert_allclose(
        given.fit_transform(digits), expected, atol=1e-2 * np.abs(expected).max()
    )


def test_a_random_start_depends_on_the_seed(digits):
    first, same, other = (
        TSNE(init="random", max_iter=50, random_state=seed).fit_transform(digits)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_new_points_find_their_class(digits, digit_labels):
    """Nearly as often as by all their features: 87 of these 100."""
    known, new = slice(400), slice(400, 500)
    tsne = TSNE().fit(digits[known])

    def accuracy(fitted, placed):
        classifier = KNeighborsClassifier(5).fit(fitted, digit_labels[known])
        return classifier.score(placed, digit_labels[new])

    by_features = accuracy(digits[known], digits[new])
    assert accuracy(tsne.embedding_, tsne.transform(digits[new])) >= by_features - 0.05


def test_known_points_return_to_their_place(digits, fitted):
    places = fitted.transform(digits[:100])
    distances = np.linalg.norm(places - fitted.embedding_[:100], axis=1)
    assert np.median(distances) < 0.1 * fitted.embedding_.std()


def test_a_new_point_does_not_depend_on_its_company(digits, fitted):
    together = fitted.transform(digits[:20])
    alone = np.vstack([fitted.transform(digits[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(together, alone, atol=1e-3 * np.abs(together).max())


def test_new_points_by_their_distances(wide):
    D = cdist(wide, wide)
    tsne = TSNE(perplexity=10, metric="precomputed").fit(D[:100, :100])
    assert tsne.transform(D[100:, :100]).shape == (20, 3)
    with pytest.raises(ValueError, match="120 features"):
        tsne.transform(D[100:])
    with pytest.raises(ValueError, match="precomputed"):
        TSNE(perplexity=10, metric="gram").fit(gram(wide)).transform(wide)


def test_all_points_equal():
    embedding = TSNE(perplexity=5).fit_transform(np.ones((20, 4)))
    assert np.isfinite(embedding).all()


def test_two_points():
    embedding = TSNE(perplexity=1).fit_transform([[0.0, 0.0], [1.0, 0.0]])
    assert np.isfinite(embedding).all()
    assert embedding.shape == (2, 3)


def test_duplicates_land_together(digits):
    X = np.vstack([digits[:200], digits[:50]])
    embedding = TSNE(perplexity=15).fit_transform(X)
    apart = np.linalg.norm(embedding[:50] - embedding[200:], axis=1)
    assert np.median(apart) < 0.1 * embedding.std()


def test_one_feature():
    X = np.random.default_rng(0).normal(size=(80, 1))
    tsne = TSNE(perplexity=10).fit(X)
    assert np.isfinite(tsne.embedding_).all()
    assert neighbors_kept(X, tsne.embedding_) > 0.6


def test_far_from_the_origin(digits):
    near, far = (
        TSNE(max_iter=30).fit_transform(X) for X in (digits, digits.astype(np.float64) + 1e4)
    )
    np.testing.assert_allclose(far, near, atol=1e-2 * np.abs(near).max())


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.float64])
def test_dtypes_and_layouts(digits, dtype):
    expected = TSNE(max_iter=30).fit_transform(digits)
    tolerance = 1e-2 * np.abs(expected).max()
    strided = np.repeat(digits.astype(dtype), 2, axis=1)[:, ::2]
    for X in (strided, np.asfortranarray(digits.astype(dtype))):
        np.testing.assert_allclose(TSNE(max_iter=30).fit_transform(X), expected, atol=tolerance)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 4}, "1, 2 or 3, not 4"),
        ({"perplexity": 500}, r"perplexity \(500\) must be less than the number of points \(500\)"),
        ({"perplexity": 0}, "not 0"),
        ({"early_exaggeration": 0.5}, "not 0.5"),
        ({"learning_rate": -1.0}, "not -1.0"),
        ({"max_iter": 0}, "not 0"),
        ({"metric": "manhattan"}, "'manhattan'"),
        ({"method": "fft"}, "'fft'"),
        ({"init": "spectral"}, "'spectral'"),
        ({"init": np.zeros((3, 3))}, r"\(500, 3\), not \(3, 3\)"),
        ({"n_jobs": 0}, "not 0"),
    ],
)
def test_parameters_out_of_range(digits, parameters, message):
    with pytest.raises(ValueError, match=message):
        TSNE(**parameters).fit(digits)


@pytest.mark.parametrize(
    ("metric", "X", "message"),
    [
        ("euclidean", [[0.0, np.nan], [1.0, 2.0], [3.0, 4.0]], r"X\[0, 1\]"),
        ("euclidean", [[0.0, np.nan, 1.0], [1.0, 2.0, 3.0]], r"X\[0, 1\]"),
        ("cosine", [[1.0, 1.0], [0.0, 0.0], [1.0, 2.0]], "Row 1 is zero"),
        ("precomputed", [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0]], r"\(2, 3\)"),
        ("precomputed", [[0.0, -1.0], [-1.0, 0.0]], "-1.0"),
        ("gram", [[np.inf, 0.0], [0.0, 1.0]], "infinity"),
        ("euclidean", [[1.0, 2.0]], "two points"),
    ],
)
def test_unfit_data_are_refused(metric, X, message):
    with pytest.raises(ValueError, match=message):
        TSNE(perplexity=1, metric=metric).fit(np.array(X))


def test_scikit_learn_contract(digits, fitted):
    tsne = TSNE(2, perplexity=7, n_jobs=1)
    assert clone(tsne).get_params() == tsne.get_params()
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.transform(digits[:3]), fitted.transform(digits[:3]))


def test_numba_is_imported_on_use_only():
    code = "import sys, embedlens.reduce; assert not {'numba', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
