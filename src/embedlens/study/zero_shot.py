"""The zero-shot baseline of a text-aligned backbone: class names instead of labelled pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones import Backbone
from embedlens.backbones.prompts import ensemble, prompts, unit
from embedlens.features import Features
from embedlens.images import ImageSet
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.settings import Settings
from embedlens.results.zero_shot import ZERO_SHOT
from embedlens.study.splits import repeats_of, split_of


def measure_zero_shot(features: Features, images: ImageSet, settings: Settings) -> Measurements:
    """Name the test pictures of each split by the class whose text is nearest.

    Nothing is measured where the network has no text, is cut, pooled otherwise, or its weights are
    random.

    Parameters
    ----------
    features : Features
        Of all pictures.
    images : ImageSet
        The pictures.
    settings : Settings
        For the splits.
    """
    backbone = features.backbone
    whole = backbone.layer is None and features.recipe.pooling == "own"
    if not whole or backbone.weights.kind == "random":
        return Measurements()
    classes = np.unique(images.labels)
    directions = class_directions(backbone, classes.tolist())
    if directions is None or directions.shape[1] != features.values.shape[1]:
        return Measurements()
    right = named(features.values, directions) == np.searchsorted(classes, images.labels)
    measures = []
    for repeat in range(repeats_of(images, settings)):
        test = split_of(images, settings, repeat).where("test")
        by_class = [right[test][images.labels[test] == each].mean() for each in
                    np.unique(images.labels[test])]  # fmt: skip
        measures += [
            Measure(f"{ZERO_SHOT}.accuracy", right[test].mean(), "test", repeat),
            Measure(f"{ZERO_SHOT}.balanced_accuracy", float(np.mean(by_class)), "test", repeat),
        ]
    return Measurements(tuple(measures))


def class_directions(backbone: Backbone, classes: list[str]) -> NDArray[np.float64] | None:
    """Return a direction of length 1 for each class, from its texts; None without text."""
    texts = [each for name in classes for each in prompts(name)]
    vectors = backbone.family.text_vectors(backbone, texts)
    return (
        None if vectors is None else ensemble(vectors.reshape(len(classes), -1, vectors.shape[1]))
    )


def named(features: NDArray[np.float32], directions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the class whose direction has the greatest cosine with each picture's features."""
    parts = [
        (unit(np.asarray(features[i : i + 4096], np.float64)) @ directions.T).argmax(axis=1)
        for i in range(0, len(features), 4096)
    ]
    return np.concatenate(parts)
