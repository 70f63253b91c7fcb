"""What the families of PyTorch networks share: building, pooling, cutting, converting."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.family import Built, Family, Form
from embedlens.backbones.pooling import Pooling
from embedlens.backbones.transform import Transform
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    from embedlens.backbones.torch_network import TorchNetwork


class TorchFamily(Family):
    """A family whose networks are modules of PyTorch."""

    forms = ("torch", "openvino")
    packages: tuple[str, ...] = ("torch",)
    requires: tuple[str, ...] = ("torch",)
    extra = "torch"
    tunable = False
    prefix: str

    @abstractmethod
    def network(self, backbone: Backbone, size: tuple[int, int]) -> TorchNetwork:
        """Return the network with its weights, for pictures of a size.

        Raises
        ------
        WeightsError, BackboneError
            As `build`.
        """

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
        import torch

        from embedlens.backbones.torch_network import Features

        size = transform.size
        if size is None:
            raise BackboneError(f"{backbone.name} says no size; give one with --size.")
        network = self.network(backbone, size)
        model = Features(network, transform, pooling, backbone.layer, backbone.name).eval()
        example = torch.zeros(1, *size, 3)
        with torch.no_grad():
            try:
                unpooled = model.unpooled(model.scaling(example))
            except (RuntimeError, AssertionError, ValueError, IndexError, TypeError) as error:
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise BackboneError(
                    f"{backbone.network} refuses pictures of {size[0]} x {size[1]}: {line}"
                ) from error
            vector = model.vector(unpooled)
            features = int(model(example).shape[1])
        built = Built(
            model, size, features, 0, network.shape(unpooled),
            sum(each.numel() for each in network.module.parameters()), vector,
        )  # fmt: skip
        return _converted(built) if form == "openvino" else built


def _converted(built: Built) -> Built:
    from dataclasses import replace

    from embedlens.backbones.torch_conversion import to_openvino

    graph, _ = to_openvino(built.model, built.size)
    return replace(built, model=graph)
