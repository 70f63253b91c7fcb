"""Neighbours in all features, kept beside them."""

import numpy as np
import pytest

from embedlens.metrics import nearest_neighbors
from embedlens.results import nearest as module
from embedlens.results.nearest import find_neighbors, keep_neighbors, kept_neighbors
from embedlens.study.geometry import measure_geometry


@pytest.fixture
def folder(tmp_path):
    """Features of 40 pictures, many more than pictures, one of them twice."""
    values = np.random.default_rng(0).normal(size=(40, 3000)).astype(np.float32)
    values[7] = values[3]
    np.save(tmp_path / "features.npy", values)
    return tmp_path


def test_coordinates_from_the_gram_matrix_have_the_neighbours_of_the_features(folder):
    values = np.load(folder / "features.npy")
    distances, rows = find_neighbors(measure_geometry(values).points)
    expected, _ = nearest_neighbors(values, 12)
    assert distances == pytest.approx(expected, rel=1e-4, abs=0.05)
    assert rows[3, 0] == 7


def test_what_is_kept_is_not_found_again_until_the_features_change(folder, monkeypatch):
    values = np.load(folder / "features.npy")
    keep_neighbors(folder, find_neighbors(values))
    calls = []
    find = module.find_neighbors
    monkeypatch.setattr(module, "find_neighbors", lambda points: calls.append(1) or find(points))
    assert np.array_equal(kept_neighbors(folder)[1], find(values)[1])
    assert calls == []
    np.save(folder / "features.npy", values[::-1, :2000])
    changed = kept_neighbors(folder)
    assert np.array_equal(changed[1], find(values[::-1, :2000])[1])
    assert len(calls) == 1


def test_a_damaged_file_is_found_anew(folder):
    (folder / "neighbors.npz").write_bytes(b"PK\3\4 not a file of arrays")
    assert kept_neighbors(folder)[1].shape == (40, 12)
