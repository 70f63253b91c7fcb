"""The descent of t-SNE: momentum, gains, a schedule of exaggeration, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.threads import at_once, together
from embedlens.arrays.tickets import new_tickets
from embedlens.reduce import student
from embedlens.reduce.repulsion import ExactRepulsion
from embedlens.reduce.steps import log_w, step, steps_with_repulsion

Callback = Callable[[int, float, int], object]

MOMENTUM = 0.8
_CHECK_EVERY = 50  # iterations between values of the divergence
_STRIDE = 5  # iterations at a time: threads that share them are sent off and waited for once
_CHUNKS = 48  # shares of the rows; a multiple of the groups of the repulsion of all pairs

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
        self._motion = np.zeros_like(Y), np.zeros_like(Y), np.ones_like(Y)  # force, velocity, gain
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
        # The divergence of a sketch is not compared with that of what follows it.
        first_stop = max(schedule.max_iter // 2, self._sketched + _CHECK_EVERY)
        checks: list[Check] = []
        acting, Z, norm = None, math.nan, math.nan

        def check(iteration: int) -> None:
            checks.append(Check(iteration, self._divergence(Z), norm))
            if callback is not None:
                callback(iteration, checks[-1].divergence, schedule.max_iter)

        for iteration, steps, exaggeration in _strides(schedule, self._sketched):
            law = self._law(exaggeration)
            sketching = exaggeration != 1.0 or iteration < self._sketched
            repulsion = self._sketch if sketching else self._repulsion
            if acting != (repulsion, law):
                acting, Z = (repulsion, law), repulsion(self.Y, law)
            if iteration and iteration % _CHECK_EVERY == 0:
                check(iteration)
                if iteration >= first_stop and _settled(checks, schedule.tol):
                    return checks
            factors = self._factors(schedule, exaggeration)
            Z, norm = self._advance(repulsion, Z, law, factors, steps)
        if acting != (self._repulsion, self._law(1.0)):
            Z = self._repulsion(self.Y, self._law(1.0))
        check(schedule.max_iter)
        return checks

    def _law(self, exaggeration: float) -> int:
        if self._dof == 1:
            return student.PLANE
        return student.SPACE if exaggeration != 1.0 else student.SPACE_WEIGHTED

    def _factors(self, schedule: Schedule, exaggeration: float) -> NDArray[np.float64]:
        """Return the factors on attraction and repulsion, the learning rate and the momentum."""
        n = self._attraction[0].size - 1
        rate = schedule.learning_rate or n / (4 * exaggeration)
        momentum = schedule.momentum if exaggeration == 1.0 else MOMENTUM
        slope = 2 * (self._dof + 1) / self._dof
        return np.array([slope * exaggeration, slope, rate, momentum])

    def _advance(
        self, repulsion: Repulsion, Z: float, law: int, factors: NDArray[np.float64], steps: int
    ) -> tuple[float, float]:
        """Take some steps, the first by the repulsion at hand, and renew it after each.

        Return Z, and the norm of the forces that made the last step.
        """
        squares = np.empty(_CHUNKS)
        moving, rest = (self._motion, repulsion.forces), (self._attraction, law, factors)
        if isinstance(repulsion, ExactRepulsion):
            at_once(
                steps_with_repulsion, len(repulsion.forces), steps, self.Y, self._next, *moving,
                repulsion.sums, *rest, self._shares, squares, new_tickets(),
            )  # fmt: skip
            if steps % 2:
                self.Y, self._next = self._next, self.Y
            Z = 2.0 * float(repulsion.sums.sum())
        else:
            for _ in range(steps):
                together(
                    step, _CHUNKS, self.Y, self._next, *moving, Z, *rest, self._shares, squares
                )
                self.Y, self._next = self._next, self.Y
                Z = repulsion(self.Y, law)
        return Z, math.sqrt(squares.sum() * self._dof)

    def _divergence(self, Z: float) -> float:
        """Return KL(P || Q), exact but for Z."""
        logarithms = np.empty(_CHUNKS)
        together(log_w, _CHUNKS, self.Y, self._attraction, self._shares, logarithms)
        cross_entropy = (self._dof + 1) / 2 * float(logarithms.sum()) + math.log(Z)
        return self._negative_entropy + cross_entropy


def _strides(schedule: Schedule, sketched: int) -> Iterator[tuple[int, int, float]]:
    """Yield first iteration, number and exaggeration of iterations that are alike.

    None holds iterations on both sides of a check, nor of the end of the sketch.
    """

    def alike(numbered: tuple[int, float]) -> tuple[float, bool, int]:
        iteration, exaggeration = numbered
        return exaggeration, iteration < sketched, iteration // _STRIDE

    for (exaggeration, *_), stride in groupby(enumerate(schedule), alike):
        iterations = [iteration for iteration, _ in stride]
        yield iterations[0], len(iterations), exaggeration


def _settled(checks: list[Check], tol: float) -> bool:
    if len(checks) < 2:
        return False
    before, now = checks[-2].divergence, checks[-1].divergence
    return before - now < tol * now + 1e-7
