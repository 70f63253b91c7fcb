"""Embedding by PyTorch itself: on a GPU, and of networks that no other engine can run."""

from __future__ import annotations

import importlib.util
import shutil
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays import processors
from embedlens.backbones import Built
from embedlens.features.engines.engine import Pictures, Precision, Write

if TYPE_CHECKING:
    from embedlens.features.recipe import Recipe

_BATCH = {"cpu": 8, "cuda": 64}


class TorchEngine:
    """PyTorch runs the backbone, on a GPU that it has, else on the CPU."""

    name = "torch"
    form = "torch"
    packages: tuple[str, ...] = ("torch",)

    def suits(self) -> bool:
        """Whether it is the one to take: where PyTorch has a GPU."""
        return torch_sees_a_gpu()

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

    On a GPU pictures are copied from pinned memory while the network is busy with those before
    them, and convolutions run in channels-last order.
    """

    def __init__(self, built: Built, precision: Precision) -> None:
        import torch

        self._device = "cuda" if torch_sees_a_gpu() else "cpu"
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
        waiting: tuple[list[int], Any] | None = None
        # Two pieces of memory by turns: one is filled while the GPU still reads the other.
        pinned = [self._memory(), self._memory()]
        with torch.inference_mode():
            while batch := list(islice(pictures, self._batch)):
                pixels = pinned[0]
                pinned.reverse()
                # The last batch is filled up with what was there: a row must not depend on how
                # many pictures are beside it.
                for place, (_, picture) in enumerate(batch):
                    pixels[place] = torch.from_numpy(picture)
                features = self._forward(pixels)
                _hand_over(waiting, write)
                waiting = ([row for row, _ in batch], features)
            _hand_over(waiting, write)

    def _memory(self) -> Any:
        import torch

        return torch.zeros(
            (self._batch, *self.size, 3), dtype=torch.uint8, pin_memory=self._device == "cuda"
        )

    def _forward(self, pixels: Any) -> Any:
        import torch

        given = pixels.to(self._device, non_blocking=True)
        with torch.autocast(self._device, torch.bfloat16, enabled=self._precision == "bf16"):
            return self._model(given).float()


def torch_sees_a_gpu() -> bool:
    """Whether PyTorch computes on a GPU of NVIDIA.

    The GPU is looked for by its driver first, as importing PyTorch takes seconds.
    """
    driver = shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()
    if not driver or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _hand_over(waiting: tuple[list[int], Any] | None, write: Write) -> None:
    if waiting is None:
        return
    rows, features = waiting
    for row, values in zip(rows, features.cpu().numpy(), strict=False):
        write(row, np.ascontiguousarray(values, np.float32))
