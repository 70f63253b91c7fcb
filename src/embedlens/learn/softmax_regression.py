"""Multinomial logistic regression by Newton's method, to a loss that is known to be the least.

All fits to parts of one set of points share its principal axes. There the Hessian is near a product
of two matrices, of the points and of the classes: X' X, which is diagonal, and the mean of
diag(p) - p p'. In the latter's eigenvectors, combinations of classes, it falls into a regression
each (``preconditioner``); conjugate gradients then need few products with the true Hessian. And of
that only the points count whose class is in doubt: where penalties are weak, a few in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.checks import unit_scale
from embedlens.arrays.threads import in_order, products_on_one_thread
from embedlens.learn.preconditioner import Preconditioner
from embedlens.learn.row_blocks import blocks_of, sum_of_blocks

TOLERANCE = 1e-6
"""Of the loss: how far above the least it may end."""
NEAR = 1e-5
"""Of the loss, promised: enough where only predictions count. One picture in five thousand is
judged otherwise than at a tenth of it, which takes a sixth longer."""

_SMALL = 1 << 20  # numbers; fewer are worked on in float64 from the first
_NOISE = 1e-12  # of the largest variance: rounding
_FLAT = 1e-9  # of a mean p (1 - p): below, all is certain
# Of the doubt in all points, what the Hessian may leave out. Three times as much lengthens descents
# by a fifth, ten times doubles them; a tenth halves the gain.
_CERTAIN = 0.01
_PRODUCTS = 500  # with the Hessian, for one step
_ENOUGH = 1e-4, 1e-3  # of the slope that a step must gain; shortest step

Matrix = NDArray[np.floating[Any]]
_Preconditioned = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Coordinates:
    """Points along their principal axes, centred and divided by one number.

    Attributes
    ----------
    values : ndarray of shape (n, r), float32, or float64 where they are few
        Coordinates.
    axes : ndarray of shape (d, r), float64
        Orthonormal.
    mean : ndarray of shape (d,)
    scale : float
        The standard deviation over all columns; 1 where nothing varies.
    unit : float, default 1
        That of `values`, where they are some of the points.
    """

    values: Matrix
    axes: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: float
    unit: float = 1.0

    @classmethod
    def of(cls, X: Matrix) -> Coordinates:
        """Turn points of shape (n, d)."""
        mean, scale = _mean_and_scale(X)
        small = X.size <= _SMALL
        near = np.empty(X.shape, np.float64 if small else np.float32)
        for rows in blocks_of(len(X)):
            near[rows] = (X[rows] - mean) / scale
        with products_on_one_thread():
            if X.shape[1] > len(X):
                axes = _axes_by_rows(near)
            else:
                squares = sum_of_blocks(lambda rows: near[rows].T @ near[rows], len(X))
                axes = np.linalg.eigh(squares)[1][:, ::-1]
            turn = axes.astype(near.dtype)
            values = np.empty((len(X), axes.shape[1]), near.dtype)
            for rows, turned in zip(
                blocks_of(len(X)), in_order(lambda rows: near[rows] @ turn, blocks_of(len(X))),
                strict=True,
            ):  # fmt: skip
                values[rows] = turned
        return cls(values, axes, mean, scale)

    def part(self, rows: NDArray[np.intp]) -> Coordinates:
        """Return some of the points, to be fitted as if these alone were centred and scaled."""
        values = self.values[rows]
        return replace(self, values=values, unit=_spread(values, len(self.axes)))

    def fit(
        self,
        codes: NDArray[np.integer[Any]],
        classes: int,
        strength: float,
        *,
        start: Solution | None = None,
        tolerance: float = TOLERANCE,
        promise: float = 0.0,
        max_iter: int = 100,
    ) -> Solution:
        """Fit a regression to the points.

        Parameters
        ----------
        codes : ndarray of int
            Classes of these points, 0 to ``classes`` - 1.
        classes : int
            How many. Two have one column of weights in scikit-learn, and here two of half the size:
            the penalty is then doubled.
        strength : float
            scikit-learn's ``C``.
        start, tolerance, promise, max_iter
            As for `minimise`.
        """
        strength /= self.unit**2
        if classes == 2:
            strength /= 2
        return minimise(
            self.values,
            codes,
            classes,
            strength,
            start=start,
            tolerance=tolerance,
            promise=promise,
            max_iter=max_iter,
        )


@dataclass(frozen=True)
class Solution:
    """Weights of coordinates.

    Attributes
    ----------
    weights : ndarray of shape (r, k), float64
    intercepts : ndarray of shape (k,), float64
    loss : float
        The sum over points, with the penalty.
    gap : float
        How far above the least the loss is at most. The penalty makes it strongly convex in the
        weights, so that C / 2 times the squared gradient is a bound; for intercepts, which have no
        penalty, it is the decrease that Newton's step promises. Where a fit ended by a promise, it
        is that.
    steps : int
        Of Newton's method.
    """

    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    loss: float
    gap: float
    steps: int

    def reached(self, tolerance: float) -> bool:
        """Return whether the loss is above the least by no more than this share of it."""
        return self.gap <= tolerance * self.loss

    def shares(self, values: Matrix) -> NDArray[np.float64]:
        """Return the probabilities of points, given by their coordinates, shape (n, k)."""
        logits = values @ self.weights.astype(values.dtype)
        return softmax(logits.astype(np.float64) + self.intercepts)


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities of rows of logits."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(shares)


def minimise(
    values: Matrix,
    codes: NDArray[np.integer[Any]],
    classes: int,
    strength: float,
    *,
    start: Solution | None = None,
    tolerance: float = TOLERANCE,
    promise: float = 0.0,
    max_iter: int = 100,
) -> Solution:
    """Return weights of the least penalised log loss, sum of -log p + |W|^2 / (2 C).

    Parameters
    ----------
    values : ndarray of shape (n, r)
        Rows of ``Coordinates.values``.
    codes : ndarray of shape (n,), int
        Classes, 0 to ``classes`` - 1.
    classes : int
        How many.
    strength : float
        C.
    start : Solution, optional
        Of a problem with the same classes and axes, to begin at.
    tolerance : float, default 1e-6
        The loss ends no further above the least, as a share of it. Where rounding in float32 hides
        that, the last steps are in float64.
    promise : float, default 0.0
        End as well after a step that promised no more than this share of the loss. At weak
        penalties the bound on the gap asks for several times as many products; this is an estimate.
    max_iter : int, default 100
        Steps at most.
    """
    found = start or Solution(np.zeros((values.shape[1], classes)), np.zeros(classes), 0.0, 0.0, 0)
    steps = 0
    with products_on_one_thread():
        for dtype in dict.fromkeys((values.dtype, np.dtype(np.float64))):
            problem = _Problem(values.astype(dtype, copy=False), codes, classes, strength)
            found = _descend(problem, found, tolerance, promise, steps, max_iter)
            steps = found.steps
            if found.reached(max(tolerance, promise)) or steps >= max_iter:
                break
    return found


@dataclass(frozen=True)
class _State:
    """Where a descent is. A point is an array (r + 1, k): weights, and intercepts below them."""

    at: NDArray[np.float64]
    loss: float
    slope: NDArray[np.float64]
    shares: Matrix
    curvature: NDArray[np.float64]  # the mean p (1 - p) of each class


class _Problem:
    def __init__(
        self, X: Matrix, codes: NDArray[np.integer[Any]], classes: int, strength: float
    ) -> None:
        self.X, self.codes, self.classes, self.strength = X, codes, classes, strength

    def state(self, at: NDArray[np.float64]) -> _State:
        """Return loss and slope."""
        rounded = at.astype(self.X.dtype)
        shares = np.empty((len(self.X), self.classes), self.X.dtype)
        losses = np.empty(len(self.X))

        def of(rows: slice) -> NDArray[Any]:
            own = np.arange(rows.stop - rows.start), self.codes[rows]
            logits = self.X[rows] @ rounded[:-1]
            logits += rounded[-1]
            logits -= logits.max(axis=1, keepdims=True)
            losses[rows] = -logits[own]
            np.exp(logits, out=logits)
            total = logits.sum(axis=1, keepdims=True)
            losses[rows] += np.log(total[:, 0])
            logits /= total
            shares[rows] = logits
            logits[own] -= 1
            return _back(self.X[rows], logits)

        slope = _penalised(sum_of_blocks(of, len(self.X)), at, self.strength)
        loss = losses.sum() + np.vdot(at[:-1], at[:-1]) / (2 * self.strength)
        curvature = np.maximum((shares * (1 - shares)).mean(axis=0, dtype=np.float64), _FLAT)
        return _State(at, float(loss), slope, shares, curvature)

    def gap(self, slope: NDArray[np.float64], curvature: NDArray[np.float64]) -> float:
        """Bound what is left to gain; see `Solution`."""
        weights = self.strength * np.vdot(slope[:-1], slope[:-1])
        return float(weights + (slope[-1] ** 2 / curvature).sum() / len(self.X)) / 2


@dataclass(frozen=True)
class _Hessian:
    """The Hessian where a descent is, by the points that count for it.

    One whose class is all but certain does not bend the loss: with weak penalties most are so.
    """

    X: Matrix
    shares: Matrix
    strength: float

    @classmethod
    def at(cls, problem: _Problem, shares: Matrix) -> _Hessian:
        """Leave out the points of least doubt, as long as theirs together is next to none."""
        doubt = 1 - shares.max(axis=1).astype(np.float64)
        least = np.argsort(doubt, kind="stable")
        certain = np.searchsorted(np.cumsum(doubt[least]), _CERTAIN * doubt.sum())
        if certain < len(doubt) // 4:  # to copy the others would cost more than it saves
            return cls(problem.X, shares, problem.strength)
        rows = np.sort(least[certain:])
        return cls(problem.X[rows], shares[rows], problem.strength)

    def times(self, way: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the product with a direction."""
        rounded = way.astype(self.X.dtype)

        def of(rows: slice) -> NDArray[Any]:
            change = self.X[rows] @ rounded[:-1]
            change += rounded[-1]
            change *= self.shares[rows]
            change -= self.shares[rows] * change.sum(axis=1, keepdims=True)
            return _back(self.X[rows], change)

        return _penalised(sum_of_blocks(of, len(self.X)), way, self.strength)

    def preconditioner(self) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """Return the product with a matrix that is near the inverse."""
        modes = _modes(self.shares)
        narrow = modes.astype(self.shares.dtype)
        squared = narrow**2

        def weights(rows: slice) -> Matrix:
            # The variance of the mode's coefficients, if classes are drawn by their shares.
            own = self.shares[rows]
            return np.maximum(own @ squared - (own @ narrow) ** 2, 0)

        X = self.X
        squares = sum_of_blocks(lambda rows: np.einsum("ij,ij->j", X[rows], X[rows]), len(X))
        near = Preconditioner.of(X, squares, weights, np.full(modes.shape[1], self.strength))
        return lambda slope: near(slope @ modes) @ modes.T


