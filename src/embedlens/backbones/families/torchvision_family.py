"""The classifiers of torchvision: ``torchvision:NAME`` or ``torchvision:NAME/WEIGHTS``.

``torchvision_networks.json`` is what ``python -m embedlens.backbones.families.torchvision_family``
finds in the installed torchvision, for lists and descriptions without importing it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.torch_family import TorchFamily
from embedlens.backbones.hub_file import UrlFile
from embedlens.backbones.transform import Transform
from embedlens.backbones.tuned_weights import tuned_transform, write_tuned
from embedlens.backbones.weights import RANDOM_SEED, Weights, chosen_weights
from embedlens.errors import BackboneError, WeightsError
from embedlens.files import content_key, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedlens.backbones.torch_network import TorchNetwork

PREFIX = "torchvision:"
LOCAL = "local-dir:"

_OWN = "what the last layer gets"
_TABLE = Path(__file__).with_name("torchvision_networks.json")
_CONFIGURATION = "config.json"
_WEIGHTS = "model.safetensors"


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
        if text[len(PREFIX) :].startswith(LOCAL):
            place = text[len(PREFIX) :]
            return None if "@" in place and not _folder(place).is_dir() else PREFIX + place
        network, slash, weights = text[len(PREFIX) :].partition("/")
        row = table().get(network.lower())
        if row is None:
            return None
        if not slash or weights.upper() == "DEFAULT":
            return f"{PREFIX}{network.lower()}/{row['default']}"
        known = {each.lower(): each for each in row["weights"]}
        found = known.get(weights.lower())
        return f"{PREFIX}{network.lower()}/{found}" if found else None

    def path(self, network: str) -> Path | None:
        """Return the folder of a network that was fine-tuned."""
        place = network.removeprefix(PREFIX)
        return _folder(place) if place.startswith(LOCAL) else None

    def anchored(self, network: str, path: Path) -> str:
        """Return a folder's name with another path."""
        return f"{PREFIX}{LOCAL}{path}"

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network; its weights are those at torchvision's address."""
        name, kind = self._published(network)
        row = table()[name]["weights"][kind]
        if (folder := self.path(network)) is not None:
            chosen = _local(network, folder, weights)
        else:
            published = Weights(
                "imagenet", None, UrlFile(row["url"]), row["licence"], f"torchvision's {kind}"
            )
            chosen = chosen_weights(network, weights, published)
        transform = Transform(
            (row["crop"], row["crop"]), "crop", shorter_side=row["resize"],
            interpolation=row["interpolation"], scale=255.0,
            mean=tuple(row["mean"]), deviation=tuple(row["std"]),
        )  # fmt: skip
        return Backbone(
            f"{network}@{layer}" if layer else network,
            network,
            self,
            layer,
            chosen,
            tuned_transform(chosen, transform),
            row["parameters"],
        )

    def save(self, backbone: Backbone, module: Any, transform: Transform, folder: Path) -> None:
        """Write weights, and which of torchvision's networks they are of."""
        write_tuned(module, transform, folder / _WEIGHTS)
        name, kind = self._published(backbone.network)
        write_json(folder / _CONFIGURATION, {"network": name, "weights": kind})

    def _published(self, network: str) -> tuple[str, str]:
        """Return torchvision's names for a network and its published weights."""
        if (folder := self.path(network)) is not None:
            return _stated(network, folder)
        name, _, kind = network.removeprefix(PREFIX).partition("/")
        return name, kind

    def network(self, backbone: Backbone, size: tuple[int, int]) -> TorchNetwork:
        """Build it with torchvision, its last linear layer made an identity."""
        import torch
        import torchvision

        from embedlens.backbones.torch_network import TorchNetwork
        from embedlens.backbones.torch_weights import read_state, set_whole

        name, _ = self._published(backbone.network)
        options: dict[str, Any] = {}
        if name.startswith("vit_") and size[0] == size[1]:
            options["image_size"] = size[0]
        file = backbone.weights.file
        state: Any = OrderedDict() if file is None else read_state(file, backbone.network)
        torch.manual_seed(RANDOM_SEED)
        if name in ("googlenet", "inception_v3"):
            # Their published weights expect pixels of -1 to 1, and scale what the transform gives.
            options |= {"init_weights": False, "transform_input": file is not None}
            options["aux_logits"] = any("aux" in key.lower() for key in state)
        module = torchvision.models.get_model(name, weights=None, **options)
        top = top_layer(module)
        # A network that was fine-tuned has no top.
        headless = file is not None and f"{top}.weight" not in state
        if headless or backbone.layer != top:
            _replace(module, top, torch.nn.Identity())
            for key in [each for each in state if each.startswith(f"{top}.")]:
                del state[key]
        if file is not None:
            if not hasattr(state, "_metadata"):  # of safetensors; MNASNet asks for its version
                state._metadata = module.state_dict()._metadata
            with set_whole(file, backbone.network):
                module.load_state_dict(state, strict=False)
        return TorchNetwork(
            module.eval(), _vector, _tokens, _OWN, int("vit_" in name), "vit_" in name
        )

    def imagenet_top(
        self, backbone: Backbone
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return kernel and bias of the last layer: every weights of torchvision have one.

        SqueezeNet's is a convolution before the average, and no layer on features.
        """
        file = backbone.weights.file
        if file is None or not file.is_file() or self.path(backbone.network) is not None:
            return None
        import numpy as np

        from embedlens.backbones.torch_weights import read_state

        state = read_state(file, backbone.network)
        # In the order of the modules; auxiliary classifiers, where there are some, are no last.
        names = [key for key, each in state.items() if key.endswith(".weight") and each.ndim > 1]
        top = [key for key in names if "aux" not in key.lower()][-1]
        kernel = state[top].double().numpy()
        if kernel.ndim != 2 or len(kernel) != 1000:
            return None
        held = state.get(top.removesuffix("weight") + "bias")
        bias = np.zeros(1000) if held is None else held.double().numpy()
        return kernel.T, bias

    def imagenet_accuracy(self, network: str) -> float | None:
        """Return what torchvision's table says of these weights."""
        if self.path(network) is not None:
            return None
        name, kind = self._published(network)
        accuracy = table()[name]["weights"][kind]["accuracy"]
        return None if accuracy is None else float(accuracy)


def _folder(place: str) -> Path:
    return Path(place.removeprefix(LOCAL))


def _stated(network: str, folder: Path) -> tuple[str, str]:
    file = folder / _CONFIGURATION
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        name, kind = told["network"], told["weights"]
        table()[name]["weights"][kind]
    except OSError as error:
        raise BackboneError(
            f"{network}: there is no {_CONFIGURATION} in {folder}, as fine-tuning writes one."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{file} names no network of torchvision ({error}).") from error
    return name, kind


def _local(network: str, folder: Path, choice: str | Path | None) -> Weights:
    if choice == "random":
        return Weights("random")
    if choice is not None:
        raise WeightsError(f"{network} holds its own weights; leave out {str(choice)!r}.")
    if not (folder / _WEIGHTS).is_file():
        raise WeightsError(f"{folder} holds no {_WEIGHTS}.")
    return Weights("file", folder / _WEIGHTS, configuration=content_key(_stated(network, folder)))


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
