"""A linear probe trained on ever more of the labels, drawn again and again."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlens.learn.softmax_regression import Coordinates

PER_CLASS = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
"""Labels a class, on average, that a curve is measured at."""

# Beyond this share of all labels, a draw is all but the same as all of them.
_MOST = 0.8
# Of the loss: how near the least a fit ends. One picture in five thousand is judged otherwise than
# at a tenth of it, which takes a sixth longer.
_PROMISE = 1e-5
# Where a fit costs little, several draws are tested together: at most so many.
_TOGETHER = 3

COLUMNS = ("draw", "labels", "picture", "hits", "shown")


def numbers_of_labels(total: int, classes: int) -> list[int]:
    """Return how many labels to train on, all of them last.

    Examples
    --------
    >>> numbers_of_labels(2400, 10)
    [20, 50, 100, 200, 500, 1000, 2400]
    """
    return [*(n for each in PER_CLASS if (n := each * classes) < _MOST * total), total]


def train_on_draws(
    among: Coordinates,
    y: ArrayLike,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    *,
    strength: float,
    groups: ArrayLike | None = None,
    draw: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Train linear probes on the first labels of an order of the training points, and test them.

    The classes keep their shares: 5 labels a class are 5 on average. The penalty is not chosen
    again for each number of labels, but scaled: it weighs as much against the mean loss of a point
    as it does for all of them, at ``strength``. Where that is a tenth of all labels or less,
    several orders are tested together.

    Parameters
    ----------
    among : Coordinates
        All points, turned once for all draws.
    y : array of shape (n,)
        Classes.
    train, test : ndarray of int64
        Rows.
    strength : float
        That was chosen for all of ``train``, as in `LinearProbe`.
    groups : array of shape (n,), optional
        Points that come together, such as one patient's: an order is then one of groups.
    draw : int, default 0
        Its number, in the rows that are returned.
    seed : int, default 0
        Of the orders.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: how often each test point was right and how often it was tested, by the
        number of labels; without that of all labels. Numbers at which one class alone was drawn
        are left out.
    """
    labels = np.asarray(y)
    total, classes = len(train), len(np.unique(labels[train]))
    rng = np.random.default_rng([seed, draw])
    parts = []
    for n in numbers_of_labels(total, classes)[:-1]:
        hits, shown = np.zeros(len(test), np.int64), 0
        for _ in range(int(np.clip(total // (10 * n), 1, _TOGETHER))):
            rows = train[_order(labels[train], groups, train, rng)[:n]]
            if len(np.unique(labels[rows])) > 1:
                drawn, codes = np.unique(labels[rows], return_inverse=True)
                probe = among.part(rows).fit(
                    codes, len(drawn), strength * total / n, promise=_PROMISE
                )
                likeliest = probe.shares(among.values[test]).argmax(axis=1)
                hits += drawn[likeliest] == labels[test]
                shown += 1
        if shown:
            parts.append(
                pd.DataFrame(
                    {"draw": draw, "labels": n, "picture": test, "hits": hits, "shown": shown}
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _order(
    labels: NDArray[np.generic],
    groups: ArrayLike | None,
    rows: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return an order that begins with all classes in their shares, or with whole groups."""
    if groups is not None:
        _, number = np.unique(np.asarray(groups)[rows], return_inverse=True)
        keys = rng.random(number.max() + 1)[number]
        return np.lexsort((rng.random(len(rows)), keys)).astype(np.int64)
    keys = np.empty(len(rows))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        keys[own] = (rng.permutation(len(own)) + rng.random()) / len(own)
    return np.argsort(keys, kind="stable").astype(np.int64)
