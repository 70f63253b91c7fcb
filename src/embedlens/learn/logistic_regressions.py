"""Many logistic regressions on the same points, each of yes and no, all in the same products.

Each is found by Newton's method as in ``softmax_regression``, by its own steps and strength; what
costs time, the products of the points with directions, is one product for all that are not yet at
their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.threads import products_on_one_thread
from embedlens.learn.preconditioner import Preconditioner
from embedlens.learn.row_blocks import blocks_of, sum_of_blocks
from embedlens.learn.softmax_regression import TOLERANCE, Coordinates

_PRODUCTS = 500  # with the Hessians, for one step
_ENOUGH = 1e-4, 1e-3  # of the slope that a step must gain; shortest step
_FLAT = 1e-9  # of a mean p (1 - p): below, all is certain

Matrix = NDArray[np.floating[Any]]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Regressions:
    """Weights of coordinates, a column a regression.

    Attributes
    ----------
    at : ndarray of shape (r + 1, k), float64
        Weights, and intercepts below them.
    losses : ndarray of shape (k,), float64
        The sum over points, with the penalty.
    gaps : ndarray of shape (k,), float64
        How far above the least each loss is at most; see ``softmax_regression.Solution``.
    """

    at: Numbers
    losses: Numbers
    gaps: Numbers

    def logits(self, values: Matrix) -> Numbers:
        """Return the logarithms of the odds of yes, (n, k)."""
        found: Numbers = values @ self.at[:-1] + self.at[-1]
        return found

    def shares(self, values: Matrix) -> Numbers:
        """Return the probabilities of yes, (n, k)."""
        from scipy.special import expit

        found: Numbers = expit(self.logits(values))
        return found


def fit_each(
    points: Coordinates,
    members: Flags,
    strengths: Numbers,
    *,
    start: Numbers | None = None,
    tolerance: float = TOLERANCE,
    max_iter: int = 100,
) -> Regressions:
    """Fit a regression a column: sum of -log p + |w|^2 / (2 C) at its least.

    Parameters
    ----------
    points : Coordinates
        Of the points, or a part of them, which is fitted as if it were alone.
    members : ndarray of shape (n, k), bool
        What each is to tell, yes for some points and no for others.
    strengths : ndarray of shape (k,)
        scikit-learn's ``C`` of each.
    start : ndarray of shape (r + 1, k), optional
        ``Regressions.at`` of the same columns, to begin at.
    tolerance : float, default 1e-6
        The losses end no further above the least, as a share of them. Where rounding in float32
        hides that, the last steps are in float64.
    max_iter : int, default 100
        Steps at most.
    """
    count = members.shape[1]
    at = np.zeros((points.values.shape[1] + 1, count)) if start is None else start.copy()
    losses, gaps = np.zeros(count), np.full(count, np.inf)
    left = np.arange(count)
    with products_on_one_thread():
        for dtype in dict.fromkeys((points.values.dtype, np.dtype(np.float64))):
            values = points.values.astype(dtype, copy=False)
            own = _Problem(values, members[:, left], strengths[left] / points.unit**2)
            at[:, left], losses[left], gaps[left] = _descend(own, at[:, left], tolerance, max_iter)
            left = left[gaps[left] > tolerance * losses[left]]
            if not len(left):
                break
    return Regressions(at, losses, gaps)


@dataclass
class _State:
    """Where descents are, a column each."""

    at: Numbers
    losses: Numbers
    slopes: Numbers
    curvatures: Matrix

    @property
    def curvature(self) -> Numbers:
        """The mean p (1 - p) of each."""
        mean: Numbers = np.maximum(self.curvatures.mean(axis=0, dtype=np.float64), _FLAT)
        return mean

    def take(self, columns: NDArray[np.intp]) -> _State:
        return _State(
            self.at[:, columns], self.losses[columns], self.slopes[:, columns],
            self.curvatures[:, columns],
        )  # fmt: skip

    def put(self, columns: NDArray[np.intp], other: _State) -> None:
        self.at[:, columns], self.losses[columns] = other.at, other.losses
        self.slopes[:, columns] = other.slopes
        self.curvatures[:, columns] = other.curvatures


class _Problem:
    def __init__(self, X: Matrix, members: Flags, strengths: Numbers) -> None:
        self.X, self.targets, self.strengths = X, members.astype(X.dtype), strengths
        self.squares = sum(
            np.einsum("ij,ij->j", X[rows], X[rows]).astype(np.float64) for rows in blocks_of(len(X))
        )

    def take(self, columns: NDArray[np.intp]) -> _Problem:
        part = object.__new__(_Problem)
        part.X, part.squares = self.X, self.squares
        part.targets, part.strengths = self.targets[:, columns], self.strengths[columns]
        return part

    def state(self, at: Numbers) -> _State:
        """Return losses, slopes and p (1 - p)."""
        from scipy.special import expit

        rounded = at.astype(self.X.dtype)
        curvatures = np.empty(self.targets.shape, self.X.dtype)

        def of(rows: slice) -> NDArray[Any]:
            logits = self.X[rows] @ rounded[:-1] + rounded[-1]
            shares, wanted = expit(logits), self.targets[rows]
            curvatures[rows] = shares * (1 - shares)
            losses = np.logaddexp(0, logits) - wanted * logits
            return np.vstack([
                self._back(rows, shares - wanted), losses.sum(axis=0, dtype=np.float64)
            ])  # fmt: skip

        total = sum_of_blocks(of, len(self.X))
        total[:-2] += at[:-1] / self.strengths
        penalty = np.einsum("ij,ij->j", at[:-1], at[:-1]) / (2 * self.strengths)
        return _State(at.copy(), total[-1] + penalty, total[:-1], curvatures)

    def curved(self, curvatures: Matrix, way: Numbers) -> Numbers:
        """Return the products of the Hessians with directions."""
        rounded = way.astype(self.X.dtype)

        def of(rows: slice) -> NDArray[Any]:
            change = self.X[rows] @ rounded[:-1] + rounded[-1]
            return self._back(rows, change * curvatures[rows])

        total = sum_of_blocks(of, len(self.X))
        total[:-1] += way[:-1] / self.strengths
        return total

    def preconditioner(self, curvatures: Matrix) -> Preconditioner:
        """Return matrices that are near the inverses of the Hessians."""
        return Preconditioner.of(
            self.X, np.asarray(self.squares), lambda rows: curvatures[rows], self.strengths
        )

    def gaps(self, slopes: Numbers, curvature: Numbers) -> Numbers:
        """Bound what is left to gain, given the mean p (1 - p); see `Regressions`."""
        weights = self.strengths * np.einsum("ij,ij->j", slopes[:-1], slopes[:-1])
        found: Numbers = (weights + slopes[-1] ** 2 / (len(self.X) * curvature)) / 2
        return found

    def _back(self, rows: slice, change: Matrix) -> NDArray[Any]:
        return np.vstack([self.X[rows].T @ change, change.sum(axis=0)])


def _descend(
    problem: _Problem, at: Numbers, tolerance: float, max_iter: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Take Newton's steps until gaps are small, or rounding leaves nothing to gain."""
    state = problem.state(at)
    gaps = problem.gaps(state.slopes, state.curvature)
    open_columns = np.flatnonzero(gaps > tolerance * state.losses)
    for _ in range(max_iter):
        if not len(open_columns):
            break
        own, part = state.take(open_columns), problem.take(open_columns)
        way = _newton(part, own, tolerance)
        moved = _step(part, own, way)
        state.put(open_columns, own)
        left = part.gaps(own.slopes, own.curvature)
        gaps[open_columns] = left
        open_columns = open_columns[moved & (left > tolerance * own.losses)]
    return state.at, state.losses, gaps


