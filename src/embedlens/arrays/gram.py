"""The Gram matrix of features, G = X Xᵀ, and the distances in it.

For n pictures and d >> n features the Gram matrix holds every distance: PCA, silhouettes,
neighbours and t-SNE follow from it without touching the d axis again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlens.arrays.checks import as_points, non_finite_error
from embedlens.arrays.threads import in_order, products_on_one_thread

BLOCK_BYTES = 128 << 20
_TILE = 512  # rows that are multiplied at once

# Up to this many columns float64 products cost no more than writing the n x n result.
_NARROW = 256

# A squared distance below this fraction of the two squared norms is lost in the rounding of the
# products, so these pairs are computed again in float64.
_UNRESOLVED = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-11}


def gram(X: ArrayLike, *, center: bool = False, block_bytes: int = BLOCK_BYTES) -> NDArray[Any]:
    """Return the Gram matrix G = X Xᵀ of the rows of ``X``, in one pass over ``X``.

    ``X`` is read in blocks of columns. Each block is centred, multiplied with itself (each pair of
    rows once) and added in float64; the means that were taken out are put back in float64 at the
    end. So rounding is relative to the spread of the data and not to its distance from the origin.
    The result is the same for any number of threads.

    Pairs of rows so near each other that rounding hides their distance (duplicates above all) are
    read a second time and multiplied in float64, and ``squared_distances`` of the result is
    exactly zero for equal rows.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Features: any real dtype and memory layout; a ``numpy.memmap`` may be larger than memory.
        Products are in float64 if ``X`` is (or if d <= 256), otherwise in float32.
    center : bool, default False
        Return the Gram matrix of the features minus their mean.
    block_bytes : int, default 128 MiB
        Size of a block. Beyond the result (8 n² bytes), memory stays under 3 ``block_bytes`` +
        16 n² bytes.

    Returns
    -------
    ndarray of shape (n, n), float64
        Symmetric to the last bit.

    Raises
    ------
    ValueError
        If ``X`` is not a matrix of real numbers, or holds NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.reduce import gram
    >>> gram(np.array([[1.0, 0.0], [1.0, 2.0]]))
    array([[1., 1.],
           [1., 5.]])
    """
    products = _resolved_products(as_points(X), block_bytes)
    G = products.centered
    if center:
        return center_gram(G)
    for with_mean, row in zip(products.with_mean, G, strict=True):
        row += (with_mean + products.with_mean) + products.mean_norm  # thus G stays symmetric
    return G


def gram_and_mean(X: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centred Gram matrix and the mean of the rows, from the same pass."""
    products = _resolved_products(X, BLOCK_BYTES)
    return center_gram(products.centered), products.mean


def center_gram(G: ArrayLike) -> NDArray[np.float64]:
    """Return the Gram matrix of the features minus their mean, from their Gram matrix.

    Parameters
    ----------
    G : array-like of shape (n, n)
        A Gram matrix. It is not changed.

    Returns
    -------
    ndarray of shape (n, n), float64
        J G J with J = I - 11ᵀ/n ("double centring").

    Examples
    --------
    >>> from embedlens.reduce import center_gram
    >>> center_gram([[0.0, 0.0], [0.0, 4.0]])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    G = as_gram(G)
    mean = G.mean(axis=0, dtype=np.float64)
    centered = G.astype(np.float64)
    overall = mean.mean()
    for row_mean, row in zip(mean, centered, strict=True):
        row -= (row_mean + mean) - overall  # in this order, the result stays symmetric
    return centered


def squared_distances(G: ArrayLike) -> NDArray[np.float64]:
    """Return the squared Euclidean distances between the rows whose Gram matrix is ``G``.

    Parameters
    ----------
    G : array-like of shape (n, n)
        A Gram matrix, centred or not. It is not changed.

    Returns
    -------
    ndarray of shape (n, n), float64
        ``G[i, i] + G[j, j] - 2 G[i, j]``; zero where that is within the rounding of its terms
        (8 units in the last place of the dtype of ``G``), hence never negative.

    Examples
    --------
    >>> from embedlens.reduce import gram, squared_distances
    >>> squared_distances(gram([[0.0, 0.0], [3.0, 4.0]]))
    array([[ 0., 25.],
           [25.,  0.]])
    """
    G = as_gram(G)
    rounding = rounding_of(G)
    norms = np.diagonal(G).astype(np.float64)
    D = np.empty(G.shape)
    for i, row in enumerate(G):  # by rows: one n x n array, and no temporary ones
        both = norms[i] + norms
        np.multiply(row, -2.0, out=D[i], dtype=np.float64)
        D[i] += both
        D[i][D[i] <= rounding * both] = 0.0
    np.fill_diagonal(D, 0.0)
    return D


def as_gram(G: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return ``G`` as a square matrix of finite floating-point numbers."""
    G = as_points(G)
    if G.shape[0] != G.shape[1]:
        raise ValueError(f"A Gram matrix is square; this one has shape {G.shape}.")
    if G.dtype not in (np.float32, np.float64):
        G = G.astype(np.float64)
    if not np.isfinite(G.sum(dtype=np.float64)):
        raise ValueError("The Gram matrix holds NaN or infinity: remove those rows.")
    return G


