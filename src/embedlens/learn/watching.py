"""What is asked of a network after each epoch of its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedlens.backbones.keras_backend import import_keras

keras = import_keras()


class Watch(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
    """Adds a number to the history, as the loss of validation.

    Parameters
    ----------
    judge : callable
        Returns the number, of the network as it is.
    """

    def __init__(self, judge: Callable[[], float]) -> None:
        super().__init__()
        self.judge = judge

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Judge, before the callbacks that come after this one."""
        # JAX trains copies of the weights, which come back where the model is asked for.
        assert self.model is not None
        logs["val_loss"] = self.judge()


class Tick(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
    """Counts epochs, through several trainings, and tells them to ``progress``."""

    def __init__(self, progress: Callable[[int, int], None] | None, most: int) -> None:
        super().__init__()
        self.progress, self.most, self.done = progress, most, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count."""
        self.done += 1
        if self.progress:
            self.progress(self.done, self.most)
