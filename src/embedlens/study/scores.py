"""Transferability scores of one backbone, and what is known of it before any picture is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.features import Features
from embedlens.learn.softmax_regression import softmax
from embedlens.metrics import transferability
from embedlens.metrics.stratified import SAMPLE, sample_by_content
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.samples import SCORES as OF_SCORES
from embedlens.results.samples import told_sample
from embedlens.results.vocabulary import SCORES, Score

# N-LEEP fits a mixture: half a minute for 5,000 pictures of 20 classes, where the others take a
# second.
NLEEP_LIMIT = 2_000


@dataclass(frozen=True)
class Evidence:
    """What a score may know: nothing of test pictures.

    Attributes
    ----------
    features : ndarray of shape (pictures, d), float64
        Average-pooled features of training and validation pictures.
    labels : ndarray of shape (pictures,), str
        Their classes.
    source : ndarray of shape (pictures, 1000) or None
        The shares that the ImageNet top gives its classes; None where it is not here.
    imagenet_accuracy : float or None
        The share published with the weights; None for other weights.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.str_]
    source: NDArray[np.floating[Any]] | None
    imagenet_accuracy: float | None


MeasureScore = Callable[[Evidence], float | None]
"""Returns the score, or None where it cannot be computed."""


def _n_leep(known: Evidence) -> float | None:
    if len(known.features) > NLEEP_LIMIT:
        return None
    return transferability.n_leep(known.features, known.labels)


def _leep(known: Evidence) -> float | None:
    return None if known.source is None else transferability.leep(known.source, known.labels)


def _nce(known: Evidence) -> float | None:
    if known.source is None:
        return None
    return transferability.nce(known.source.argmax(axis=1), known.labels)


_MEASURERS: dict[str, MeasureScore] = {
    "log_me": lambda known: transferability.log_me(known.features, known.labels),
    "h_score": lambda known: transferability.h_score(known.features, known.labels),
    "trans_rate": lambda known: transferability.trans_rate(known.features, known.labels),
    "gbc": lambda known: transferability.gbc(known.features, known.labels),
    "n_leep": _n_leep,
    "leep": _leep,
    "nce": _nce,
    "imagenet_top1": lambda known: known.imagenet_accuracy,
}


def register_score(score: Score, measure: MeasureScore) -> None:
    """Add a score to every study, for this process; tables and correlations follow.

    Parameters
    ----------
    score : Score
        What it is called.
    measure : callable
        Computes it; see `MeasureScore`. A ValueError means that it cannot.

    Raises
    ------
    ValueError
        If there is a score of its key.

    Examples
    --------
    >>> register_score(Score("classes", "Classes"), lambda known: len(set(known.labels)))
    ... # doctest: +SKIP
    """
    SCORES.add(score)
    _MEASURERS[score.key] = measure


def measure_scores(features: Features) -> Measurements:
    """Measure the scores, of average-pooled features of training and validation pictures.

    Pooled, as the scores mean little with more features than pictures; without the test pictures,
    as a score must not know what it foretells. Of more than 100,000 pictures a stratified sample is
    measured. What cannot be computed is left out: LEEP and NCE where the ImageNet top is not here,
    all of them where classes are too small.
    """
    known, measures = _evidence(features), []
    for key in SCORES:
        start = time.perf_counter()
        try:
            value = _MEASURERS[key](known)
        except ValueError:  # too few classes or pictures: nothing to foretell
            continue
        if value is not None:
            seconds = time.perf_counter() - start
            measures.append(Measure(f"score.{key}", value, "train", seconds=seconds))
    count = len(features.images.where(["train", "validation"]))
    return told_sample(OF_SCORES, known.labels, count) + Measurements(tuple(measures))


def _evidence(features: Features) -> Evidence:
    images, backbone = features.images, features.backbone
    rows = images.where(["train", "validation"])
    rows = rows[sample_by_content(images.labels[rows], images.ids[rows], SAMPLE)]
    pooled = average_pooled(features.values, features.record["feature_map"])
    known = pooled[rows].astype(np.float64)
    # A top takes the vector that counts; of Keras's networks that is the average.
    own = features.recipe.pooling == "own" or "keras" in backbone.family.forms
    top = backbone.imagenet_top() if own else None
    source = None
    if top is not None and len(top[0]) == known.shape[1]:
        source = softmax(known @ top[0] + top[1])
    return Evidence(known, images.labels[rows], source, backbone.imagenet_accuracy)


def average_pooled(
    values: NDArray[np.floating[Any]], feature_map: list[int] | tuple[int, ...]
) -> NDArray[np.floating[Any]]:
    """Return features averaged over the feature map; those that are pooled already as they are."""
    if len(feature_map) != 3 or values.shape[1] != np.prod(feature_map):
        return np.asarray(values)
    height, width, channels = feature_map
    pooled = np.empty((len(values), channels), values.dtype)
    for i in range(0, len(values), 256):  # a block of a memory-mapped array at a time
        block = np.asarray(values[i : i + 256])
        pooled[i : i + 256] = block.reshape(len(block), height * width, channels).mean(axis=1)
    return pooled
