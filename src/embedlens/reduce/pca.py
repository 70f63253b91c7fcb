"""Principal component analysis that takes the cheapest exact path for the shape of the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from embedlens.arrays.checks import non_finite_error
from embedlens.arrays.gram import BLOCK_BYTES, as_gram, center_gram, gram_and_mean
from embedlens.reduce.eigenpairs import leading_eigenpairs, leading_eigenpairs_of
from embedlens.reduce.moments import Moments

Method = Literal["auto", "gram", "covariance", "randomized"]

# Beyond this size of the smaller side an n x n or d x d matrix costs more than a few passes.
_EXACT_LIMIT = 5000

_OF_A_MAP = 3  # components kept by default


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal component analysis, for features that may be larger than memory.

    Three paths lead to the same answer, each in a few passes over blocks of ``X``:

    - ``"gram"``: the eigenvectors of the centred Gram matrix X Xᵀ (n < d: whole feature maps),
    - ``"covariance"``: the eigenvectors of Xᵀ X (d < n: pooled features),
    - ``"randomized"``: a block Krylov method that multiplies by X and Xᵀ alone (n and d large).

    Whichever is taken, the last pass projects the data on the vectors found and takes the small
    singular value decomposition of that, so that the singular values carry the rounding of X and
    not of its square.

    Parameters
    ----------
    n_components : int, optional
        Components kept, at most min(n, d). Those beyond the rank of the data have zero variance.
        By default three, which a map has, or as many as there are if there are fewer.
    method : {"auto", "gram", "covariance", "randomized"}, default "auto"
        The path. ``"auto"`` takes the Gram or covariance path, whichever matrix is smaller,
        while it has at most 5,000 rows, and the randomised one beyond.
    random_state : int, default 0
        Seeds the first block of the eigensolver; the answer depends on it within rounding only.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, d)
        Orthonormal rows, by falling variance. The loading of each with the largest magnitude is
        positive, as in scikit-learn.
    explained_variance_, explained_variance_ratio_, singular_values_ : ndarray (n_components,)
        Variance along each component (n - 1 degrees of freedom), its share of the whole, and the
        norm of the projected data. All data equal: shares are zero.
    mean_ : ndarray of shape (d,)
    method_ : str
        The path taken.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.reduce import PCA
    >>> pca = PCA(1).fit([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    >>> pca.explained_variance_ratio_.round(6)
    array([1.])
    >>> pca.transform([[3.0, 6.0]]).round(4)
    array([[4.4721]])
    """

    def __init__(
        self, n_components: int | None = None, *, method: Method = "auto", random_state: int = 0
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> PCA:
        """Find the components of ``X``.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Features; a ``numpy.memmap`` is read in blocks. Arithmetic is in float64 if ``X`` is,
            otherwise in float32 with sums in float64.
        y : ignored

        Raises
        ------
        ValueError
            If ``X`` is not a finite matrix of at least two rows, or has fewer rows or columns
            than ``n_components``.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: ArrayLike, y: object = None) -> NDArray[Any]:
        """Find the components of ``X`` and return its coordinates, (n, n_components)."""
        X = self._validated(X, reset=True)
        n, d = X.shape
        k = self._checked_n_components(min(n, d))
        self.method_ = self._path(n, d)
        dtype = np.result_type(X.dtype, np.float32)
        if self.method_ == "gram":
            G, mean = gram_and_mean(X)
            self.mean_ = mean.astype(dtype)
            total = np.trace(G)
            _, left = leading_eigenpairs_of(G, k, random_state=self.random_state)
            P, s, self.components_ = np.linalg.svd(_project_columns(X, self.mean_, left), False)
            scores = left @ P * s
        else:
            self.mean_ = _mean(X).astype(dtype)
            right, total = self._right_vectors(X, k)
            scores = _project_rows(X, self.mean_, right)
            P, s, rotation = np.linalg.svd(scores, full_matrices=False)
            self.components_ = rotation @ right.T
            scores = P * s
        signs = _signs(self.components_)
        self.components_ = (self.components_ * signs[:, None]).astype(self.mean_.dtype)
        self._set_variances(s, total, n)
        return np.asarray(scores * signs, self.mean_.dtype)

    def fit_transform_gram(self, G: ArrayLike) -> NDArray[np.float64]:
        """Return the coordinates of features of which only the Gram matrix is given.

        The same as ``fit_transform(X)`` with G = X Xᵀ, without touching X, but for the signs:
        there are no loadings, so the *coordinate* of largest magnitude is positive in each
        component. ``components_`` and ``mean_`` are not known, so that only data already in G
        have coordinates.

        Parameters
        ----------
        G : array-like of shape (n, n)
            Gram matrix, centred or not.

        Returns
        -------
        ndarray of shape (n, n_components), float64
        """
        centered = center_gram(G)
        n = len(centered)
        k = self._checked_n_components(n)
        values, vectors = leading_eigenpairs_of(centered, k, random_state=self.random_state)
        rounding = np.finfo(as_gram(G).dtype).eps
        values[values <= n * rounding * values[0]] = 0.0
        for name in ("components_", "mean_"):
            self.__dict__.pop(name, None)
        self.method_ = "gram"
        self._set_variances(np.sqrt(values), np.trace(centered), n)
        return vectors * self.singular_values_ * _signs(vectors.T)

    def fit_moments(self, moments: Moments) -> PCA:
        """Find the components of points of which only mean and scatter are given.

        The same as ``fit(X)`` by the covariance path, for points that never lie in one place:
        each part of them is measured where it lies, the sum of the moments is fitted here, and
        each part gets its coordinates by ``transform``.

        Parameters
        ----------
        moments : Moments
            Of at least two points.

        Raises
        ------
        ValueError
            If there are fewer points than two, or fewer points or features than ``n_components``.
        """
        d = len(moments.mean)
        if moments.count < 2:
            raise ValueError(f"Principal components need two points or more, not {moments.count}.")
        k = self._checked_n_components(min(moments.count, d))
        values, vectors = leading_eigenpairs_of(moments.scatter, k, random_state=self.random_state)
        self.method_, self.n_features_in_ = "covariance", d
        self.mean_ = moments.mean
        self.components_ = vectors.T * _signs(vectors.T)[:, None]
        self._set_variances(np.sqrt(values), float(np.trace(moments.scatter)), moments.count)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return the coordinates of ``X`` in the components, (m, n_components)."""
        check_is_fitted(self)
        if not hasattr(self, "components_"):
            raise ValueError("Fitted on a Gram matrix, which has no components: use fit(X).")
        X = self._validated(X, reset=False)
        scores = _project_rows(X, self.mean_, self.components_.T.astype(np.float64))
        return scores.astype(np.result_type(X.dtype, np.float32))

    def inverse_transform(self, T: ArrayLike) -> NDArray[Any]:
        """Return the features, (m, d), whose coordinates are ``T``, (m, n_components)."""
        check_is_fitted(self, "components_")
        return np.asarray(np.asarray(T) @ self.components_ + self.mean_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return len(self.explained_variance_)

    def _validated(self, X: ArrayLike, *, reset: bool) -> NDArray[Any]:
        # Finiteness is checked block by block, so that a memory map is not read once more.
        checked: NDArray[Any] = validate_data(
            self, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=1 + reset
        )
        return checked if checked.dtype.kind in "biuf" else checked.astype(np.float64)

    def _checked_n_components(self, largest: int) -> int:
        k = min(_OF_A_MAP, largest) if self.n_components is None else self.n_components
        if not 1 <= k <= largest:
            raise ValueError(f"n_components must be 1 to min(n, d) = {largest}, not {k!r}.")
        return int(k)

    def _path(self, n: int, d: int) -> str:
        if self.method in ("gram", "covariance", "randomized"):
            return self.method
        if self.method != "auto":
            raise ValueError(
                f"method must be 'auto', 'gram', 'covariance' or 'randomized', not {self.method!r}."
            )
        if min(n, d) > _EXACT_LIMIT:
            return "randomized"
        return "gram" if n < d else "covariance"

    def _right_vectors(self, X: NDArray[Any], k: int) -> tuple[NDArray[np.float64], float]:
        """Return the leading eigenvectors of Xᵀ X, X centred, as columns, and its trace."""
        d = X.shape[1]
        if self.method_ == "covariance":
            C = _scatter(X, self.mean_)
            _, vectors = leading_eigenpairs_of(C, k, random_state=self.random_state)
            return vectors, float(np.trace(C))

        def multiply(block: NDArray[np.float64]) -> NDArray[np.float64]:
            return _scatter_times(X, self.mean_, block)

        # Each product is a pass over X, and rounds like float32.
        _, vectors = leading_eigenpairs(
            multiply, d, k, tol=1e-6, max_products=40, random_state=self.random_state
        )
        return vectors, sum(float(np.vdot(b, b)) for _, b in _centered_blocks(X, self.mean_))

    def _set_variances(self, s: NDArray[np.float64], total: float, n: int) -> None:
        self.singular_values_ = s
        self.explained_variance_ = s**2 / max(n - 1, 1)
        self.explained_variance_ratio_ = s**2 / total if total > 0 else np.zeros_like(s)


def _signs(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sign, of each row, of its element of largest magnitude."""
    largest = np.argmax(np.abs(vectors), axis=1)
    return np.where(vectors[np.arange(len(vectors)), largest] < 0, -1.0, 1.0)


def _row_slices(X: NDArray[Any]) -> Iterator[slice]:
    """Yield the rows in blocks."""
    n, d = X.shape
    height = max(1, BLOCK_BYTES // (d * np.result_type(X.dtype, np.float32).itemsize))
    for start in range(0, n, height):
        yield slice(start, min(start + height, n))


def _centered_blocks(X: NDArray[Any], mean: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield slices of rows and these rows, centred; a block is overwritten by the next."""
    buffer = np.empty(0, mean.dtype)
    for rows in _row_slices(X):
        shape = (rows.stop - rows.start, X.shape[1])
        buffer = buffer if buffer.size else np.empty(shape[0] * shape[1], mean.dtype)
        block = buffer[: shape[0] * shape[1]].reshape(shape)
        np.subtract(X[rows], mean, out=block)
        yield rows, block


def _mean(X: NDArray[Any]) -> NDArray[Any]:
    total = sum(X[rows].sum(axis=0, dtype=np.float64) for rows in _row_slices(X))
    if not np.isfinite(total).all():
        raise non_finite_error(X)
    return np.asarray(total / len(X))


def _scatter(X: NDArray[Any], mean: NDArray[Any]) -> NDArray[np.float64]:
    """Return Xᵀ X of the centred rows."""
    total = np.zeros((X.shape[1],) * 2)
    for _, block in _centered_blocks(X, mean):
        total += block.T @ block
    return total


def _scatter_times(
    X: NDArray[Any], mean: NDArray[Any], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Xᵀ X ``right`` of the centred rows, in one pass."""
    total = np.zeros_like(right)
    for _, block in _centered_blocks(X, mean):
        total += block.T @ (block @ right.astype(block.dtype))
    return total


def _project_rows(
    X: NDArray[Any], mean: NDArray[Any], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return X ``right`` of the centred rows."""
    product = np.empty((len(X), right.shape[1]))
    for rows, block in _centered_blocks(X, mean):
        product[rows] = block @ right.astype(block.dtype)
    if not np.isfinite(product).all():
        raise non_finite_error(X)
    return product


def _project_columns(
    X: NDArray[Any], mean: NDArray[Any], left: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``left``ᵀ X of the centred rows."""
    product = np.zeros((left.shape[1], X.shape[1]))
    for rows, block in _centered_blocks(X, mean):
        product += left[rows].T.astype(block.dtype) @ block
    return product
