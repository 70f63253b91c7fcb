"""The leading eigenpairs of a symmetric positive semi-definite matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Matrix = NDArray[np.float64]

_SPARE = 5  # columns of a block beyond the k wanted: they speed convergence up
_LARGEST_BASIS = 12  # blocks; then the basis restarts from its best half

# A matrix of up to so many rows is made tridiagonal, in a time that its spectrum does not change:
# blocks take up to ten times as long where eigenvalues lie near each other, as those of noise do.
_TRIDIAGONAL_LIMIT = 2048


def leading_eigenpairs_of(
    matrix: Matrix, k: int, *, random_state: int = 0
) -> tuple[NDArray[np.float64], Matrix]:
    """Return the k largest eigenvalues of a matrix at hand, falling, and their eigenvectors.

    A small matrix is made tridiagonal; a large one is only multiplied, as `leading_eigenpairs`
    does, whose parameters these are.
    """
    size = len(matrix)
    if size > _TRIDIAGONAL_LIMIT:
        return leading_eigenpairs(matrix.__matmul__, size, k, random_state=random_state)
    # Its many small steps are no work to share: threads would wait for each other at each of them.
    with threadpool_limits(1, "blas"):
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=(size - k, size - 1))
    return np.maximum(values[::-1], 0.0), vectors[:, ::-1]


def leading_eigenpairs(
    multiply: Callable[[Matrix], Matrix],
    size: int,
    k: int,
    *,
    tol: float = 1e-10,
    max_products: int = 500,
    random_state: int = 0,
) -> tuple[NDArray[np.float64], Matrix]:
    """Return the k largest eigenvalues, falling, and their eigenvectors, (size, k).

    Block Davidson without a preconditioner, which is block Lanczos with restarts: the basis grows
    by the residuals of the leading Ritz pairs, and the Ritz pairs of the whole basis are taken
    anew each time. A block finds repeated eigenvalues, which one vector cannot. The matrix is
    only multiplied, so it need not exist.

    Parameters
    ----------
    multiply : callable
        Returns the (size, b) product of the matrix with a (size, b) block.
    size : int
        Rows of the matrix.
    k : int
        Eigenpairs wanted.
    tol : float, default 1e-10
        Largest norm of a residual, relative to the largest eigenvalue.
    max_products : int, default 500
        Products after which the pairs are returned as good as they are.
    random_state : int, default 0
        Seeds the first block.

    References
    ----------
    C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
    singular value decomposition", NeurIPS 2015. Y. Saad, "Numerical methods for large eigenvalue
    problems", 2011, section 8.4.
    """
    width = min(size, k + _SPARE)
    block = np.random.default_rng(random_state).standard_normal((size, width))
    basis, images = np.empty((size, 0)), np.empty((size, 0))
    for _ in range(max_products):
        block = _orthonormal(block, basis)
        basis = np.hstack([basis, block])
        images = np.hstack([images, multiply(block)])
        values, rotation = np.linalg.eigh(_symmetric(basis.T @ images))
        values, rotation = values[::-1], rotation[:, ::-1]
        vectors = basis @ rotation[:, :width]
        residuals = images @ rotation[:, :width] - vectors * values[:width]
        open_pairs = np.linalg.norm(residuals, axis=0) > tol * max(values[0], 0.0)
        if not open_pairs[:k].any():
            break
        if basis.shape[1] >= min(_LARGEST_BASIS * width, size):
            best = rotation[:, : _LARGEST_BASIS * width // 2]
            basis, images = basis @ best, images @ best
        block = residuals[:, open_pairs]
    return np.maximum(values[:k], 0.0), vectors[:, :k]


def _orthonormal(block: Matrix, basis: Matrix) -> Matrix:
    """Return an orthonormal basis of what ``block`` adds to the orthonormal ``basis``."""
    for _ in range(2):  # twice is enough (Kahan, Parlett)
        block = block - basis @ (basis.T @ block)
        block, triangle = np.linalg.qr(block)
        scale = np.abs(np.diagonal(triangle))
        block = block[:, scale > 1e-14 * scale.max(initial=0.0)]
    return block


def _symmetric(matrix: Matrix) -> Matrix:
    return (matrix + matrix.T) / 2
