"""What fine-tuning asks of the tail of a network, in whichever framework it is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embedlens.errors import BackboneError

if TYPE_CHECKING:
    from embedlens.backbones.families import Form
    from embedlens.features import Recipe
    from embedlens.learn.lazy_rows import LazyRows
    from embedlens.learn.top_classifier import TopClassifier


class Joint(Protocol):
    """A tail and a top, trained as one by Adam on the cross-entropy of the classes.

    Where it was asked for, the silhouette of the features in the batch is part of the loss.
    """

    def epoch(self, X: LazyRows, y: NDArray[np.int64]) -> tuple[float, float]:
        """Train on rows of the frontier in their order; return the mean loss and accuracy."""

    def evaluate(self, X: LazyRows, y: NDArray[np.int64]) -> tuple[float, float]:
        """Return the mean loss and the accuracy."""

    def state(self) -> Any:
        """Return a copy of all numbers that training changes."""

    def restore(self, state: Any) -> None:
        """Put them back, into the tail and the top."""


class Tail(Protocol):
    """A network from the frontier, flattened, to features.

    Attributes
    ----------
    layer : str
        Where it begins.
    features : int
        How many it gives.
    parameters : int
        Numbers of it that are trained.
    network : object
        The whole network in its framework; it shares its weights with the tail.
    """

    layer: str
    features: int
    parameters: int
    network: Any

    def predict(self, frontier: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features of some pictures."""

    def join(
        self,
        top: TopClassifier,
        learning_rate: float,
        batch_size: int,
        silhouette: float,
        random_state: int,
    ) -> Joint:
        """Put a trained top on it.

        Batch normalisation stays in inference mode, the top's too; the top keeps its dropout.
        """

    def save(self, path: Path) -> str:
        """Write the whole network; return how it is spelt as a backbone."""


def load_tail(recipe: Recipe, unfreeze: str) -> Tail:
    """Load a backbone and cut it where its tail begins.

    Raises
    ------
    WeightsError, BackboneError
        As ``Family.build``; if there is no such layer; if its family cannot be fine-tuned.
    """
    family = recipe.backbone.family
    if family.tunable is None:
        raise BackboneError(
            f"{recipe.backbone.name} cannot be fine-tuned: networks of {family.name} run as they "
            "are."
        )
    return _LOADERS[family.tunable](recipe, unfreeze)


def _keras(recipe: Recipe, unfreeze: str) -> Tail:
    from embedlens.learn.keras_tail import KerasTail

    return KerasTail(recipe, unfreeze)


def _torch(recipe: Recipe, unfreeze: str) -> Tail:
    from embedlens.learn.torch_tail import TorchTail

    return TorchTail(recipe, unfreeze)


# A framework is imported for its own networks only.
_LOADERS: dict[Form, Callable[[Recipe, str], Tail]] = {"keras": _keras, "torch": _torch}
