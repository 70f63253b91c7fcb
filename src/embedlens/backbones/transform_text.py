"""A transform as a user says it: a few words, or a file."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedlens.backbones.transform import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    PREPROCESSINGS,
    RESIZES,
    Transform,
)
from embedlens.backbones.transform_file import read_transform
from embedlens.errors import BackboneError
from embedlens.given_path import given_path

_HALF: dict[str, Any] = {"scale": 255.0, "mean": (0.5,) * 3, "deviation": (0.5,) * 3}
_CLIP: dict[str, Any] = {
    "scale": 255.0,
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "deviation": (0.26862954, 0.26130258, 0.27577711),
}
_IMAGENET: dict[str, Any] = {"scale": 255.0, "mean": IMAGENET_MEAN, "deviation": IMAGENET_DEVIATION}

# What each word says. Of the first three the way to fit pictures goes with the scaling; a word
# after them changes it.
_WHOLE: dict[str, dict[str, Any]] = {
    "imagenet": {**_IMAGENET, "resize": "crop", "crop": 0.875, "interpolation": "bicubic"},
    "clip": {**_CLIP, "resize": "crop", "crop": 1.0, "interpolation": "bicubic"},
    "siglip": {**_HALF, "resize": "squash", "crop": 1.0, "interpolation": "bicubic"},
}
_SCALINGS: dict[str, dict[str, Any]] = {
    "half": _HALF,
    "unit": {"scale": 255.0},
    "none": {"scale": 1.0},
    "caffe": PREPROCESSINGS["caffe"],
}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")
_SIZE = re.compile(r"(\d+)(?:x(\d+))?")
_SHARE = re.compile(r"(0?\.\d+|1\.0*)|(\d+(?:\.\d+)?)%")

USUAL = (
    "'224 imagenet' (most networks trained on ImageNet; in full '224 crop .875 bicubic imagenet'), "
    "'224 clip' (crop 1.0 bicubic), '224 siglip' (squash bicubic half), '224 squash none' (pixels "
    "of 0 to 255, scaled by the model itself)"
)
"""The usual transforms, for messages."""


def parse_transform(given: str | os.PathLike[str] | Transform) -> Transform:
    """Return the transform that a user says.

    Parameters
    ----------
    given : str, path or Transform
        A JSON file (see `read_transform`), or words in any order: the size, ``224`` or ``224x160``
        (height x width); ``squash``, ``crop`` or ``pad``; after it the share that a crop keeps,
        ``.875`` or ``87.5%``, or how many pixels the short side gets, ``256``; ``nearest``,
        ``bilinear``, ``bicubic`` or ``lanczos``; and the scaling of pixels: ``imagenet``,
        ``clip``, ``siglip``, ``half`` (-1 to 1), ``unit`` (0 to 1), ``none`` (0 to 255 as they
        are), ``caffe`` (BGR, less ImageNet's mean). ``imagenet``, ``clip`` and ``siglip`` stand
        for the usual way to fit pictures as well. Without a size it is the model's own.

    Raises
    ------
    BackboneError
        If a word means nothing here, or it does not say how pictures are fitted and scaled.

    Examples
    --------
    >>> parse_transform("224 crop .875 bicubic imagenet") == parse_transform("imagenet 224")
    True
    >>> parse_transform("224 crop 232 half").describe()  # doctest: +ELLIPSIS
    'short side resized to 232 pixels, of which the centre of 224 x 224 pixels is kept (bilinear)...
    """
    if isinstance(given, Transform):
        return given
    text = os.fspath(given)
    if text.strip().lower().endswith(".json"):
        file = given_path(text)
        if not Path(file).is_file():
            raise BackboneError(f"The transform's file {file} does not exist.")
        return read_transform(Path(file))
    words = text.lower().replace(",", " ").split()
    said: dict[str, Any] = {}
    for scaling in (word for word in words if word in (*_WHOLE, *_SCALINGS)):
        if "scaling" in said:
            raise BackboneError(f"The transform {text!r} says two scalings; say one.")
        said = {"scaling": scaling, **(_WHOLE.get(scaling) or _SCALINGS[scaling])}
    for word in words:
        said |= _word(word, said, text)
    said.pop("told", None)
    if said.pop("scaling", None) is None:
        raise BackboneError(_lacks(text, "how pixels are scaled"))
    if "resize" not in said:
        raise BackboneError(_lacks(text, "how pictures are fitted to size"))
    made = replace(Transform(), **said)
    if made.shorter_side is not None and made.size and made.shorter_side < min(made.size):
        raise BackboneError(
            f"The transform {text!r} fits the short side to {made.shorter_side} pixels, which is "
            f"less than the {min(made.size)} that are kept of it."
        )
    return made


def _word(word: str, said: dict[str, Any], text: str) -> dict[str, Any]:
    """Return what a word adds to what was said before it."""
    if word in _WHOLE or word in _SCALINGS:
        return {}
    if word in RESIZES:
        same = said.get("resize") == word
        return {"resize": word, "told": True, **({} if same else {"crop": 1.0})}
    if word in _INTERPOLATIONS:
        return {"interpolation": word}
    if share := _SHARE.fullmatch(word):
        crop = float(share[1]) if share[1] else float(share[2]) / 100
        if 0 < crop <= 1:
            return {"crop": crop}
    if size := _SIZE.fullmatch(word):
        height, width = int(size[1]), int(size[2] or size[1])
        if min(height, width) > 0 and "size" not in said:
            return {"size": (height, width)}
        if min(height, width) > 0 and said.get("told") and not size[2]:
            return {"shorter_side": height, "crop": 1.0}
    raise BackboneError(
        f"The transform {text!r} holds {word!r}, which means nothing here. Say, for example, "
        f"{USUAL}; or give a JSON file."
    )


def _lacks(text: str, what: str) -> str:
    return (
        f"The transform {text!r} does not say {what}. The usual ones are {USUAL}; or give a JSON "
        "file."
    )
