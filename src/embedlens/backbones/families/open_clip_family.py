"""OpenCLIP's networks: ``open_clip:ARCH/TAG``, or ``open_clip:local-dir:FOLDER``.

``open_clip_networks.json`` is what ``python -m embedlens.backbones.families.open_clip_family``
finds in the installed open_clip, for lists and descriptions without importing it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.torch_family import TorchFamily, in_blocks, warn_of_no_text
from embedlens.backbones.hub_file import HubFile, UrlFile
from embedlens.backbones.transform import Resize, Transform
from embedlens.backbones.tuned_weights import tuned_transform, write_tuned
from embedlens.backbones.weights import RANDOM_SEED, Weights, chosen_weights
from embedlens.errors import BackboneError, WeightsError
from embedlens.files import content_key, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedlens.backbones.torch_network import TorchNetwork

PREFIX = "open_clip:"
LOCAL = "local-dir:"

_OWN = "projected vector, of encode_image"
_TABLE = Path(__file__).with_name("open_clip_networks.json")
_RESIZES: dict[str, Resize] = {"shortest": "crop", "squash": "squash", "longest": "pad"}
_CONFIGURATION = "open_clip_config.json"
_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


class OpenCLIP(TorchFamily):
    """The image halves of OpenCLIP's networks; features are what text is compared with."""

    name = "open_clip"
    prefix = PREFIX
    packages = ("torch", "open_clip_torch", "timm")
    requires = ("torch", "open_clip")
    extra = "clip"

    def networks(self) -> Sequence[str]:
        """Name each architecture with each of its weights."""
        return [
            f"{PREFIX}{name}/{tag}" for name, row in table().items() for tag in row["pretrained"]
        ]

    def find(self, text: str) -> str | None:
        """Return a network's name; without a tag it has weights of the user's, or none."""
        if not text.lower().startswith(PREFIX):
            return None
        name = text[len(PREFIX) :]
        if name.startswith(LOCAL):
            return None if "@" in name and not _folder(name).is_dir() else PREFIX + name
        architecture, slash, tag = name.partition("/")
        known = {each.lower(): each for each in table()}
        found = known.get(architecture.lower())
        if found is None:
            return None
        tags = {each.lower(): each for each in table()[found]["pretrained"]}
        if not slash:
            return PREFIX + found
        return f"{PREFIX}{found}/{tags[tag.lower()]}" if tag.lower() in tags else None

    def path(self, network: str) -> Path | None:
        """Return the folder of a local network."""
        place = network.removeprefix(PREFIX)
        return _folder(place) if place.startswith(LOCAL) else None

    def anchored(self, network: str, path: Path) -> str:
        """Return a local network's name with another path."""
        return f"{PREFIX}{LOCAL}{path}"

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network; its published weights are those of its tag."""
        if (folder := self.path(network)) is not None:
            size, preprocess, chosen = _local(network, folder, weights)
        else:
            name, _, tag = network.removeprefix(PREFIX).partition("/")
            row = table()[name]
            preprocess = row["pretrained"].get(tag, row["preprocess"])
            size, chosen = row["size"], _weights(network, tag, weights, preprocess)
        return Backbone(
            f"{network}@{layer}" if layer else network,
            network,
            self,
            layer,
            chosen,
            tuned_transform(chosen, _transform(size, preprocess)),
        )

    def text_vectors(self, backbone: Backbone, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return what the text half makes of texts, by open_clip's tokenizer of the network."""
        import open_clip

        name = backbone.network.removeprefix(PREFIX)
        folder = self.path(backbone.network)
        try:
            tokens = open_clip.get_tokenizer(
                f"{LOCAL}{folder}" if folder is not None else name.partition("/")[0]
            )
        except Exception as error:  # one of the hub, which is not here
            warn_of_no_text(backbone, error)
            return None
        model = whole_model(backbone)
        return in_blocks(lambda block: _pooled(model.encode_text(tokens(list(block)))), texts)

    def expect_saveable(self, backbone: Backbone, transform: Transform) -> None:
        """Refuse another size of an image half of timm: open_clip reads that at its own alone."""
        vision = _configuration(backbone)["vision_cfg"]
        size = _pair(vision["image_size"])
        if "timm_model_name" in vision and transform.size != size:
            raise BackboneError(
                f"{backbone.name} can be fine-tuned at its own size, {size[0]} x {size[1]}, alone: "
                "OpenCLIP reads no weights of another for it. Leave the size out."
            )

    def save(self, backbone: Backbone, module: Any, transform: Transform, folder: Path) -> None:
        """Write both halves, and an ``open_clip_config.json``."""
        write_tuned(module, transform, folder / _FILES[0])
        configuration = _configuration(backbone)
        assert transform.size is not None
        vision = {**configuration["vision_cfg"], "image_size": list(transform.size)}
        modes = {resize: mode for mode, resize in _RESIZES.items()}
        preprocess = {
            "mean": list(transform.mean), "std": list(transform.deviation),
            "interpolation": transform.interpolation, "resize_mode": modes[transform.resize],
        }  # fmt: skip
        stated = {
            "model_cfg": {**configuration, "vision_cfg": vision},
            "preprocess_cfg": preprocess,
        }
        write_json(folder / _CONFIGURATION, stated)

    def network(self, backbone: Backbone, size: tuple[int, int]) -> TorchNetwork:
        """Build the image half with open_clip."""
        from embedlens.backbones.torch_network import TorchNetwork

        model = whole_model(backbone, size)
        visual = model.visual
        class_token = getattr(visual, "class_embedding", None) is not None
        return TorchNetwork(model, _vector, _tokens, _OWN, int(class_token), class_token)


