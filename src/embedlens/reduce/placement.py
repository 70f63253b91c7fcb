"""The place of a new point in a finished t-SNE map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import in_order
from embedlens.reduce.student import similarity

_STEPS = 200
_MOMENTUM = 0.8
_RATE = 0.3
_POINTS = 16  # that a thread places at once


def place(
    Y: NDArray[np.float32], neighbors: NDArray[np.int32], affinities: NDArray[np.float64], law: int
) -> NDArray[np.float32]:
    """Return the places, (3, m), of points given their affinities to points of the map.

    Each new point descends on its own divergence, KL(p_i || q_i), from the mean of its neighbours
    weighted by p²; the map stays as it is, and new points do not see each other. So a place
    depends on its own point alone.

    Parameters
    ----------
    Y : ndarray of shape (3, n), float32
        The map, divided by √(degrees of freedom).
    neighbors : ndarray of shape (m, k)
        Nearest points of the map.
    affinities : ndarray of shape (m, k)
        p(j|i), adding up to 1 in each row.
    law : int
        How points act on each other, see ``student``.
    """
    places = np.empty((len(neighbors), 3), np.float32)
    p = affinities.astype(np.float32)

    def put(first: int) -> None:
        some = slice(first, first + _POINTS)
        _place(Y, neighbors[some], p[some], law, places[some])

    for _ in in_order(put, range(0, len(neighbors), _POINTS)):
        pass
    return places.T


@inlined(reassociate=True)
def _force(Y: Any, at: Any, near: Any, p: Any, law: int) -> Any:
    """Return attraction minus repulsion on one point: uphill."""
    one = np.float32(1)
    x, y, z = at[0], at[1], at[2]
    xs, ys, zs = Y[0], Y[1], Y[2]
    fx = fy = fz = total = np.float32(0)
    for j in range(Y.shape[1]):
        dx, dy, dz = x - xs[j], y - ys[j], z - zs[j]
        q, pull = similarity(one + dx * dx + dy * dy + dz * dz, law)
        total += q
        pull *= q
        fx, fy, fz = fx - pull * dx, fy - pull * dy, fz - pull * dz
    fx, fy, fz = fx / total, fy / total, fz / total
    for e in range(len(near)):
        j = near[e]
        dx, dy, dz = x - xs[j], y - ys[j], z - zs[j]
        _, pull = similarity(one + dx * dx + dy * dy + dz * dz, law)
        pull *= p[e]
        fx, fy, fz = fx + pull * dx, fy + pull * dy, fz + pull * dz
    return fx, fy, fz


@kernel(reassociate=True)
def _place(Y: Any, neighbors: Any, affinities: Any, law: int, places: Any) -> None:
    for i in range(len(neighbors)):
        near, p = neighbors[i], affinities[i]
        at, velocity = np.zeros(3, np.float32), np.zeros(3, np.float32)
        weight = np.float32(0)
        for e in range(len(near)):
            weight += p[e] * p[e]
            for axis in range(3):
                at[axis] += p[e] * p[e] * Y[axis, near[e]]
        for axis in range(3):
            at[axis] /= weight
        for _ in range(_STEPS):
            force = _force(Y, at, near, p, law)
            for axis in range(3):
                velocity[axis] = (
                    np.float32(_MOMENTUM) * velocity[axis] - np.float32(_RATE) * (force[axis])
                )
                at[axis] += velocity[axis]
        for axis in range(3):
            places[i, axis] = at[axis]
