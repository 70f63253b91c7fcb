"""Embedding on a CPU, by OpenVINO."""

from __future__ import annotations

import importlib.util
import math
import os
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from embedlens.arrays.processors import granted_by_name, processors
from embedlens.backbones import Built
from embedlens.backbones.keras_backend import keras_gpu
from embedlens.errors import EmbedlensError
from embedlens.features.engines.engine import Pictures, Precision, Write
from embedlens.features.engines.openvino_export import export, exporting

if TYPE_CHECKING:
    from embedlens.features.recipe import Recipe

_PRECISIONS: dict[Precision, str] = {"float32": "f32", "bf16": "bf16"}


class OpenVINOEngine:
    """OpenVINO runs the backbone, on a CPU."""

    name = "openvino"
    form = "openvino"
    packages: tuple[str, ...] = ("openvino",)

    def suits(self) -> bool:
        """Whether it is the one to take: where it is installed, and there is no GPU for Keras."""
        return importlib.util.find_spec("openvino") is not None and keras_gpu() is None

    def preparing(self, recipes: Sequence[Recipe]) -> AbstractContextManager[int]:
        """Make the graphs that are missing, while what is inside goes on; see `exporting`."""
        return exporting(recipes)

    def load(self, recipe: Recipe, tail: str | None = None) -> OpenVINORunner:
        """Make a backbone ready to run.

        OpenVINO would choose bfloat16 by itself where the CPU has it; here it is always asked for.
        """
        import openvino

        core = openvino.Core()
        if recipe.precision == "bf16":
            _require_bf16(core)
        return OpenVINORunner(core, export(recipe, tail), recipe.precision)


class OpenVINORunner:
    """A backbone compiled by OpenVINO.

    Pictures go in one at a time, as many at once as the CPU serves best: that is as fast as
    batches, and makes a row independent of the pictures beside it, so that a resumed run ends in
    the same bytes.

    Parameters
    ----------
    core : openvino.Core
        What compiles it.
    exported : Built
        What `export` returned.
    precision : {"float32", "bf16"}
        What it computes in.
    """

    def __init__(self, core: Any, exported: Built, precision: Precision) -> None:
        import openvino
        from openvino.preprocess import PrePostProcessor

        self.size = exported.size
        self.features = exported.features
        self.frontier = exported.frontier
        self.feature_map = exported.feature_map
        self.parameters = exported.parameters
        self.vector = exported.vector
        model = core.read_model(exported.model)
        model.reshape([1, *self.size, 3])
        self.operations = multiply_adds(model)
        steps = PrePostProcessor(model)
        steps.input().tensor().set_element_type(openvino.Type.u8)
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
        }
        settings |= _threads()
        self._compiled = core.compile_model(steps.build(), "CPU", settings)
        # Two more than run at once, so that no stream waits while a row is written.
        self._requests = self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") + 2

    def run(self, pictures: Pictures, write: Write) -> None:
        """Embed pictures; see ``Runner.run``."""
        # No callbacks: OpenVINO runs them in its own threads, where they can deadlock with the
        # destruction of their queue. Pictures cost the same, so first in, first out loses nothing.
        idle = [self._compiled.create_infer_request() for _ in range(self._requests)]
        busy: deque[tuple[int, Any]] = deque()
        try:
            for row, pixels in pictures:
                request = idle.pop() if idle else _finish(busy, write)
                request.start_async({0: pixels[None]})
                busy.append((row, request))
        finally:
            while busy:
                _finish(busy, write)


def _threads() -> dict[str, str]:
    """Return what OpenVINO must be told where this process may not use the whole machine.

    It heeds no quota of a container. Pinned, processes that do not know of each other all take the
    same processors.
    """
    if processors() == os.cpu_count() and not granted_by_name():
        return {}
    return {"INFERENCE_NUM_THREADS": str(processors()), "ENABLE_CPU_PINNING": "NO"}


def multiply_adds(model: Any) -> int | None:
    """Count the multiply-adds of a graph's convolutions and matrix products, for its input.

    Parameters
    ----------
    model : openvino.Model
        Of an input of a given shape.

    Returns
    -------
    int or None
        None where a shape depends on the picture.
    """
    if model.is_dynamic():
        return None
    return sum(_operations(node) for node in model.get_ops())


def _operations(node: Any) -> int:
    kind = node.get_type_name()
    if kind not in ("Convolution", "GroupConvolution", "MatMul", "ScaledDotProductAttention"):
        return 0
    out: list[int] = list(node.output(0).shape)
    one, two = ([int(size) for size in node.input_value(i).shape] for i in (0, 1))
    if kind == "Convolution":  # a filter: (out, in, height, width)
        return math.prod(out) * math.prod(two[1:])
    if kind == "GroupConvolution":  # (groups, out, in, height, width)
        return math.prod(out) * math.prod(two[2:])
    if kind == "MatMul":
        return math.prod(out) * one[-2 if node.get_attributes()["transpose_a"] else -1]
    return math.prod(one[:-1]) * two[-2] * (one[-1] + out[-1])  # queries, keys


def _finish(busy: deque[tuple[int, Any]], write: Write) -> Any:
    """Wait for the oldest request, hand over its row, and return it for the next picture."""
    row, request = busy.popleft()
    request.wait()
    write(row, request.get_output_tensor().data[0].copy())
    return request


def _require_bf16(core: Any) -> None:
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        name = core.get_property("CPU", "FULL_DEVICE_NAME")
        raise EmbedlensError(
            f"This CPU ({name}) does not compute in bfloat16. Use the precision 'float32'."
        )
