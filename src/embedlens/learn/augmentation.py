"""Pictures changed at random, for fine-tuning on few of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import import_keras

_BATCH = 16

Pictures = Iterable[tuple[int, NDArray[np.uint8]]]


def augmentation(seed: int) -> Any:
    """Return Keras layers that mirror a picture, cut a part out of it and change its colours.

    A part has at least 80% of either side and fills the picture again; brightness, contrast and
    saturation change by up to a fifth. All of it keeps an animal the animal it is; for pictures
    where left and right differ, such as letters, it is the wrong choice.

    Parameters
    ----------
    seed : int
        Of all of them.
    """
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal", seed=seed),
            layers.RandomTranslation(0.1, 0.1, fill_mode="reflect", seed=seed + 1),
            layers.RandomZoom((-0.2, 0.0), fill_mode="reflect", seed=seed + 2),
            layers.RandomBrightness(0.2, value_range=(0, 255), seed=seed + 3),
            layers.RandomContrast(0.2, value_range=(0, 255), seed=seed + 4),
            layers.RandomSaturation((0.4, 0.6), value_range=(0, 255), seed=seed + 5),
        ],
        name="augmentation",
    )


def augmented(pictures: Pictures, change: Any) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield (row, pixels) with the pixels changed by `augmentation`, a batch at a time."""
    pictures = iter(pictures)
    while batch := list(islice(pictures, _BATCH)):
        rows, pixels = zip(*batch, strict=True)
        changed = np.asarray(change(np.stack(pixels).astype(np.float32), training=True))
        yield from zip(rows, np.clip(np.rint(changed), 0, 255).astype(np.uint8), strict=True)
