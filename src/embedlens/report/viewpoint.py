"""From where a 3-D map is seen: the direction that sets the classes apart best on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays import bounded_threads
from embedlens.metrics import silhouette_score

# On three backbones' maps of 1,420 photographs, the direction chosen by 1,000 points has 99% or
# more of the silhouette of the one chosen by all; by 300 points, 95%.
SAMPLE = 1_000

# A direction and its opposite show mirror images, so the upper half suffices. Along an axis the box
# around the points looks flat, so the steps keep 15 degrees from it.
ELEVATIONS = (15.0, 30.0, 45.0, 60.0, 75.0)
AZIMUTHS = tuple(90.0 * quarter + step for quarter in range(4) for step in ELEVATIONS)


@dataclass(frozen=True)
class Viewpoint:
    """A direction to look from, in degrees.

    Attributes
    ----------
    azimuth : float
        Around the third axis, from the first axis to the second.
    elevation : float
        Above the plane of the first two axes.
    """

    azimuth: float = 300.0
    elevation: float = 25.0

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points as seen from here, without perspective.

        Parameters
        ----------
        points : ndarray of shape (n, 3)
            Coordinates.

        Returns
        -------
        ndarray of shape (n, 3), float64
            To the right, upwards, towards the eye.

        Examples
        --------
        >>> Viewpoint(azimuth=0, elevation=0).project(np.array([[1.0, 2.0, 3.0]]))
        array([[2., 3., 1.]])
        """
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        right = (-math.sin(a), math.cos(a), 0.0)
        up = (-math.sin(e) * math.cos(a), -math.sin(e) * math.sin(a), math.cos(e))
        towards = (math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e))
        seen: NDArray[np.float64] = (
            np.asarray(points, np.float64) @ np.array([right, up, towards]).T
        )
        return seen


def best_viewpoint(
    points: NDArray[np.floating], labels: NDArray[np.str_], seed: int = 0
) -> Viewpoint:
    """Choose the direction whose flat picture has the largest silhouette, classes weighing alike.

    Parameters
    ----------
    points : ndarray of shape (n, 3)
        A map.
    labels : ndarray of shape (n,)
        The class of each point.
    seed : int, default 0
        Of the sample of `SAMPLE` points that is looked at where there are more.

    Returns
    -------
    Viewpoint
        The default one where no direction differs from another: fewer than two classes, or no
        two of a class.
    """
    if len(points) > SAMPLE:
        rows = np.random.default_rng(seed).choice(len(points), SAMPLE, replace=False)
        points, labels = points[rows], labels[rows]
    if not 2 <= len(np.unique(labels)) < len(labels):
        return Viewpoint()
    viewpoints = [Viewpoint(azimuth, elevation) for elevation in ELEVATIONS for azimuth in AZIMUTHS]
    with bounded_threads(1):  # so few points are no work to share
        return max(viewpoints, key=lambda each: _separation(each.project(points)[:, :2], labels))


def _separation(flat: NDArray[np.float64], labels: NDArray[np.str_]) -> float:
    return float(silhouette_score(flat, labels, average="macro"))
