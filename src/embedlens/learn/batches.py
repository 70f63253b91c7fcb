"""Batches of stored features for Keras's ``fit``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.rows import Rows


def batches(
    X: NDArray[Any] | Rows, codes: NDArray[np.int64], size: int, shuffle: int | None = None
) -> Any:
    """Return a ``keras.utils.PyDataset`` that reads a batch of rows when it is wanted."""
    keras = import_keras()

    class Batches(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.order = np.arange(len(codes))
            self.rng = np.random.default_rng(shuffle)
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(codes) // size)

        def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
            rows = self.order[index * size : (index + 1) * size]
            return np.asarray(X[rows], np.float32), codes[rows]

        def on_epoch_end(self) -> None:
            if shuffle is not None:
                self.rng.shuffle(self.order)

    return Batches()
