"""Steps of the descent: forces on points, and how these move.

A step is shared among threads by the rows. Between two steps lies the repulsion of all pairs, or of
a tree. Of pairs both are one kernel, which takes several steps at a time: threads meet within it,
see ``arrays.tickets``, where to meet after each would take as long as the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.tickets import finish_ticket, take_ticket, wait_for_tickets
from embedlens.reduce.repulsion import repel
from embedlens.reduce.student import similarity


@inlined(reassociate=True)
def _write_forces(
    Y: Any,
    repulsion: Any,
    attraction: Any,
    first: int,
    last: int,
    law: int,
    attracting: Any,
    repelling: Any,
    forces: Any,
) -> None:
    """Write attraction minus repulsion on points ``first`` to ``last``: uphill."""
    one = np.float32(1)
    rows, columns, affinities = attraction
    for axis in range(3):
        f = forces[axis, first:last]
        for i in range(last - first):
            f[i] = 0
        for group in range(len(repulsion)):
            r = repulsion[group, axis, first:last]
            for i in range(last - first):
                f[i] -= repelling * r[i]
    xs, ys, zs = Y[0], Y[1], Y[2]
    for i in range(first, last):
        x, y, z = xs[i], ys[i], zs[i]
        fx = fy = fz = np.float32(0)
        near, p = columns[rows[i] : rows[i + 1]], affinities[rows[i] : rows[i + 1]]
        for e in range(len(near)):
            j = near[e]
            dx, dy, dz = x - xs[j], y - ys[j], z - zs[j]
            _, pull = similarity(one + dx * dx + dy * dy + dz * dz, law)
            pull *= p[e]
            fx, fy, fz = fx + pull * dx, fy + pull * dy, fz + pull * dz
        forces[0, i] += attracting * fx
        forces[1, i] += attracting * fy
        forces[2, i] += attracting * fz


@inlined(reassociate=True)
def _move(
    Y: Any,
    moved: Any,
    motion: Any,
    repulsion: Any,
    Z: float,
    attraction: Any,
    law: int,
    factors: Any,
    first: int,
    last: int,
) -> float:
    """Move points ``first`` to ``last``; return the sum of their squared forces."""
    forces, velocity, gains = motion
    attracting, repelling = np.float32(factors[0]), np.float32(factors[1] / Z)
    rate, momentum = np.float32(factors[2]), np.float32(factors[3])
    _write_forces(Y, repulsion, attraction, first, last, law, attracting, repelling, forces)
    total = 0.0
    for axis in range(3):
        f, v, gain = forces[axis, first:last], velocity[axis, first:last], gains[axis, first:last]
        y, to = Y[axis, first:last], moved[axis, first:last]
        for i in range(last - first):
            total += np.float64(f[i]) * np.float64(f[i])
            grown = gain[i] + np.float32(0.2) if f[i] * v[i] < 0 else gain[i] * np.float32(0.8)
            gain[i] = max(grown, np.float32(0.01))
            v[i] = momentum * v[i] - rate * gain[i] * f[i]
            to[i] = y[i] + v[i]
    return total


@kernel(reassociate=True)
def step(
    Y: Any,
    moved: Any,
    motion: Any,
    repulsion: Any,
    Z: float,
    attraction: Any,
    law: int,
    factors: Any,
    shares: Any,
    squares: Any,
    first: int,
    last: int,
) -> None:
    """Take one step with shares ``first`` to ``last`` of the rows."""
    for s in range(first, last):
        squares[s] = _move(
            Y, moved, motion, repulsion, Z, attraction, law, factors, shares[s], shares[s + 1]
        )


@kernel(reassociate=True)
def steps_with_repulsion(
    steps: int,
    Y: Any,
    moved: Any,
    motion: Any,
    repulsion: Any,
    sums: Any,
    attraction: Any,
    law: int,
    factors: Any,
    shares: Any,
    squares: Any,
    tickets: Any,
) -> None:
    """Take some steps, each followed by the repulsion, over all pairs, of where it led.

    Every thread makes the same call. Steps lead from Y to ``moved`` and back, by turns.
    """
    groups = len(repulsion)
    each = (len(shares) - 1) // groups
    while True:
        ticket = take_ticket(tickets)
        done, group = ticket // groups, ticket % groups
        if done >= 2 * steps:
            return
        here, there = (Y, moved) if done // 2 % 2 == 0 else (moved, Y)
        wait_for_tickets(tickets, done * groups)
        if done % 2:
            sums[group] = repel(there, law, repulsion, group)
        else:
            Z = 0.0
            for g in range(groups):
                Z += sums[g]
            for s in range(group * each, (group + 1) * each):
                squares[s] = _move(
                    here, there, motion, repulsion, 2 * Z, attraction, law, factors,
                    shares[s], shares[s + 1],
                )  # fmt: skip
        finish_ticket(tickets)


@kernel(reassociate=True)
def log_w(
    Y: Any, attraction: Any, shares: Any, sums: Any, first_share: int, last_share: int
) -> None:
    """Write the sum of p log w over each share of the rows."""
    rows, columns, affinities = attraction
    for share in range(first_share, last_share):
        total = 0.0
        for i in range(shares[share], shares[share + 1]):
            for e in range(rows[i], rows[i + 1]):
                j = columns[e]
                dx, dy, dz = Y[0, i] - Y[0, j], Y[1, i] - Y[1, j], Y[2, i] - Y[2, j]
                square = np.float64(dx * dx + dy * dy + dz * dz)
                total += affinities[e] * np.log1p(square)
        sums[share] = total
