"""Places of new pictures on a map of more pictures than have a Gram matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from embedlens.classify import placing
from embedlens.classify.placing import PlacedMaps, perplexity_of, reduced_for_tsne
from embedlens.reduce import TSNE


@pytest.fixture(scope="module")
def pictures():
    """Digits turned into many features, most of them noise, far from the origin; their labels."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wide = X[:700] @ rng.normal(size=(64, 300)) + rng.normal(0, 2, (700, 300)) + 100
    return wide.astype(np.float32), y[:700]


def test_beyond_the_gram_matrix_new_pictures_find_their_class(pictures, monkeypatch):
    """On the t-SNE map nearly as often as by all their features, alone as in company."""
    monkeypatch.setattr(placing, "GRAM_LIMIT", 500)
    values, labels = pictures
    known, new = slice(600), slice(600, 700)
    points = reduced_for_tsne(values[known]).transform(values[known])
    tsne = TSNE(perplexity=perplexity_of(600), max_iter=300).fit(points)
    ready = PlacedMaps(values[known], {"tsne": tsne.embedding_}, Path("none.npz"))
    places = ready.place(values[new])["tsne"]
    right = [
        KNeighborsClassifier(5).fit(X, labels[known]).score(Z, labels[new])
        for X, Z in ((values[known], values[new]), (tsne.embedding_, places))
    ]
    assert right[1] >= right[0] - 0.05
    one = ready.place(values[new][3:4])["tsne"][0]
    assert np.linalg.norm(one - places[3]) <= 1e-3 * np.ptp(tsne.embedding_)
    again = ready.place(values[:50])["tsne"]
    moved = np.linalg.norm(again - tsne.embedding_[:50], axis=1)
    assert np.median(moved) < 0.1 * tsne.embedding_.std()
