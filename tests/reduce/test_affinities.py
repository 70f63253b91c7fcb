"""Affinities of t-SNE, against scikit-learn's and their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.manifold._t_sne import _joint_probabilities_nn
from sklearn.neighbors import NearestNeighbors

from embedlens.reduce.affinities import conditional_affinities, joint_affinities
from embedlens.reduce.neighbors import nearest_points


def perplexities(conditional):
    logarithms = np.log(conditional, where=conditional > 0, out=np.zeros_like(conditional))
    return np.exp(-(conditional * logarithms).sum(axis=1))


@pytest.mark.parametrize("perplexity", [2.0, 10.0, 30.0])
def test_each_row_has_the_perplexity(blobs, perplexity):
    squared, _ = nearest_points(blobs[0], int(3 * perplexity + 1))
    conditional = conditional_affinities(squared, perplexity)
    np.testing.assert_allclose(perplexities(conditional), perplexity, rtol=1e-4)
    np.testing.assert_allclose(conditional.sum(axis=1), 1, rtol=1e-12)


@settings(max_examples=50)
@given(arrays(np.float32, (4, 12), elements=st.floats(0, 1e6, width=32)))
def test_any_distances_give_probabilities(squared):
    conditional = conditional_affinities(np.sort(squared, axis=1), 5.0)
    assert np.isfinite(conditional).all()
    np.testing.assert_allclose(conditional.sum(axis=1), 1, rtol=1e-9)


def test_equal_distances_are_uniform():
    assert (conditional_affinities(np.full((2, 8), 3, np.float32), 3.0) == 1 / 8).all()
    assert (conditional_affinities(np.zeros((2, 8), np.float32), 3.0) == 1 / 8).all()


def test_joint_affinities_are_those_of_scikit_learn(blobs):
    X = blobs[0].astype(np.float32)
    squared, neighbors = nearest_points(X, 91)
    P = joint_affinities(neighbors, conditional_affinities(squared, 30.0))
    graph = NearestNeighbors(n_neighbors=91).fit(X).kneighbors_graph(mode="distance")
    graph.data **= 2
    expected = _joint_probabilities_nn(graph, 30, 0).toarray()
    np.testing.assert_allclose(P.toarray(), expected, atol=1e-4 * expected.max())
    assert P.dtype == np.float32
    assert abs(P - P.T).max() == 0