def _back(X: Matrix, change: Matrix) -> NDArray[Any]:
    return np.vstack([X.T @ change, change.sum(axis=0)])


def _penalised(
    total: NDArray[np.float64], at: NDArray[np.float64], strength: float
) -> NDArray[np.float64]:
    total[:-1] += at[:-1] / strength
    return total


def _descend(
    problem: _Problem,
    start: Solution,
    tolerance: float,
    promise: float,
    steps: int,
    max_iter: int,
) -> Solution:
    """Take Newton's steps until the gap is small, or rounding leaves nothing to gain."""
    state = problem.state(np.vstack([start.weights, start.intercepts]))
    while True:
        gap = problem.gap(state.slope, state.curvature)
        if gap <= tolerance * state.loss or steps >= max_iter:
            break
        way = _newton(problem, state, gap / state.loss, tolerance, promise)
        following = _step(problem, state, way)
        if following is None:
            break
        promised = -float(np.vdot(state.slope, way)) / 2
        state, steps = following, steps + 1
        if promised <= promise * state.loss:
            gap = promised
            break
    return Solution(state.at[:-1], state.at[-1], state.loss, gap, steps)


def _newton(
    problem: _Problem, state: _State, gap: float, tolerance: float, promise: float
) -> NDArray[np.float64]:
    """Solve for Newton's step by conjugate gradients, the more exactly the nearer the end is."""
    hessian = _Hessian.at(problem, state.shares)
    ease = hessian.preconditioner()
    way = np.zeros_like(state.at)
    left = -state.slope
    eased = ease(left)
    search, size = eased.copy(), np.vdot(left, eased)
    enough = float(np.clip(np.sqrt(gap), 1e-2, 0.25)) ** 2 * float(size)
    for _ in range(_PRODUCTS):
        curved = hessian.times(search)
        bend = np.vdot(search, curved)
        if bend <= 0:  # rounding
            break
        way += size / bend * search
        left -= size / bend * curved
        eased = ease(left)
        before, size = size, np.vdot(left, eased)
        if size <= max(enough, promise * state.loss / 4):
            break
        if problem.gap(left, state.curvature) <= tolerance * state.loss / 4:
            break
        search = eased + size / before * search
    return way


