"""The descent of t-SNE: momentum, gains, a schedule of exaggeration, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import together
from embedlens.reduce import student
from embedlens.reduce.student import similarity

Callback = Callable[[int, float, int], object]

MOMENTUM = 0.8
_CHECK_EVERY = 50  # iterations between values of the divergence
_CHUNKS = 48  # shares of the rows; more than threads, so that they even out

# Steps in which the exaggeration falls to 1, after the phase that has all of it.
_FALLS = 7


class Repulsion(Protocol):
    """What fills ``forces``, (groups, 3, n), adding up to the repulsion, and returns Z."""

    forces: NDArray[np.float32]

    def __call__(self, Y: NDArray[np.float32], law: int) -> float:
        """Fill ``forces`` for the points ``Y``."""


@dataclass(frozen=True)
class Schedule:
    """What happens when.

    Parameters
    ----------
    max_iter : int
        Iterations at most.
    exaggeration : float
        Factor on the attraction for the first fifth of them (200 at most), which then falls to 1
        in equal ratios over the next (175 at most).
    learning_rate : float or None
        None for n / (4 · exaggeration of the moment), the largest rate that is stable.
    tol : float
        In the second half, stop when 50 iterations lower the divergence by less than this share
        of it.
    momentum : float, default 0.8
        Share of a step that goes into the next, once there is no exaggeration; until then 0.8.
    """

    max_iter: int
    exaggeration: float
    learning_rate: float | None
    tol: float
    momentum: float = MOMENTUM

    def __iter__(self) -> Iterator[float]:
        """Yield the exaggeration of each iteration."""
        early, fall = min(200, self.max_iter // 5), min(25, self.max_iter // 40)
        for iteration in range(self.max_iter):
            fallen = 0 if iteration < early else 1 + (iteration - early) // max(fall, 1)
            yield self.exaggeration ** max(1 - fallen / (_FALLS + 1), 0.0)


@dataclass(frozen=True)
class Check:
    """The state of the descent at an iteration."""

    iteration: int
    divergence: float
    gradient_norm: float


class Descent:
    """The points of a map, on their way down.

    Parameters
    ----------
    P : scipy.sparse.csr_array of shape (n, n)
        Joint affinities.
    Y : ndarray of shape (3, size), float32
        Starting points as ``repulsion.padded`` returns them, divided by √(degrees of freedom).
    n_components : int
    repulsion : Repulsion
    sketch : Repulsion
        Another while attraction is exaggerated, or the same.
    sketched : int, default 0
        Iterations that the sketch serves for at least.
    """

    def __init__(
        self,
        P: Any,
        Y: NDArray[np.float32],
        n_components: int,
        repulsion: Repulsion,
        sketch: Repulsion,
        sketched: int = 0,
    ) -> None:
        self.Y = Y
        self._next = Y.copy()
        self._velocity = np.zeros_like(Y)
        self._gains = np.ones_like(Y)
        self._repulsion = repulsion
        self._sketch, self._sketched = sketch, sketched
        self._dof = student.degrees_of_freedom(n_components)
        rows = P.indptr.astype(np.int64)
        self._attraction = rows, P.indices.astype(np.uint32), P.data
        self._shares = np.searchsorted(rows, np.linspace(0, rows[-1], _CHUNKS + 1))
        self._shares[[0, -1]] = 0, P.shape[0]
        p = P.data.astype(np.float64)
        self._negative_entropy = float((p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum())

    def run(self, schedule: Schedule, callback: Callback | None = None) -> list[Check]:
        """Descend, and return the checks made on the way, the last at the end."""
        n = self._attraction[0].size - 1
        # The divergence of a sketch is not compared with that of what follows it.
        first_stop = max(schedule.max_iter // 2, self._sketched + _CHECK_EVERY)
        checks: list[Check] = []
        norm = math.nan
        for iteration, exaggeration in enumerate(schedule):
            law = self._law(exaggeration)
            sketching = exaggeration != 1.0 or iteration < self._sketched
            repulsion = self._sketch if sketching else self._repulsion
            Z = repulsion(self.Y, law)
            if iteration and iteration % _CHECK_EVERY == 0:
                checks.append(Check(iteration, self._divergence(Z), norm))
                if callback is not None:
                    callback(iteration, checks[-1].divergence, schedule.max_iter)
                if iteration >= first_stop and _settled(checks, schedule.tol):
                    return checks
            rate = schedule.learning_rate or n / (4 * exaggeration)
            momentum = schedule.momentum if exaggeration == 1.0 else MOMENTUM
            factors = np.array([exaggeration, 1 / Z, rate, momentum])
            norm = self._step(repulsion.forces, law, factors)
        Z = self._repulsion(self.Y, self._law(1.0))
        checks.append(Check(schedule.max_iter, self._divergence(Z), norm))
        if callback is not None:
            callback(schedule.max_iter, checks[-1].divergence, schedule.max_iter)
        return checks

    def _law(self, exaggeration: float) -> int:
        if self._dof == 1:
            return student.PLANE
        return student.SPACE if exaggeration != 1.0 else student.SPACE_WEIGHTED

    def _step(
        self, repulsion: NDArray[np.float32], law: int, factors: NDArray[np.float64]
    ) -> float:
        """Move the points; return the norm of the forces that moved them.

        The factors are those on attraction and repulsion, the learning rate and the momentum.
        """
        squares = np.empty(_CHUNKS)
        factors[:2] *= 2 * (self._dof + 1) / self._dof
        together(
            _step,
            _CHUNKS,
            self.Y,
            self._next,
            self._velocity,
            self._gains,
            repulsion,
            self._attraction,
            self._shares,
            law,
            factors.astype(np.float32),
            squares,
        )
        self.Y, self._next = self._next, self.Y
        return math.sqrt(squares.sum() * self._dof)

    def _divergence(self, Z: float) -> float:
        """Return KL(P || Q), exact but for Z."""
        logarithms = np.empty(_CHUNKS)
        together(_log_w, _CHUNKS, self.Y, self._attraction, self._shares, logarithms)
        log_w = float(logarithms.sum())
        return self._negative_entropy + (self._dof + 1) / 2 * log_w + math.log(Z)


def _settled(checks: list[Check], tol: float) -> bool:
    if len(checks) < 2:
        return False
    before, now = checks[-2].divergence, checks[-1].divergence
    return before - now < tol * now + 1e-7


@inlined(reassociate=True)
def _forces(
    Y: Any,
    repulsion: Any,
    attraction: Any,
    first: int,
    last: int,
    law: int,
    attracting: Any,
    repelling: Any,
) -> Any:
    """Return attraction minus repulsion on points ``first`` to ``last``: uphill."""
    one = np.float32(1)
    rows, columns, affinities = attraction
    forces = np.zeros((3, last - first), np.float32)
    for group in range(len(repulsion)):
        for axis in range(3):
            for i in range(last - first):
                forces[axis, i] -= repelling * repulsion[group, axis, first + i]
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
        forces[0, i - first] += attracting * fx
        forces[1, i - first] += attracting * fy
        forces[2, i - first] += attracting * fz
    return forces


@kernel(reassociate=True)
def _step(
    Y: Any,
    moved: Any,
    velocity: Any,
    gains: Any,
    repulsion: Any,
    attraction: Any,
    shares: Any,
    law: int,
    factors: Any,
    squares: Any,
    first_share: int,
    last_share: int,
) -> None:
    for share in range(first_share, last_share):
        first, last = shares[share], shares[share + 1]
        forces = _forces(Y, repulsion, attraction, first, last, law, factors[0], factors[1])
        rate, momentum = factors[2], factors[3]
        total = 0.0
        for axis in range(3):
            f, v, gain = forces[axis], velocity[axis, first:last], gains[axis, first:last]
            y, to = Y[axis, first:last], moved[axis, first:last]
            for i in range(last - first):
                total += np.float64(f[i]) * np.float64(f[i])
                grown = gain[i] + np.float32(0.2) if f[i] * v[i] < 0 else gain[i] * np.float32(0.8)
                gain[i] = max(grown, np.float32(0.01))
                v[i] = momentum * v[i] - rate * gain[i] * f[i]
                to[i] = y[i] + v[i]
        squares[share] = total


@kernel(reassociate=True)
def _log_w(
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
