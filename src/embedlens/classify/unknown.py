"""Pictures unlike all that a classifier has learned: a score, and the limit from which on it tells.

A picture of a class that was never seen makes no class of a linear probe score high; where it is
taken for a class all the same, it lies farther from the pictures of that class than they lie from
each other; a picture of another kind altogether lies far from all. The score adds the three, each
in units of how much it varies among pictures of known classes. The distance to the class is counted
by the class, since some are dense and some are not, and by half; that to all by a quarter.

References
----------
W. Liu, X. Wang, J. Owens, Y. Li, "Energy-based out-of-distribution detection", NeurIPS 2020.
Y. Sun, Y. Ming, X. Zhu, Y. Li, "Out-of-distribution detection with deep nearest neighbors", ICML
2022.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from embedlens.metrics import nearest_neighbors

RATE = 0.05
"""The share of pictures of known classes that is flagged: one in twenty, so that most that are
flagged in an ordinary folder are worth a look."""

_CLASS, _ALL = 0.5, 0.25
_FEW = 8  # pictures that were taken for a class; of fewer, those of all classes say what is usual
_FARTHEST = 1.0  # cosine distance to a class without a picture: as at right angles

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Unknown:
    """What is taken for unknown.

    Attributes
    ----------
    energy_middle, energy_spread : float
        Median and deviation of the energy, -log sum exp of a head's scores, of held-out pictures.
    distance_middles, distance_spreads : sequence of float
        By the class that a picture is taken for: the same of its cosine distance to the nearest
        training picture of that class.
    nearest_middle, nearest_spread : float
        The same of its distance to the nearest of all.
    limit : float
        A picture is flagged whose score is above; infinite where pictures were too few to tell.
    rate : float
        The share of pictures of known classes that is flagged.
    """

    energy_middle: float
    energy_spread: float
    distance_middles: Sequence[float]
    distance_spreads: Sequence[float]
    nearest_middle: float
    nearest_spread: float
    limit: float
    rate: float = RATE

    @classmethod
    def of(
        cls, scores: Numbers, distances: Numbers, nearest: Numbers, rate: float = RATE
    ) -> Unknown:
        """Learn from pictures of known classes that the head had not seen.

        Parameters
        ----------
        scores : ndarray of shape (n, classes)
            What a head gives them.
        distances : ndarray of shape (n,)
            What `distances_to_class` gives, to the class of the highest score.
        nearest : ndarray of shape (n,)
            Cosine distances to the nearest picture that the head has seen.
        rate : float, default 0.05
            The share of such pictures that may be flagged.
        """
        taken, everywhere = scores.argmax(axis=1), _middle(distances)
        of_class = [
            _middle(distances[taken == code]) if (taken == code).sum() >= _FEW else everywhere
            for code in range(scores.shape[1])
        ]
        middles, spreads = (tuple(each) for each in zip(*of_class, strict=True))
        energy = -logsumexp(scores, axis=1)
        found = cls(*_middle(energy), middles, spreads, *_middle(nearest), math.inf, rate)
        return replace(found, limit=_limit(found.score(scores, distances, nearest), rate))

    def score(self, scores: Numbers, distances: Numbers, nearest: Numbers) -> NDArray[np.float64]:
        """Return how unlike what was learned pictures are, (n,); takes what `of` takes."""
        taken, energy = scores.argmax(axis=1), -logsumexp(scores, axis=1)
        middles, spreads = np.array(self.distance_middles), np.array(self.distance_spreads)
        total: NDArray[np.float64] = (energy - self.energy_middle) / self.energy_spread
        total += _CLASS * (distances - middles[taken]) / spreads[taken]
        total += _ALL * (nearest - self.nearest_middle) / self.nearest_spread
        return total


@dataclass(frozen=True)
class UnknownByDistance:
    """What is taken for unknown where pictures have several labels each, or none.

    No class has to be likely then, so that distance alone can tell: that to the nearest training
    picture, in units of how much it varies among pictures that were not seen.

    Attributes
    ----------
    middle, spread : float
        Median and deviation of the cosine distance of held-out pictures to the nearest picture
        that the head has seen.
    limit : float
        A picture is flagged whose score is above; infinite where pictures were too few to tell.
    rate : float
        The share of pictures like the training pictures that is flagged.
    """

    middle: float
    spread: float
    limit: float
    rate: float = RATE

    @classmethod
    def of(cls, nearest: Numbers, rate: float = RATE) -> UnknownByDistance:
        """Learn from the distances, (n,), of pictures that the head had not seen."""
        found = cls(*_middle(nearest), math.inf, rate)
        return replace(found, limit=_limit(found.score(nearest), rate))

    def score(self, nearest: Numbers) -> NDArray[np.float64]:
        """Return how unlike what was learned pictures are by their distances, (n,)."""
        scores: NDArray[np.float64] = (nearest.astype(np.float64) - self.middle) / self.spread
        return scores


def distances_to_class(
    points: Numbers, codes: NDArray[np.int64], queries: Numbers, taken: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the cosine distance of pictures to the nearest one of the class they are taken for.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Features of training pictures.
    codes : ndarray of shape (n,)
        Their classes.
    queries : ndarray of shape (m, d)
        Features of the pictures.
    taken : ndarray of shape (m,)
        The class that each is taken for.
    """
    distances = np.full(len(queries), _FARTHEST)
    for code in np.unique(taken):
        own, asked = points[codes == code], taken == code
        if len(own):
            near, _ = nearest_neighbors(own, 1, metric="cosine", queries=queries[asked])
            distances[asked] = near[:, 0]
    return distances


def _limit(scores: Numbers, rate: float) -> float:
    """Return the score that a share of pictures exceeds; infinite where they are too few."""
    allowed = math.floor((len(scores) + 1) * rate + 1e-9)
    return float(np.sort(scores)[-allowed]) if allowed else math.inf


def _middle(values: Numbers) -> tuple[float, float]:
    """Return median and deviation; a deviation of rounding errors alone counts for nothing."""
    spread = float(np.std(values))
    middle = float(np.median(values))
    return middle, spread if spread > 1e-6 * max(1.0, abs(middle)) else 1e6
