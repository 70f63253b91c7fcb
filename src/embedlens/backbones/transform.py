"""What a network was fed in training, and so what pictures are made into for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from embedlens.backbones.keras_backend import import_keras
from embedlens.errors import BackboneError

Resize = Literal["squash", "crop", "pad"]
RESIZES: tuple[Resize, ...] = ("squash", "crop", "pad")
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Transform:
    """How a picture becomes what a network takes.

    Decoding follows the first seven; the network begins with the others, so that every engine gets
    pixels of 0 to 255.

    Attributes
    ----------
    size : (int, int) or None
        Height and width, in pixels; None where only loading the network tells.
    resize : {"squash", "crop", "pad"}, default "squash"
        Aspect not kept, short side fitted and centre cut out, or long side fitted and a border
        added around.
    crop : float, default 1.0
        Share of the fitted picture's sides that the centre keeps: sides are fitted to size / crop,
        rounded down, as timm and torchvision do.
    shorter_side : int or None, default None
        To how many pixels the short side is fitted ("squash": both), where no share says it
        exactly.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos"}, default "bilinear"
        Pillow's, with antialiasing.
    fill : (int, int, int), default neutral grey, 128
        Colour of the border that "pad" adds, RGB.
    centre : {"nearest", "before"}, default "nearest"
        Where the centre begins between two pixels: at the nearest, as torchvision and timm reckon
        it, or at the one before, as transformers does.
    scale : float, default 1.0
        What pixels of 0 to 255 are divided by first.
    mean, deviation : (float, float, float)
        What is then subtracted from each channel, and what that is divided by; by default neither
        changes anything. In the order of ``channels``.
    channels : {"RGB", "BGR"}, default "RGB"
        The order the network takes them in.

    Examples
    --------
    >>> Transform((224, 224), scale=127.5, mean=(1.0, 1.0, 1.0)).describe()
    'squashed to 224 x 224 pixels (bilinear), 0 to 255 scaled to -1 to 1'
    """

    size: tuple[int, int] | None = None
    resize: Resize = "squash"
    crop: float = 1.0
    shorter_side: int | None = None
    interpolation: Interpolation = "bilinear"
    fill: tuple[int, int, int] = (128, 128, 128)
    centre: Literal["nearest", "before"] = "nearest"
    scale: float = 1.0
    mean: Triple = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)
    channels: Literal["RGB", "BGR"] = "RGB"

    def of_size(self, size: int | tuple[int, int] | None) -> Transform:
        """Return it for pictures of another size; None keeps its own.

        What falls away around the centre keeps its share.
        """
        pair = (size, size) if isinstance(size, int) else size
        if pair is None:
            return self
        shorter = self.shorter_side
        if shorter is not None and self.size is not None and self.size != tuple(pair):
            shorter = round(shorter * min(pair) / min(self.size))
        return replace(self, size=(pair[0], pair[1]), shorter_side=shorter)

    def resized_by(self, resize: Resize | None) -> Transform:
        """Return it with another way to fit pictures; None keeps its own.

        A way that is asked for is the same for all networks: "squash" and "pad" lose nothing of a
        picture, "crop" takes the largest centre there is.

        Raises
        ------
        BackboneError
            If there is no such way.
        """
        if resize is None:
            return self
        if resize not in RESIZES:
            raise BackboneError(f"resize {resize!r} is unknown; use one of {', '.join(RESIZES)}.")
        return replace(self, resize=resize, crop=1.0, shorter_side=None)

    def scaled_by(self, preprocessing: str | None) -> Transform:
        """Return it with one of `PREPROCESSINGS`; None keeps its own.

        Raises
        ------
        BackboneError
            If there is no such preprocessing.
        """
        if preprocessing is None:
            return self
        if preprocessing not in PREPROCESSINGS:
            raise BackboneError(
                f"There is no preprocessing {preprocessing!r}; choose from "
                f"{', '.join(PREPROCESSINGS)}."
            )
        return replace(self, **PREPROCESSINGS[preprocessing])

    def apply(self, pixels: Any) -> Any:
        """Bring pixels of 0 to 255, RGB, to the scale the network was trained on.

        Parameters
        ----------
        pixels : ndarray or tensor of Keras, of shape (..., 3)
            Floating point.
        """
        if self.channels == "BGR":
            numpy = isinstance(pixels, np.ndarray)
            stack = np.stack if numpy else import_keras().ops.stack
            pixels = stack([pixels[..., i] for i in (2, 1, 0)], axis=-1)
        # What changes nothing is left out: it would cost a pass over every picture.
        if self.scale != 1.0:
            pixels = pixels / self.scale
        if any(self.mean):
            pixels = pixels - _channels(self.mean)
        if set(self.deviation) != {1.0}:
            pixels = pixels / _channels(self.deviation)
        return pixels

    def describe(self) -> str:
        """Say it in words, for reports."""
        order = "" if self.channels == "RGB" else f", {self.channels}"
        return f"{self._fitting()} ({self.interpolation}), {self._scaling()}{order}"

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON, for keys and records."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def _fitting(self) -> str:
        size = "the network's own size" if self.size is None else _text(self.size) + " pixels"
        if self.resize == "pad":
            return f"fitted into {size} with a border of the colour {_numbers(self.fill)}"
        cut = f"of which the centre of {size} is kept"
        if self.shorter_side is not None:
            side = f"{self.shorter_side} pixels"
        elif self.size is None:
            side = f"1/{self.crop:.3g} of the network's own size"
        else:
            side = f"{math.floor(min(self.size) / self.crop)} pixels"
        if self.resize == "crop":
            return f"short side resized to {side}, {cut}"
        whole = self.crop == 1 and self.shorter_side is None
        return f"squashed to {size}" if whole else f"squashed, sides resized to {side}, {cut}"

    def _scaling(self) -> str:
        low = [(0.0 - m) / d for m, d in zip(self.mean, self.deviation, strict=True)]
        high = [(255 / self.scale - m) / d for m, d in zip(self.mean, self.deviation, strict=True)]
        if (set(low), set(high)) == ({0.0}, {255.0}):
            return "0 to 255 as they are"
        if len(set(low)) == len(set(high)) == 1:
            return f"0 to 255 scaled to {low[0]:.3g} to {high[0]:.3g}"
        parts = [
            f"divided by {self.scale:g}" if self.scale != 1 else "",
            f"less {_numbers(self.mean)}" if any(self.mean) else "",
            f"divided by {_numbers(self.deviation)}" if set(self.deviation) != {1.0} else "",
        ]
        return "0 to 255 " + ", ".join(filter(None, parts))


IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Triple = (0.229, 0.224, 0.225)

# The scalings of ``keras.applications.imagenet_utils.preprocess_input``, by its names for them.
PREPROCESSINGS: dict[str, dict[str, Any]] = {
    name: {"scale": scale, "mean": mean, "deviation": deviation, "channels": channels}
    for name, scale, mean, deviation, channels in [
        ("none", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "RGB"),
        ("tf", 127.5, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), "RGB"),
        ("torch", 255.0, IMAGENET_MEAN, IMAGENET_DEVIATION, "RGB"),
        ("caffe", 1.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "BGR"),
    ]
}


def _channels(values: Triple) -> Any:
    return values[0] if len(set(values)) == 1 else np.array(values, np.float32)


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in dict.fromkeys(values))
