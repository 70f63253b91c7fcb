"""What is taken as points and labels to learn from, and what is said of the rest."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from embedlens.arrays.checks import check_finite
from embedlens.learn.lazy_rows import LazyRows

Features = ArrayLike | LazyRows
Points = NDArray[Any] | LazyRows
Precision = type[np.floating[Any]] | tuple[type[np.floating[Any]], ...]

# As they are where they are one of these; half precision and whole numbers become the first.
EITHER = (np.float64, np.float32)
_BLOCK_BYTES = 16 << 20


def labelled_points(
    estimator: Any, X: Features, y: ArrayLike | None, dtype: Precision = EITHER
) -> tuple[Any, NDArray[Any]]:
    """Return points and labels to fit to, and note on the estimator how many columns they have.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets ``n_features_in_``, and ``feature_names_in_`` where columns have names.
    X : array of shape (n, d), or LazyRows
        `LazyRows` stay where they are.
    y : array of shape (n,) or (n, 1)
        Labels of any type that can be sorted.
    dtype : float type or types
        That ``X`` is to have.

    Raises
    ------
    ValueError
        If lengths differ, ``X`` is sparse or not finite, or a label is missing, is a number with
        a fraction, or cannot be compared with another.
    """
    if y is None:
        validate_data(estimator, X, y, dtype=dtype)  # refuses, in scikit-learn's words
    labels = class_labels(y)
    return _points(estimator, X, dtype, labels, reset=True), labels


def points_of(estimator: Any, X: Features, dtype: Precision = EITHER) -> Any:
    """Return points to predict, whose columns are those that the estimator was fitted to."""
    return _points(estimator, X, dtype, None, reset=False)


def watched_points(
    estimator: Any,
    validation: tuple[Features, ArrayLike] | None,
    y: NDArray[Any],
    dtype: Precision = EITHER,
) -> tuple[Any, NDArray[Any]] | None:
    """Return validation points and labels, checked as those fitted to; None where there are none.

    Call it after `labelled_points`, with the labels ``y`` that it returned.

    Raises
    ------
    ValueError
        As `labelled_points`; or if one of both has numbers for labels and the other names.
    """
    if validation is None or not len(np.asarray(validation[1], dtype=object)):
        return None
    labels = class_labels(validation[1])
    if (labels.dtype.kind in "biuf") != (y.dtype.kind in "biuf"):
        raise ValueError(
            f"Training labels are {y.dtype} and validation labels {labels.dtype}, such as"
            f" {y[0]!r} and {labels[0]!r}; give both as one type."
        )
    return _points(estimator, validation[0], dtype, labels, reset=False), labels


def class_labels(y: ArrayLike | None) -> NDArray[Any]:
    """Return labels as an array of one dimension that can be sorted.

    Raises
    ------
    ValueError
        If one is missing (NaN, None, NaT or pd.NA), is a number with a fraction, or is of another
        kind than the others.
    """
    # As objects first: NumPy makes the name "nan" of a NaN among names.
    values: Any = y if hasattr(y, "dtype") else np.array(y, dtype=object)
    missing = np.asarray(pd.isna(values))
    if missing.any():
        raise ValueError(
            f"Input y contains NaN: {int(missing.sum())} of {len(missing)} labels are missing, the"
            f" first at {int(np.flatnonzero(missing.ravel())[0])}. Leave such points out."
        )
    labels = np.asarray(values)
    if labels.dtype == object:
        labels = _of_one_type(labels)
    labels = np.asarray(column_or_1d(labels, warn=True))
    with warnings.catch_warnings():
        # Many classes of few points are classes still.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        check_classification_targets(labels)
    return labels


def _of_one_type(labels: NDArray[np.object_]) -> NDArray[Any]:
    """Return objects as what they are: numbers, names or truth values."""
    kinds = sorted({_kind(value) for value in labels.ravel().tolist()})
    if len(kinds) > 1:
        raise ValueError(
            f"Labels are of several types, {' and '.join(kinds)}; make all of them text, say."
        )
    return np.array(labels.tolist()) if kinds else labels


def _kind(value: Any) -> str:
    for types, name in (((bool, np.bool_), "bool"), ((str,), "str")):
        if isinstance(value, types):
            return name
    if isinstance(value, int | float | np.integer | np.floating):
        return "number"
    return type(value).__name__


def _points(
    estimator: Any, X: Features, dtype: Precision, labels: NDArray[Any] | None, *, reset: bool
) -> Any:
    rows = getattr(X, "shape", (len(X) if isinstance(X, list) else None,))
    if labels is not None and rows and rows[0] not in (None, len(labels)):
        raise ValueError(f"X has {rows[0]} rows and y has {len(labels)} labels; give one a row.")
    if isinstance(X, LazyRows):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        _check_finite(X)
        return X
    if labels is None:
        return validate_data(estimator, X, dtype=dtype, reset=reset)
    return validate_data(estimator, X, labels, dtype=dtype, reset=reset)[0]


def _check_finite(rows: LazyRows) -> None:
    """Read all rows once, a few megabytes at a time."""
    step = max(1, _BLOCK_BYTES // (4 * int(np.prod(rows.shape[1:]))))
    for start in range(0, len(rows), step):
        check_finite(rows[start : start + step], start)
