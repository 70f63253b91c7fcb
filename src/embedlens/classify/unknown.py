"""Pictures unlike all that a classifier has learned: a score, and the limit from which on it tells.

A picture of a class that was never seen makes no class of a linear probe score high; a picture of
another kind altogether lies far from all training pictures. The score adds both, each in units of
how much it varies among pictures of known classes, the distance by half: it alone tells less.

References
----------
W. Liu, X. Wang, J. Owens, Y. Li, "Energy-based out-of-distribution detection", NeurIPS 2020.
Y. Sun, Y. Ming, X. Zhu, Y. Li, "Out-of-distribution detection with deep nearest neighbors", ICML
2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

RATE = 0.05
"""The share of pictures of known classes that is flagged: one in twenty, so that most that are
flagged in an ordinary folder are worth a look."""

_DISTANCE = 0.5

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Unknown:
    """What is taken for unknown.

    Attributes
    ----------
    energy_middle, energy_spread : float
        Median and deviation of the energy, -log sum exp of a head's scores, of held-out pictures.
    distance_middle, distance_spread : float
        The same of the cosine distance to the nearest training picture.
    limit : float
        A picture is flagged whose score is above; infinite where pictures were too few to tell.
    rate : float
        The share of pictures of known classes that is flagged.
    """

    energy_middle: float
    energy_spread: float
    distance_middle: float
    distance_spread: float
    limit: float
    rate: float = RATE

    @classmethod
    def of(cls, scores: Numbers, distances: Numbers, rate: float = RATE) -> Unknown:
        """Learn from pictures of known classes that the head had not seen.

        Parameters
        ----------
        scores : ndarray of shape (n, classes)
            What a head gives them.
        distances : ndarray of shape (n,)
            Cosine distances to the nearest picture that the head has seen.
        rate : float, default 0.05
            The share of such pictures that may be flagged.
        """
        energy = -logsumexp(scores, axis=1)
        found = cls(*_middle(energy), *_middle(distances), math.inf, rate)
        allowed = math.floor((len(energy) + 1) * rate + 1e-9)
        if not allowed:
            return found
        limit = np.sort(found.score(scores, distances))[-allowed]
        return cls(*_middle(energy), *_middle(distances), float(limit), rate)

    def score(self, scores: Numbers, distances: Numbers) -> NDArray[np.float64]:
        """Return how unlike what was learned pictures are, (n,); takes what `of` takes."""
        energy = -logsumexp(scores, axis=1)
        total: NDArray[np.float64] = (energy - self.energy_middle) / self.energy_spread
        return total + _DISTANCE * (distances - self.distance_middle) / self.distance_spread


def _middle(values: Numbers) -> tuple[float, float]:
    """Return median and deviation; a deviation of rounding errors alone counts for nothing."""
    spread = float(np.std(values))
    middle = float(np.median(values))
    return middle, spread if spread > 1e-6 * max(1.0, abs(middle)) else 1e6
