"""The repulsion of t-SNE, exact, over all pairs of points.

A pair repels with q · pull · (y_i - y_j), see ``student``, and the sum of all q is the normaliser
Z. A pair is computed once and its force added to both points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import together
from embedlens.reduce.student import SPACE_WEIGHTED, similarity

LANES = 16  # float32 in a 512-bit register; points are padded to a multiple
_TILE = 1024  # columns whose coordinates and forces stay in the first-level cache
_FAR = 1e17  # where the padding lies: q underflows to nothing, q² to zero


def padded(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the points, (n, dimensions), as (3, n + padding): coordinates contiguous.

    Missing dimensions are zero and stay so, for no force acts along them. Points that pad n to a
    multiple of the SIMD width lie so far off, and from each other, that they repel nothing.
    """
    n, dimensions = embedding.shape
    size = -(-n // LANES) * LANES
    Y = np.zeros((3, size), np.float32)
    Y[:dimensions, :n] = embedding.T
    Y[0, n:] = _FAR * np.arange(1, size - n + 1)
    return Y


class ExactRepulsion:
    """Repulsion over all pairs: n²/2 of them."""

    def __init__(self, size: int) -> None:
        # Each group of rows adds into forces of its own, and the groups are added up in order, so
        # that the result does not depend on the number of threads that share them out.
        groups = 8 if size < 4096 else 24
        self.forces = np.empty((groups, 3, size), np.float32)
        self.sums = np.empty(groups)

    def __call__(self, Y: NDArray[np.float32], law: int) -> float:
        """Fill ``forces``, whose sum over the first axis is the repulsion, and return Z."""
        together(_repel, len(self.forces), Y, law, self.forces, self.sums)
        return 2.0 * float(self.sums.sum())


@inlined(reassociate=True)
def _repel_two(Y: Any, law: int, forces: Any, i: int, start: int, stop: int) -> float:
    """Add the pairs of points i and i + 1 with points ``start`` to ``stop``.

    Two rows at once are as many as keep every sum in a register, and share the columns' loads.
    """
    one = np.float32(1)
    ax, ay, az = Y[0, i], Y[1, i], Y[2, i]
    bx, by, bz = Y[0, i + 1], Y[1, i + 1], Y[2, i + 1]
    fax = fay = faz = fbx = fby = fbz = total = np.float32(0)
    xs, ys, zs = Y[0, start:stop], Y[1, start:stop], Y[2, start:stop]
    gx, gy, gz = forces[0, start:stop], forces[1, start:stop], forces[2, start:stop]
    for j in range(stop - start):
        x, y, z = xs[j], ys[j], zs[j]
        dax, day, daz = ax - x, ay - y, az - z
        dbx, dby, dbz = bx - x, by - y, bz - z
        qa, pull_a = similarity(one + dax * dax + day * day + daz * daz, law)
        qb, pull_b = similarity(one + dbx * dbx + dby * dby + dbz * dbz, law)
        total += qa + qb
        pull_a, pull_b = pull_a * qa, pull_b * qb
        dax, day, daz = dax * pull_a, day * pull_a, daz * pull_a
        dbx, dby, dbz = dbx * pull_b, dby * pull_b, dbz * pull_b
        fax, fay, faz = fax + dax, fay + day, faz + daz
        fbx, fby, fbz = fbx + dbx, fby + dby, fbz + dbz
        gx[j] -= dax + dbx
        gy[j] -= day + dby
        gz[j] -= daz + dbz
    forces[0, i] += fax
    forces[1, i] += fay
    forces[2, i] += faz
    forces[0, i + 1] += fbx
    forces[1, i + 1] += fby
    forces[2, i + 1] += fbz
    return np.float64(total)


@inlined(reassociate=True)
def _repel_within(Y: Any, law: int, forces: Any, row: int) -> float:
    """Add the pairs within the block of rows that starts at ``row``; each is met twice."""
    one = np.float32(1)
    xs, ys, zs = Y[0, row : row + LANES], Y[1, row : row + LANES], Y[2, row : row + LANES]
    total = np.float32(0)
    for i in range(LANES):
        fx = fy = fz = np.float32(0)
        for j in range(LANES):
            dx, dy, dz = xs[i] - xs[j], ys[i] - ys[j], zs[i] - zs[j]
            q, pull = similarity(one + dx * dx + dy * dy + dz * dz, law)
            total += q if i != j else np.float32(0)
            pull *= q
            fx, fy, fz = fx + pull * dx, fy + pull * dy, fz + pull * dz
        forces[0, row + i] += fx
        forces[1, row + i] += fy
        forces[2, row + i] += fz
    return np.float64(total) / 2


@inlined(reassociate=True)
def _repel_group(Y: Any, law: int, forces: Any, group: int, groups: int) -> float:
    """Add the pairs whose first point is in every ``groups``-th block of rows, to and fro."""
    size = Y.shape[1]
    total = 0.0
    for left in range(0, size, _TILE):
        right = min(left + _TILE, size)
        for turn in range(-(-right // (LANES * groups))):
            block = turn * groups + (group if turn % 2 == 0 else groups - 1 - group)
            row = block * LANES
            if row >= right:
                continue
            start = max(left, row + LANES)
            for i in range(row, row + LANES, 2):
                total += _repel_two(Y, law, forces, i, start, right)
            if left <= row:
                total += _repel_within(Y, law, forces, row)
    return total


@inlined(reassociate=True)
def repel(Y: Any, law: int, forces: Any, group: int) -> float:
    """Fill the forces of a group, and return its sum of similarities."""
    for axis in range(3):
        for i in range(Y.shape[1]):
            forces[group, axis, i] = 0
    # The law of most iterations is a constant there: a branch within the loop costs 6%.
    if law == SPACE_WEIGHTED:
        return _repel_group(Y, SPACE_WEIGHTED, forces[group], group, len(forces))
    return _repel_group(Y, law, forces[group], group, len(forces))


@kernel(reassociate=True)
def _repel(Y: Any, law: int, forces: Any, sums: Any, first: int, last: int) -> None:
    """Fill the forces of groups ``first`` to ``last``, and their sums of similarities."""
    for group in range(first, last):
        sums[group] = repel(Y, law, forces, group)