def rounding_of(G: NDArray[Any]) -> float:
    """Return the share of two squared norms below which a squared distance is lost in rounding.

    Eight units in the last place of the dtype of ``G``; whole numbers count as float64.
    """
    return 8 * float(np.finfo(G.dtype if G.dtype.kind == "f" else np.float64).eps)


@dataclass(frozen=True)
class _Products:
    """Products of rows about a point near their mean.

    Parameters
    ----------
    centered : ndarray of shape (n, n)
        Xc Xcᵀ, Xc = X - m, m the mean rounded to the dtype of the products.
    with_mean : ndarray of shape (n,)
        Xc m.
    mean_norm : float
        m · m.
    mean : ndarray of shape (d,)
        The mean of X, not rounded.
    """

    centered: NDArray[np.float64]
    with_mean: NDArray[np.float64]
    mean_norm: float
    mean: NDArray[np.float64]


def _products_of(
    X: NDArray[Any], rows: slice | NDArray[np.intp], dtype: np.dtype[Any], block_bytes: int
) -> _Products:
    """Return the products of the given rows, from one pass over blocks of columns."""
    n, d = len(X) if isinstance(rows, slice) else len(rows), X.shape[1]
    width = max(1, min(d, block_bytes // (n * dtype.itemsize)))
    total, products = np.zeros((n, n)), np.empty((n, n), dtype)
    with_mean, mean_norm, mean = np.zeros(n), 0.0, np.empty(d)
    share = np.full(n, 1 / n, dtype)
    buffer = np.empty(n * width, dtype)  # one for all blocks: fresh memory costs as much as copying
    for start in range(0, d, width):
        columns = slice(start, min(start + width, d))
        block = buffer[: n * (columns.stop - start)].reshape(n, -1)
        with np.errstate(over="ignore", invalid="ignore"):  # found below, and named
            np.copyto(block, X[rows, columns])
            near = share @ block
            block -= near
            _multiply_with_itself(block, products)
        if not np.isfinite(np.trace(products)):
            raise non_finite_error(X)
        total += products
        with_mean += block @ near
        mean_norm += float(near @ near)
        mean[columns] = near + (share @ block).astype(np.float64)
    return _Products(total, with_mean, mean_norm, mean)


def _multiply_with_itself(block: NDArray[Any], products: NDArray[Any]) -> None:
    """Fill ``products`` with ``block`` ``block``ᵀ, tile by tile.

    BLAS would round a product according to the number of its threads; here each tile has one.
    """
    tiles = [slice(i, i + _TILE) for i in range(0, len(block), _TILE)]

    def multiply(pair: tuple[slice, slice]) -> None:
        rows, columns = pair
        # NumPy takes syrk for the product of a matrix with its own transpose: half the work.
        np.matmul(block[rows], block[columns].T, out=products[rows, columns])
        if columns != rows:
            products[columns, rows] = products[rows, columns].T

    for _ in in_order(multiply, combinations_with_replacement(tiles, 2)):
        pass


def _resolved_products(X: NDArray[Any], block_bytes: int) -> _Products:
    """Return the products of all rows, with near rows told apart."""
    if block_bytes < 1:
        raise ValueError(f"block_bytes must be positive, not {block_bytes}.")
    wide = X.shape[1] > _NARROW
    dtype = np.dtype(np.result_type(X.dtype, np.float32 if wide else np.float64))
    with products_on_one_thread():
        products = _products_of(X, slice(None), dtype, block_bytes)
        _resolve_near_pairs(products.centered, X, dtype, block_bytes)
    return products


def _resolve_near_pairs(
    G: NDArray[np.float64], X: NDArray[Any], dtype: np.dtype[Any], block_bytes: int
) -> None:
    """Give the pairs whose distance rounding hides their distance in float64, in place.

    Such pairs form groups of near rows. Within a group everything is small relative to the group's
    mean, so float64 products of the rows minus that mean are exact enough.
    """
    norms = np.diagonal(G).copy()
    group = np.arange(len(G))
    for i, row in enumerate(G[:-1]):
        both = norms[i] + norms[i + 1 :]
        near = np.flatnonzero(both - 2 * row[i + 1 :] < _UNRESOLVED[dtype] * both)
        joined = np.unique(group[near + i + 1])
        if len(joined) and joined.tolist() != [group[i]]:
            group[np.isin(group, joined)] = group[i]
    for label in np.flatnonzero(np.bincount(group) > 1):
        members = np.flatnonzero(group == label)
        local = _products_of(X, members, np.dtype(np.float64), block_bytes)
        D = squared_distances(local.centered)
        G[np.ix_(members, members)] = (norms[members, None] + norms[members] - D) / 2
