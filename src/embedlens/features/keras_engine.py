"""Embedding by Keras itself, on whichever backend and device it has."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from embedlens.backbones import Backbone, Pooling
from embedlens.backbones.keras_backend import import_keras
from embedlens.features.engine import Pictures, Precision, Write, feature_map, frontier_size

_BATCH = 32


class KerasEngine:
    """A backbone that Keras runs, in batches of 32.

    Parameters
    ----------
    backbone, size, pooling
        As for ``embed``.
    precision : {"float32", "bf16"}
        "bf16" is Keras's ``mixed_bfloat16`` policy; the features come out as float32.
    tail : str, optional
        As for ``Backbone.build``.
    """

    def __init__(
        self,
        backbone: Backbone,
        size: int | tuple[int, int] | None,
        pooling: Pooling,
        precision: Precision,
        tail: str | None = None,
    ) -> None:
        keras = import_keras()
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bf16" else "float32")
        try:
            self._model = backbone.build(size, pooling, tail)
        finally:
            keras.config.set_dtype_policy(policy)
        self.size = tuple(self._model.input_shape[1:3])
        self.frontier = frontier_size(self._model, tail)
        self.features = int(self._model.output_shape[1]) - self.frontier
        self.feature_map = feature_map(self._model)
        self.parameters = int(self._model.count_params())

    def run(self, pictures: Pictures, write: Write) -> None:
        """Embed pictures; see ``Engine.run``."""
        pixels = np.zeros((_BATCH, *self.size, 3), np.float32)
        pictures = iter(pictures)
        while batch := list(islice(pictures, _BATCH)):
            for place, (_, picture) in enumerate(batch):
                pixels[place] = picture
            # The last batch is filled up with earlier pictures: one shape, one compilation.
            features: Any = self._model.predict_on_batch(pixels)
            for (row, _), values in zip(batch, np.asarray(features, np.float32), strict=False):
                write(row, values)
