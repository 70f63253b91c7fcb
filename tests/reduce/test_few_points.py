"""t-SNE of few points, or of few points a perplexity: never flat, and near the best schedule."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array

from embedlens.reduce import TSNE
from embedlens.reduce.affinities import conditional_affinities, joint_affinities
from embedlens.reduce.exaggeration import LARGEST, bearable_exaggeration
from embedlens.reduce.neighbors import nearest_points

# The schedules that the default is to be as good as.
PEERS = (
    {"early_exaggeration": 1.0},
    {"early_exaggeration": 4.0},
    {"early_exaggeration": 12.0},
    {"early_exaggeration": 12.0, "learning_rate": 50.0},
)


def classes(n, seed=0):
    """Points of 8 classes that overlap, as features of pictures do."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(8, 200)) * 0.6)[np.arange(n) % 8] + rng.normal(size=(n, 200))


def spans(embedding):
    widths = np.ptp(embedding, axis=0)
    return widths.min() / widths.max()


@pytest.mark.parametrize("method", ["exact", "barnes_hut"])
@pytest.mark.parametrize("n_components", [2, 3])
@pytest.mark.parametrize(("n", "share"), [(20, 3), (50, 3), (80, 5), (125, 4)])
def test_as_good_as_the_best_schedule(n, share, n_components, method):
    X = classes(n)
    parameters = {"perplexity": (n - 1) / share, "method": method, "n_jobs": 1}
    tsne = TSNE(n_components, **parameters).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = min(TSNE(n_components, **parameters, **peer).fit(X).kl_divergence_ for peer in PEERS)
    assert tsne.kl_divergence_ <= 1.1 * best
    assert spans(tsne.embedding_) >= 0.05


def test_a_schedule_that_loses_an_axis_is_not_kept():
    X = classes(64)
    with pytest.warns(UserWarning, match="early_exaggeration=12 .* lost an axis"):
        tsne = TSNE(perplexity=21, early_exaggeration=12.0).fit(X)
    assert spans(tsne.embedding_) >= 0.05
    assert tsne.kl_divergence_ <= 1.1 * TSNE(perplexity=21).fit(X).kl_divergence_


def test_a_schedule_asked_for_is_kept():
    tsne = TSNE(perplexity=10, early_exaggeration=4.0, learning_rate=20.0).fit(classes(100))
    assert tsne.early_exaggeration_ == 4.0


@pytest.mark.parametrize("n", range(3, 13))
@pytest.mark.parametrize("n_components", [2, 3])
def test_a_handful_of_points(n, n_components):
    """As many axes as the points can fill; so few points are never one."""
    tsne = TSNE(n_components, perplexity=max(1.0, (n - 1) / 3)).fit(classes(n))
    assert np.isfinite(tsne.embedding_).all()
    assert np.isfinite(tsne.kl_divergence_)
    assert len(np.unique(tsne.embedding_, axis=0)) == n
    if n > n_components + 1:
        assert spans(tsne.embedding_) >= 0.05


@pytest.mark.parametrize(
    "X",
    [
        np.linspace(0, 1, 60)[:, None] * np.ones(5),
        np.repeat(classes(20), 3, axis=0),
        classes(60) + 1e6,
        np.random.default_rng(0).normal(size=(60, 2)),
    ],
    ids=["line", "triplets", "far from the origin", "plane"],
)
def test_awkward_sets(X):
    assert spans(TSNE(perplexity=19).fit_transform(X)) >= 0.05


def test_points_all_equal_are_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isfinite(TSNE(perplexity=6).fit_transform(np.ones((20, 4)))).all()


def test_many_points_of_many_neighbours_each():
    tsne = TSNE(perplexity=200, max_iter=500).fit(classes(600))
    assert spans(tsne.embedding_) >= 0.05
    assert tsne.early_exaggeration_ < 6


def test_the_exaggeration_follows_from_the_eigenvalues():
    squared, neighbors = nearest_points(classes(90), 60)
    P = joint_affinities(neighbors, conditional_affinities(squared, 20.0))
    A = P.toarray().astype(np.float64)
    root = np.sqrt(A.sum(axis=1))
    values = np.linalg.eigvalsh(A / np.outer(root, root))
    for n_components in (1, 2, 3):
        expected = 1 / (1 - values[-1 - n_components])
        assert bearable_exaggeration(P, n_components, 0) == pytest.approx(expected, rel=0.02)


def test_separate_clusters_bear_the_customary_exaggeration():
    blocks = np.kron(np.eye(5), np.ones((8, 8)))
    assert bearable_exaggeration(csr_array(blocks / blocks.sum()), 3, 0) == LARGEST
