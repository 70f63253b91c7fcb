"""Which pictures to label next: typical ones at first, then doubtful ones that differ.

Arrays in, row numbers out.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from embedlens.arrays.checks import as_labels, as_points
from embedlens.learn import LabelProbes, LinearProbe
from embedlens.metrics import nearest_neighbors

# TypiClust's: neighbours that typicality is measured by, and the most clusters it makes.
_TYPICAL_NEIGHBORS = 20
_MOST_CLUSTERS = 500
# As many times the budget of the most doubtful pictures are clustered, Zhdanov's beta, but those
# last ones that hold next to none of the weight: many sure pictures far from all others, light as
# they are, draw centres to them.
_DOUBTFUL = 20
_DOUBTFUL_SETS = 10  # where pictures have several labels; more was not tried
_HELD = 0.95
# Of the probe whose doubts count, as in `LinearProbe`: of few labels a weaker penalty learns all by
# heart and doubts the wrong pictures.
_STRENGTH = 0.05


def next_labels(
    X: ArrayLike,
    budget: int,
    *,
    known: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Choose the pictures whose labels teach a linear probe most.

    With no label, or labels of one class, `typical_pictures`; else `doubtful_pictures`.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Features of the pictures without a label.
    budget : int
        How many to choose; of fewer pictures all.
    known : array-like of shape (m, d), optional
        Features of those that have one.
    labels : array-like of shape (m,), optional
        Their labels.
    seed : int, default 0
        Of the clusters' starts.

    Returns
    -------
    ndarray of shape (min(budget, n),), int64
        Rows of ``X``, each once, those to begin with first.

    Raises
    ------
    ValueError
        If features are not finite, do not fit each other or the labels, or budget is below 1.

    Examples
    --------
    >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [9, 9], [9, 8], [8, 9], [0.3, 0.3]])
    >>> sorted(next_labels(X, 2).tolist())
    [3, 6]
    """
    if budget < 1:
        raise ValueError(f"budget is {budget}; ask for 1 picture or more.")
    points = as_points(X)
    seen = np.empty((0, points.shape[1]), points.dtype)
    if known is not None and len(np.asarray(known)):
        seen = as_points(known)
    if seen.shape[1] != points.shape[1]:
        raise ValueError(f"known has {seen.shape[1]} features, and X has {points.shape[1]}.")
    classes = as_labels([] if labels is None else labels, len(seen))
    budget = min(budget, len(points))
    if len(np.unique(classes)) < 2:
        return typical_pictures(points, budget, known=seen, seed=seed)
    return doubtful_pictures(points, budget, known=seen, labels=classes, seed=seed)


def typical_pictures(
    X: NDArray[np.floating], budget: int, *, known: NDArray[np.floating], seed: int = 0
) -> NDArray[np.int64]:
    """Choose the most typical picture of each large cluster that has no label.

    Pictures are clustered into as many clusters as will have a label (k-means, at most 500); from
    those with the fewest labels, the largest first, the picture that is nearest to its 20 nearest
    in the cluster is taken. "TypiClust": Hacohen, Dekel, Weinshall, "Active learning on a budget:
    opposite strategies suit high and low budgets", 2022.

    Parameters are those of `next_labels`, and budget is at most n.
    """
    both = _directions(np.concatenate([X, known]))
    count = min(len(known) + budget, _MOST_CLUSTERS, len(both))
    clusters = _clustered(both, count, seed).labels_
    sizes = np.bincount(clusters, minlength=count)
    labelled = np.bincount(clusters[len(X) :], minlength=count)
    waiting = [_by_typicality(both, np.flatnonzero(clusters == c), len(X)) for c in range(count)]
    chosen: list[int] = []
    while len(chosen) < budget:
        open_ = [c for c in range(count) if waiting[c]]
        c = min(open_, key=lambda c: (labelled[c], -sizes[c]))
        chosen.append(waiting[c].pop(0))
        labelled[c] += 1
    return np.array(chosen, np.int64)


def doubtful_pictures(
    X: NDArray[np.floating],
    budget: int,
    *,
    known: NDArray[np.floating],
    labels: NDArray[np.generic],
    seed: int = 0,
) -> NDArray[np.int64]:
    """Choose pictures that a linear probe doubts and that differ from each other.

    The twenty times as many pictures with the least margin (the likeliest class's probability less
    the second's), or those that hold 95% of their weight, are clustered, weighted by the square of
    one less their margin, and of each cluster the picture nearest to its centre is taken: Zhdanov,
    "Diverse mini-batch active learning", 2019. He weighs by the margin itself; what was tried is in
    docs/benchmarks.md.

    Parameters are those of `next_labels`, with labels of two classes or more.
    """
    probabilities = LinearProbe().fit_at(known, labels, _STRENGTH).predict_proba(X)
    second, likeliest = np.sort(probabilities, axis=1)[:, -2:].T
    doubt = 1 - (likeliest - second)
    likely = np.argsort(-doubt, kind="stable")[: _DOUBTFUL * budget]
    weights = np.cumsum(doubt[likely] ** 2)
    held = 1 + int(np.searchsorted(weights, _HELD * weights[-1]))
    return _that_differ(X, doubt, likely[: max(held, budget)], budget, seed)


