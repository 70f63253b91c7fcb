"""What the families of PyTorch networks share: building, pooling, cutting, converting."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.family import Built, Family, Form
from embedlens.backbones.pooling import Pooling
from embedlens.backbones.transform import Transform
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedlens.backbones.torch_network import Features, TorchNetwork

_TEXTS = 256  # at once


class TorchFamily(Family):
    """A family whose networks are modules of PyTorch."""

    forms = ("torch", "openvino")
    packages: tuple[str, ...] = ("torch",)
    requires: tuple[str, ...] = ("torch",)
    extra = "torch"
    tunable: Form | None = "torch"
    prefix: str

    @abstractmethod
    def network(self, backbone: Backbone, size: tuple[int, int]) -> TorchNetwork:
        """Return the network with its weights, for pictures of a size.

        Raises
        ------
        WeightsError, BackboneError
            As `build`.
        """

    def module(self, backbone: Backbone, transform: Transform, pooling: Pooling) -> Features:
        """Return a network with its weights as a module from pixels to features.

        Raises
        ------
        WeightsError, BackboneError
            As `build`.
        """
        from embedlens.backbones.torch_network import Features

        size = transform.size
        if size is None:
            raise BackboneError(f"{backbone.name} says no size; give one with --size.")
        network = self.network(backbone, size)
        made = Features(network, transform, pooling, backbone.layer, backbone.name)
        made.eval()
        return made

    def build(
        self,
        backbone: Backbone,
        form: Form,
        transform: Transform,
        pooling: Pooling,
        tail: str | None,
    ) -> Built:
        """Build a network with its weights, scaling and pooling inside.

        As "torch" it is a module from pixels (n, h, w, 3), of any type, to features in float32.
        """
        if backbone.layer is not None and backbone.layer.startswith("<"):
            whole = self.module(replace(backbone, layer=None), transform, pooling)
            built = _trunk(_built(whole, backbone.network), backbone.layer[1:])
        else:
            built = _built(self.module(backbone, transform, pooling), backbone.network)
            built = built if tail is None else _with_frontier(built, tail)
        return _converted(built) if form == "openvino" else built

    def expect_saveable(self, backbone: Backbone, transform: Transform) -> None:
        """Refuse a network, before it is tuned, that `save` could not keep at a size.

        Raises
        ------
        BackboneError
            With what to do.
        """

    @abstractmethod
    def save(self, backbone: Backbone, module: Any, transform: Transform, folder: Path) -> None:
        """Write a network's module, tuned, into a folder that is a backbone of this family.

        `anchored` says how that is spelt.

        Parameters
        ----------
        backbone : Backbone
            What it was.
        module : torch.nn.Module
            The library's, as `network` made it.
        transform : Transform
            What pictures are made into for it: kept with the weights, and read again.
        folder : Path
            An empty one.
        """


def warn_of_no_text(backbone: Backbone, error: Exception) -> None:
    """Say why there will be no zero-shot baseline of a network that has text."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    message = f"{backbone.name} gets no zero-shot baseline: its tokenizer cannot be had ({line})."
    warnings.warn(message, stacklevel=3)


def in_blocks(vectors: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> NDArray[np.float32]:
    """Return what a network makes of texts, some at a time."""
    import numpy as np
    import torch

    with torch.no_grad():
        parts = [
            vectors(texts[i : i + _TEXTS]).float().numpy() for i in range(0, len(texts), _TEXTS)
        ]
    return np.concatenate(parts)


def _built(module: Features, name: str) -> Built:
    import torch

    size, network = module.size, module.network
    example = torch.zeros(1, *size, 3)
    with torch.no_grad():
        try:
            unpooled = module.unpooled(module.scaling(example))
        except (RuntimeError, AssertionError, ValueError, IndexError, TypeError) as error:
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise BackboneError(
                f"{name} refuses pictures of {size[0]} x {size[1]}: {line}"
            ) from error
        vector = module.vector(unpooled)
        features = int(module(example).shape[1])
    return Built(
        module, size, features, 0, network.shape(unpooled),
        sum(each.numel() for each in network.module.parameters()), vector,
    )  # fmt: skip


def _trunk(built: Built, layer: str) -> Built:
    """Return what a network gives before a layer, of a whole network."""
    from embedlens.backbones.torch_cut import ModuleGraph

    graph = ModuleGraph(built.model)
    trunk = graph.trunk(layer)
    shapes = graph.shapes(layer)
    numbers = sum(math.prod(each) for each in shapes)
    parameters = sum(each.numel() for each in trunk.parameters())
    return Built(
        trunk, built.size, numbers, 0, shapes[0] if len(shapes) == 1 else (numbers,), parameters,
        f"what goes into {layer}",
    )  # fmt: skip


def _with_frontier(built: Built, layer: str) -> Built:
    from embedlens.backbones.torch_cut import ModuleGraph

    graph = ModuleGraph(built.model)
    frontier = sum(math.prod(each) for each in graph.shapes(layer))
    return replace(built, model=graph.both(layer), frontier=frontier)


def _converted(built: Built) -> Built:
    from embedlens.backbones.torch_conversion import to_openvino

    graph, _ = to_openvino(built.model, built.size, built.features)
    return replace(built, model=graph)
