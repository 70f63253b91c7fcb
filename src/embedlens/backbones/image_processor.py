"""Image processors of transformers: what each does with a picture where a file does not say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from embedlens.backbones.transform import IMAGENET_DEVIATION, IMAGENET_MEAN, Triple

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_BILINEAR, _BICUBIC = 2, 3  # Pillow's numbers


@dataclass(frozen=True)
class ImageProcessor:
    """Settings of an image processor, by the names of ``preprocessor_config.json``.

    Attributes
    ----------
    size : int, (int, int) or dict
        To what pictures are resized: height and width, or the side that ``default_to_square`` says.
    default_to_square : bool
        Whether a size that is one number is both sides'; else it is the short side's.
    resample : int
        Pillow's number of an interpolation.
    do_center_crop, crop_size
        Whether the centre is cut out, and its size.
    crop_pct : float or None
        Share of the resized side that is kept, of "ConvNext" and "PoolFormer" alone.
    do_rescale, rescale_factor
        Whether pixels are multiplied, and by what.
    do_normalize, image_mean, image_std
        Whether a mean is then subtracted and the rest divided.
    do_flip_channel_order : bool
        Whether channels are fed as BGR.
    do_resize, do_pad : bool
        Whether pictures are resized, and whether a border is added last.
    """

    size: Any = (224, 224)
    default_to_square: bool = True
    resample: Any = _BICUBIC
    do_center_crop: bool = False
    crop_size: Any = None
    crop_pct: float | None = None
    do_rescale: bool = True
    rescale_factor: float = 1 / 255
    do_normalize: bool = True
    image_mean: Triple = (0.5, 0.5, 0.5)
    image_std: Triple = (0.5, 0.5, 0.5)
    do_flip_channel_order: bool = False
    do_resize: bool = True
    do_pad: bool = False


_CUTS: dict[str, Any] = {"default_to_square": False, "do_center_crop": True}
_CLIP = ImageProcessor(
    224, crop_size=224, image_mean=_CLIP_MEAN, image_std=_CLIP_DEVIATION, **_CUTS
)
_MOBILE_NET = ImageProcessor(256, resample=_BILINEAR, crop_size=224, **_CUTS)
_IMAGENET: dict[str, Any] = {"image_mean": IMAGENET_MEAN, "image_std": IMAGENET_DEVIATION}

IMAGE_PROCESSORS = {
    "Beit": ImageProcessor(crop_size=224),
    "Bit": _CLIP,
    "ChineseCLIP": _CLIP,
    "CLIP": _CLIP,
    "ConvNext": ImageProcessor(384, default_to_square=False, crop_pct=224 / 256),
    "DeiT": ImageProcessor((256, 256), do_center_crop=True, crop_size=224),
    "DINOv3ViT": ImageProcessor(resample=_BILINEAR, **_IMAGENET),
    "MobileNetV1": _MOBILE_NET,
    "MobileNetV2": _MOBILE_NET,
    "MobileViT": ImageProcessor(
        224, crop_size=256, do_normalize=False, do_flip_channel_order=True, **_CUTS
    ),
    "Perceiver": ImageProcessor(do_center_crop=True, crop_size=256, **_IMAGENET),
    "PoolFormer": ImageProcessor(224, crop_size=224, crop_pct=0.9, **_CUTS, **_IMAGENET),
    "Pvt": ImageProcessor(**_IMAGENET),
    "Siglip": ImageProcessor(default_to_square=False),
    "ViT": ImageProcessor(resample=_BILINEAR),
}
"""By kind, the settings of classes of transformers 5 whose pictures are resized and cropped by them
alone. Others do more: tiles, a second normalisation, sizes that follow the picture."""


def kind_of(config: Mapping[str, Any]) -> str:
    """Return the kind of image processor that a ``preprocessor_config.json`` is of.

    Raises
    ------
    ValueError
        If it is none of `IMAGE_PROCESSORS`.
    """
    named = config.get("image_processor_type") or config.get("feature_extractor_type") or ""
    kind = str(named)
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        kind = kind.removesuffix(ending)
    if kind not in IMAGE_PROCESSORS:
        raise ValueError(f"the image processor {named or 'without a name'} is not known here")
    return kind


def settings(kind: str, config: Mapping[str, Any]) -> ImageProcessor:
    """Return a file's settings; its class's where it is silent."""
    own = IMAGE_PROCESSORS[kind]
    names = [each.name for each in fields(own) if each.name in config]
    # Null is no where there is a choice; of a size or a number it says nothing.
    chosen = [each for each in names if each.startswith("do_") or each == "crop_pct"]
    told = {each: config[each] for each in names if config[each] is not None or each in chosen}
    if kind == "MobileViT":  # It never normalises, whatever the file says;
        told.pop("do_normalize", None)
    else:  # and no other flips channels.
        told.pop("do_flip_channel_order", None)
    return replace(own, **told)
