"""What is taken as points, square matrices and labels, and what is said of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_CHUNK_BYTES = 4 << 20


def as_points(X: ArrayLike) -> NDArray[Any]:
    """Return ``X`` as a matrix of real numbers; arrays and memory maps are not copied.

    Raises
    ------
    ValueError
        If ``X`` is not two-dimensional, is empty, or does not hold real numbers.
    """
    if hasattr(X, "toarray"):
        raise ValueError("X is sparse; embeddings are dense: pass X.toarray().")
    values = np.asarray(X)
    if values.ndim != 2:
        raise ValueError(
            f"Expected X of shape (points, features), got shape {values.shape}."
            " Reshape with X.reshape(-1, 1) if each point is one number."
        )
    if 0 in values.shape:
        raise ValueError(f"X is empty: it has shape {values.shape}.")
    if values.dtype == object:
        values = values.astype(np.float64)
    if values.dtype.kind not in "fiub":
        raise ValueError(f"X must hold real numbers, not {values.dtype}.")
    return values


def as_square(X: ArrayLike, metric: str) -> NDArray[Any]:
    """Return ``X`` as a square matrix, for the metrics "precomputed" and "gram"."""
    values = as_points(X)
    if values.shape[0] != values.shape[1]:
        raise ValueError(f'metric="{metric}" needs a square matrix, got shape {values.shape}.')
    return values


def check_zero_diagonal(distances: NDArray[Any]) -> None:
    """Raise ValueError unless the diagonal of a distance matrix is zero, but for rounding."""
    diagonal = np.abs(distances.diagonal())
    allowed = 100 * np.finfo(distances.dtype).eps if distances.dtype.kind == "f" else 0
    if (diagonal > allowed).any():
        i = int(np.flatnonzero(diagonal > allowed)[0])
        raise ValueError(
            "The precomputed distance matrix contains non-zero elements on the diagonal:"
            f" X[{i}, {i}] is {distances[i, i]}. Use np.fill_diagonal(X, 0) if they are noise; a"
            " matrix of similarities is not one of distances."
        )


def largest_magnitude(X: NDArray[Any]) -> float:
    """Return the largest absolute value of ``X``, read block by block.

    Raises
    ------
    ValueError
        If ``X`` holds NaN or infinity; the first place is named.
    """
    rows = max(1, _CHUNK_BYTES // (8 * X.shape[1]))
    largest = 0.0
    for start in range(0, len(X), rows):
        block = X[start : start + rows]
        largest = max(largest, check_finite(block, start))
    return largest


def check_finite(block: NDArray[Any], start: int) -> float:
    """Return the largest absolute value of rows ``start``, ``start + 1``, ... of X.

    Raises
    ------
    ValueError
        If they hold NaN or infinity; the first place is named.
    """
    # Both extremes are NaN if any number is.
    reach = max(abs(float(block.max())), abs(float(block.min())))
    if not np.isfinite(reach):
        raise non_finite_error(block, start)
    return reach


def non_finite_error(X: NDArray[Any], start: int = 0) -> ValueError:
    """Return the error that names the first NaN or infinity of ``X``, whose rows begin at one."""
    for i, row in enumerate(X):
        places = np.argwhere(~np.isfinite(row))
        if len(places):
            place = tuple(places[0].tolist())
            what = "NaN" if np.isnan(row[place]) else "infinity"
            named = ", ".join(map(str, (start + i, *place)))
            return ValueError(
                f"Input X contains {what}: X[{named}] is {row[place]}. Remove such points."
            )
    return ValueError("X holds numbers too large for float32: scale the features.")


def unit_scale(largest: float) -> float:
    """Return the power of two that brings ``largest`` between 1/2 and 1; 1 for 0."""
    return float(np.exp2(-np.frexp(largest)[1])) if largest > 0 else 1.0


def as_labels(labels: ArrayLike, n: int) -> NDArray[Any]:
    """Return the labels of ``n`` points as an array.

    Raises
    ------
    ValueError
        If there are not n labels in one dimension, or one is missing: NaN, None, NaT or pd.NA.
    """
    values = np.asarray(labels)
    if values.ndim != 1:
        raise ValueError(
            f"labels must be one-dimensional, one for each point; got shape {values.shape}."
        )
    if len(values) != n:
        raise ValueError(
            f"Found {n} points but {len(values)} labels; give one label for each point."
        )
    missing = first_missing(labels)
    if missing is not None:
        what = "None" if np.asarray(labels, object)[missing] is None else "NaN"
        raise ValueError(
            f"labels contains {what} at position {missing}; drop that point or name it."
        )
    return values


def first_missing(labels: ArrayLike) -> int | None:
    """Return the position of the first label that is NaN, None, NaT or pd.NA; None without one."""
    values = np.asarray(labels)
    if not hasattr(labels, "dtype") and values.dtype.kind in "US":
        # NumPy makes the name "nan" of a NaN among names.
        values = np.array(labels, dtype=object)
    if values.dtype.kind not in "fcOmM":
        return None
    return next((i for i, value in enumerate(values.tolist()) if _is_missing(value)), None)


def _is_missing(value: Any) -> bool:
    """Whether a label is None, or not equal to itself: NaN, NaT; pd.NA does not even say."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        return True
