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


def by_lot(points, labels, k, draws=400):
    """The mean over many orders of points that are equally far."""
    rng, total = np.random.default_rng(0), 0
    D = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(D, np.inf)
    for _ in range(draws):
        lot = rng.permutation(len(points))
        nearest = np.array([np.lexsort((lot, row))[:k] for row in D])
        total = total + (labels[nearest] == labels[:, None]).mean(axis=1)
    return total / draws


def test_points_in_one_place_have_the_purity_of_a_draw_by_lot():
    for k in (1, 2, 5):
        purity = neighbor_purity(np.full((6, 3), 0.1), ["a", "b", "b", "b", "b", "b"], k)
        assert purity == pytest.approx([0.0] + [0.8] * 5)
    # Class after class, as pictures are: the first points must not be everybody's neighbours.
    labels = np.repeat(["a", "b", "c", "d"], 500)
    purity = neighbor_purity(np.zeros((2000, 3)), labels, 10)
    assert purity == pytest.approx(np.full(2000, 499 / 1999))


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("values", [2, 3, 6])
def test_of_points_that_are_equally_far_each_counts_by_its_chance(k, values):
    rng = np.random.default_rng(values)
    points, labels = rng.integers(0, values, (60, 2)) * 1.0, rng.choice(["a", "b", "c"], 60)
    assert neighbor_purity(points, labels, k) == pytest.approx(by_lot(points, labels, k), abs=0.12)
    mean = by_lot(points, labels, k).mean()
    assert neighbor_purity(points, labels, k).mean() == pytest.approx(mean, abs=0.01)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_the_unit_does_not_matter(factor):
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(50, 3)), rng.choice(["a", "b"], 50)
    assert neighbor_purity(points * factor, labels, 5) == pytest.approx(
        neighbor_purity(points, labels, 5)
    )


@pytest.mark.parametrize(
    ("points", "labels", "k", "message"),
    [
        ([[0.0], [1.0], [np.nan]], ["a", "b", "a"], 1, "NaN"),
        ([[0.0], [1.0], [np.inf]], ["a", "b", "a"], 1, "infinity"),
        ([[0.0], [1.0], [2.0]], ["a", "b"], 1, "3 points but 2 labels"),
        ([[0.0], [1.0], [2.0]], ["a", "b", np.nan], 1, "NaN at position 2"),
        ([[0.0], [1.0], [2.0]], ["a", None, "b"], 1, "None at position 1"),
        ([[0.0], [1.0], [2.0]], ["a", "b", "b"], 0, "got 0"),
        ([0.0, 1.0, 2.0], ["a", "b", "b"], 1, "shape"),
    ],
)
def test_what_has_no_purity_is_refused(points, labels, k, message):
    with pytest.raises(ValueError, match=message):
        neighbor_purity(points, labels, k)


def test_fewer_points_than_neighbours_and_a_single_point():
    assert neighbor_purity([[0.0], [1.0]], ["a", "a"], 10).tolist() == [1.0, 1.0]
    assert np.isnan(neighbor_purity([[0.0]], ["a"], 10)).all()
