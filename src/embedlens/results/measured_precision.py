"""How well held-out scores find each of several labels, and by how much each picture moves that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.metrics.held_out_precision import held_out_precision

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class MeasuredPrecision:
    """Average precisions of one backbone.

    Attributes
    ----------
    judged : ndarray of shape (labels,), bool
        Which labels were learned, and tested on pictures with and without them.
    precision : ndarray of shape (labels,)
        Of the scores of all splits; NaN where a label is not judged.
    influence : ndarray of shape (units, labels)
        By how much each unit moves it.
    found : ndarray of shape (labels,), int64
        Units with the label that were tested.
    tested : ndarray of shape (labels,), int64
        Pictures with it that were tested.
    share : ndarray of shape (labels,)
        Of the tested pictures that have it.
    units : ndarray of shape (units,), bool
        Which were tested.
    """

    judged: NDArray[np.bool_]
    precision: Numbers
    influence: Numbers
    found: NDArray[np.int64]
    tested: NDArray[np.int64]
    share: Numbers
    units: NDArray[np.bool_]

    def trials(self, labels: NDArray[np.intp]) -> float:
        """Return how many trials know the mean over labels that are found by themselves as well."""
        return float(len(labels) ** 2 / (1 / np.maximum(self.found[labels], 1)).sum())


def measure_precision(
    rows: pd.DataFrame,
    members: NDArray[np.bool_],
    units: NDArray[np.int64],
    labels: NDArray[np.intp],
) -> MeasuredPrecision:
    """Return the average precision of scores by label, as `held_out_precision`.

    Parameters
    ----------
    rows : DataFrame
        Columns repeat, picture (row) and scores (a list, one a label, NaN where a label was not
        learned).
    members : ndarray of shape (pictures, labels), bool
        Which labels each picture has.
    units : ndarray of shape (pictures,), int64
        What each picture counts as.
    labels : ndarray of int
        Those that may be judged, see `enough`.
    """
    count = members.shape[1]
    precision = np.full(count, np.nan)
    influence = np.zeros((int(units.max()) + 1, count))
    tested = np.zeros_like(members)
    pictures, splits = rows["picture"].to_numpy(), rows["repeat"].to_numpy()
    scores = np.stack(rows["scores"].to_list())
    for label in labels:
        learned = ~np.isnan(scores[:, label])
        own = pictures[learned]
        has = members[own, label]
        if has.all() or not has.any():
            continue
        found = held_out_precision(has, scores[learned, label], splits[learned], units[own])
        precision[label] = found.estimate
        influence[np.unique(units[own]), label] = found.influence
        tested[own, label] = True
    positive = tested & members
    return MeasuredPrecision(
        ~np.isnan(precision),
        precision,
        influence,
        np.array([len(np.unique(units[column])) for column in positive.T]),
        positive.sum(axis=0),
        positive.sum(axis=0) / np.maximum(tested.sum(axis=0), 1),
        np.isin(np.arange(len(influence)), units[pictures]),
    )
