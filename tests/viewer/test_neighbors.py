"""Neighbours of one picture against those of all."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.metrics import nearest_neighbors
from embedlens.viewer import neighbors
from embedlens.viewer.neighbors import FeatureNeighbors


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_one_pictures_neighbours_are_those_of_the_exact_search(tmp_path, monkeypatch, offset):
    monkeypatch.setattr(neighbors, "_BLOCK", 1_000)  # several blocks
    values = (np.random.default_rng(0).normal(size=(300, 20)) + offset).astype(np.float32)
    np.save(tmp_path / "f.npy", values)
    finder = FeatureNeighbors(np.load(tmp_path / "f.npy", mmap_mode="r"))
    distances, indices = nearest_neighbors(values, 12)
    for row in (0, 77, 299):
        found = finder.of(row, 12)
        np.testing.assert_array_equal(found[1], indices[row])
        np.testing.assert_allclose(found[0], distances[row], rtol=1e-6)


def test_equal_pictures_are_at_distance_zero_and_a_picture_is_not_its_own_neighbour():
    values = np.zeros((5, 3), np.float32)
    distances, indices = FeatureNeighbors(values).of(2, 12)
    assert distances.tolist() == [0, 0, 0, 0]
    assert indices.tolist() == [0, 1, 3, 4]
