"""Coordinates of wide features have their inner products and no more columns than points."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.metrics.transferability.coordinates import coordinates


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_inner_products_are_kept(dtype):
    X = (10 * np.random.default_rng(0).standard_normal((30, 400)) + 3).astype(dtype)
    Z = coordinates(X)
    exact = X.astype(float) @ X.T.astype(float)
    assert Z.shape == (30, 30)
    np.testing.assert_allclose(Z @ Z.T, exact, atol=1e-5 * exact.max())


def test_directions_that_the_points_do_not_span_are_left_out():
    basis = np.random.default_rng(0).standard_normal((3, 100))
    weights = np.random.default_rng(1).standard_normal((20, 3))
    Z = coordinates(weights @ basis)
    assert Z.shape == (20, 3)
    np.testing.assert_allclose(Z @ Z.T, weights @ basis @ basis.T @ weights.T, rtol=1e-9, atol=1e-9)


def test_features_no_wider_than_the_points_are_many_are_returned_as_they_are():
    X = np.ones((5, 5), dtype=np.float32)
    assert coordinates(X) is X


def test_a_memory_map_is_not_copied(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (50, 4))
    assert np.shares_memory(coordinates(X), X)


def test_zeros_have_one_coordinate():
    np.testing.assert_array_equal(coordinates(np.zeros((4, 9))), np.zeros((4, 1)))
