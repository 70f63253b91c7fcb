"""Heads of one backbone: on its features, and on its maps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.learn import LazyRows, LinearProbe, NeighborsProbe, TopClassifier
from embedlens.learn.nearest_among import NearestAmong, Rows
from embedlens.learn.softmax_regression import Coordinates
from embedlens.results.measurements import HISTORY, Measure, Measurements
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import KNN, LINEAR_PROBE, TOP, space_of
from embedlens.study.calibration import calibrate

PROBES: dict[str, type[LinearProbe | NeighborsProbe]] = {
    LINEAR_PROBE.key: LinearProbe,
    KNN.key: NeighborsProbe,
}
"""Heads that cost little, by their key: they are trained in every study."""

_SHARED = 3  # splits: half of all pairs cost what those of two do

Points = NDArray[np.floating[Any]]


class Heads:
    """Heads that cost little, on features, split after split.

    Parameters
    ----------
    points : ndarray of shape (pictures, columns)
        ``Geometry.points`` of the features. Their principal axes are found once for all splits, and
        the nearest of each, where so many are to come that it costs less than a search in each.
    splits : int
        How many are to come.
    """

    def __init__(self, points: Points, splits: int) -> None:
        self._points = points
        self._among = Coordinates.of(points)
        most = max(NeighborsProbe().ks)
        self._near = NearestAmong.of(points, most) if splits >= _SHARED else None

    def fit(self, split: ImageSet, repeat: int) -> Measurements:
        """Train them on a split, and test them on its test pictures."""
        train, validation, test = (split.where(s) for s in ("train", "validation", "test"))
        if not len(test):
            return Measurements()
        points, labels = self._points, split.labels
        start = time.perf_counter()
        probe = LinearProbe().fit_among(self._among, labels, train, validation)
        shares = probe.predict_proba(points[test])
        strength = Measure(f"{LINEAR_PROBE.key}.strength", probe.strength_, "validation", repeat)
        result = judge_shares(
            LINEAR_PROBE.key, split, repeat, probe.classes_, shares, time.perf_counter() - start
        )
        result += Measurements((strength,))
        result += calibrate(self._among, split, repeat, probe, shares)
        start = time.perf_counter()
        classes, shares = self._vote(labels, train, validation, test)
        return result + judge_shares(
            KNN.key, split, repeat, classes, shares, time.perf_counter() - start
        )

    def _vote(
        self, labels: NDArray[np.str_], train: Rows, validation: Rows, test: Rows
    ) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
        """Return classes, and what the nearest of training and validation say of test pictures."""
        probe, points = NeighborsProbe(), self._points
        if self._near is not None:
            return probe.vote_among(self._near, labels, train, validation, test)
        probe.fit(points[train], labels[train], validation=(points[validation], labels[validation]))
        return probe.classes_, probe.predict_proba(points[test])


def fit_heads_on_maps(
    maps: Mapping[str, Points], split: ImageSet, repeat: int, learned_on: int
) -> Measurements:
    """Test the same heads when three coordinates of a map are all they get.

    Parameters
    ----------
    maps : mapping of str to ndarray of shape (pictures, 3)
        By their key.
    split : ImageSet
        The pictures as this repeat splits them.
    repeat, learned_on : int
        This repeat, and the one whose training pictures learned maps learned from.
    """
    train, validation, test = (split.where(s) for s in ("train", "validation", "test"))
    labels, measures = split.labels, []
    for space, points in _judged(maps, learned_on, repeat).items() if len(test) else ():
        for key, make in PROBES.items():
            head = make().fit(
                points[train], labels[train], validation=(points[validation], labels[validation])
            )
            accuracy = (head.predict(points[test]) == labels[test]).mean()
            measures.append(Measure(f"{space}.{key}.accuracy", accuracy, "test", repeat))
    return Measurements(tuple(measures))


def fit_top_on_maps(
    maps: Mapping[str, Points], split: ImageSet, repeat: int, settings: Settings, learned_on: int
) -> Measurements:
    """Test the study's top on three coordinates of a map; see `fit_heads_on_maps`."""
    train, test = split.where("train"), split.where("test")
    measures = []
    for space, points in _judged(maps, learned_on, repeat).items() if len(test) else ():
        top = TopClassifier(epochs=settings.epochs, random_state=settings.seed + repeat)
        top.fit(points[train], split.labels[train])
        accuracy = top.score(points[test], split.labels[test])
        measures.append(Measure(f"{space}.{TOP.key}.accuracy", accuracy, "test", repeat))
    return Measurements(tuple(measures))


