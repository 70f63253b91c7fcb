"""Mean Euclidean distances to classes in few dimensions: distance and sum fused, each pair once.

The limit is one square root a pair: at three dimensions everything else hides behind it.

Float32 suffices, whatever the data, because each class is held in the frame of its own mean: a
point x of class A is kept as r = x - mean(A), and is moved by mean(A) - mean(B) when it meets the
points of B. Rounding is then relative to |x - mean(A)| and |x - mean(B)|. A distance to a mean is
at most the mean distance to the class (the norm is convex), so the error of a(i) and b(i) is a
few units in 10^-7 of max(a(i), b(i)), far from the origin and with outliers alike.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, combinations_with_replacement, pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order
from embedlens.metrics.class_distances import ClassDistances
from embedlens.metrics.class_distances.sums import Piece, sum_pieces
from embedlens.metrics.class_distances.tiling import Group, cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes

# Beyond this many dimensions a matrix product does the work in less time.
MAX_DIMENSIONS = 16
_FUSED = 3  # dimensions inside the fused loop; the others are summed before it, four at a time
_FLUSH = 64  # rows after which float32 column sums move to float64: their error stays below 1e-6
_TILE = 1024  # points a side, whose coordinates and sums stay in the first cache


class _Layout(NamedTuple):
    """What the kernels know of n points in class order, each in the frame of its class."""

    points: NDArray[np.float32]  # (d', n), d' = 3 + 4m: dimensions of zeros fill the strides
    means: NDArray[np.float64]  # (k, d')
    segments: NDArray[np.int64]  # (s, 3) class, first point, end
    tiles: NDArray[np.int64]  # (t + 1,) tile i is segments tiles[i]:tiles[i + 1]


def class_distances(X: NDArray[Any], classes: Classes, scale: float) -> ClassDistances:
    """Return mean Euclidean distances of ``X`` (n, d), d <= 16 and finite, to the classes.

    ``scale`` is a power of two that brings the points near 1.
    """
    tiling = cut(classes.starts, size=_TILE)
    layout = _Layout(*_own_frames(X, classes, scale), tiling.segments, tiling.tiles)
    return sum_pieces(tiling, classes, partial(_pieces, layout))


def _own_frames(
    X: NDArray[Any], classes: Classes, scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return points minus their class mean (d', n), and the means (k, d')."""
    n, d = X.shape
    padded = _FUSED + -(-max(d - _FUSED, 0) // 4) * 4
    points = np.zeros((padded, n), dtype=np.float32)
    means = np.zeros((len(classes.counts), padded))
    for t in range(d):
        column = X[:, t].astype(np.float64)[classes.order]
        column *= scale
        means[:, t] = np.add.reduceat(column, classes.starts[:-1]) / classes.counts
        column -= np.repeat(means[:, t], classes.counts)
        points[t] = column
    return points, means


def _pieces(layout: _Layout, group: Group) -> Iterator[Piece]:
    """Yield all points' distances to the classes of a group."""
    runs = _runs(layout, group.first_tile, group.last_tile)
    others = _runs(layout, 0, group.first_tile)
    others += _runs(layout, group.last_tile, len(layout.tiles) - 1)
    inside = ((a, b, True) for a, b in combinations_with_replacement(runs, 2))
    outside = ((a, b, False) for a, b in product(runs, others))
    for pieces in in_order(partial(_between, layout), chain(inside, outside)):
        yield from pieces


def _runs(layout: _Layout, first: int, last: int) -> list[tuple[int, int]]:
    """Cut the tiles ``first:last`` into runs, each the work of a thread for milliseconds."""
    points = min(8192, max(1024, layout.points.shape[1] // 8))
    starts = layout.segments[layout.tiles[first:last], 1]
    edges = np.flatnonzero(np.diff((starts - starts[:1]) // points, prepend=-1)) + first
    return list(pairwise([*edges.tolist(), last]))


def _between(layout: _Layout, task: tuple[tuple[int, int], tuple[int, int], bool]) -> list[Piece]:
    """Return the distances from the classes in one run of tiles to the points in another.

    With a third True, also those from the classes in the second to the points in the first.
    """
    run_a, run_b, both = task
    a, b = (layout.segments[layout.tiles[first] : layout.tiles[last]] for first, last in task[:2])
    to_b = Piece.between(a, b)
    to_a = Piece.between(b, a) if both and run_a != run_b else to_b
    _meet_runs(layout, run_a, run_b, both, to_a, to_b)
    return [to_b] if to_a is to_b else [to_a, to_b]


@inlined(reassociate=True)
def _lanes(total: np.float32, value: np.float32) -> np.float32:
    """Add in any order, so that the sum in a loop is kept in SIMD lanes."""
    return total + value


@inlined()
def _squares_beyond(
    points: NDArray[np.float32], i: int, others: NDArray[np.float32], squares: NDArray[np.float32]
) -> None:
    """Fill ``squares`` with the squared distances in the dimensions after the first three."""
    squares[:] = 0
    for t in range(_FUSED, len(points), 4):
        x0, x1, x2, x3 = points[t, i], points[t + 1, i], points[t + 2, i], points[t + 3, i]
        y0, y1, y2, y3 = others[t], others[t + 1], others[t + 2], others[t + 3]
        for j in range(len(squares)):
            d0, d1, d2, d3 = x0 - y0[j], x1 - y1[j], x2 - y2[j], x3 - y3[j]
            squares[j] += d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3


@inlined()
def _sum_distances(
    points: NDArray[np.float32],
    i: int,
    others: NDArray[np.float32],
    squares: NDArray[np.float32],
    columns: NDArray[np.float32],
) -> np.float32:
    """Return the sum of the distances from point i to the others; add each to ``columns``."""
    x0, x1, x2 = points[0, i], points[1, i], points[2, i]
    y0, y1, y2 = others[0], others[1], others[2]
    total = np.float32(0)
    for j in range(len(columns)):
        d0, d1, d2 = x0 - y0[j], x1 - y1[j], x2 - y2[j]
        distance = np.sqrt(squares[j] + d0 * d0 + d1 * d1 + d2 * d2)
        total = _lanes(total, distance)
        columns[j] += distance
    return total


@inlined()
def _move(
    points: NDArray[np.float32],
    centres: NDArray[np.float64],
    frame: NDArray[np.float64],
    moved: NDArray[np.float32],
) -> None:
    """Fill ``moved`` with points moved from the frames of their own classes to another frame."""
    for t in range(len(points)):
        for j in range(points.shape[1]):
            moved[t, j] = points[t, j] + np.float32(centres[t, j] - frame[t])


@inlined()
def _add(layout: _Layout, p: int, q: int, both: bool, to_p: Piece, to_q: Piece) -> None:
    """Add the distances from tile p's classes to q's points; if ``both``, from q's class to p's.

    Tile q must then be pure.
    """
    facing = layout.segments[layout.tiles[q] : layout.tiles[q + 1]]
    begin, end = facing[0, 1], facing[-1, 2]
    centres = np.empty((len(layout.points), end - begin))
    for c, start, stop in facing:
        for t in range(len(centres)):
            centres[t, start - begin : stop - begin] = layout.means[c, t]
    moved = np.empty(centres.shape, dtype=np.float32)
    columns = np.empty(end - begin, dtype=np.float32)
    squares = np.zeros(end - begin, dtype=np.float32)
    totals = to_p.sums[facing[0, 0] - to_p.first_class if both else 0]
    for c, first, last in layout.segments[layout.tiles[p] : layout.tiles[p + 1]]:
        _move(layout.points[:, begin:end], centres, layout.means[c], moved)
        sums = to_q.sums[c - to_q.first_class, begin - to_q.first_point :]
        for flush in range(first, last, _FLUSH):
            columns[:] = 0
            for i in range(flush, min(flush + _FLUSH, last)):
                if len(centres) > _FUSED:
                    _squares_beyond(layout.points, i, moved, squares)
                total = _sum_distances(layout.points, i, moved, squares, columns)
                if both:
                    totals[i - to_p.first_point] += total
            for j in range(end - begin):
                sums[j] += columns[j]


@kernel()
def _meet_runs(
    layout: _Layout,
    run_a: tuple[int, int],
    run_b: tuple[int, int],
    both: bool,
    to_a: Piece,
    to_b: Piece,
) -> None:
    """Add the distances between the tiles of two runs; if ``both``, both ways.

    Each is then computed once if one of the two tiles is pure.
    """
    for p in range(run_a[0], run_a[1]):
        for q in range(run_b[0], run_b[1]):
            if both and run_a == run_b and p > q:
                continue
            two_ways = both and p != q
            pure_q = layout.tiles[q + 1] - layout.tiles[q] == 1
            at_once = two_ways and (pure_q or layout.tiles[p + 1] - layout.tiles[p] == 1)
            for turn in range(2 if two_ways and not at_once else 1):
                if turn == 1 or (at_once and not pure_q):
                    first, second, to_first, to_second = q, p, to_b, to_a
                else:
                    first, second, to_first, to_second = p, q, to_a, to_b
                _add(layout, first, second, at_once, to_first, to_second)
