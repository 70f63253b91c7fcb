"""Embedding by Keras itself, on whichever backend and device it has."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.backbones import Built
from embedlens.backbones.float32 import float32_of_keras
from embedlens.backbones.keras_backend import import_keras, keras_gpu
from embedlens.features.engines.engine import Pictures, Write

if TYPE_CHECKING:
    from embedlens.features.recipe import Recipe

_BATCH = 32
_POLICIES = {"float32": "float32", "bf16": "mixed_bfloat16"}


class KerasEngine:
    """Keras runs the backbone: everywhere, and on a GPU where its backend has one."""

    name = "keras"
    form = "keras"
    packages: tuple[str, ...] = ("keras",)

    def suits(self) -> bool:
        """Whether it is the one to take: always, after the others."""
        return True

    def sees_a_gpu(self) -> bool:
        """Whether Keras's backend has a GPU."""
        return keras_gpu() is not None

    def load(self, recipe: Recipe, tail: str | None = None) -> KerasRunner:
        """Make a backbone ready to run.

        "bf16" is Keras's ``mixed_bfloat16`` policy; the features come out as float32.
        """
        keras = import_keras()
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(_POLICIES[recipe.precision])
        backbone = recipe.backbone
        try:
            return KerasRunner(
                backbone.family.build(backbone, self.form, recipe.transform, recipe.pooling, tail)
            )
        finally:
            keras.config.set_dtype_policy(policy)


class KerasRunner:
    """A backbone that Keras runs, in batches of 32."""

    def __init__(self, built: Built) -> None:
        self._model = built.model
        self.gpu = keras_gpu()
        self.size = built.size
        self.features = built.features
        self.frontier = built.frontier
        self.feature_map = built.feature_map
        self.parameters = built.parameters
        self.vector = built.vector

    def run(self, pictures: Pictures, write: Write) -> None:
        """Embed pictures; see ``Runner.run``."""
        pixels = np.zeros((_BATCH, *self.size, 3), np.float32)
        pictures = iter(pictures)
        with float32_of_keras():
            while batch := list(islice(pictures, _BATCH)):
                for place, (_, picture) in enumerate(batch):
                    pixels[place] = picture
                # The last batch is filled up with earlier pictures: one shape, one compilation.
                features: Any = self._model.predict_on_batch(pixels)
                for (row, _), values in zip(batch, np.asarray(features, np.float32), strict=False):
                    write(row, values)
