"""Confident learning: which labels are likely wrong, from probabilities that did not see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays.checks import as_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class LabelErrors:
    """What confident learning says of labels.

    Attributes
    ----------
    suspect : ndarray of shape (n,), bool
        Whether a point is counted under another class than its label's.
    suggested : ndarray of shape (n,), int64
        That class; for the others their own label.
    margin : ndarray of shape (n,), float64
        Probability of the likeliest other class minus that of the label, -1 to 1: the higher, the
        likelier the label is wrong.
    thresholds : ndarray of shape (k,), float64
        The mean probability of each class over the points labelled so; NaN for none.
    counts : ndarray of shape (k, k), int64
        The confident joint: points by label (rows) and by the class they are counted under.
    """

    suspect: NDArray[np.bool_]
    suggested: NDArray[np.int64]
    margin: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    counts: NDArray[np.int64]


def confident_learning(labels: ArrayLike, probabilities: ArrayLike) -> LabelErrors:
    """Find labels that a model which has not seen them would confidently put elsewhere.

    A class's threshold is the mean probability that the model gives it over the points labelled
    so. A point is counted under the likeliest of the classes whose threshold it reaches; where
    that is not its label, the label is suspect. Classes of which a model is less sure thereby ask
    for less, and noise in one class does not hide that in another.

    Parameters
    ----------
    labels : array-like of shape (n,), int
        Index of each point's class.
    probabilities : array-like of shape (n, k)
        Of each class, by a model that was not fitted to the point: out-of-fold predictions.

    Returns
    -------
    LabelErrors

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is no column, or a probability is not in [0, 1].

    References
    ----------
    C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset
    labels", Journal of Artificial Intelligence Research 70 (2021), equations 1 and 2.

    Examples
    --------
    >>> probabilities = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]
    >>> confident_learning([0, 0, 0, 1, 1], probabilities).suspect
    array([False, False,  True, False, False])
    """
    shares = as_points(probabilities).astype(np.float64)
    codes = np.asarray(labels)
    n, k = shares.shape
    if codes.shape != (n,) or codes.dtype.kind not in "iu":
        raise ValueError(f"labels must be {n} integers; got {codes.dtype} of shape {codes.shape}.")
    if codes.min() < 0 or codes.max() >= k:
        raise ValueError(f"labels must be 0 to {k - 1}, the columns; got {codes.max()}.")
    if not ((shares >= 0) & (shares <= 1 + 1e-6)).all():
        raise ValueError("probabilities must be between 0 and 1.")
    rows = np.arange(n)
    own = shares[rows, codes]
    sizes = np.bincount(codes, minlength=k)
    sums = np.bincount(codes, weights=own, minlength=k)
    thresholds = np.divide(sums, sizes, out=np.full(k, np.nan), where=sizes > 0)
    # Means are rounded: a class all of whose probabilities are equal must still be reached.
    reached = shares >= thresholds - 1e-12
    counted = np.where(reached, shares, -1.0).argmax(axis=1)
    certain = reached.any(axis=1)
    suspect = certain & (counted != codes)
    counts = np.zeros((k, k), np.int64)
    np.add.at(counts, (codes[certain], counted[certain]), 1)
    others = shares.copy()
    others[rows, codes] = -1.0
    return LabelErrors(
        suspect,
        np.where(suspect, counted, codes).astype(np.int64),
        others.max(axis=1) - own,
        thresholds,
        counts,
    )
