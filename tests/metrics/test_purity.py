"""Neighbour purity against a direct count."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.metrics import neighbor_purity


def counted(points, labels, k):
    shares = []
    for i, point in enumerate(points):
        distances = np.linalg.norm(points - point, axis=1)
        distances[i] = np.inf
        shares.append(np.mean(labels[np.argsort(distances)[:k]] == labels[i]))
    return np.array(shares)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 10])
def test_it_is_the_share_of_nearest_of_the_own_class(dimensions, k):
    rng = np.random.default_rng(dimensions)
    points, labels = rng.normal(size=(80, dimensions)), rng.choice(["a", "b", "c"], 80)
    assert neighbor_purity(points, labels, k) == pytest.approx(counted(points, labels, k))


def test_a_point_is_not_its_own_neighbour_among_equal_points():
    points = np.zeros((6, 3))
    labels = ["a", "b", "b", "b", "b", "b"]
    purity = neighbor_purity(points, labels, 2)
    assert purity[0] == 0.0
    assert set(purity[1:]) <= {0.5, 1.0}


def test_fewer_points_than_neighbours_and_a_single_point():
    assert neighbor_purity([[0.0], [1.0]], ["a", "a"], 10).tolist() == [1.0, 1.0]
    assert np.isnan(neighbor_purity([[0.0]], ["a"], 10)).all()
