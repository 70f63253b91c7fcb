"""Where a picture and its centre lie once it is fitted to a size, as the libraries reckon it.

Numbers are those of torchvision 0.29 (``Resize`` and ``CenterCrop``) for squares, and of timm 1.0
(``ResizeKeepRatio`` and ``CenterCropOrPad``) for other sizes and for borders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from embedlens.errors import ImageSetError

RESIZES = ("squash", "crop", "pad")

Size = tuple[int, int]
"""Width and height, in pixels."""


@dataclass(frozen=True)
class Fitting:
    """How a picture is fitted to a size.

    Attributes
    ----------
    target : (int, int)
        Width and height that it gets.
    resize : {"squash", "crop", "pad"}
        Whether its aspect is given up, its short side fitted, or its long side.
    crop : float
        Share of the fitted side that the target is; what is beyond falls away.
    shorter_side : int or None
        What the short side, of "squash" both, is fitted to; None: what ``crop`` says.
    centre : {"nearest", "before"}
        Where the centre begins between two pixels: at the nearest, ties to even, as torchvision
        and timm; or at the one before, as transformers.
    """

    target: Size
    resize: str = "squash"
    crop: float = 1.0
    shorter_side: int | None = None
    centre: str = "nearest"

    def __post_init__(self) -> None:
        if self.resize not in RESIZES:
            raise ImageSetError(
                f"resize {self.resize!r} is unknown; use one of {', '.join(RESIZES)}"
            )
        if not 0 < self.crop <= 1:
            raise ImageSetError(f"crop is {self.crop}; give a share above 0, at most 1")
        if self.shorter_side is not None and self.shorter_side < 1:
            raise ImageSetError(f"shorter_side is {self.shorter_side}; give 1 pixel or more")

    def scaled(self, size: tuple[float, float]) -> Size:
        """Return the size of a whole picture once it is resized."""
        width, height = (
            (self.shorter_side,) * 2
            if self.shorter_side
            else (math.floor(each / self.crop) for each in self.target)
        )
        if self.resize == "squash":
            return width, height
        if self.resize == "crop" and width == height:
            short, long = sorted(size)
            fitted = max(width, int(width * long / short))
            return (width, fitted) if size[0] <= size[1] else (fitted, width)
        ratios = size[0] / width, size[1] / height
        ratio = min(ratios) if self.resize == "crop" else max(ratios)
        return max(1, round(size[0] / ratio)), max(1, round(size[1] / ratio))

    def corner(self, scaled: Size) -> Size:
        """Return left and top of the target in the resized picture; negative where it is beyond."""
        return self._start(scaled[0], self.target[0]), self._start(scaled[1], self.target[1])

    def _start(self, side: int, wanted: int) -> int:
        """Return where the middle of a side begins, or minus what is added before it."""
        if side < wanted:
            return -((wanted - side) // 2)
        return (side - wanted) // 2 if self.centre == "before" else round((side - wanted) / 2)
