"""What each backbone gets right with fewer labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.learn.label_draws import train_on_draws
from embedlens.learn.softmax_regression import Coordinates
from embedlens.results.measurements import Measurements
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import LINEAR_PROBE
from embedlens.study.splits import split_of

DRAWS = 5
"""Orders of labels that a curve is measured on, at least; as many of each split."""


def measure_learning_curve(
    points: NDArray[np.floating[Any]],
    images: ImageSet,
    settings: Settings,
    measured: Measurements,
    rows: NDArray[np.int64] | None = None,
) -> Measurements:
    """Train linear probes on ever more labels, in several orders.

    Test pictures are those of the split. With all labels the probe is the study's own; where splits
    train on more and fewer, of groups or of a sample, their mean is the number of all.

    Parameters
    ----------
    points : ndarray of shape (pictures, d)
        Features, or points with the same distances.
    images : ImageSet
        The pictures.
    settings : Settings
        For shares and seed.
    measured : Measurements
        Of the heads on every split: predictions, and the strengths chosen.
    rows : ndarray of int64, optional
        Of the pictures whose points these are, and which the heads are of; by default all.
    """
    strengths = {
        each.repeat: each.value
        for each in measured.measures
        if each.metric == f"{LINEAR_PROBE.key}.strength"
    }
    if not strengths:
        return Measurements()
    tables, among = [], Coordinates.of(points)
    orders = -(-DRAWS // len(strengths))
    splits = [split_of(images, settings, repeat, rows) for repeat in strengths]
    known = [split.where(["train", "validation"]) for split in splits]
    every = round(float(np.mean([len(each) for each in known])))
    for number, (repeat, strength) in enumerate(strengths.items()):
        split, train, test = splits[number], known[number], splits[number].where("test")
        for draw in range(number * orders, (number + 1) * orders):
            fewer = train_on_draws(
                among, split.labels, train, test, strength=strength, draw=draw,
                groups=split.groups if (split.given_groups != "").any() else None,
                seed=settings.seed,
            )  # fmt: skip
            if len(fewer):
                whole = _all_labels(measured, split, repeat)
                tables += [fewer, whole.assign(draw=draw, labels=every)]
    return Measurements(curves=tuple(tables))


def _all_labels(measured: Measurements, split: ImageSet, repeat: int) -> pd.DataFrame:
    """Return which test pictures the study's own probe gets right."""
    predictions = pd.concat(measured.predictions, ignore_index=True)
    own = (predictions["head"] == LINEAR_PROBE.key) & (predictions["repeat"] == repeat)
    rows = predictions.loc[own, ["picture", "predicted"]]
    right = rows["predicted"].to_numpy() == split.labels[rows["picture"]]
    return pd.DataFrame(
        {"picture": rows["picture"].to_numpy(), "hits": right.astype(np.int64), "shown": 1}
    )
