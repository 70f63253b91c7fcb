"""How mean average precision grows with the pictures that probes of several labels learn from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.metrics.learning_curve import LearningCurve, learning_curve_of_means
from embedlens.results.judged_labels import enough
from embedlens.results.measured_precision import measure_precision

Numbers = NDArray[np.float64]


def label_set_curve(
    rows: pd.DataFrame, members: NDArray[np.bool_], units: NDArray[np.int64], seed: int
) -> LearningCurve | None:
    """Return the learning curve of one backbone; None where no label can be judged.

    Each point is the mean, over labels, of `held_out_precision` of the scores of all draws, as the
    verdict judges the heads; draws are its splits.

    Parameters
    ----------
    rows : DataFrame
        Of ``Results.label_curves``.
    members : ndarray of shape (pictures, labels), bool
        Which labels each picture has.
    units : ndarray of shape (pictures,), int64
        What each picture counts as.
    seed : int
        Of the bootstrap.
    """
    rows, known = rows.rename(columns={"draw": "repeat"}), np.flatnonzero(enough(members, units))
    sizes, draws = np.unique(rows["labels"].to_numpy(np.int64)), np.unique(rows["repeat"])
    by_size = [rows[rows["labels"] == size] for size in sizes]
    measured = [measure_precision(each, members, units, known) for each in by_size]
    labels = np.flatnonzero(np.all([each.judged for each in measured], axis=0))
    if not len(labels):
        return None
    means = np.array([each.precision[labels].mean() for each in measured])
    tested = np.any([each.units for each in measured], axis=0)
    varied = [_of_draws(each, draws, members, units, labels) for each in by_size]
    return learning_curve_of_means(
        sizes,
        np.clip(means, 0.0, 1.0),
        np.column_stack([each.influence[tested][:, labels].mean(axis=1) for each in measured]),
        means + np.column_stack(varied),
        measured[-1].trials(labels),
        random_state=seed,
    )


def _of_draws(
    rows: pd.DataFrame,
    draws: NDArray[np.int64],
    members: NDArray[np.bool_],
    units: NDArray[np.int64],
    labels: NDArray[np.intp],
) -> Numbers:
    """Return how much more each draw finds than their mean; 0 of what it cannot be judged by."""
    found = np.full((len(draws), len(labels)), np.nan)
    for place, draw in enumerate(draws):
        own = rows[rows["repeat"] == draw]
        if len(own):
            found[place] = measure_precision(own, members, units, labels).precision[labels]
    told = ~np.isnan(found)
    middle = np.where(told, found, 0.0).sum(axis=0) / np.maximum(told.sum(axis=0), 1)
    differences: Numbers = np.where(told, found - middle, 0.0).mean(axis=1)
    return differences
