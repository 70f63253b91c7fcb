"""t-SNE of many points: a coarse tree first, and more momentum after it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from embedlens.reduce import TSNE
from embedlens.reduce import tsne as tsne_module
from embedlens.reduce.neighbors import nearest_points


@pytest.fixture(scope="module")
def pictures():
    return load_digits().data.astype(np.float32)


@pytest.fixture
def many(monkeypatch):
    """Count few points as many, so that tests are quick."""
    monkeypatch.setattr(tsne_module, "_MANY_POINTS", 100)


def kept(X, embedding, k=10):
    before, after = (nearest_points(points, k)[1] for points in (X, embedding))
    return np.mean([np.isin(a, b).mean() for a, b in zip(before, after, strict=True)])


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_as_good_a_map_as_by_all_pairs(pictures, n_components, many, monkeypatch):
    short = {"max_iter": 400, "tol": 0.0}
    tsne = TSNE(n_components, **short).fit(pictures[:500])
    monkeypatch.undo()
    plain = TSNE(n_components, **short).fit(pictures[:500])
    assert not np.array_equal(tsne.embedding_, plain.embedding_)
    assert tsne.kl_divergence_ <= 1.01 * plain.kl_divergence_
    assert kept(pictures[:500], tsne.embedding_) >= kept(pictures[:500], plain.embedding_) - 0.01


def test_the_same_bits_for_any_number_of_threads(pictures, many, threads, monkeypatch):
    threads(3)
    monkeypatch.setattr(tsne_module, "_PAIRS_A_THREAD", 1)
    one, two, all_ = (TSNE(n_jobs=n_jobs, max_iter=80).fit(pictures[:500]) for n_jobs in (1, 2, -1))
    np.testing.assert_array_equal(one.embedding_, two.embedding_)
    np.testing.assert_array_equal(one.embedding_, all_.embedding_)
    np.testing.assert_array_equal(one.trace_, two.trace_)


@pytest.mark.parametrize("method", ["exact", "barnes_hut"])
def test_a_method_asked_for_holds_throughout(pictures, many, method, monkeypatch):
    """Momentum aside, which comes after exaggeration."""
    parameters = {"method": method, "max_iter": 40, "learning_rate": 50.0}
    X = pictures[:300]
    asked = TSNE(**parameters, early_exaggeration=8.0).fit_transform(X)
    monkeypatch.undo()
    np.testing.assert_array_equal(
        asked, TSNE(**parameters, early_exaggeration=8.0).fit_transform(X)
    )


def test_duplicates_and_few_of_a_kind_find_each_other(pictures, many):
    """Half of the points are one picture; ten others come thrice, far from the rest."""
    few = 200 + 40 * np.random.default_rng(0).normal(size=(10, 64))
    X = np.vstack([pictures[:200], np.repeat(pictures[:1], 200, axis=0), np.repeat(few, 3, axis=0)])
    tsne = TSNE(perplexity=10, max_iter=300).fit(X)
    assert np.isfinite(tsne.embedding_).all()
    threes = tsne.embedding_[400:].reshape(10, 3, 3)
    apart = np.linalg.norm(threes - threes.mean(axis=1, keepdims=True), axis=2)
    assert np.median(apart) < 0.1 * tsne.embedding_.std()
