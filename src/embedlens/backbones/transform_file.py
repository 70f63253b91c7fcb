"""A transform as files beside a model say it: Hugging Face's, timm's, and embedlens's own."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from embedlens.backbones.transform import RESIZES, Transform
from embedlens.errors import BackboneError

NAMES = ("classifier.json", "preprocessor_config.json", "config.json")
"""The files that are looked for, in this order."""

_PILLOW: dict[Any, str] = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")

# Image processors of transformers whose pictures are resized and cropped by the settings in the
# file alone. Others do more (tiles, a second normalisation, sizes that follow the picture).
_PROCESSORS = {
    "Beit", "Bit", "ChineseCLIP", "CLIP", "ConvNext", "DeiT", "DINOv3ViT", "MobileNetV1",
    "MobileNetV2", "MobileViT", "Perceiver", "PoolFormer", "Pvt", "Siglip", "ViT",
}  # fmt: skip
# Of these a size that is one number is the short side's; of the others it is both sides.
_SHORT_SIDE = {
    "Bit", "ChineseCLIP", "CLIP", "ConvNext", "MobileNetV1", "MobileNetV2", "MobileViT",
    "PoolFormer", "Pvt",
}  # fmt: skip


def file_beside(model: Path) -> Path | None:
    """Return the file that says the transform of a model file; None if there is none.

    It lies in the model's folder; for a model in a folder called ``onnx`` also in the one above,
    where Hugging Face's exports have it.
    """
    folders = [model.parent]
    if model.parent.name == "onnx":
        folders.append(model.parent.parent)
    for folder in folders:
        for name in NAMES:
            file = folder / name
            if file.is_file() and _says_a_transform(file):
                return file
    return None


def read_transform(file: Path) -> Transform:
    """Read a transform from a file.

    Parameters
    ----------
    file : Path
        JSON: a ``preprocessor_config.json`` of transformers, a ``config.json`` of timm, a
        ``classifier.json`` of embedlens, or a transform's own ``record``.

    Raises
    ------
    BackboneError
        If it cannot be read, is none of these, or asks for what a `Transform` cannot do.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "classifier.json"
    ...     _ = file.write_text('{"transform": {"size": [96, 96], "resize": "crop"}}')
    ...     read_transform(file).size
    (96, 96)
    """
    content = _content(file)
    try:
        if "transform" in content:
            return recorded_transform(content["transform"])
        if "pretrained_cfg" in content or "input_size" in content:
            return _timm(content.get("pretrained_cfg", content))
        if "image_processor" in content:  # of a processor_config.json
            content = content["image_processor"]
        if "image_mean" in content or "do_resize" in content:
            return _processor(content)
        return recorded_transform(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackboneError(
            f"{file} says no transform that can be used ({error}); say it with --transform."
        ) from error


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackboneError(f"{file} cannot be read as JSON ({error}).") from error
    if not isinstance(content, dict):
        raise BackboneError(f"{file} says no transform; it holds a {type(content).__name__}.")
    return content


def _says_a_transform(file: Path) -> bool:
    """Whether a ``config.json`` is timm's; files of the other names are what they are called."""
    if file.name == "classifier.json":
        return "transform" in _content(file)
    if file.name == "preprocessor_config.json":
        return True
    content = _content(file)
    return "pretrained_cfg" in content or {"input_size", "mean", "std"} <= set(content)


def recorded_transform(record: dict[str, Any]) -> Transform:
    """Return the transform that ``Transform.record`` gave.

    Raises
    ------
    ValueError
        If it is none.
    """
    known = {each.name: each for each in fields(Transform)}
    if unknown := set(record) - set(known):
        raise ValueError(f"{', '.join(sorted(unknown))} mean nothing here")
    if "resize" in record and record["resize"] not in RESIZES:
        raise ValueError(f"resize is {record['resize']!r}")
    if record.get("interpolation", "bilinear") not in _INTERPOLATIONS:
        raise ValueError(f"interpolation is {record['interpolation']!r}")
    if record.get("channels", "RGB") not in ("RGB", "BGR"):
        raise ValueError(f"channels is {record['channels']!r}")
    if not record:
        raise ValueError("it is empty")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
    made = Transform(**values)
    if made.size is not None and (
        len(made.size) != 2 or not all(isinstance(n, int) and n > 0 for n in made.size)
    ):
        raise ValueError(f"size is {made.size}; it is two numbers of pixels")
    lengths = {len(made.mean), len(made.deviation), len(made.fill)}
    if lengths != {3} or not 0 < made.crop <= 1 or 0 in made.deviation or not made.scale:
        raise ValueError("its numbers are out of range")
    return made


