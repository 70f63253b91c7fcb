"""What runs a backbone over pictures, and which engine is chosen."""

from __future__ import annotations

import importlib.util
import math
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from embedlens.backbones import Backbone, Pooling
from embedlens.errors import EmbedlensError

Precision = Literal["float32", "bf16"]
EngineName = Literal["openvino", "keras"]

Pictures = Iterable[tuple[int, np.ndarray]]
"""Row numbers and pixels, uint8 (h, w, 3)."""

Write = Callable[[int, np.ndarray], None]
"""Takes a row number and what the network gives for it, float32 (features + frontier,)."""


class Engine(Protocol):
    """A backbone made ready to run.

    Attributes
    ----------
    size : (int, int)
        Height and width of the pictures it takes, in pixels.
    features : int
        How many features a picture gets.
    frontier : int
        How many numbers of the trunk follow them in a picture's row; 0 if it was not asked for.
    feature_map : tuple of int
        Shape of what the network gives, before pooling.
    parameters : int
        Weights of the network to its cut.
    """

    size: tuple[int, int]
    features: int
    frontier: int
    feature_map: tuple[int, ...]
    parameters: int

    def run(self, pictures: Pictures, write: Write) -> None:
        """Embed pictures, handing each row to ``write`` in the caller's thread, in any order."""


def choose_engine(engine: Literal["auto", "openvino", "keras"]) -> EngineName:
    """Resolve "auto": Keras where there is a GPU, OpenVINO on a CPU.

    A GPU is looked for by NVIDIA's driver tools first, as asking the Keras backend takes seconds.

    Raises
    ------
    EmbedlensError
        If the engine's name is unknown.
    """
    if engine not in ("auto", "openvino", "keras"):
        raise EmbedlensError(f"There is no engine {engine!r}; choose auto, openvino or keras.")
    if engine != "auto":
        return engine
    if importlib.util.find_spec("openvino") is None:
        return "keras"
    driver = shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()
    return "keras" if driver and _keras_sees_a_gpu() else "openvino"


def make_engine(
    name: EngineName,
    backbone: Backbone,
    size: int | tuple[int, int] | None,
    pooling: Pooling,
    precision: Precision,
    tail: str | None = None,
) -> Engine:
    """Build a backbone for an engine; its trunk's output too, if a tail is named.

    Raises
    ------
    WeightsError, BackboneError
        As ``Backbone.build``.
    EmbedlensError
        If the engine cannot compute at this precision on this machine.
    """
    if name == "openvino":
        from embedlens.features.openvino_engine import OpenVINOEngine

        return OpenVINOEngine(backbone, size, pooling, precision, tail)
    from embedlens.features.keras_engine import KerasEngine

    return KerasEngine(backbone, size, pooling, precision, tail)


def feature_map(model: Any) -> tuple[int, ...]:
    """Return the shape that a model of ``Backbone.build`` has before pooling."""
    network = model.get_layer(model.name)
    return tuple(int(n) for n in network.outputs[0].shape[1:])


def frontier_size(model: Any, tail: str | None) -> int:
    """Return how many numbers a model of ``Backbone.build`` gives of its trunk."""
    if tail is None:
        return 0
    network = model.get_layer(model.name)
    return sum(math.prod(each.shape[1:]) for each in network.outputs[1:])


def _keras_sees_a_gpu() -> bool:
    from embedlens.backbones.keras_backend import import_keras

    try:
        return bool(import_keras().distribution.list_devices("gpu"))
    except (RuntimeError, ValueError, NotImplementedError, AttributeError):
        return False
