"""Standard errors of mean silhouettes: how far they would move had other points been drawn.

A point enters a mean silhouette twice: by its own coefficient, and as one of those from which the
others' distances to classes are taken. Its influence is the sum of both (the infinitesimal
jackknife). The spread of the coefficients alone, which is what is often quoted, leaves the second
out: intervals from it that claim 95% hold the true value in 65 to 85% of draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays.threads import in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedlens.arrays.pairwise import Pairwise
    from embedlens.metrics.class_distances import ClassDistances
    from embedlens.metrics.classes import Classes

_MOST = 500  # points of a class whose influence is measured: the error is then known to 3%
_ROWS = 1024


@dataclass(frozen=True)
class StandardErrors:
    """Standard errors of mean silhouettes; NaN where one point leaves them unknown.

    Attributes
    ----------
    classes : (k,) float64
        Of the mean of each class.
    micro, macro : float
        Of the mean of all points, and of the mean of the class means.
    """

    classes: NDArray[np.float64]
    micro: float
    macro: float


def standard_errors(
    pairs: Pairwise,
    distances: ClassDistances,
    coefficients: NDArray[np.float64],
    classes: Classes,
    rng: np.random.Generator,
) -> StandardErrors:
    """Return the standard errors of the mean ``coefficients``.

    With classes of given sizes n_c, each drawn at random from its own distribution, the variance
    of a mean is the sum over classes of var_c(influence) / n_c (Efron 1982, ch. 6). It is
    estimated from at most 500 points of each class, so that the work is linear in n.
    """
    k, weights = len(classes.counts), classes.counts / classes.counts.sum()
    slopes = _Slopes.of(distances, classes)
    generators = rng.spawn(k)

    def measure(c: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        drawn = classes.order[classes.starts[c] : classes.starts[c + 1]]
        if len(drawn) > _MOST:
            drawn = np.sort(generators[c].choice(drawn, _MOST, replace=False))
        sources, influence = slopes.influence(pairs, c, drawn)
        influence[0] += coefficients[drawn]
        means = np.stack([weights[sources] @ influence, influence.sum(axis=0) / k])
        spread = np.concatenate([influence, means]).var(axis=1, ddof=1)
        return sources, spread / classes.counts[c]

    own, micro, macro = np.zeros(k), 0.0, 0.0
    for sources, variances in in_order(measure, np.flatnonzero(classes.counts > 1).tolist()):
        own[sources] += variances[:-2]
        micro += variances[-2]
        macro += variances[-1]
    own[classes.counts == 1] = np.nan
    return StandardErrors(np.sqrt(own), float(np.sqrt(micro)), float(np.sqrt(macro)))


@dataclass(frozen=True)
class _Slopes:
    """How the coefficients (b - a) / max(a, b) change with a and b, and whose b is whose."""

    distances: ClassDistances
    classes: Classes
    by_own: NDArray[np.float64]  # (n,) derivative with respect to a(i)
    by_nearest: NDArray[np.float64]  # (n,) derivative with respect to b(i)
    order: NDArray[np.int64]  # points by nearest class, then by class
    starts: NDArray[np.int64]  # (k + 1,) order[starts[c]:starts[c + 1]] have c as nearest class

    @classmethod
    def of(cls, distances: ClassDistances, classes: Classes) -> _Slopes:
        a, b = distances.own, distances.nearest
        larger = np.maximum(a, b)
        # The only point of a class has 0 whatever its distances are.
        moves = (larger > 0) & (classes.counts[classes.codes] > 1)
        inverse = np.divide(1, larger, out=np.zeros_like(larger), where=moves)
        order = np.lexsort((classes.codes, distances.nearest_class))
        counts = np.bincount(distances.nearest_class, minlength=len(classes.counts))
        starts = np.concatenate([[0], np.cumsum(counts)])
        return cls(
            distances,
            classes,
            -b * inverse * inverse * (b < a) - inverse * (b >= a),
            a * inverse * inverse * (a < b) + inverse * (a >= b),
            order,
            starts,
        )

    def influence(
        self, pairs: Pairwise, c: int, drawn: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the classes whose means move with points of class c, c first, and how (s, m).

        ``drawn`` (m,) moves the mean of c by changing a(i) of the others in c, and the mean of any
        class by changing b(i) of those of its points that have c as nearest class.
        """
        count, codes = self.classes.counts, self.classes.codes
        members = self.classes.order[self.classes.starts[c] : self.classes.starts[c + 1]]
        own = self._moved(pairs, members, drawn, self.by_own, self.distances.own)
        own += (self.by_own * self.distances.own)[drawn]  # no point is at a distance to itself
        sources, moved = [c], [own / (count[c] - 1)]
        facing = self.order[self.starts[c] : self.starts[c + 1]]
        for group in np.split(facing, np.flatnonzero(np.diff(codes[facing])) + 1):
            if len(group):
                source = int(codes[group[0]])
                sources.append(source)
                change = self._moved(pairs, group, drawn, self.by_nearest, self.distances.nearest)
                moved.append(change / count[source])
        return np.array(sources), np.stack(moved)

    def _moved(
        self,
        pairs: Pairwise,
        points: NDArray[np.int64],
        drawn: NDArray[np.int64],
        slope: NDArray[np.float64],
        mean: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return, for each drawn j, the sum over i of slope(i) * (distance(i, j) - mean(i))."""
        total = np.full(len(drawn), -float(slope[points] @ mean[points]))
        for first in range(0, len(points), _ROWS):
            some = points[first : first + _ROWS]
            total += slope[some] @ pairs.distances(pairs.keys(some, drawn))
        return total
