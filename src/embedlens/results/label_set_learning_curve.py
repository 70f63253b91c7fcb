"""How mean average precision grows with the pictures that probes of several labels learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.metrics.held_out_precision import HeldOutPrecision, held_out_precision
from embedlens.metrics.learning_curve import LearningCurve, learning_curve_of_means
from embedlens.results.judged_labels import enough

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
    sizes = np.unique(rows["labels"].to_numpy(np.int64))
    drawn = [_Scored.of(rows[rows["labels"] == size], members, units) for size in sizes]
    labels = np.flatnonzero(enough(members, units) & np.all([each.judged() for each in drawn], 0))
    if not len(labels):
        return None
    influence = np.zeros((int(units.max()) + 1, len(sizes), len(labels)))
    by_draw = np.zeros((rows["draw"].nunique(), len(sizes), len(labels)))
    means = np.zeros((len(sizes), len(labels)))
    for place, each in enumerate(drawn):
        for column, label in enumerate(labels.tolist()):
            whose, found = each.precision(label)
            means[place, column] = found.estimate
            influence[whose, place, column] = found.influence
            by_draw[:, place, column] = each.differences(label, np.unique(rows["draw"]))
    tested = np.unique(np.concatenate([each.units for each in drawn]))
    return learning_curve_of_means(
        sizes,
        np.clip(means.mean(axis=-1), 0.0, 1.0),
        influence[tested].mean(axis=-1),
        (means + by_draw).mean(axis=-1),
        drawn[-1].trials(labels),
        random_state=seed,
    )


@dataclass(frozen=True)
class _Scored:
    """Test pictures that probes of so many pictures scored, a row a picture and draw.

    Attributes
    ----------
    draws, units : ndarray of shape (n,), int64
        Of each row.
    members : ndarray of shape (n, labels), bool
        Which labels each has.
    scores : ndarray of shape (n, labels)
        NaN where nothing was learned.
    """

    draws: NDArray[np.int64]
    units: NDArray[np.int64]
    members: NDArray[np.bool_]
    scores: Numbers

    @classmethod
    def of(
        cls, rows: pd.DataFrame, members: NDArray[np.bool_], units: NDArray[np.int64]
    ) -> _Scored:
        pictures = rows["picture"].to_numpy(np.int64)
        scores = np.stack(rows["scores"].to_list()).astype(np.float64)
        return cls(rows["draw"].to_numpy(np.int64), units[pictures], members[pictures], scores)

    def judged(self) -> NDArray[np.bool_]:
        """Return which labels were learned and tested on pictures with and without them."""
        learned = ~np.isnan(self.scores)
        sides = [(learned & side).any(axis=0) for side in (self.members, ~self.members)]
        return np.asarray(np.all(sides, axis=0))

    def precision(self, label: int) -> tuple[NDArray[np.int64], HeldOutPrecision]:
        """Return the units that were tested on a label, and how well it is found."""
        own = ~np.isnan(self.scores[:, label])
        units = self.units[own]
        return np.unique(units), held_out_precision(
            self.members[own, label], self.scores[own, label], self.draws[own], units
        )

    def differences(self, label: int, draws: NDArray[np.int64]) -> Numbers:
        """Return how much more each draw finds of a label than their mean; 0 where it has none."""
        own = ~np.isnan(self.scores[:, label])
        found = np.full(len(draws), np.nan)
        for place, draw in enumerate(draws):
            rows = own & (self.draws == draw)
            if self.members[rows, label].any():
                found[place] = held_out_precision(
                    self.members[rows, label], self.scores[rows, label], units=self.units[rows]
                ).estimate
        known = ~np.isnan(found)
        return np.where(known, found - found[known].mean(), 0.0)

    def trials(self, labels: NDArray[np.intp]) -> float:
        """Return how many trials know a mean over labels as well: see `judge_labels`."""
        found = [len(np.unique(self.units[self.members[:, label]])) for label in labels]
        return float(len(labels) ** 2 / (1 / np.maximum(found, 1)).sum())
