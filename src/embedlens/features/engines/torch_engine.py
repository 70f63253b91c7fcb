"""Embedding by PyTorch itself: on a GPU, and of networks that no other engine can run."""

from __future__ import annotations

import importlib.util
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays import processors
from embedlens.backbones import Built
from embedlens.backbones.float32 import float32_of_torch
from embedlens.features.engines.engine import Pictures, Precision, Write

if TYPE_CHECKING:
    from embedlens.features.recipe import Recipe

_BATCH = {"cpu": 8, "cuda": 64}
# Batches under way: on a GPU one that it computes, one that waits for it, one that is filled.
_TURNS = {"cpu": 1, "cuda": 3}


class TorchEngine:
    """PyTorch runs the backbone, on a GPU that it has, else on the CPU."""

    name = "torch"
    form = "torch"
    packages: tuple[str, ...] = ("torch",)

    def suits(self) -> bool:
        """Whether it is the one to take: where PyTorch has a GPU."""
        return torch_sees_a_gpu()

    sees_a_gpu = suits

    def load(self, recipe: Recipe, tail: str | None = None) -> TorchRunner:
        """Make a backbone ready to run.

        "bf16" runs what PyTorch's autocast thinks safe in bfloat16; the features come out as
        float32.
        """
        backbone = recipe.backbone
        backbone.weights.fetch(backbone.network)
        built = backbone.family.build(backbone, self.form, recipe.transform, recipe.pooling, tail)
        return TorchRunner(built, recipe.precision)


class TorchRunner:
    """A backbone that PyTorch runs, in batches of a fixed size.

    On a GPU pictures are copied from pinned memory, and features back into it, while the network is
    busy with the batches before; convolutions run in channels-last order, and float32 is float32:
    PyTorch by itself would round the factors of convolutions to TF32's ten bits there.
    """

    def __init__(self, built: Built, precision: Precision) -> None:
        import torch

        self._device = "cuda" if torch_sees_a_gpu() else "cpu"
        self.gpu = torch.cuda.get_device_name() if self._device == "cuda" else None
        self._precision = precision
        self._model = built.model.to(self._device)
        if self._device == "cuda":
            self._model = self._model.to(memory_format=torch.channels_last)
        self._batch = _BATCH[self._device]
        self.size = built.size
        self.features = built.features
        self.frontier = built.frontier
        self.feature_map = built.feature_map
        self.parameters = built.parameters
        self.vector = built.vector

    def run(self, pictures: Pictures, write: Write) -> None:
        """Embed pictures; see ``Runner.run``."""
        import torch

        if self._device == "cpu":
            torch.set_num_threads(processors())
        pictures = iter(pictures)
        turns = deque(
            _Turn(self._batch, self.size, self._device) for _ in range(_TURNS[self._device])
        )
        try:
            with torch.inference_mode(), float32_of_torch():
                while batch := list(islice(pictures, self._batch)):
                    turns[0].hand_over(write)
                    turns[0].begin(batch, self._forward)
                    turns.rotate(-1)
        finally:
            for turn in turns:
                turn.hand_over(write)

    def _forward(self, pixels: Any) -> Any:
        import torch

        given = pixels.to(self._device, non_blocking=True)
        with torch.autocast(self._device, torch.bfloat16, enabled=self._precision == "bf16"):
            return self._model(given).float()


class _Turn:
    """Memory of one batch on its way through a device, and back."""

    def __init__(self, batch: int, size: tuple[int, int], device: str) -> None:
        import torch

        on_gpu = device == "cuda"
        self._pixels = torch.zeros((batch, *size, 3), dtype=torch.uint8, pin_memory=on_gpu)
        self._given = self._pixels.numpy()
        self._rows: list[int] = []
        self._features: Any = None
        self._done = torch.cuda.Event() if on_gpu else None

    def begin(self, batch: Sequence[tuple[int, np.ndarray]], forward: Callable[[Any], Any]) -> None:
        """Send pictures through a network; the last batch is filled up with what was there.

        A row must not depend on how many pictures are beside it.
        """
        import torch

        for place, (_, picture) in enumerate(batch):
            self._given[place] = picture
        self._rows = [row for row, _ in batch]
        features = forward(self._pixels)
        if self._done is None:
            self._features = features
            return
        if self._features is None:
            self._features = torch.empty(features.shape, dtype=features.dtype, pin_memory=True)
        self._features.copy_(features, non_blocking=True)
        self._done.record()

    def hand_over(self, write: Write) -> None:
        """Write the rows of the pictures begun, once they are there."""
        if self._done is not None and self._rows:
            self._done.synchronize()
        rows, self._rows = self._rows, []
        for place, row in enumerate(rows):
            write(row, self._features[place].numpy().copy())


def torch_sees_a_gpu() -> bool:
    """Whether PyTorch computes on a GPU of NVIDIA.

    The GPU is looked for by its driver first, as importing PyTorch takes seconds.
    """
    driver = shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()
    if not driver or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
