"""Heads of one backbone: on its features, and on its maps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.learn import LinearProbe, NeighborsProbe, Rows, TopClassifier
from embedlens.study.maps import MAPS

if TYPE_CHECKING:
    from embedlens.study.analysis import Analysis
    from embedlens.study.settings import Settings

HEADS: dict[str, type[LinearProbe | NeighborsProbe]] = {
    "linear_probe": LinearProbe,
    "knn": NeighborsProbe,
}
TOP = "top"
HEAD_NAMES = {"linear_probe": "linear probe", "knn": "k-NN", TOP: "the study's top"}


def fit_heads(
    result: Analysis, points: NDArray[np.floating[Any]], split: ImageSet, repeat: int
) -> None:
    """Add the heads that cost little: linear probe and k-NN, tested on the test pictures."""
    train, validation, test = (split.where(s) for s in ("train", "validation", "test"))
    labels = split.labels
    if not len(test):
        return
    for name, make in HEADS.items():
        start = time.perf_counter()
        head = make().fit(
            points[train], labels[train], validation=(points[validation], labels[validation])
        )
        shares = head.predict_proba(points[test])
        seconds = time.perf_counter() - start
        add_test(result, name, split, repeat, head.classes_, shares, seconds)


def fit_heads_on_maps(result: Analysis, split: ImageSet, repeat: int) -> None:
    """Add the accuracy of the same heads when three coordinates of a map are all they get."""
    train, validation, test = (split.where(s) for s in ("train", "validation", "test"))
    labels = split.labels
    if not len(test):
        return
    for space, points in _judged(result.maps, result.repeat, repeat):
        for name, make in HEADS.items():
            head = make().fit(
                points[train], labels[train], validation=(points[validation], labels[validation])
            )
            accuracy = (head.predict(points[test]) == labels[test]).mean()
            result.add(f"{space}.{name}.accuracy", accuracy, "test", repeat)


def fit_top_on_maps(
    result: Analysis,
    maps: Mapping[str, NDArray[np.floating[Any]]],
    split: ImageSet,
    repeat: int,
    settings: Settings,
    learned_on: int,
) -> None:
    """Add the accuracy of the study's top on three coordinates of a map."""
    train, test = split.where("train"), split.where("test")
    for space, points in _judged(maps, learned_on, repeat) if len(test) else ():
        top = TopClassifier(epochs=settings.epochs, random_state=settings.seed + repeat)
        top.fit(points[train], split.labels[train])
        accuracy = top.score(points[test], split.labels[test])
        result.add(f"{space}.{TOP}.accuracy", accuracy, "test", repeat)


def fit_top(
    result: Analysis,
    values: NDArray[np.floating[Any]],
    split: ImageSet,
    repeat: int,
    *,
    epochs: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TopClassifier:
    """Train the study's top on features, add its history and its test, and return it."""
    train, validation, test = (split.where(s) for s in ("train", "validation", "test"))
    start = time.perf_counter()
    top = TopClassifier(epochs=epochs, random_state=seed + repeat).fit(
        Rows(values, train),
        split.labels[train],
        validation=(Rows(values, validation), split.labels[validation]),
        progress=progress,
    )
    seconds = time.perf_counter() - start
    # Epoch 1 is the first: 0 is before any training, which only fine-tuning measures.
    history = top.history_.assign(epoch=np.arange(1, len(top.history_) + 1))
    add_history(result, history, repeat)
    result.add("top.converged", top.converged_, "validation", repeat)
    add_top_test(result, top, Rows(values, test), split, repeat, seconds)
    return top


def add_top_test(
    result: Analysis,
    top: TopClassifier,
    features: Rows | NDArray[np.floating[Any]],
    split: ImageSet,
    repeat: int,
    seconds: float,
) -> None:
    """Add loss and accuracy of a top on the test pictures, whose features are given."""
    test = split.where("test")
    if not len(test):
        return
    shares = top.predict_proba(features)
    add_test(result, TOP, split, repeat, top.classes_, shares, seconds)
    # A class that was not trained on has no share; Keras bounds the loss of a picture likewise.
    place = np.searchsorted(top.classes_, split.labels[test]).clip(0, len(top.classes_) - 1)
    known = top.classes_[place] == split.labels[test]
    share = np.where(known, shares[np.arange(len(test)), place], 0.0)
    loss = -np.log(np.maximum(share, 1e-7)).mean()
    result.add("top.loss", loss, "test", repeat)


def add_history(result: Analysis, history: pd.DataFrame, repeat: int) -> None:
    """Add a row an epoch of a top's training."""
    columns = ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy"]
    result.histories.append(history.reindex(columns=columns).assign(repeat=repeat))


def add_test(
    result: Analysis,
    name: str,
    split: ImageSet,
    repeat: int,
    classes: NDArray[np.str_],
    shares: NDArray[np.floating[Any]],
    seconds: float,
) -> None:
    """Add accuracy, balanced accuracy and predictions of a head on the test pictures."""
    test = split.where("test")
    labels = split.labels[test]
    predicted = classes[shares.argmax(axis=1)]
    right = predicted == labels
    result.add(f"{name}.accuracy", right.mean(), "test", repeat, seconds)
    balanced = pd.Series(right).groupby(labels).mean().mean()
    result.add(f"{name}.balanced_accuracy", balanced, "test", repeat)
    result.predictions.append(
        pd.DataFrame(
            {
                "head": name,
                "repeat": repeat,
                "picture": test,
                "predicted": predicted,
                "confidence": shares.max(axis=1),
            }
        )
    )


def _judged(
    maps: Mapping[str, NDArray[np.floating[Any]]], learned_on: int, repeat: int
) -> list[tuple[str, NDArray[np.floating[Any]]]]:
    """Return the maps that a split may judge: one that learned labels knows other splits' tests."""
    return [
        (space, points)
        for space, points in maps.items()
        if repeat == learned_on or not MAPS[space].learned
    ]
