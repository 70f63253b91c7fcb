"""A linear probe trained on ever more of the labels, drawn again and again."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlens.arrays.threads import in_order
from embedlens.learn.softmax_regression import NEAR, Coordinates

PER_CLASS = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
"""Labels a class, on average, that a curve is measured at."""

# Beyond this share of all labels, a draw is all but the same as all of them.
_MOST = 0.8
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
    drawn = [
        (n, train[order_of_labels(labels[train], groups, train, rng)[:n]])
        for n in numbers_of_labels(total, classes)[:-1]
        for _ in range(int(np.clip(total // (10 * n), 1, _TOGETHER)))
    ]

    def test_one(one: tuple[int, NDArray[np.int64]]) -> NDArray[np.bool_] | None:
        n, rows = one
        learned, codes = np.unique(labels[rows], return_inverse=True)
        if len(learned) < 2:
            return None
        probe = among.part(rows).fit(codes, len(learned), strength * total / n, promise=NEAR)
        likeliest = probe.shares(among.values[test]).argmax(axis=1)
        right: NDArray[np.bool_] = learned[likeliest] == labels[test]
        return right

    tested: dict[int, list[NDArray[np.bool_]]] = {}
    # Side by side: fits of few points are too small for threads to share.
    for (n, _), right in zip(drawn, in_order(test_one, drawn), strict=True):
        if right is not None:
            tested.setdefault(n, []).append(right)
    parts = [
        pd.DataFrame(
            {"draw": draw, "labels": n, "picture": test, "hits": sum(right), "shown": len(right)}
        ).astype({"hits": np.int64})
        for n, right in tested.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def order_of_labels(
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