def _newton(problem: _Problem, state: _State, tolerance: float) -> Numbers:
    """Solve for Newton's steps by conjugate gradients, the more exactly the nearer the end is."""
    ease = problem.preconditioner(state.curvatures)
    curvature = state.curvature
    way = np.zeros_like(state.at)
    left = -state.slopes
    eased = ease(left)
    search, size = eased.copy(), np.einsum("ij,ij->j", left, eased)
    gap = problem.gaps(state.slopes, curvature) / state.losses
    enough = np.clip(np.sqrt(gap), 1e-2, 0.25) ** 2 * size
    columns = np.arange(state.at.shape[1])
    for _ in range(_PRODUCTS):
        part = problem.take(columns)
        curved = part.curved(state.curvatures[:, columns], search[:, columns])
        bend = np.einsum("ij,ij->j", search[:, columns], curved)
        straight = bend > 0  # else rounding
        length = np.where(straight, size[columns] / np.where(straight, bend, 1.0), 0.0)
        way[:, columns] += length * search[:, columns]
        left[:, columns] -= length * curved
        eased = ease.take(columns)(left[:, columns])
        before = size[columns]
        size[columns] = np.einsum("ij,ij->j", left[:, columns], eased)
        near = part.gaps(left[:, columns], curvature[columns])
        done = (size[columns] <= enough[columns]) | ~straight
        done |= near <= tolerance * state.losses[columns] / 4
        search[:, columns] = eased + size[columns] / before * search[:, columns]
        columns = columns[~done]
        if not len(columns):
            break
    return way


def _step(problem: _Problem, state: _State, way: Numbers) -> Flags:
    """Go along ways as far as losses fall; return which did."""
    gain = np.einsum("ij,ij->j", state.slopes, way)
    rounding = float(np.finfo(problem.X.dtype).eps) * state.losses
    moved = np.zeros(len(gain), bool)
    columns, length = np.arange(len(gain)), 1.0
    while len(columns) and length > _ENOUGH[1]:
        own, part = state.take(columns), problem.take(columns)
        following = part.state(own.at + length * way[:, columns])
        told = own.losses + _ENOUGH[0] * length * gain[columns]
        # Of so small a gain that the loss cannot tell it, a flatter slope does.
        flatter = abs(following.slopes).max(axis=0) < 0.5 * abs(own.slopes).max(axis=0)
        hidden = flatter & (following.losses <= own.losses + 8 * rounding[columns])
        falls = np.where(-gain[columns] > rounding[columns], following.losses <= told, hidden)
        state.put(columns[falls], following.take(np.flatnonzero(falls)))
        moved[columns[falls]] = True
        columns, length = columns[~falls], length / 2
    return moved
