"""How well each backbone finds labels, several a picture, with fewer pictures to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import MultilabelSet
from embedlens.learn.label_set_draws import score_on_draws
from embedlens.learn.softmax_regression import Coordinates
from embedlens.results.measurements import Measurements
from embedlens.results.vocabulary import LINEAR_PROBE
from embedlens.study.learning_curve import DRAWS

TESTED = 1000
"""Test pictures of a split that a curve is measured on: of more a sample of so many."""


@dataclass(frozen=True)
class ScoredSplit:
    """A split, and what heads made of it.

    Attributes
    ----------
    split : MultilabelSet
        The pictures.
    strengths : ndarray of shape (labels,)
        Of the linear probes; NaN where nothing was learned.
    measured : Measurements
        With the scores of its test pictures.
    """

    split: MultilabelSet
    strengths: NDArray[np.float64]
    measured: Measurements


def measure_label_set_curve(
    points: NDArray[np.floating[Any]], scored: Sequence[ScoredSplit], seed: int
) -> Measurements:
    """Train probes on ever more pictures, in several orders, and score test pictures.

    With all pictures the probes are the study's own; where splits train on more and fewer, of
    groups, their mean is the number of all.

    Parameters
    ----------
    points : ndarray of shape (pictures, d)
        Features, or points with the same distances.
    scored : sequence of ScoredSplit
        One a repeat.
    seed : int
        Of the orders, and of the test pictures where there are more than `TESTED`.
    """
    among, tables = Coordinates.of(points), []
    orders = -(-DRAWS // len(scored))
    every = round(float(np.mean([len(_known(each.split)) for each in scored])))
    for number, each in enumerate(scored):
        images = each.split.images
        test = images.where("test")
        test = np.sort(np.random.default_rng([seed, number]).permutation(test)[:TESTED])
        whole = _all_pictures(each.measured, test)
        for draw in range(number * orders, (number + 1) * orders):
            fewer = score_on_draws(
                among, each.split.members, _known(each.split), test, strengths=each.strengths,
                groups=images.groups if (images.given_groups != "").any() else None,
                draw=draw, seed=seed,
            )  # fmt: skip
            if len(fewer):
                tables += [fewer, whole.assign(draw=draw, labels=every)]
    return Measurements(label_curves=tuple(tables))


def _known(split: MultilabelSet) -> NDArray[np.int64]:
    return split.images.where(["train", "validation"])


def _all_pictures(measured: Measurements, test: NDArray[np.int64]) -> pd.DataFrame:
    """Return the scores of the study's own probes."""
    rows = pd.concat(measured.label_scores, ignore_index=True)
    own = (rows["head"] == LINEAR_PROBE.key) & rows["picture"].isin(test)
    return rows.loc[own, ["picture", "scores"]].reset_index(drop=True)
