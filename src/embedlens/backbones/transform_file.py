"""A transform as files beside a model say it: Hugging Face's, timm's, and embedlens's own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from embedlens.backbones.image_processor import ImageProcessor, kind_of, settings
from embedlens.backbones.transform import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    RESIZES,
    Resize,
    Transform,
)
from embedlens.errors import BackboneError

NAMES = ("classifier.json", "preprocessor_config.json", "config.json")
"""The files that are looked for, in this order."""

CROP_MODES: dict[str, Resize] = {"center": "crop", "squash": "squash", "border": "pad"}
"""What timm calls each way to fit pictures."""

_PILLOW: dict[Any, str] = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")
_OF_PROCESSORS = {"image_processor_type", "feature_extractor_type", "image_mean", "do_resize"}


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
            return timm_transform(content.get("pretrained_cfg", content))
        if "image_processor" in content:  # of a processor_config.json
            content = content["image_processor"]
        if _OF_PROCESSORS & set(content):
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
        raise BackboneError(
            f"{file} cannot be read as JSON ({error}); mend it, or say the transform with "
            "--transform."
        ) from error
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


def timm_transform(config: Mapping[str, Any]) -> Transform:
    """Read timm's pretrained_cfg, as ``resolve_data_config`` and ``create_transform`` do.

    Raises
    ------
    ValueError
        If it asks for what a `Transform` cannot do.
    """
    channels, height, width = config.get("input_size") or (3, 224, 224)
    if channels != 3:
        raise ValueError(f"it takes {channels} channels, and pictures have 3, RGB")
    size, share = (int(height), int(width)), float(config.get("crop_pct") or 0.875)
    mode = config.get("crop_mode") or "center"
    if mode not in CROP_MODES:
        raise ValueError(f"the crop_mode {mode!r} is not known here")
    resize = CROP_MODES[mode]
    mean = _triple(config.get("mean") or IMAGENET_MEAN)
    red, green, blue = (round(255 * value) for value in mean)
    return Transform(
        size,
        resize,
        min(share, 1.0),
        # Above 1 the picture is made smaller than the size, and black is added around it.
        math.floor(min(size) / share) if share > 1 else None,
        interpolation=_interpolation(config.get("interpolation") or "bicubic"),
        scale=255.0,
        mean=mean,
        deviation=_triple(config.get("std") or IMAGENET_DEVIATION),
        fill=(red, green, blue) if resize == "pad" else Transform().fill,
    )


def _processor(config: Mapping[str, Any]) -> Transform:
    """Read what an image processor of transformers does by its settings."""
    kind = kind_of(config)
    told = settings(kind, config)
    if told.do_pad:
        raise ValueError("it pads pictures")
    if not told.do_resize:
        raise ValueError("it does not resize pictures")
    if kind == "Perceiver" and told.do_center_crop:
        raise ValueError("it cuts the centre out before it resizes, which cannot be done here")
    fitted = _convnext(told) if kind == "ConvNext" else _fitted(kind, told)
    return replace(
        fitted,
        interpolation=_interpolation(told.resample),
        centre="before",
        scale=round(1 / told.rescale_factor, 6) if told.do_rescale else 1.0,
        mean=_triple(told.image_mean) if told.do_normalize else Transform().mean,
        deviation=_triple(told.image_std) if told.do_normalize else Transform().deviation,
        channels="BGR" if told.do_flip_channel_order else "RGB",
    )


def _fitted(kind: str, told: ImageProcessor) -> Transform:
    """Fit the short side or squash, then cut the centre out."""
    size = _sides(told)
    crop = _pair(told.crop_size) if told.do_center_crop else None
    if kind == "PoolFormer" and told.crop_pct is not None:
        size = int(_short_side(size) / told.crop_pct)
    if isinstance(size, int):
        if crop is None:
            raise ValueError("it fits the short side and cuts nothing off")
        return Transform(crop, "crop", shorter_side=size)
    if crop is None or crop == size:
        return Transform(size)
    if size[0] != size[1]:
        raise ValueError(f"it cuts {crop[0]} x {crop[1]} out of {size[0]} x {size[1]}")
    return Transform(crop, shorter_side=size[0])


def _convnext(told: ImageProcessor) -> Transform:
    """Below 384 pixels the centre of a larger picture; from there on the whole, squashed."""
    side = _short_side(_sides(told))
    crop = _pair(told.crop_size) if told.do_center_crop else (side, side)
    if crop != (side, side):
        raise ValueError(f"it cuts {crop[0]} x {crop[1]} out of {side} x {side}")
    if side >= 384:
        return Transform((side, side))
    share = told.crop_pct or 224 / 256
    return Transform((side, side), "crop", shorter_side=int(side / share))


def _sides(told: ImageProcessor) -> int | tuple[int, int]:
    """Return (height, width), or one number where it is the short side's."""
    size = told.size
    if isinstance(size, Mapping):
        if set(size) == {"shortest_edge"}:
            return int(size["shortest_edge"])
        if set(size) != {"height", "width"}:
            raise ValueError(f"it resizes to {dict(size)}")
    return size if isinstance(size, int) and not told.default_to_square else _pair(size)


def _short_side(size: int | tuple[int, int]) -> int:
    if isinstance(size, int):
        return size
    height, width = size
    if height != width:
        raise ValueError(f"it fits the short side to {height} x {width}")
    return height


def _pair(size: Any) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    height, width = (size["height"], size["width"]) if isinstance(size, Mapping) else size
    return int(height), int(width)


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
