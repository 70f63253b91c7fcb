"""Mean distance of each point to its own class and to the nearest other class.

These two numbers, Rousseeuw's a(i) and b(i), are all that a silhouette needs. Each module here is
one way to them; which is the fastest depends on the metric and on the number of dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes


@dataclass(frozen=True)
class ClassDistances:
    """Mean distances of n points to classes.

    Attributes
    ----------
    own : (n,) float64
        Mean distance to the other points of the point's class, a(i); 0 if there are none.
    nearest : (n,) float64
        Least mean distance to the points of another class, b(i).
    nearest_class : (n,) int64
        The class that has it; the first of equals.
    """

    own: NDArray[np.float64]
    nearest: NDArray[np.float64]
    nearest_class: NDArray[np.int64]

    @classmethod
    def unknown(cls, n: int) -> ClassDistances:
        """Return distances of n points that have met no class yet."""
        return cls(np.zeros(n), np.full(n, np.inf), np.zeros(n, dtype=np.int64))

    def divided(self, by: float) -> ClassDistances:
        """Return the same distances in another unit."""
        return ClassDistances(self.own / by, self.nearest / by, self.nearest_class)

    def in_input_order(self, classes: Classes) -> ClassDistances:
        """Return the same distances with points as they were given, not class after class."""
        result = self.unknown(len(self.own))
        result.own[classes.order] = self.own
        result.nearest[classes.order] = self.nearest
        result.nearest_class[classes.order] = self.nearest_class
        return result