def fit_top(
    values: Points,
    split: ImageSet,
    repeat: int,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Measurements, TopClassifier]:
    """Train the study's top on features; return its history and its test, and the top."""
    train, validation, test = (split.where(s) for s in ("train", "validation", "test"))
    start = time.perf_counter()
    top = TopClassifier(epochs=settings.epochs, random_state=settings.seed + repeat).fit(
        LazyRows(values, train),
        split.labels[train],
        validation=(LazyRows(values, validation), split.labels[validation]),
        progress=progress,
    )
    seconds = time.perf_counter() - start
    # Epoch 1 is the first: 0 is before any training, which only fine-tuning measures.
    history = top.history_.assign(epoch=np.arange(1, len(top.history_) + 1))
    settled = Measure(f"{TOP.key}.converged", top.converged_, "validation", repeat)
    result = Measurements((settled,), histories=(history_of(history, repeat),))
    return result + judge_top(top, LazyRows(values, test), split, repeat, seconds), top


def judge_top(
    top: TopClassifier, features: LazyRows | Points, split: ImageSet, repeat: int, seconds: float
) -> Measurements:
    """Measure loss and accuracy of a top on the test pictures, whose features are given."""
    test = split.where("test")
    if not len(test):
        return Measurements()
    shares = top.predict_proba(features)
    # A class that was not trained on has no share; Keras bounds the loss of a picture likewise.
    place = np.searchsorted(top.classes_, split.labels[test]).clip(0, len(top.classes_) - 1)
    known = top.classes_[place] == split.labels[test]
    share = np.where(known, shares[np.arange(len(test)), place], 0.0)
    loss = -np.log(np.maximum(share, 1e-7)).mean()
    judged = judge_shares(TOP.key, split, repeat, top.classes_, shares, seconds)
    return judged + Measurements((Measure(f"{TOP.key}.loss", loss, "test", repeat),))


def history_of(history: pd.DataFrame, repeat: int) -> pd.DataFrame:
    """Return a row an epoch of a top's training."""
    return history.assign(repeat=repeat).reindex(columns=list(HISTORY))


def judge_shares(
    head: str,
    split: ImageSet,
    repeat: int,
    classes: NDArray[np.str_],
    shares: NDArray[np.floating[Any]],
    seconds: float,
) -> Measurements:
    """Measure accuracy and balanced accuracy of a head by its shares of the test pictures."""
    test = split.where("test")
    labels = split.labels[test]
    predicted = classes[shares.argmax(axis=1)]
    right = predicted == labels
    balanced = pd.Series(right).groupby(labels).mean().mean()
    predictions = pd.DataFrame(
        {
            "head": head,
            "repeat": repeat,
            "picture": test,
            "predicted": predicted,
            "confidence": shares.max(axis=1),
        }
    )
    return Measurements(
        (
            Measure(f"{head}.accuracy", right.mean(), "test", repeat, seconds),
            Measure(f"{head}.balanced_accuracy", balanced, "test", repeat),
        ),
        (predictions,),
    )


def _judged(maps: Mapping[str, Points], learned_on: int, repeat: int) -> dict[str, Points]:
    """Return the maps that a split may judge: one that learned labels knows other splits' tests."""
    return {
        key: points
        for key, points in maps.items()
        if repeat == learned_on or not space_of(key).learned
    }