def _step(problem: _Problem, state: _State, way: NDArray[np.float64]) -> _State | None:
    """Go along a way as far as the loss falls; None where it does not."""
    length, gain = 1.0, np.vdot(state.slope, way)
    rounding = float(np.finfo(problem.X.dtype).eps) * state.loss
    while length > _ENOUGH[1]:
        following = problem.state(state.at + length * way)
        if -gain > rounding:
            falls = bool(following.loss <= state.loss + _ENOUGH[0] * length * gain)
        else:  # the loss cannot tell so small a gain; a flatter slope does
            flatter = np.abs(following.slope).max() < 0.5 * np.abs(state.slope).max()
            falls = bool(flatter and following.loss <= state.loss + 8 * rounding)
        if falls:
            return following
        length /= 2
    return None


def _modes(shares: Matrix) -> NDArray[np.float64]:
    """Return combinations of classes that vary apart from each other, shape (k, k - 1).

    Eigenvectors of the mean of diag(p) - p p'. The one of equal parts is not among them: no share
    depends on it.
    """
    products = sum_of_blocks(lambda rows: shares[rows].T @ shares[rows], len(shares)) / len(shares)
    covariance = np.diag(products.sum(axis=1)) - products
    modes: NDArray[np.float64] = np.linalg.eigh(covariance + 1)[1][:, :-1]
    return modes


