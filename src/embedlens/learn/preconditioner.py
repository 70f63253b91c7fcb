"""What makes conjugate gradients short: inverses of matrices that are near Hessians.

Along principal axes the Hessian of a regression, X' diag(w) X + I / C, is all but diagonal as far
as the weights w of the points do not follow the axes. On the few axes of most variance they do, for
the probabilities come of these: there it is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.learn.row_blocks import sum_of_blocks

# Fewer lengthen conjugate gradients (none 1.5 to 3 times), 150 shorten them by less than a tenth;
# weighing the products of 32 costs half of what one product with the Hessian does.
_AXES = 32

_FLAT = 1e-9  # of a mean weight: below, all is certain
_RIDGE = 1e-5  # of the mean weight: above the rounding of products in float32

Numbers = NDArray[np.float64]
Matrix = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Preconditioner:
    """Inverses of matrices near the Hessians of regressions on the same points, a column each.

    Attributes
    ----------
    top : ndarray of shape (m,), int
        Axes on which a Hessian is taken as it is, together with the intercept.
    blocks : ndarray of shape (k, m + 1, m + 1)
        The inverses there.
    rest : ndarray of shape (r, k)
        The inverses of the diagonals; those of ``top`` are not used.
    """

    top: NDArray[np.intp]
    blocks: Numbers
    rest: Numbers

    @classmethod
    def of(
        cls, X: Matrix, squares: Numbers, weights: Callable[[slice], Matrix], strengths: Numbers
    ) -> Preconditioner:
        """Weigh the points.

        Parameters
        ----------
        X : ndarray of shape (n, r)
            Along their principal axes.
        squares : ndarray of shape (r,)
            Sums of the squares of its columns.
        weights : callable
            Returns those of a block of rows, shape (rows, k), none below 0.
        strengths : ndarray of shape (k,)
            C of each column.
        """
        top = np.argsort(-squares, kind="stable")[:_AXES]
        # Each axis in its own unit, so that rounding is small beside the least of them too.
        units = np.append(np.sqrt(np.where(squares[top] > 0, squares[top], 1.0)), np.sqrt(len(X)))
        first, second = np.triu_indices(len(units))

        def weighed(rows: slice) -> NDArray[Any]:
            near = np.ones((rows.stop - rows.start, len(units)), X.dtype)
            near[:, :-1] = X[rows, top]
            near /= units.astype(X.dtype)
            return (near[:, first] * near[:, second]).T @ weights(rows)

        products = sum_of_blocks(weighed, len(X))
        own = np.flatnonzero(first == second)
        mean = np.maximum(products[own[-1]], _FLAT)
        products[own] += _RIDGE * mean
        products[own[:-1]] += 1 / (strengths * units[:-1, None] ** 2)
        near = np.empty((len(strengths), len(units), len(units)))
        near[:, first, second] = near[:, second, first] = products.T
        blocks = np.linalg.inv(near) / (units[:, None] * units)
        return cls(top, blocks, 1 / (squares[:, None] * mean + 1 / strengths))

    def take(self, columns: NDArray[np.intp]) -> Preconditioner:
        """Return that of some of the regressions."""
        return replace(self, blocks=self.blocks[columns], rest=self.rest[:, columns])

    def __call__(self, slopes: Numbers) -> Numbers:
        """Ease slopes of shape (r + 1, k), those of the intercepts in the last row."""
        eased = np.empty_like(slopes)
        np.multiply(slopes[:-1], self.rest, out=eased[:-1])
        rows = np.append(self.top, len(slopes) - 1)
        eased[rows] = np.matmul(self.blocks, slopes[rows].T[:, :, None])[:, :, 0].T
        return eased
