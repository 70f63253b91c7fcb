"""Neighbours and ranks where distances may tie: ties are broken by lot, alike on both sides.

Lot orders the points on a circle, and of points at equal distance from a point those come first
that follow it soonest on the circle. So a map keeps all neighbours of itself, whatever ties; and a
map of points in one place, which says nothing of who is near whom, has neighbours drawn by lot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.kernel import kernel
from embedlens.arrays.keys import pairwise
from embedlens.arrays.threads import in_order
from embedlens.metrics.neighbors import nearest_neighbors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedlens.arrays.pairwise import Pairwise

# Keys this much nearer, relatively, are nearer by rounding only: they are ties.
TIE = 1e-12


@dataclass(frozen=True)
class Circle:
    """Points in an order drawn by lot, the same for the same number of points.

    Attributes
    ----------
    places : (n,) int64
        Where on the circle each point is.
    """

    places: NDArray[np.int64]

    @classmethod
    def of(cls, n: int) -> Circle:
        """Place ``n`` points."""
        return cls(np.random.default_rng(0).permutation(n))

    def steps(self, row: int, columns: NDArray[np.int64] | slice) -> NDArray[np.int64]:
        """Return how far after point ``row`` some points come; all differ."""
        steps: NDArray[np.int64] = (self.places[columns] - self.places[row]) % len(self.places)
        return steps


def neighbors_by_lot(X: ArrayLike, k: int, metric: str, circle: Circle) -> NDArray[np.int64]:
    """Return the k nearest points of each, nearest first, ties broken by ``circle``: (n, k)."""
    n = len(circle.places)
    # One more, to see whether what is left out is as near; a k out of range is refused there.
    more = min(k + 1, n - 1) if 1 <= k < n else k
    distances, neighbors = nearest_neighbors(X, more, metric=metric)  # type: ignore[arg-type]
    tied = (distances[:, 1:] <= distances[:, :-1] * (1 + TIE)).any(axis=1)
    neighbors = neighbors[:, :k]
    if not tied.any():
        return neighbors
    pairs = pairwise(X, metric, precision=np.float64)
    slack = pairs.slack(slice(0, n))

    def search(i: int) -> None:
        row = np.array([i])
        farthest = pairs.exact(row, neighbors[row])[0, -1]
        columns = _columns_within(pairs, i, farthest * (1 + 2 * TIE) + slack[i])
        columns = columns[columns != i]
        keys = pairs.exact(row, columns[None])[0]
        order = np.argsort(keys)
        keys, columns = keys[order], columns[order]
        group = np.cumsum(np.diff(keys, prepend=0.0) > keys * TIE)
        neighbors[i] = columns[np.lexsort((circle.steps(i, columns), group))][:k]

    for _ in in_order(search, np.flatnonzero(tied).tolist()):
        pass
    return neighbors


def ranks_by_lot(
    X: ArrayLike, neighbors: NDArray[np.int64], metric: str, circle: Circle
) -> NDArray[np.int64]:
    """Return the rank, from 1, of each of each point's ``neighbors`` (n, k) among all others in X.

    Ties are broken by ``circle``. Blocks of keys, each read once; counting is quicker than sorting
    rows when k is small.
    """
    pairs = pairwise(X, metric, precision=np.float64)
    ranks = np.ones(neighbors.shape, dtype=np.int64)

    def count(rows: slice) -> None:
        keys = pairs.exact(np.arange(rows.start, rows.stop), neighbors[rows])
        slack = pairs.slack(rows)[:, None]
        low, high = keys * (1 - TIE) - slack, keys * (1 + TIE) + slack
        reached = np.zeros_like(ranks[rows])
        for first, block in pairs.blocks(rows):
            inside = np.arange(max(rows.start, first), min(rows.stop, first + block.shape[1]))
            block[inside - rows.start, inside - first] = np.inf
            _count_less(block, low, ranks[rows])
            _count_less(block, np.nextafter(high, np.inf), reached)
        # Ranks begin at 1, and each neighbour is in reach of itself.
        for i in np.flatnonzero((reached > ranks[rows]).any(axis=1)).tolist():
            row = rows.start + i
            ranks[row] += _nearer_of_tied(
                pairs, row, neighbors[row], keys[i], (low[i], high[i]), circle
            )

    for _ in in_order(count, pairs.row_blocks()):
        pass
    return ranks


def _nearer_of_tied(
    pairs: Pairwise,
    row: int,
    neighbors: NDArray[np.int64],
    keys: NDArray[np.float64],
    window: tuple[NDArray[np.float64], NDArray[np.float64]],
    circle: Circle,
) -> NDArray[np.int64]:
    """Return how many points within a window of each neighbour's key come before it, (k,)."""
    low, high = window
    columns = _columns_within(pairs, row, float(high.max()))
    columns = columns[columns != row]
    rounded = pairs.keys(np.array([row]), columns)[0].astype(np.float64)
    exact = pairs.exact(np.array([row]), columns[None])[0]
    open_ = (rounded >= low[:, None]) & (rounded <= high[:, None])
    nearer = exact < (keys * (1 - TIE))[:, None]
    equal = ~nearer & (exact <= (keys * (1 + TIE))[:, None])
    first = circle.steps(row, columns) < circle.steps(row, neighbors)[:, None]
    before: NDArray[np.int64] = (open_ & (nearer | equal & first)).sum(axis=1)
    return before


def _columns_within(pairs: Pairwise, row: int, key: float) -> NDArray[np.int64]:
    """Return the columns whose rounded keys are at most ``key``."""
    found = [
        first + np.flatnonzero(block[0] <= key)
        for first, block in pairs.blocks(slice(row, row + 1))
    ]
    return np.concatenate(found)


@kernel()
def _count_less(
    block: NDArray[Any], thresholds: NDArray[np.float64], counts: NDArray[np.int64]
) -> None:
    """Add to ``counts`` (r, m) how many numbers of each row are below each threshold."""
    for i in range(len(block)):
        for t in range(thresholds.shape[1]):
            threshold, count = thresholds[i, t], 0
            for j in range(block.shape[1]):
                count += block[i, j] < threshold
            counts[i, t] += count
