"""The transform that a ``preprocessor_config.json`` of Hugging Face's image processors states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedlens.backbones.transform import Interpolation, Resize, Transform, Triple
from embedlens.errors import BackboneError

# Pillow's numbers for its filters, which the file has.
_FILTERS: dict[int, Interpolation] = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}

# Below this side ConvNeXT's processor fits the short side and cuts the centre out.
_CONVNEXT_SQUASHES_FROM = 384

_HALF: Triple = (0.5, 0.5, 0.5)


def transform_of(stated: Mapping[str, Any], name: str) -> Transform:
    """Return what an image processor does to a picture, as a `Transform`.

    Parameters
    ----------
    stated : mapping
        The content of ``preprocessor_config.json``, or of ``image_processor`` in
        ``processor_config.json``.
    name : str
        Whose it is, for messages.

    Raises
    ------
    BackboneError
        If it does what a `Transform` cannot say; it names that.
    """
    stated = stated.get("image_processor", stated)
    kind = str(stated.get("image_processor_type") or stated.get("feature_extractor_type") or "")
    if not stated.get("do_resize", True):
        raise BackboneError(f"{name}: its image processor ({kind}) resizes no picture to one size.")
    if stated.get("do_pad") or stated.get("do_flip_channel_order"):
        raise BackboneError(f"{name}: its image processor ({kind}) pads or turns channels around.")
    size, resize, crop, shorter = _fitted(stated, kind, name)
    mean, deviation = _HALF, _HALF
    if stated.get("do_normalize", True):
        mean, deviation = (
            _triple(stated.get(key), name, key) for key in ("image_mean", "image_std")
        )
    else:
        mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    rescales = stated.get("do_rescale", True)
    return Transform(
        size, resize, crop, shorter, _FILTERS.get(int(stated.get("resample") or 2), "bilinear"),
        scale=1 / float(stated.get("rescale_factor", 1 / 255)) if rescales else 1.0,
        mean=mean, deviation=deviation, centre="before",
    )  # fmt: skip


def _fitted(
    stated: Mapping[str, Any], kind: str, name: str
) -> tuple[tuple[int, int], Resize, float, int | None]:
    size = stated.get("size")
    short = _short_side(size)
    if kind.startswith(("ConvNext", "ConvNeXT")) and short is not None:
        if short >= _CONVNEXT_SQUASHES_FROM:
            return (short, short), "squash", 1.0, None
        return (short, short), "crop", 1.0, int(short / stated.get("crop_pct", 224 / 256))
    cut = _sides(stated.get("crop_size")) if stated.get("do_center_crop") else None
    whole = _sides(size) if isinstance(size, Mapping) or short is None else None
    if whole is not None:
        if cut in (None, whole):
            return whole, "squash", 1.0, None
        if cut is not None and whole[0] == whole[1]:
            return cut, "squash", 1.0, whole[0]
    elif short is not None:
        if cut is not None:
            return cut, "crop", 1.0, short
        if not isinstance(size, Mapping):
            return (short, short), "squash", 1.0, None
    raise BackboneError(
        f"{name}: its image processor ({kind}) fits pictures to {size!r}, of which it keeps {cut}; "
        "that is no one size."
    )


def _short_side(size: Any) -> int | None:
    if isinstance(size, Mapping):
        side = size.get("shortest_edge")
        return int(side) if side and not size.get("longest_edge") else None
    return int(size) if isinstance(size, int) else None


def _sides(size: Any) -> tuple[int, int] | None:
    if isinstance(size, Mapping) and size.get("height") and size.get("width"):
        return int(size["height"]), int(size["width"])
    if isinstance(size, int):
        return size, size
    if isinstance(size, list | tuple) and len(size) == 2:
        return int(size[0]), int(size[1])
    return None


def _triple(values: Any, name: str, key: str) -> Triple:
    if isinstance(values, list | tuple) and len(values) == 3:
        return float(values[0]), float(values[1]), float(values[2])
    raise BackboneError(f"{name}: its image processor states no {key} of three channels.")
