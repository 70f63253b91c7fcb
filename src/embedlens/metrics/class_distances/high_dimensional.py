"""Mean Euclidean distances to classes in many dimensions: blocks of float32 matrix products.

The limit is the matrix product, n²d operations when each pair is met once.

|x - y|² = |x|² + |y|² - 2 x·y loses what the norms have in common, so norms must be small beside
distances. Each class is therefore held in the frame of its own mean: with r = x - a and s = y - b
for means a and b,

    |x - y|² = (|r|² + 2 r·a - 2 r·b + |a - b|²) + (|s|² + 2 s·b - 2 s·a) - 2 r·s

where only r·s, which is small beside the spread of the classes, comes from float32 products; the
rest is n times k float64 numbers. Pairs much nearer than that spread (duplicates and nearly so)
are met again, by differences.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order
from embedlens.metrics.class_distances import ClassDistances
from embedlens.metrics.class_distances.frames import Frames
from embedlens.metrics.class_distances.sums import Piece, sum_pieces
from embedlens.metrics.class_distances.tiling import Group, Tiling, cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes

_TILE = 1024  # points a side: their products, 4 MB, stay in cache until they are summed
# Squared distances below this share of the norms are computed by differences. Norms in the frame of
# one class are no larger than distances are on average; in a frame that classes share they may be.
_NEAR, _NEAR_IF_SHARED = 1 / 256, 1 / 8
_FLUSH = 64  # rows after which float32 column sums move to float64: their error stays below 1e-6


class _Geometry(NamedTuple):
    """What the kernels know of n points in class order and of the f frames they are held in."""

    segments: NDArray[np.int64]  # (s, 3) class, first point, end
    tiles: NDArray[np.int64]  # (t + 1,) tile i is segments tiles[i]:tiles[i + 1]
    of_class: NDArray[np.int64]  # (k,) frame of each class
    near: NDArray[np.float64]  # (f,) share of the norms below which distances are lost
    gaps: NDArray[np.float64]  # (f, f) squared distances between centres
    norms: NDArray[np.float64]  # (n,) |r|²
    shadows: NDArray[np.float64]  # (f, n) 2 r·b for each centre b
    own: NDArray[np.float64]  # (n,) 2 r·a, a the centre of the point's own frame


def class_distances(X: NDArray[Any], classes: Classes, scale: float) -> ClassDistances:
    """Return mean Euclidean distances of ``X`` (n, d), finite, to the classes.

    ``scale`` is a power of two that brings the points near 1.
    """
    tiling = cut(classes.starts, size=_TILE)
    frames = Frames(X, classes, scale)
    geometry = _geometry(frames, tiling)
    return sum_pieces(tiling, classes, partial(_pieces, frames, geometry))


def _geometry(frames: Frames, tiling: Tiling) -> _Geometry:
    segments, n = tiling.segments, int(tiling.segments[-1, 2])
    # Only differences of centres matter, and these keep more digits near the origin.
    centres = frames.centres - frames.centres.mean(axis=0)
    norms, own, shadows = np.zeros(n), np.empty(n), np.zeros((len(centres), n))

    def measure(segment: NDArray[np.int64]) -> None:
        c, start, stop = segment.tolist()
        for slab in frames.slabs():
            rows = frames.residuals(start, stop, slab).astype(np.float64)
            norms[start:stop] += np.einsum("ij,ij->i", rows, rows)
            shadows[:, start:stop] += 2 * (centres[:, slab] @ rows.T)
        own[start:stop] = shadows[frames.of_class[c], start:stop]

    for _ in in_order(measure, segments):
        pass
    gaps = np.stack([np.square(centres - centre).sum(axis=1) for centre in centres])
    near = np.where(np.bincount(frames.of_class) > 1, _NEAR_IF_SHARED, _NEAR)
    return _Geometry(segments, tiling.tiles, frames.of_class, near, gaps, norms, shadows, own)


def _pieces(frames: Frames, geometry: _Geometry, group: Group) -> Iterator[Piece]:
    """Yield all points' distances to the classes of a group."""
    pairs = (
        (p, q)
        for p in range(group.first_tile, group.last_tile)
        for q in range(len(geometry.tiles) - 1)
        if not group.first_tile <= q < p
    )

    def between(pair: tuple[int, int]) -> list[Piece]:
        p, q = pair
        return _between(frames, geometry, p, q, both=p < q < group.last_tile)

    for pieces in in_order(between, pairs):
        yield from pieces


