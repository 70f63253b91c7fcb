"""Repulsion, exact and by a tree, against its definition in float64."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.arrays import bounded_threads
from embedlens.reduce.barnes_hut import TreeRepulsion
from embedlens.reduce.repulsion import ExactRepulsion, padded
from embedlens.reduce.student import PLANE, SPACE, SPACE_WEIGHTED

LAWS = (PLANE, SPACE, SPACE_WEIGHTED)


def brute(points, law):
    """Forces, (3, n), and Z, over all pairs."""
    y = np.zeros((len(points), 3))
    y[:, : points.shape[1]] = points
    difference = y[:, None] - y[None]
    w = 1 + (difference**2).sum(axis=-1)
    q = w**-1.0 if law == PLANE else w**-1.5
    pull = 1 / w if law == SPACE else q
    np.fill_diagonal(q, 0)
    return ((q * pull)[:, :, None] * difference).sum(axis=1).T, q.sum()


def spread(n, dimensions=3, scale=5.0):
    return (scale * np.random.default_rng(n).normal(size=(n, dimensions))).astype(np.float32)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [2, 15, 16, 17, 333, 1500])
def test_exact_forces_are_those_of_all_pairs(n, law):
    points = spread(n)
    forces, Z = brute(points, law)
    repulsion = ExactRepulsion(padded(points).shape[1])
    assert repulsion(padded(points), law) == pytest.approx(Z, rel=1e-5, abs=1e-9)
    actual = repulsion.forces.sum(axis=0, dtype=np.float64)[:, :n]
    assert np.abs(actual - forces).max() <= 1e-5 * np.abs(forces).max() + 1e-12


@pytest.mark.parametrize("dimensions", [1, 2])
def test_missing_dimensions_feel_no_force(dimensions):
    points = spread(100, dimensions)
    repulsion = ExactRepulsion(112)
    repulsion(padded(points), PLANE)
    actual = repulsion.forces.sum(axis=0)
    assert not actual[dimensions:].any()
    np.testing.assert_allclose(
        actual[:dimensions, :100], brute(points, PLANE)[0][:dimensions], atol=1e-5
    )


@pytest.mark.parametrize("scale", [1e-4, 1.0, 20.0])
@pytest.mark.parametrize("law", LAWS)
def test_the_tree_is_near_and_the_angle_brings_it_nearer(scale, law):
    points = spread(3000, scale=scale)
    forces, Z = brute(points, law)
    errors = []
    for angle in (0.8, 0.5, 0.1):
        tree = TreeRepulsion(padded(points).shape[1], len(points), angle)
        assert tree(padded(points), law) == pytest.approx(Z, rel=0.03 * angle)
        difference = tree.forces[0, :, :3000] - forces
        errors.append(np.linalg.norm(difference) / np.linalg.norm(forces))
    assert errors[1] < 0.02
    assert errors[2] < 1e-3


@pytest.mark.parametrize("n", [2, 31, 33, 100])
def test_a_tree_of_few_points(n):
    points = spread(n)
    tree = TreeRepulsion(padded(points).shape[1], n, 0.1)
    forces, Z = brute(points, SPACE)
    assert tree(padded(points), SPACE) == pytest.approx(Z, rel=1e-3)
    np.testing.assert_allclose(tree.forces[0, :, :n], forces, atol=1e-3 * np.abs(forces).max())


def test_points_at_one_place_do_not_repel():
    points = np.ones((40, 3), np.float32)
    for repulsion in (ExactRepulsion(48), TreeRepulsion(48, 40, 0.5)):
        assert repulsion(padded(points), SPACE) == pytest.approx(40 * 39)
        assert not repulsion.forces.sum(axis=0)[:, :40].any()


@pytest.mark.parametrize("n", [1000, 5000])
def test_the_same_bits_for_any_number_of_threads(n, threads):
    points = padded(spread(n))
    for repulsion in (ExactRepulsion(points.shape[1]), TreeRepulsion(points.shape[1], n, 0.5)):
        answers = []
        for number in (1, 2, 3):
            threads(number)
            with bounded_threads(None):
                answers.append((repulsion(points, SPACE), repulsion.forces.copy()))
        for Z, forces in answers[1:]:
            assert answers[0][0] == Z
            np.testing.assert_array_equal(forces, answers[0][1])
