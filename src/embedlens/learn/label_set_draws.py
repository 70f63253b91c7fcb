"""Probes of several labels a picture trained on ever more pictures, drawn again and again."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlens.arrays.threads import in_order
from embedlens.learn.label_draws import numbers_of_labels, order_of_labels
from embedlens.learn.logistic_regressions import fit_each
from embedlens.learn.softmax_regression import NEAR, Coordinates

COLUMNS = ("draw", "labels", "picture", "scores")


def score_on_draws(
    among: Coordinates,
    members: NDArray[np.bool_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    *,
    strengths: NDArray[np.float64],
    groups: ArrayLike | None = None,
    draw: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Train a probe a label on the first pictures of an order, ever more, and score others.

    The numbers are `numbers_of_labels`, with labels in place of classes. Penalties are not chosen
    again for each, but scaled, as in `train_on_draws`. A label that all drawn pictures have, or
    none, is scored .5 everywhere: nothing was learned of it yet.

    Parameters
    ----------
    among : Coordinates
        All points, turned once for all draws.
    members : ndarray of shape (pictures, labels), bool
        Which labels each has.
    train, test : ndarray of int64
        Rows.
    strengths : ndarray of shape (labels,)
        That were chosen for all of ``train``, as in `LabelProbes`; NaN where nothing was learned.
    groups : array of shape (pictures,), optional
        Pictures that come together: an order is then one of groups.
    draw : int, default 0
        Its number, in the rows that are returned.
    seed : int, default 0
        Of the orders.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: scores of each test picture, a list with NaN where all of ``train``
        teach nothing, by the number of pictures learned from; without that of all of them.
    """
    rng = np.random.default_rng([seed, draw])
    learned = np.flatnonzero(~np.isnan(strengths))
    order = train[order_of_labels(rarest_labels(members[train]), groups, train, rng)]
    sizes = numbers_of_labels(len(train), members.shape[1])[:-1]

    def score(size: int) -> NDArray[np.float32]:
        rows, told = order[:size], members[order[:size]][:, learned]
        both = told.any(axis=0) & ~told.all(axis=0)
        scores = np.full((len(test), members.shape[1]), np.nan, np.float32)
        scores[:, learned] = 0.5
        if both.any():
            own = learned[both]
            found = fit_each(
                among.part(rows), told[:, both], strengths[own] * len(train) / size, tolerance=NEAR
            )
            scores[:, own] = found.shares(among.values[test])
        return scores

    # Side by side: fits of few points are too small for threads to share.
    parts = [
        pd.DataFrame({"draw": draw, "labels": size, "picture": test, "scores": list(scores)})
        for size, scores in zip(sizes, in_order(score, sizes), strict=True)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def rarest_labels(members: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the label of each picture that fewest others have; -1 of those without a label.

    Orders that keep the shares of these keep rare labels from coming late.

    Examples
    --------
    >>> rarest_labels(np.array([[True, True], [True, False], [False, False]])).tolist()
    [1, 0, -1]
    """
    counts = np.where(members, members.sum(axis=0), len(members) + 1)
    return np.where(members.any(axis=1), counts.argmin(axis=1), -1).astype(np.int64)