def _axes_by_rows(near: Matrix) -> NDArray[np.float64]:
    """Return axes of points that are fewer than their columns, from inner products."""
    near = near.astype(np.float64)
    variances, vectors = np.linalg.eigh(near @ near.T)
    told = variances > _NOISE * variances[-1]
    axes: NDArray[np.float64] = near.T @ (vectors[:, told] / np.sqrt(variances[told]))
    return axes


def _spread(values: Matrix, columns: int) -> float:
    """Return the standard deviation over all columns of what these are coordinates of."""
    mean = values.mean(axis=0, dtype=np.float64)
    squares = sum(
        float(((values[rows].astype(np.float64) - mean) ** 2).sum())
        for rows in blocks_of(len(values))
    )
    return float(np.sqrt(squares / len(values) / columns)) or 1.0


def _mean_and_scale(X: Matrix) -> tuple[NDArray[np.float64], float]:
    # Near 1 first: squares of large numbers overflow, and of small ones vanish.
    unit = unit_scale(float(max(abs(X.max()), abs(X.min()))))
    blocks = blocks_of(len(X))
    mean = sum((X[rows].astype(np.float64) * unit).sum(axis=0) for rows in blocks) / len(X)
    squares = sum(float(((X[rows] * np.float64(unit) - mean) ** 2).sum()) for rows in blocks)
    return mean / unit, float(np.sqrt(squares / X.size)) / unit or 1.0
