"""LogME, the logarithm of maximum evidence (You et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg.lapack import dormqr, dptsv, dsytrd
from scipy.optimize import minimize_scalar
from threadpoolctl import threadpool_limits

from embedlens.metrics.classes import Classes
from embedlens.metrics.transferability.coordinates import coordinates
from embedlens.metrics.transferability.moments import class_sums, scatter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Share of a class's squares below which rounding hides what FᵀF and Fᵀy leave unexplained.
_SMALLEST_RESIDUAL = 1e-12

_LARGEST_RIDGE = 1e10  # times the norm of FᵀF; beyond it the features count for nothing
_STEPS_A_DECADE = 3


def log_me(features: ArrayLike, labels: ArrayLike) -> float:
    """Return LogME: the evidence of a Bayesian linear model of the labels. Higher is better.

    For each class, y is 1 for its points and 0 for the others, and is modelled as y = F w + noise
    with w ~ N(0, I/α) and noise of variance 1/β. The evidence p(y | F, α, β) integrates over w;
    its logarithm, at its maximum over α and β, is divided by the number of points and averaged
    over the classes:

        L(α, β) = n/2 log β + d/2 log α - n/2 log 2π - β/2 |F m - y|² - α/2 m·m - 1/2 log |A|,
        A = α I + β FᵀF,  m = β A⁻¹ Fᵀ y.

    There is no intercept and features are not centred, as in the paper. Rotating or scaling the
    features does not change the score; shifting them does.

    The maximum is found for λ = α/β on a line, with the best β for each λ in closed form, so it is
    the global one: the paper's fixed-point iteration, run until it rests, ends there too or in a
    lower maximum. FᵀF (or F Fᵀ, if that is smaller) is made tridiagonal once; then any λ costs
    O(d) a class.

    Parameters
    ----------
    features : array-like of shape (n, d)
        Real numbers. d may be larger than n.
    labels : array-like of shape (n,)
        Labels of any type, of at least 2 classes.

    Returns
    -------
    float
        In nats a point. Where features fit a class exactly and points outnumber their rank, the
        evidence grows without bound as the noise vanishes; it is then taken where rounding
        begins, and the score says no more than that the fit is exact.

    Raises
    ------
    ValueError
        If features are not a finite matrix, there is not one label a point, or there are fewer
        than 2 classes or no two points of a class.

    References
    ----------
    K. You, Y. Liu, J. Wang, M. Long, "LogME: practical assessment of pre-trained models for
    transfer learning", ICML 2021, arXiv 2102.11005.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from embedlens.metrics.transferability import log_me
    >>> X, y = load_iris(return_X_y=True)
    >>> round(log_me(X, y), 3)
    -0.16
    """
    X = coordinates(features)
    classes = Classes.of(labels, len(X))
    wide = np.shape(features)[1] >= len(X)
    evidence = _Evidence.from_points(X, classes) if wide else _Evidence.from_features(X, classes)
    ridges = evidence.ridges()
    on_grid = np.array([evidence.at(ridge, slice(None)) for ridge in ridges])
    peaks = on_grid.argmax(axis=0)
    if len(ridges) == 1:
        return float(on_grid.mean())
    best = [evidence.highest(ridges, int(peak), c) for c, peak in enumerate(peaks)]
    return float(np.maximum(best, on_grid.max(axis=0)).mean())


@dataclass(frozen=True)
class _Evidence:
    """The evidence of each class at any λ, from a tridiagonal T = Qᵀ S Q."""

    diagonal: NDArray[np.float64]  # (m,) of T
    off_diagonal: NDArray[np.float64]  # (m - 1,) of T
    products: NDArray[np.float64]  # (m, k) Qᵀ p of each class
    squares: NDArray[np.float64] | None  # (k,) y·y of each class; None: S and p are of points
    points: int

    @classmethod
    def from_features(cls, X: NDArray[Any], classes: Classes) -> _Evidence:
        """Take S = FᵀF and p = Fᵀy, (d, d) and (d,)."""
        squares = classes.counts.astype(np.float64)
        return cls(*_tridiagonal(scatter(X), class_sums(X, classes).T), squares, len(X))

    @classmethod
    def from_points(cls, X: NDArray[Any], classes: Classes) -> _Evidence:
        """Take S = F Fᵀ and p = y, (n, n) and (n,): nothing cancels where the fit is exact."""
        targets = classes.codes[:, None] == np.arange(len(classes.names))
        return cls(*_tridiagonal(scatter(X.T), targets.astype(np.float64)), None, len(X))

    def ridges(self) -> NDArray[np.float64]:
        """Return the λ to look at first, from the rounding of FᵀF to far above it."""
        rows = np.abs(self.diagonal)
        rows[1:] += np.abs(self.off_diagonal)
        rows[:-1] += np.abs(self.off_diagonal)
        norm = rows.max()
        if norm == 0:
            return np.ones(1)
        smallest = max(self.points, len(rows)) * np.finfo(np.float64).eps
        steps = int(_STEPS_A_DECADE * np.log10(_LARGEST_RIDGE / smallest)) + 1
        ridges: NDArray[np.float64] = norm * np.geomspace(smallest, _LARGEST_RIDGE, steps)
        return ridges

    def at(self, ridge: float, some: slice) -> NDArray[np.float64]:
        """Return the evidence per point of some classes, at λ = ``ridge`` and the best β.

        With q = y·(I + F Fᵀ/λ)⁻¹y the best β is n/q, and the evidence
        -1/2 (n log(2πq/n) + n + log |I + F Fᵀ/λ|). By Woodbury's identity q is also
        y·y - p·(λI + FᵀF)⁻¹p with p = Fᵀy, and the determinant that of I + FᵀF/λ.
        """
        products, n = self.products[:, some], self.points
        if len(self.diagonal) == 1:
            pivots, solution = self.diagonal + ridge, products / (self.diagonal + ridge)
        else:
            pivots, _, solution, _ = dptsv(self.diagonal + ridge, self.off_diagonal, products)
        explained = np.einsum("ij,ij->j", products, solution)
        if self.squares is None:
            q = ridge * explained
        else:
            squares = self.squares[some]
            q = np.maximum(squares - explained, _SMALLEST_RESIDUAL * squares)
        log_determinant = np.log(pivots / ridge).sum()
        evidence: NDArray[np.float64] = -(n * np.log(2 * np.pi * q / n) + n + log_determinant)
        return evidence / (2 * n)

    def highest(self, ridges: NDArray[np.float64], peak: int, c: int) -> float:
        """Return the maximum of the evidence of class ``c`` beside the peak of its grid."""
        around = np.log(ridges[[max(peak - 1, 0), min(peak + 1, len(ridges) - 1)]])
        one = slice(c, c + 1)
        found = minimize_scalar(
            lambda log_ridge: -self.at(float(np.exp(log_ridge)), one)[0],
            bounds=tuple(around),
            method="bounded",
            options={"xatol": 1e-5},
        )
        return -float(found.fun)


def _tridiagonal(
    matrix: NDArray[np.float64], columns: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return diagonal and off-diagonal of T, and Qᵀ ``columns``, where ``matrix`` is Q T Qᵀ.

    ``matrix`` is overwritten.
    """
    m, k = columns.shape
    rotated = np.array(columns)
    # Both work through m reflections in turn: threads would wait for each other at each of them.
    with threadpool_limits(1, "blas"):
        # It is symmetric; its transpose is in Fortran's order, so that it is not copied.
        reflectors, diagonal, off_diagonal, scales, _ = dsytrd(
            matrix.T, lower=1, lwork=64 * m, overwrite_a=1
        )
        if m > 1:  # Q leaves the first coordinate as it is
            below = reflectors[1:, :-1]
            rotated[1:] = dormqr("L", "T", below, scales, columns[1:], lwork=64 * k)[0]
    return diagonal, off_diagonal, rotated
