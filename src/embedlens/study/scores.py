"""Transferability scores of one backbone, and what is known of it before any picture is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlens.features import Features
from embedlens.metrics import transferability

if TYPE_CHECKING:
    from embedlens.study.analysis import Analysis

# N-LEEP fits a mixture: half a minute for 5,000 pictures of 20 classes, where the others take a
# second.
NLEEP_LIMIT = 2_000

SCORES = {
    "log_me": "LogME",
    "h_score": "H-score",
    "trans_rate": "TransRate",
    "gbc": "GBC",
    "n_leep": "N-LEEP",
    "leep": "LEEP",
    "nce": "NCE",
    "imagenet_top1": "ImageNet top-1",
}


def measure_scores(result: Analysis, features: Features) -> None:
    """Add the scores, of average-pooled features of training and validation pictures.

    Pooled, as the scores mean little with more features than pictures; without the test pictures,
    as a score must not know what it foretells. What cannot be computed is left out: LEEP and NCE
    where the ImageNet top is not here, all of them where classes are too small.
    """
    images, backbone = features.images, features.backbone
    rows = images.where(["train", "validation"])
    pooled = average_pooled(features.values, features.record["feature_map"])
    known, labels = pooled[rows].astype(np.float64), images.labels[rows]
    scores: dict[str, Callable[[], float]] = {
        "log_me": lambda: transferability.log_me(known, labels),
        "h_score": lambda: transferability.h_score(known, labels),
        "trans_rate": lambda: transferability.trans_rate(known, labels),
        "gbc": lambda: transferability.gbc(known, labels),
    }
    if len(rows) <= NLEEP_LIMIT:
        scores["n_leep"] = lambda: transferability.n_leep(known, labels)
    top = backbone.imagenet_top()
    if top is not None and len(top[0]) == known.shape[1]:
        shares = _softmax(known @ top[0] + top[1])
        scores["leep"] = lambda: transferability.leep(shares, labels)
        scores["nce"] = lambda: transferability.nce(shares.argmax(axis=1), labels)
    for name, score in scores.items():
        start = time.perf_counter()
        try:
            value = score()
        except ValueError:  # too few classes or pictures: nothing to foretell
            continue
        result.add(f"score.{name}", value, "train", seconds=time.perf_counter() - start)
    if backbone.imagenet_accuracy is not None:
        result.add("score.imagenet_top1", backbone.imagenet_accuracy, "train")


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


def _softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: NDArray[np.floating[Any]] = shares / shares.sum(axis=1, keepdims=True)
    return softmax