def _timm(config: dict[str, Any]) -> Transform:
    """Read timm's pretrained_cfg, as ``resolve_data_config`` and ``create_transform`` do."""
    channels, height, width = config.get("input_size", (3, 224, 224))
    if channels != 3:
        raise ValueError(f"pictures of {channels} channels")
    ways = {"center": "crop", "squash": "squash", "border": "pad"}
    mean = _triple(config.get("mean", (0.485, 0.456, 0.406)))
    made = {
        "size": (int(height), int(width)),
        "resize": ways[config.get("crop_mode") or "center"],
        "crop": float(config.get("crop_pct") or 0.875),
        "interpolation": _interpolation(config.get("interpolation") or "bilinear"),
        "scale": 255.0,
        "mean": mean,
        "deviation": _triple(config.get("std", (0.229, 0.224, 0.225))),
        "fill": [round(255 * value) for value in mean],
    }
    if made["resize"] != "pad":
        del made["fill"]
    return recorded_transform(made)


def _processor(config: dict[str, Any]) -> Transform:
    """Read what an image processor of transformers does by its settings."""
    kind = _processor_kind(config)
    interpolation = _interpolation(config.get("resample", 2))
    made = replace(_scaled(config), interpolation=interpolation, centre="before")
    if config.get("do_flip_channel_order"):
        made = replace(made, channels="BGR")
    if config.get("do_pad"):
        raise ValueError("it pads pictures")
    if not config.get("do_resize", True):
        raise ValueError("it does not resize pictures")
    size = config["size"]
    if kind == "ConvNext":
        return _convnext(made, _side(size), config.get("crop_pct") or 224 / 256)
    if isinstance(size, int):
        size = {"shortest_edge": size} if kind in _SHORT_SIDE else {"height": size, "width": size}
    crop = config.get("crop_size") if config.get("do_center_crop") else None
    if "shortest_edge" in size:
        if crop is None:
            raise ValueError("it fits the short side and cuts nothing off")
        return replace(made, resize="crop", size=_pair(crop), shorter_side=size["shortest_edge"])
    height, width = _pair(size)
    if crop is None or _pair(crop) == (height, width):
        return replace(made, resize="squash", size=(height, width))
    if height != width:
        raise ValueError(f"it cuts {crop} out of {height} x {width}")
    return replace(made, resize="squash", size=_pair(crop), shorter_side=height)


def _processor_kind(config: dict[str, Any]) -> str:
    named = config.get("image_processor_type") or config.get("feature_extractor_type") or ""
    kind = str(named)
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        kind = kind.removesuffix(ending)
    if kind not in _PROCESSORS:
        raise ValueError(f"the image processor {named or 'without a name'} is not known here")
    return kind


def _scaled(config: dict[str, Any]) -> Transform:
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    made = Transform(scale=round(1 / factor, 6))
    if not config.get("do_normalize", True):
        return made
    return replace(made, mean=_triple(config["image_mean"]), deviation=_triple(config["image_std"]))


def _convnext(made: Transform, side: int, share: float) -> Transform:
    """Below 384 pixels the centre of a larger picture; from there on the whole, squashed."""
    if side >= 384:
        return replace(made, resize="squash", size=(side, side))
    return replace(made, resize="crop", size=(side, side), shorter_side=int(side / share))


def _side(size: Any) -> int:
    return int(size if isinstance(size, int) else size["shortest_edge"])


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size["height"]), int(size["width"]))


def _triple(values: Any) -> tuple[float, float, float]:
    one = [values] * 3 if isinstance(values, (int, float)) else list(values)
    if len(one) == 1:
        one *= 3
    red, green, blue = map(float, one)
    if not all(map(math.isfinite, (red, green, blue))):
        raise ValueError(f"{values} are not finite")
    return red, green, blue


def _interpolation(value: Any) -> Any:
    found = _PILLOW.get(value, value)
    if found not in _INTERPOLATIONS:
        raise ValueError(f"the interpolation {value!r} is not known here")
    return found