def next_label_sets(
    X: ArrayLike,
    budget: int,
    *,
    known: ArrayLike,
    members: ArrayLike,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Choose the pictures whose labels, several each or none, teach a probe a label most.

    They are chosen as `doubtful_pictures` chooses, by the mean of the doubts of all labels: of one
    label 1 less its margin, how much likelier it is that a picture has it than not, or not than
    has it. Where no label is had by some pictures and not by others, `typical_pictures`.

    The gain is small: of 1,400 photographs of clothes with 12 labels (kind, dark, colourful; ten
    draws, EfficientNetLite0) mean average precision with 80, 120, 160 and 200 of them was .651,
    .707, .731 and .747, and of as many drawn at random .646, .698, .724 and .744, where the
    standard error of a difference is .006. The largest doubt of a label, and doubts divided by
    their mean of each label, were no better.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Features of the pictures of which nobody has said which labels they have.
    budget : int
        How many to choose; of fewer pictures all.
    known : array-like of shape (m, d)
        Features of the others.
    members : array-like of shape (m, labels), bool
        Which labels these have.
    seed : int, default 0
        Of the clusters.

    Returns
    -------
    ndarray of int64
        Rows of ``X``, those to begin with first.

    Raises
    ------
    ValueError
        If budget is below 1, or shapes do not fit.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> len(next_label_sets(X[20:], 5, known=X[:20], members=X[:20, :2] > 0))
    5
    """
    if budget < 1:
        raise ValueError(f"budget is {budget}; ask for 1 picture or more.")
    points, seen, has = as_points(X), as_points(known), np.asarray(members, bool)
    if seen.shape[1] != points.shape[1]:
        raise ValueError(f"known has {seen.shape[1]} features, and X has {points.shape[1]}.")
    if has.ndim != 2 or len(has) != len(seen):
        raise ValueError(f"{len(seen)} points have labels of shape {has.shape}; give a row each.")
    budget = min(budget, len(points))
    has = has[:, has.any(axis=0) & ~has.all(axis=0)]
    if not has.shape[1]:
        return typical_pictures(points, budget, known=seen, seed=seed)
    shares = LabelProbes().fit(seen, has).predict_proba(points)
    doubt = (1 - np.abs(2 * shares - 1)).mean(axis=1)
    likely = np.argsort(-doubt, kind="stable")[: _DOUBTFUL_SETS * budget]
    return _that_differ(points, doubt, likely, budget, seed)


def _that_differ(
    X: NDArray[np.floating],
    doubt: NDArray[np.float64],
    likely: NDArray[np.intp],
    budget: int,
    seed: int,
) -> NDArray[np.int64]:
    """Return a picture of each of as many clusters of the likely ones as are asked for."""
    points = _directions(X[likely])
    # Where all are sure to the last bit none would have a weight.
    weights = doubt[likely] ** 2 + np.finfo(np.float32).eps
    model = _clustered(points, budget, seed, weights)
    distances = ((points - model.cluster_centers_[model.labels_]) ** 2).sum(axis=1)
    order = np.lexsort([distances, model.labels_])
    _, firsts = np.unique(model.labels_[order], return_index=True)
    chosen = order[firsts]
    # Clusters of equal points stay empty: the most doubtful pictures that are left fill up.
    rest = np.setdiff1d(np.arange(len(likely)), chosen)[: budget - len(chosen)]
    taken: NDArray[np.int64] = likely[np.sort(np.concatenate([chosen, rest]))].astype(np.int64)
    return taken


def _directions(X: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return points at unit length around their mean, as self-supervised features are compared."""
    scaled = X.astype(np.float64) / (np.abs(X).max() or 1.0)
    centred = scaled - scaled.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    directions: NDArray[np.float64] = centred / np.where(lengths > 0, lengths, 1.0)
    return directions


def _clustered(
    X: NDArray[np.float64], count: int, seed: int, weights: NDArray[np.float64] | None = None
) -> KMeans:
    # Equal points make fewer clusters than are asked for, which callers bear.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(count, n_init=1, random_state=seed).fit(X, sample_weight=weights)


def _by_typicality(X: NDArray[np.float64], rows: NDArray[np.int64], pool: int) -> list[int]:
    """Order a cluster's rows below ``pool`` by their mean distance to their nearest in it."""
    if len(rows) > 2:
        k = min(_TYPICAL_NEIGHBORS, len(rows) - 1)
        distances, _ = nearest_neighbors(X[rows], k)
        rows = rows[np.argsort(distances.mean(axis=1), kind="stable")]
    return [int(row) for row in rows if row < pool]
