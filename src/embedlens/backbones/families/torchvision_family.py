"""The classifiers of torchvision: ``torchvision:NAME`` or ``torchvision:NAME/WEIGHTS``.

``torchvision_networks.json`` is what ``python -m embedlens.backbones.families.torchvision_family``
finds in the installed torchvision, for lists and descriptions without importing it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.torch_family import TorchFamily
from embedlens.backbones.hub_file import UrlFile
from embedlens.backbones.transform import Transform
from embedlens.backbones.weights import RANDOM_SEED, Weights, chosen_weights

if TYPE_CHECKING:
    from embedlens.backbones.torch_network import TorchNetwork

PREFIX = "torchvision:"

_OWN = "what the last layer gets"
_TABLE = Path(__file__).with_name("torchvision_networks.json")


class Torchvision(TorchFamily):
    """The image classifiers of ``torchvision.models``, their last layer taken off."""

    name = "torchvision"
    prefix = PREFIX
    packages = ("torch", "torchvision")
    requires = ("torch", "torchvision")

    def networks(self) -> Sequence[str]:
        """Name each with each of its weights."""
        return [
            f"{PREFIX}{network}/{weights}"
            for network, row in table().items()
            for weights in row["weights"]
        ]

    def find(self, text: str) -> str | None:
        """Return a network's name with weights; by default those torchvision calls DEFAULT."""
        if not text.lower().startswith(PREFIX):
            return None
        network, slash, weights = text[len(PREFIX) :].partition("/")
        row = table().get(network.lower())
        if row is None:
            return None
        if not slash or weights.upper() == "DEFAULT":
            return f"{PREFIX}{network.lower()}/{row['default']}"
        known = {each.lower(): each for each in row["weights"]}
        found = known.get(weights.lower())
        return f"{PREFIX}{network.lower()}/{found}" if found else None

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network; its weights are those at torchvision's address."""
        name, _, kind = network.removeprefix(PREFIX).partition("/")
        row = table()[name]["weights"][kind]
        published = Weights(
            "imagenet", None, UrlFile(row["url"]), row["licence"], f"torchvision's {kind}"
        )
        return Backbone(
            f"{network}@{layer}" if layer else network,
            network,
            self,
            layer,
            chosen_weights(network, weights, published),
            Transform(
                (row["crop"], row["crop"]), "crop", shorter_side=row["resize"],
                interpolation=row["interpolation"], scale=255.0,
                mean=tuple(row["mean"]), deviation=tuple(row["std"]),
            ),
            row["parameters"],
        )  # fmt: skip

    def network(self, backbone: Backbone, size: tuple[int, int]) -> TorchNetwork:
        """Build it with torchvision, its last linear layer made an identity."""
        import torch
        import torchvision

        from embedlens.backbones.torch_network import TorchNetwork
        from embedlens.backbones.torch_weights import read_state, set_whole

        name = backbone.network.removeprefix(PREFIX).partition("/")[0]
        options: dict[str, Any] = {}
        if name.startswith("vit_") and size[0] == size[1]:
            options["image_size"] = size[0]
        file = backbone.weights.file
        state = {} if file is None else read_state(file, backbone.network)
        torch.manual_seed(RANDOM_SEED)
        if name in ("googlenet", "inception_v3"):
            # Their published weights expect pixels of -1 to 1, and scale what the transform gives.
            options |= {"init_weights": False, "transform_input": file is not None}
            options["aux_logits"] = any("aux" in key.lower() for key in state)
        module = torchvision.models.get_model(name, weights=None, **options)
        if file is not None:
            with set_whole(file, backbone.network):
                module.load_state_dict(state, strict=False)
        if backbone.layer != (top := top_layer(module)):
            _replace(module, top, torch.nn.Identity())
        return TorchNetwork(
            module.eval(), _vector, _tokens, _OWN, int("vit_" in name), "vit_" in name
        )

    def imagenet_layer(self, network: str) -> str | None:
        """Name the last layer, of 1,000 classes: in every weights of torchvision."""
        return None

    def imagenet_accuracy(self, network: str) -> float | None:
        """Return what torchvision's table says of these weights."""
        name, _, kind = network.removeprefix(PREFIX).partition("/")
        accuracy = table()[name]["weights"][kind]["accuracy"]
        return None if accuracy is None else float(accuracy)


def _vector(module: Any, x: Any) -> Any:
    return module(x).flatten(1)


def _tokens(module: Any, x: Any) -> Any:
    """Return the last feature map, or tokens: what goes into the first layer after them."""
    kind = type(module).__name__
    if kind == "VisionTransformer":
        tokens = module._process_input(x)
        tokens = _joined(module, tokens)
        return module.encoder(tokens)
    if kind == "SwinTransformer":
        return module.permute(module.norm(module.features(x)))
    if kind == "MaxVit":
        x = module.stem(x)
        for block in module.blocks:
            x = block(x)
        return x
    if hasattr(module, "features"):
        features = module.features(x)
        return features.relu() if kind == "DenseNet" else features
    taken: list[Any] = []
    handle = module.avgpool.register_forward_pre_hook(lambda _, given: taken.append(given[0]))
    try:
        module(x)
    finally:
        handle.remove()
    return taken[0]


def _joined(module: Any, tokens: Any) -> Any:
    import torch

    return torch.cat([module.class_token.expand(tokens.shape[0], -1, -1), tokens], 1)


def top_layer(module: Any) -> str:
    """Name the module that gives the classes: the last linear layer, or convolution to them."""
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    names = [str(name) for name, each in module.named_modules() if isinstance(each, kinds)]
    main = [name for name in names if "aux" not in name.lower()]
    return main[-1]


def _replace(module: Any, name: str, other: Any) -> None:
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, other)


@cache
def table() -> Mapping[str, Any]:
    """Return torchvision's networks by name: their weights, and which of them is the default."""
    return json.loads(_TABLE.read_text(encoding="utf-8"))["networks"]  # type: ignore[no-any-return]


def main() -> None:
    """Write ``torchvision_networks.json`` anew from the installed torchvision."""
    from torchvision import models

    rows = {}
    for name in models.list_models(module=models):
        every = models.get_model_weights(name)
        rows[name] = {
            "default": every.DEFAULT.name,
            "weights": {each.name: _row(each) for each in every},
        }
    head = json.dumps({"torchvision": version("torchvision")})[:-1]
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
    text = head + ', "networks": {\n' + ",\n".join(lines) + "\n}}\n"
    _TABLE.write_text(text, encoding="utf-8")


def _row(weights: Any) -> dict[str, Any]:
    transform = weights.transforms()
    (crop,), (resize,) = transform.crop_size, transform.resize_size
    metrics = weights.meta.get("_metrics", {}).get("ImageNet-1K", {})
    accuracy = metrics.get("acc@1")
    return {
        "url": weights.url,
        "crop": crop,
        "resize": resize,
        "interpolation": transform.interpolation.value,
        "mean": list(transform.mean),
        "std": list(transform.std),
        "parameters": weights.meta["num_params"],
        "accuracy": None if accuracy is None else round(accuracy / 100, 5),
        # torchvision's page of SWAG's weights says so; of the others that they follow their data.
        "licence": "CC-BY-NC-4.0" if "SWAG" in weights.name else "BSD-3-Clause",
    }


if __name__ == "__main__":
    main()
