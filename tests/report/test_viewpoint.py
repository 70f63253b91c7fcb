"""From where a map is seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlens.metrics import silhouette_score
from embedlens.report.viewpoint import Viewpoint, best_viewpoint

angles = st.floats(-360, 360)


def along_a_line(direction: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes one behind the other in a direction, spread wide across it."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(240, 3)) * 3
    direction = direction / np.linalg.norm(direction)
    points -= np.outer(points @ direction, direction)
    labels = np.repeat(["a", "b", "c"], 80)
    places = np.repeat([0.0, 10.0, 20.0], 80) + rng.normal(size=240) * 0.5
    return points + np.outer(places, direction), labels


def sight(viewpoint: Viewpoint) -> np.ndarray:
    """The direction from the points to the eye."""
    return np.linalg.solve(viewpoint.project(np.eye(3)).T, [0.0, 0.0, 1.0])


@given(angles, angles)
def test_a_projection_turns_and_nothing_else(azimuth, elevation):
    points = np.random.default_rng(0).normal(size=(20, 3))
    seen = Viewpoint(azimuth, elevation).project(points)
    np.testing.assert_allclose(seen @ seen.T, points @ points.T, atol=1e-9)
    assert np.linalg.det(Viewpoint(azimuth, elevation).project(np.eye(3))) == pytest.approx(1)


@given(angles, st.floats(-89, 89))
def test_the_third_axis_is_upright(azimuth, elevation):
    right, up, _ = Viewpoint(azimuth, elevation).project(np.array([[0.0, 0.0, 1.0]]))[0]
    assert right == pytest.approx(0)
    assert up > 0


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, -2, 0.5)])
def test_it_looks_across_the_line_on_which_the_classes_lie(direction):
    """Seen along that line the classes hide each other; across it they lie apart."""
    direction = np.array(direction, float)
    points, labels = along_a_line(direction)
    towards = sight(best_viewpoint(points, labels))
    assert abs(towards @ direction) / np.linalg.norm(direction) < np.cos(np.radians(65))


def test_no_other_direction_of_a_fine_grid_separates_much_better():
    rng = np.random.default_rng(3)
    labels = np.repeat([str(i) for i in range(6)], 40)
    points = (rng.normal(size=(6, 3)) * 3)[labels.astype(int)] + rng.normal(size=(240, 3))

    def separation(viewpoint: Viewpoint) -> float:
        return silhouette_score(viewpoint.project(points)[:, :2], labels, average="macro")

    fine = [Viewpoint(a, e) for a in range(0, 360, 12) for e in range(6, 90, 12)]
    best = max(map(separation, fine))
    assert separation(best_viewpoint(points, labels)) > 0.9 * best


def test_the_same_map_is_seen_from_the_same_side():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(5_000, 3)), rng.choice(["a", "b"], 5_000)
    assert best_viewpoint(points, labels) == best_viewpoint(points, labels)


@pytest.mark.parametrize("labels", [["a"] * 4, ["a", "b", "c", "d"]])
def test_without_classes_to_tell_apart_the_view_is_the_default(labels):
    assert best_viewpoint(np.eye(4, 3), np.array(labels)) == Viewpoint()


def test_a_map_of_one_spot_has_a_view_too():
    assert best_viewpoint(np.zeros((6, 3)), np.repeat(["a", "b"], 3)) is not None