def whole_model(backbone: Backbone, size: tuple[int, int] | None = None) -> Any:
    """Build a network with both halves, of image and of text."""
    import open_clip
    import torch

    from embedlens.backbones.torch_weights import set_whole

    file = backbone.weights.file
    name, _, tag = backbone.network.removeprefix(PREFIX).partition("/")
    options: dict[str, Any] = {"pretrained_image": False, "pretrained_hf": False}
    folder = backbone.family.path(backbone.network)
    if folder is not None:
        name = f"{LOCAL}{folder}"
        options["load_weights"] = file is not None
    elif _has_quick_gelu(name, tag):
        options["force_quick_gelu"] = True
    stated = _configuration(backbone)["vision_cfg"]["image_size"]
    if size is not None and size != _pair(stated):
        options["force_image_size"] = size
    torch.manual_seed(RANDOM_SEED)
    with set_whole(file, backbone.network):
        model = open_clip.create_model(
            name, str(file) if file is not None and folder is None else None, **options
        )
    return model.eval()


def _has_quick_gelu(name: str, tag: str) -> bool:
    """Whether weights want that activation: it goes with them, whatever the architecture's name."""
    return bool(table()[name]["pretrained"].get(tag, {}).get("quick_gelu"))


def _configuration(backbone: Backbone) -> dict[str, Any]:
    """Return what open_clip builds a network by."""
    if (folder := backbone.family.path(backbone.network)) is not None:
        told = json.loads((folder / _CONFIGURATION).read_text(encoding="utf-8"))
        return dict(told["model_cfg"])
    import open_clip

    name, _, tag = backbone.network.removeprefix(PREFIX).partition("/")
    stated: dict[str, Any] = open_clip.get_model_config(name)
    return stated | ({"quick_gelu": True} if _has_quick_gelu(name, tag) else {})


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _vector(module: Any, x: Any) -> Any:
    return _pooled(module.encode_image(x))


def _pooled(given: Any) -> Any:
    """Return the vector where a network is configured to give its tokens too."""
    return given[0] if isinstance(given, tuple) else given