def _between(frames: Frames, geometry: _Geometry, p: int, q: int, *, both: bool) -> list[Piece]:
    """Return the distances from tile p's classes to q's points and, if both, from q's to p's."""
    a, b = (geometry.segments[slice(*geometry.tiles[tile : tile + 2])] for tile in (p, q))
    rows, columns = (int(a[0, 1]), int(a[-1, 2])), (int(b[0, 1]), int(b[-1, 2]))
    block = _products(frames, rows, columns)
    if _to_squares(geometry, a, b, block):
        i, j = np.nonzero(block < 0)
        squares = np.zeros(len(i))
        for slab in frames.slabs():
            x, y = frames.points(*rows, slab), frames.points(*columns, slab)
            _add_squared_differences(x, y, i, j, squares)
        block[i, j] = squares
    to_p, to_q = Piece.between(b, a), Piece.between(a, b)
    _sum_rows(b, block, to_p)
    _sum_columns(a, block, to_q)
    return [to_p, to_q] if both else [to_q]


def _products(
    frames: Frames, rows: tuple[int, int], columns: tuple[int, int]
) -> NDArray[np.float32]:
    first, *others = frames.slabs()
    block = frames.residuals(*rows, first) @ frames.residuals(*columns, first).T
    for slab in others:
        block += frames.residuals(*rows, slab) @ frames.residuals(*columns, slab).T
    return block


@inlined(reassociate=True)
def _squares(
    products: NDArray[np.float32], offsets: NDArray[np.float32], norm: np.float32
) -> np.float32:
    """Turn products of a point with others into squared distances; return the least of them."""
    least = norm
    for j in range(len(products)):
        square = norm + offsets[j] - 2 * products[j]
        least = min(least, square)
        products[j] = max(square, np.float32(0))
    return least


@kernel()
def _to_squares(
    g: _Geometry, a: NDArray[np.int64], b: NDArray[np.int64], block: NDArray[np.float32]
) -> int:
    """Turn the products of segments a and b into squared distances, -1 where too near to tell.

    Return how many are.
    """
    row_begin, begin, count = a[0, 1], b[0, 1], 0
    offsets = np.empty(block.shape[1], dtype=np.float32)
    for row_class, first, last in a:
        frame = g.of_class[row_class]
        for j in range(len(offsets)):
            k = begin + j
            offsets[j] = g.norms[k] + (g.own[k] - g.shadows[frame, k])
        for i in range(first, last):
            for c, start, stop in b:
                other = g.of_class[c]
                norm = g.norms[i] + (g.own[i] - g.shadows[other, i]) + g.gaps[frame, other]
                near = np.float32(max(g.near[frame], g.near[other]) * max(norm, 0.0))
                values = block[i - row_begin, start - begin : stop - begin]
                if _squares(values, offsets[start - begin :], np.float32(norm)) < near:
                    for j in range(len(values)):
                        if values[j] < near:
                            values[j] = 0 if i == start + j else -1
                            count += i != start + j
    return count


@kernel(reassociate=True)
def _add_squared_differences(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    squares: NDArray[np.float64],
) -> None:
    """Add, over some features, the squared distances of rows i of x to rows j of y."""
    for pair in range(len(squares)):
        a, b, total = x[i[pair]], y[j[pair]], 0.0
        for t in range(len(a)):
            total += (a[t] - b[t]) ** 2
        squares[pair] += total


@inlined(reassociate=True)
def _to_roots(squares: NDArray[np.float32]) -> np.float32:
    """Turn squared distances into distances; return their sum."""
    total = np.float32(0)
    for j in range(len(squares)):
        squares[j] = np.sqrt(squares[j])
        total += squares[j]
    return total


@kernel()
def _sum_rows(segments: NDArray[np.int64], block: NDArray[np.float32], to_p: Piece) -> None:
    """Turn squares into distances and add them up, in each row, over the columns' segments."""
    begin = segments[0, 1]
    for i in range(len(block)):
        for c, start, stop in segments:
            total = _to_roots(block[i, start - begin : stop - begin])
            to_p.sums[c - to_p.first_class, i] += total


@kernel()
def _sum_columns(segments: NDArray[np.int64], block: NDArray[np.float32], to_q: Piece) -> None:
    """Add the distances in each column up over the rows of each segment."""
    columns = np.empty(block.shape[1], dtype=np.float32)
    begin = segments[0, 1]
    for c, first, last in segments:
        sums = to_q.sums[c - to_q.first_class]
        for flush in range(first - begin, last - begin, _FLUSH):
            columns[:] = 0
            for i in range(flush, min(flush + _FLUSH, last - begin)):
                for j in range(len(columns)):
                    columns[j] += block[i, j]
            for j in range(len(columns)):
                sums[j] += columns[j]
