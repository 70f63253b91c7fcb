"""LEEP (Nguyen et al. 2020) and NCE (Tran et al. 2019): scores from a backbone's own classes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays.checks import as_points, first_missing
from embedlens.metrics.classes import Classes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_SUM_TOLERANCE = 0.01  # a softmax of 1,000 classes in half precision sums to 1 within this


def leep(source_probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return LEEP, from what a backbone's own top says of the pictures. Higher is better.

    With θ(x)_z the probability that the top gives source class z for picture x,

        P(y, z) = 1/n Σ_{i: y_i = y} θ(x_i)_z,    P(y | z) = P(y, z) / P(z),
        LEEP = 1/n Σ_i log Σ_z P(y_i | z) θ(x_i)_z.

    It is the mean log likelihood of the labels under a classifier that draws z from the top, and
    then y from P(y | z).

    Parameters
    ----------
    source_probabilities : array-like of shape (n, source classes)
        Probabilities, such as the softmax over ImageNet's classes; rows sum to 1.
    labels : array-like of shape (n,)
        Labels of any type, of at least 2 classes.

    Returns
    -------
    float
        In nats, at most 0. It is minus the entropy of the labels where all pictures have the same
        probabilities.

    Raises
    ------
    ValueError
        If the probabilities are not a matrix of numbers from 0 to 1 whose rows sum to 1, there is
        not one label a row, or there are fewer than 2 classes or no two points of a class.

    References
    ----------
    C. V. Nguyen, T. Hassner, M. Seeger, C. Archambeau, "LEEP: a new measure to evaluate
    transferability of learned representations", ICML 2020.

    Examples
    --------
    >>> from embedlens.metrics.transferability import leep
    >>> round(leep([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]], ["cat", "cat", "dog"]), 3)
    -0.245
    """
    theta = as_points(source_probabilities).astype(np.float64)
    classes = Classes.of(labels, len(theta))
    sums = theta.sum(axis=1)
    wrong = ~(np.abs(sums - 1) <= _SUM_TOLERANCE) | ~(theta.min(axis=1) >= 0)
    if wrong.any():
        i = int(wrong.argmax())
        raise ValueError(
            f"Row {i} of source_probabilities is no distribution: it sums to {sums[i]:g}, its"
            f" smallest number is {theta[i].min():g}. Give probabilities (softmax), not logits."
        )
    theta /= sums[:, None]
    of_source = theta.sum(axis=0)
    likelihood = 0.0
    for start, stop in pairwise(classes.starts):
        own = theta[classes.order[start:stop]]
        joint = own.sum(axis=0)
        given_source = np.divide(joint, of_source, out=np.zeros_like(joint), where=of_source > 0)
        likelihood += float(np.log(own @ given_source).sum())
    return likelihood / len(theta)


def nce(source_labels: ArrayLike, labels: ArrayLike) -> float:
    """Return NCE: minus what is left unknown of the labels by source labels. Higher is better.

    With P the shares of pictures by label y and source label z,

        NCE = -H(Y | Z) = Σ_{y, z} P(y, z) log (P(y, z) / P(z)).

    Parameters
    ----------
    source_labels : array-like of shape (n,)
        Labels of the same pictures in the source task, of any type: for a backbone with its
        ImageNet top, the class with the highest probability.
    labels : array-like of shape (n,)
        Labels of any type, of at least 2 classes.

    Returns
    -------
    float
        In nats, at most 0 (where the source label tells the label), at least minus the entropy of
        the labels (where it tells nothing).

    Raises
    ------
    ValueError
        If the two are not one-dimensional and equally long, hold NaN, or there are fewer than
        2 classes or no two points of a class.

    References
    ----------
    A. T. Tran, C. V. Nguyen, T. Hassner, "Transferability and hardness of supervised
    classification tasks", ICCV 2019, arXiv 1908.08142.

    Examples
    --------
    >>> from embedlens.metrics.transferability import nce
    >>> round(nce(["tabby", "tabby", "beagle", "lynx"], ["cat", "dog", "dog", "cat"]), 3)
    -0.347
    """
    sources = np.asarray(source_labels)
    if sources.ndim != 1:
        raise ValueError(
            f"source_labels must be one-dimensional, one a picture; got shape {sources.shape}."
            " Of probabilities take the argmax along axis 1."
        )
    missing = first_missing(source_labels)
    if missing is not None:
        raise ValueError(f"source_labels holds NaN at position {missing}.")
    classes = Classes.of(labels, len(sources))
    seen: dict[object, int] = {}
    codes = np.array([seen.setdefault(source, len(seen)) for source in sources.tolist()])
    pairs = codes * len(classes.names) + classes.codes
    joint = np.unique(pairs, return_counts=True)[1]
    of_source = np.bincount(codes)
    # Σ n_yz log(n_yz / n_z) = Σ n_yz log n_yz - Σ n_z log n_z
    return float(joint @ np.log(joint) - of_source @ np.log(of_source)) / len(sources)