def _tokens(module: Any, x: Any) -> Any:
    visual = module.visual
    if hasattr(visual, "trunk"):
        return visual.trunk.forward_features(x)
    if hasattr(visual, "transformer"):
        taken: list[Any] = []
        handle = visual.transformer.register_forward_hook(lambda *call: taken.append(call[2]))
        try:
            visual(x)
        finally:
            handle.remove()
        return taken[0]
    return visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(x)))))


def _folder(name: str) -> Path:
    return Path(name.removeprefix(LOCAL))


def _transform(size: Any, preprocess: Mapping[str, Any]) -> Transform:
    mode = _RESIZES[preprocess.get("resize_mode") or "shortest"]
    return Transform(
        _pair(size),
        mode,
        interpolation=preprocess.get("interpolation") or "bicubic",
        fill=(preprocess.get("fill_color") or 0,) * 3 if mode == "pad" else Transform().fill,
        scale=255.0,
        mean=tuple(preprocess["mean"]),
        deviation=tuple(preprocess["std"]),
    )


def _weights(
    network: str, tag: str, choice: str | Path | None, preprocess: Mapping[str, Any]
) -> Weights:
    if not tag and choice in (None, "imagenet"):
        tags = ", ".join(table()[network.removeprefix(PREFIX)]["pretrained"]) or "none"
        raise WeightsError(
            f"{network} needs the tag of its weights, {network}/TAG, of: {tags}; or a file, "
            f"--weights {network}=FILE."
        )
    download: HubFile | UrlFile | None = None
    if hub := preprocess.get("hf_hub"):
        repository, _, name = hub.rpartition("/")
        download = HubFile(repository, (name,) if name else _FILES)
    elif url := preprocess.get("url"):
        download = UrlFile(url)
    published = Weights("imagenet", None, download, None, f"OpenCLIP's {tag}")
    return chosen_weights(network, choice, published)


def _local(
    network: str, folder: Path, choice: str | Path | None
) -> tuple[Any, Mapping[str, Any], Weights]:
    file = folder / _CONFIGURATION
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        size = told["model_cfg"]["vision_cfg"]["image_size"]
    except OSError as error:
        raise BackboneError(
            f"{network}: there is no {_CONFIGURATION} in {folder}, as open_clip keeps one beside "
            "its weights."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{file} is no configuration of open_clip ({error}).") from error
    preprocess = {"mean": _MEAN, "std": _STD, **told.get("preprocess_cfg", {})}
    found = [folder / name for name in _FILES if (folder / name).is_file()]
    if choice is None and not found:
        raise WeightsError(f"{folder} holds neither {_FILES[0]} nor {_FILES[1]}.")
    if choice not in (None, "random"):
        raise WeightsError(f"{network} holds its own weights; leave out {str(choice)!r}.")
    if choice == "random":
        return size, preprocess, Weights("random", configuration=content_key(told))
    return size, preprocess, Weights("file", found[0], configuration=content_key(told))


_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


@cache
def table() -> Mapping[str, Any]:
    """Return OpenCLIP's architectures by name: size of pictures, transform, weights by tag."""
    return json.loads(_TABLE.read_text(encoding="utf-8"))["networks"]  # type: ignore[no-any-return]


def main() -> None:
    """Write ``open_clip_networks.json`` anew from the installed open_clip."""
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    rows = {}
    for name in open_clip.list_models():
        configuration = open_clip.get_model_config(name)
        tags = list_pretrained_tags_by_model(name)
        rows[name] = {
            "size": configuration["vision_cfg"]["image_size"],
            "preprocess": {"mean": _MEAN, "std": _STD},
            "pretrained": {tag: _row(get_pretrained_cfg(name, tag)) for tag in tags},
        }
    head = json.dumps({"open_clip": version("open_clip_torch")})[:-1]
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
    text = head + ', "networks": {\n' + ",\n".join(lines) + "\n}}\n"
    _TABLE.write_text(text, encoding="utf-8")


def _row(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in configuration.items() if value}


if __name__ == "__main__":
    main()
