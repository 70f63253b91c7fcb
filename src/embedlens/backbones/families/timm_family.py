"""The networks of timm, by its own names, with the transform and the licence that it states.

``timm_networks.json`` is what ``python -m embedlens.backbones.families.timm_family`` finds in the
installed timm: it lets the networks be listed and described without importing timm and torch. With
a timm of another version a network is described by that timm itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.torch_family import TorchFamily
from embedlens.backbones.hub_file import HubFile, UrlFile
from embedlens.backbones.transform import Interpolation, Transform
from embedlens.backbones.transform_file import CROP_MODES, timm_transform
from embedlens.backbones.tuned_weights import tuned_transform, write_tuned
from embedlens.backbones.weights import RANDOM_SEED, Weights, chosen_weights
from embedlens.errors import BackboneError, WeightsError
from embedlens.files import content_key, write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedlens.backbones.torch_network import TorchNetwork

PREFIX = "timm:"
LOCAL = "local-dir:"

_FILES = ("model.safetensors", "pytorch_model.bin")
_CONFIGURATION = "config.json"
_EPSILON = 1e-5  # of the batch normalisation before a classifier: PyTorch's
_TRANSFORM = ("input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std")
_TABLE = Path(__file__).with_name("timm_networks.json")


@dataclass(frozen=True)
class Pretrained:
    """What timm says of one set of weights; its own words, of ``PretrainedCfg``.

    Attributes
    ----------
    input_size : (int, int)
        Height and width, in pixels.
    interpolation, crop_pct, crop_mode, mean, std
        Of the transform in evaluation.
    num_classes : int
        Of its head; 0 where there is none.
    classifier : str or None
        Name of the head's last layer.
    hub, filename : str or None
        Repository and file at the Hugging Face hub.
    url : str or None
        Where they lie if not there.
    licence : str or None
        Under which they were published.
    custom : bool
        Whether the published file is in the format of another framework.
    """

    input_size: tuple[int, int]
    interpolation: Interpolation
    crop_pct: float
    crop_mode: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    num_classes: int
    classifier: str | None
    hub: str | None
    filename: str | None
    url: str | None
    licence: str | None
    custom: bool

    def transform(self) -> Transform:
        """Return what ``timm.data.create_transform`` makes of it, as a `Transform`."""
        told = {name: getattr(self, name) for name in _TRANSFORM}
        return timm_transform({**told, "input_size": (3, *self.input_size)})


@dataclass(frozen=True)
class Architecture:
    """An architecture of timm, with the weights that there are of it.

    Attributes
    ----------
    parameters : int
        Weights in all, with the head of its default weights.
    features : int
        Length of its vector.
    default : str
        The tag that timm takes where none is named; empty if there is one nameless set.
    pretrained : dict of str to Pretrained
        By tag. One without any place to get it from is not trained.
    """

    parameters: int
    features: int
    default: str
    pretrained: Mapping[str, Pretrained]


class Timm(TorchFamily):
    """Every image network of timm: ``timm:NAME``, ``timm:NAME.TAG``, ``timm:local-dir:FOLDER``."""

    name = "timm"
    prefix = PREFIX
    packages = ("torch", "timm")
    requires = ("torch", "timm")

    def networks(self) -> Sequence[str]:
        """Name those with published weights, in timm's order."""
        return [
            f"{PREFIX}{_spelt(architecture, tag)}"
            for architecture, row in architectures().items()
            for tag, pretrained in row.pretrained.items()
            if pretrained.hub or pretrained.url
        ]

    def find(self, text: str) -> str | None:
        """Return a network's name with the tag that timm takes where none is given."""
        if not text.lower().startswith(PREFIX):
            return None
        name = text[len(PREFIX) :]
        if name.startswith(LOCAL):
            folder = Path(name.removeprefix(LOCAL))
            return None if "@" in name and not folder.is_dir() else PREFIX + name
        architecture, dot, tag = name.lower().partition(".")
        row = described(architecture, tag)
        if row is None:
            return None
        tags = {each.lower(): each for each in row.pretrained}
        if not dot:
            return PREFIX + _spelt(architecture, row.default)
        return PREFIX + _spelt(architecture, tags[tag]) if tag in tags else None

    def path(self, network: str) -> Path | None:
        """Return the folder of a local network."""
        place = network.removeprefix(PREFIX)
        return Path(place.removeprefix(LOCAL)) if place.startswith(LOCAL) else None

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network; its published weights are timm's, from the hub's cache."""
        if (folder := self.path(network)) is not None:
            stated, chosen = _local(network, folder, weights)
            name = f"{network}@{layer}" if layer else network
            fed = tuned_transform(chosen, stated)
            return Backbone(name, network, self, layer, chosen, fed)
        architecture, _, tag = network.removeprefix(PREFIX).partition(".")
        row = described(architecture, tag)
        assert row is not None, network
        pretrained = row.pretrained.get(tag) or next(iter(row.pretrained.values()))
        chosen = _weights(network, weights, pretrained)
        return Backbone(
            f"{network}@{layer}" if layer else network,
            network,
            self,
            layer,
            chosen,
            tuned_transform(chosen, pretrained.transform()),
            row.parameters,
        )

    def anchored(self, network: str, path: Path) -> str:
        """Return a local network's name with another path."""
        return f"{PREFIX}{LOCAL}{path}"

    def imagenet_top(
        self, backbone: Backbone
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return kernel and bias of the classifier, where it is of ImageNet's 1,000 classes.

        They are read from the file of weights, without timm: what it gives its classifier is the
        vector that counts.
        """
        name = backbone.network.removeprefix(PREFIX)
        architecture, _, tag = name.partition(".")
        row = described(architecture, tag)
        pretrained = row.pretrained.get(tag) if row else None
        file = backbone.weights.file
        if pretrained is None or pretrained.num_classes != 1000 or not pretrained.classifier:
            return None
        if file is None or file.suffix != ".safetensors" or not file.is_file():
            return None
        from safetensors import safe_open

        with safe_open(file, "numpy") as tensors:
            held = set(tensors.keys())
            names = [f"{pretrained.classifier}.{part}" for part in ("weight", "bias")]
            if not set(names) <= held:
                return None
            kernel, bias = (tensors.get_tensor(each).astype(np.float64) for each in names)
            kernel = kernel.reshape(len(kernel), -1).T
            norm = f"{pretrained.classifier.rpartition('.')[0]}.bn"
            if f"{norm}.running_var" in held:
                parts = ("running_mean", "running_var", "weight", "bias")
                numbers = [tensors.get_tensor(f"{norm}.{each}") for each in parts]
                kernel, bias = _normalized_first(kernel, bias, *numbers)
        return (kernel, bias) if len(bias) == 1000 else None

    def save(self, backbone: Backbone, module: Any, transform: Transform, folder: Path) -> None:
        """Write weights and a ``config.json`` as timm keeps one beside them."""
        write_tuned(module, transform, folder / _FILES[0])
        source = self.path(backbone.network)
        if source is None:
            architecture = backbone.network.removeprefix(PREFIX).partition(".")[0]
            stated: dict[str, Any] = {"architecture": architecture}
        else:
            stated = json.loads((source / _CONFIGURATION).read_text(encoding="utf-8"))
        architecture = stated["architecture"]
        arguments = {**stated.get("model_args", {}), **_pool_of_its_makers(architecture)}
        if _takes_size(architecture, transform.size):
            arguments["img_size"] = transform.size
        configuration = {
            "architecture": architecture,
            "num_classes": 0,
            "num_features": int(module.num_features),
            "model_args": arguments,
            "pretrained_cfg": _to_configuration(transform),
        }
        write_json(folder / _CONFIGURATION, configuration)

    def network(self, backbone: Backbone, size: tuple[int, int]) -> TorchNetwork:
        """Build it with timm, its head taken off."""
        from embedlens.backbones.torch_network import TorchNetwork

        module = _create(backbone, size)
        module.eval()
        prefix = int(getattr(module, "num_prefix_tokens", 0) or 0)
        return TorchNetwork(
            module,
            _vector,
            _tokens,
            _own(module),
            prefix,
            prefix > 0 and getattr(module, "cls_token", None) is not None,
            str(getattr(module, "output_fmt", "")).endswith("NHWC"),
        )


def _normalized_first(
    kernel: NDArray[np.float64],
    bias: NDArray[np.float64],
    *norm: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the dense layer that is a batch normalisation and the dense layer after it."""
    mean, variance, weight, shift = (each.astype(np.float64) for each in norm)
    scale = weight / np.sqrt(variance + _EPSILON)
    return kernel * scale[:, None], bias + (shift - mean * scale) @ kernel


def _create(backbone: Backbone, size: tuple[int, int]) -> Any:
    import timm
    import torch

    from embedlens.backbones.torch_weights import read_state, set_whole

    name = backbone.network.removeprefix(PREFIX)
    options: dict[str, Any] = {"num_classes": 0}
    if backbone.layer is not None and backbone.layer == _classifier(name):
        del options["num_classes"]
    file, architecture = backbone.weights.file, name.partition(".")[0]
    folder = backbone.family.path(backbone.network)
    if folder is not None:
        name = f"{LOCAL}{folder}"
        stated = json.loads((folder / _CONFIGURATION).read_text(encoding="utf-8"))
        architecture = stated["architecture"]
        options["pretrained"] = file is not None
    elif file is not None:
        options["pretrained"] = True
        if file.suffix == ".npz":
            overlay = {"file": str(file), "custom_load": True}
        else:
            overlay = {"state_dict": read_state(file, backbone.network), "custom_load": False}
        options["pretrained_cfg_overlay"] = {**overlay, "source": ""}
    options |= _pool_of_its_makers(architecture)
    if size != _stated_size(backbone):
        options["img_size"] = size
    torch.manual_seed(RANDOM_SEED)
    with set_whole(file, backbone.network, lambda: _with_head(architecture)):
        try:
            return timm.create_model(name, **options)
        except TypeError as error:
            # Convolutions take any size, and no img_size.
            if "img_size" not in str(error):
                raise
            del options["img_size"]
            return timm.create_model(name, **options)


def _with_head(architecture: str) -> list[str]:
    """Name all tensors of a network that has its classifier."""
    import timm
    import torch

    with torch.device("meta"):
        return list(timm.create_model(architecture).state_dict())


def _pool_of_its_makers(architecture: str) -> dict[str, str]:
    """Say how a vector is made where timm does otherwise than the network's makers."""
    # DINOv3's take the class token, timm the average of the patches.
    dinov3 = architecture.startswith("vit_") and "_dinov3" in architecture
    return {"global_pool": "token"} if dinov3 else {}


def _takes_size(architecture: str, size: tuple[int, int] | None) -> bool:
    """Whether an architecture is built for a size: its positions are those of that many patches."""
    import timm
    import torch

    try:
        with torch.device("meta"):
            timm.create_model(architecture, num_classes=0, img_size=size)
    except TypeError:
        return False
    return True


def _stated_size(backbone: Backbone) -> tuple[int, int] | None:
    """Return the size that timm builds a network for where nothing is said."""
    if (folder := backbone.family.path(backbone.network)) is not None:
        return _local(backbone.network, folder, "random")[0].size
    architecture, _, tag = backbone.network.removeprefix(PREFIX).partition(".")
    row = described(architecture, tag)
    assert row is not None, backbone.network
    return (row.pretrained.get(tag) or next(iter(row.pretrained.values()))).input_size


def _vector(module: Any, x: Any) -> Any:
    return module(x)


def _own(module: Any) -> str:
    """Say what timm's vector is, where the network says how it pools."""
    pool = getattr(module, "global_pool", None)
    words = {"token": "class token", "map": "attention pool", "avg": "average of the tokens"}
    return words.get(pool if isinstance(pool, str) else "", "what timm gives its classifier")


def _tokens(module: Any, x: Any) -> Any:
    features = module.forward_features(x)
    return features[0] if isinstance(features, tuple) else features


def _classifier(name: str) -> str | None:
    architecture, _, tag = name.partition(".")
    row = described(architecture, tag)
    pretrained = row.pretrained.get(tag) if row else None
    return pretrained.classifier if pretrained else None


def _weights(network: str, choice: str | Path | None, pretrained: Pretrained) -> Weights:
    if choice in (None, "imagenet") and not (pretrained.hub or pretrained.url):
        raise WeightsError(
            f"timm publishes no weights for {network}: give a file of them, --weights "
            f"{network}=FILE, or run without pretraining, --weights {network}=random."
        )
    if pretrained.hub:
        given = (pretrained.filename,) if pretrained.filename else _FILES
        download: HubFile | UrlFile | None = HubFile(pretrained.hub, given)
    else:
        download = UrlFile(pretrained.url) if pretrained.url else None
    published = Weights("imagenet", None, download, pretrained.licence, "published")
    return chosen_weights(network, choice, published)


def _local(network: str, folder: Path, choice: str | Path | None) -> tuple[Transform, Weights]:
    """Read what timm's ``config.json`` says, as timm keeps one beside weights."""
    file = folder / _CONFIGURATION
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
        stated["architecture"]
        transform = timm_transform(stated.get("pretrained_cfg", stated))
        if (channels := (stated.get("model_args") or {}).get("in_chans", 3)) != 3:
            raise ValueError(f"in_chans is {channels}, and pictures have 3 channels, RGB")
    except OSError as error:
        raise BackboneError(
            f"{network}: there is no {_CONFIGURATION} in {folder}, as timm keeps one beside its "
            "weights."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackboneError(
            f"{file} says no network of timm that can be used ({error})."
        ) from error
    digest = content_key([stated])
    if choice == "random":
        return transform, Weights("random", configuration=digest)
    if choice is not None:
        raise WeightsError(f"{network} holds its own weights; leave out {str(choice)!r}.")
    found = [folder / name for name in _FILES if (folder / name).is_file()]
    if not found:
        raise WeightsError(f"{folder} holds neither {_FILES[0]} nor {_FILES[1]}.")
    return transform, Weights("file", found[0], configuration=digest)


def _to_configuration(transform: Transform) -> dict[str, Any]:
    """Return timm's words for a transform, as far as it has any: `write_tuned` keeps all of it."""
    assert transform.size is not None
    modes = {resize: mode for mode, resize in CROP_MODES.items()}
    size, shorter = min(transform.size), transform.shorter_side
    return {
        "input_size": [3, *transform.size], "num_classes": 0, "classifier": None,
        "interpolation": transform.interpolation, "crop_mode": modes[transform.resize],
        "crop_pct": transform.crop if shorter is None else size / shorter,
        "mean": list(transform.mean), "std": list(transform.deviation),
    }  # fmt: skip


def _spelt(architecture: str, tag: str) -> str:
    return f"{architecture}.{tag}" if tag else architecture


@cache
def architectures() -> dict[str, Architecture]:
    """Return the table of architectures by name, in timm's order."""
    table = _table()
    return {
        name: Architecture(
            parameters,
            features,
            default,
            {tag: _from_json(name, tag, row, table["transforms"]) for tag, row in rows.items()},
        )
        for name, (parameters, features, default, rows) in table["architectures"].items()
    }


@cache
def _table() -> dict[str, Any]:
    return json.loads(_TABLE.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@cache
def _table_holds() -> bool:
    """Whether the installed timm is the table's, or none is installed."""
    try:
        return version("timm") == str(_table()["timm"])
    except PackageNotFoundError:
        return True


def described(architecture: str, tag: str = "") -> Architecture | None:
    """Return an architecture of the table; of the installed timm, if that lacks it or the tag.

    A network of the table is the same with any timm: lists need none, and a name says one thing.
    """
    row = architectures().get(architecture)
    if row is not None and tag.lower() in ("", *(each.lower() for each in row.pretrained)):
        return row
    return _installed(architecture) or row


@cache
def _installed(architecture: str) -> Architecture | None:
    if _table_holds():
        return None
    from timm.models import is_model

    return introspect(architecture) if is_model(architecture) else None


def introspect(architecture: str) -> Architecture:
    """Ask the installed timm, without loading weights."""
    import timm
    import torch
    from timm.models import get_arch_pretrained_cfgs, get_pretrained_cfg

    try:
        with torch.device("meta"):
            whole = timm.create_model(architecture, pretrained=False)
    except NotImplementedError:  # some read numbers while they are built
        whole = timm.create_model(architecture, pretrained=False)
    configurations = get_arch_pretrained_cfgs(architecture) or {}
    default = get_pretrained_cfg(architecture)
    pretrained = {name.partition(".")[2]: _pretrained(cfg) for name, cfg in configurations.items()}
    return Architecture(
        sum(each.numel() for each in whole.parameters()),
        int(getattr(whole, "head_hidden_size", None) or whole.num_features),
        (default.tag if default else "") or "",
        pretrained,
    )


def _pretrained(cfg: Any) -> Pretrained:
    from timm.data import resolve_data_config

    told = resolve_data_config({}, pretrained_cfg=cfg.to_dict())
    classifier = cfg.classifier if isinstance(cfg.classifier, str) else None
    return Pretrained(
        tuple(told["input_size"][1:]),
        told["interpolation"],
        told["crop_pct"],
        told["crop_mode"],
        tuple(told["mean"]),
        tuple(told["std"]),
        cfg.num_classes,
        classifier,
        cfg.hf_hub_id or None,
        cfg.hf_hub_filename or None,
        cfg.url or None,
        cfg.license,
        bool(cfg.custom_load),
    )


def main() -> None:
    """Write ``timm_networks.json`` anew from the installed timm."""
    import timm

    rows = {}
    for name in timm.list_models():
        print(name, file=sys.stderr)
        try:
            rows[name] = introspect(name)
        except Exception as error:  # an architecture that needs more than timm is left out
            print(f"  left out: {error}", file=sys.stderr)
    _TABLE.write_text(_to_json(version("timm"), rows), encoding="utf-8")


def _to_json(timm: str, rows: Mapping[str, Architecture]) -> str:
    """Write what weights share once: transforms by number, hub names where they are no other."""
    transforms: dict[str, int] = {}
    architectures = {}
    for name, row in rows.items():
        pretrained = {}
        for tag, each in row.pretrained.items():
            told = asdict(each)
            shared = json.dumps([told.pop(key) for key in _TRANSFORM])
            if told["hub"] == f"timm/{_spelt(name, tag)}":
                told["hub"] = True
                told["url"] = None
            kept = {key: value for key, value in told.items() if value}
            pretrained[tag] = {"transform": transforms.setdefault(shared, len(transforms)), **kept}
        architectures[name] = [row.parameters, row.features, row.default, pretrained]
    parts = {"timm": timm, "transforms": [json.loads(each) for each in transforms]}
    head = json.dumps(parts)[:-1]
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in architectures.items()]
    return head + ', "architectures": {\n' + ",\n".join(lines) + "\n}}\n"


def _from_json(name: str, tag: str, row: dict[str, Any], transforms: Sequence[Any]) -> Pretrained:
    size, interpolation, crop, mode, mean, std = transforms[row["transform"]]
    hub = row.get("hub")
    return Pretrained(
        (size[0], size[1]), interpolation, crop, mode,
        (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]),
        row.get("num_classes", 0), row.get("classifier"),
        f"timm/{_spelt(name, tag)}" if hub is True else hub,
        row.get("filename"), row.get("url"), row.get("licence"), row.get("custom", False),
    )  # fmt: skip


if __name__ == "__main__":
    main()
