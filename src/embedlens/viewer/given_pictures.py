"""Pictures as people have them: paths, PIL images, arrays; as thumbnails show them, or a no."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from embedlens.errors import EmbedlensError
from embedlens.given_path import given_path
from embedlens.images import ImageError, decode

_BITS = (8, 10, 12, 14, 16)
_ROUNDING = 1e-3  # what resizing may add beyond white, as a share of it


@dataclass(frozen=True)
class GivenPictures:
    """Pictures by row, with one white for all arrays of a kind.

    Attributes
    ----------
    pictures : tuple
        A path, an array of shape (h, w) or (h, w, channels), an image, or None, a row.
    whites : dict of str to float
        The value that is white, by the type of the numbers.
    """

    pictures: tuple[Any, ...]
    whites: dict[str, float]

    @property
    def paths(self) -> list[str] | None:
        """What the pictures are called, where all are paths."""
        told = all(isinstance(each, Path) for each in self.pictures)
        return [str(each) for each in self.pictures] if told else None

    def square(self, row: int, side: int) -> NDArray[np.uint8] | None:
        """Return a square cut from the middle of a picture, or None where it cannot be read."""
        picture = self.pictures[row]
        if picture is None:
            return None
        if isinstance(picture, Path):
            try:
                return decode(picture.read_bytes(), side, "crop", reduced=True)
            except (OSError, ImageError):
                return None
        if isinstance(picture, np.ndarray):
            picture = _image(picture, self.whites[_kind(picture)])
        image = _over_white(picture)
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        square = image.crop((left, top, left + short, top + short))
        return np.asarray(square.resize((side, side), Image.Resampling.BILINEAR))


def given_pictures(images: Any) -> GivenPictures:
    """Look pictures over, and find what is white in them.

    Parameters
    ----------
    images : sequence
        A picture a row, as for `arrays_scene`.

    Raises
    ------
    EmbedlensError
        If a picture is none, or its numbers have no white that can be told.
    """
    if isinstance(images, str | bytes | dict | set | frozenset) or not hasattr(images, "__len__"):
        raise EmbedlensError(
            f"images is a {type(images).__name__}; give a list or an array with a picture a point."
        )
    pictures = tuple(_picture(row, each) for row, each in enumerate(_rows(images)))
    files = [each for each in pictures if isinstance(each, Path)]
    if files and not any(map(Path.is_file, files)):
        raise EmbedlensError(
            f"None of the {len(files)} pictures is there; the first is {files[0]}. Give paths from "
            f"the current folder, {Path.cwd()}, or in full."
        )
    kinds: dict[str, list[NDArray[Any]]] = {}
    for each in pictures:
        if isinstance(each, np.ndarray):
            kinds.setdefault(_kind(each), []).append(each)
    return GivenPictures(pictures, {kind: _white(kind, of) for kind, of in kinds.items()})


def _rows(images: Any) -> Sequence[Any]:
    shape = getattr(images, "shape", None)
    if shape is None or not hasattr(images, "__array__"):
        return list(images)
    array = np.asarray(images)
    if array.dtype == object or array.dtype.kind == "U":
        return list(array.ravel()) if array.ndim == 1 or array.shape[1:] == (1,) else list(array)
    if array.ndim not in (3, 4) or (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
        one = " This seems to be one picture." if array.ndim == 3 else ""
        raise EmbedlensError(
            f"images has the shape {array.shape}; give (n, h, w) for grey pictures, or "
            f"(n, h, w, channels).{one}"
        )
    return list(array)


def _picture(row: int, given: Any) -> Any:
    if given is None or given is pd.NA or (isinstance(given, float) and given != given):
        return None
    if isinstance(given, str | os.PathLike):
        return given_path(given)
    if isinstance(given, Image.Image):
        return _loaded(row, given)
    array = np.asarray(given)
    if array.dtype.kind not in "buif":
        raise EmbedlensError(
            f"images[{row}] is a {type(given).__name__} of {array.dtype}; give a path, a PIL image "
            "or an array of numbers."
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    good = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not good or not array.size:
        first = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        hint = " The channels come last: transpose(1, 2, 0)." if first else ""
        raise EmbedlensError(
            f"images[{row}] has the shape {array.shape}; give (h, w), (h, w, 3) or (h, w, 4).{hint}"
        )
    return array


def _loaded(row: int, image: Image.Image) -> Image.Image | NDArray[Any]:
    """Return an image as it is, or as an array where Pillow would cut wide numbers off."""
    try:
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise EmbedlensError(f"images[{row}] cannot be read: {error}.") from error
    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    array = np.asarray(image)
    # Pillow widens 16-bit grey of some formats to 32 bits.
    fits = image.mode == "I" and array.min() >= 0 and array.max() < 2**16
    return array.astype(np.uint16) if fits else array


def _kind(array: NDArray[Any]) -> str:
    return "float" if array.dtype.kind == "f" else array.dtype.name


def _white(kind: str, arrays: Sequence[NDArray[Any]]) -> float:
    """Return what is white: one for all pictures of a kind, or a dark one would be as bright."""
    if kind in ("bool", "uint8"):
        return 1.0 if kind == "bool" else 255.0
    if kind == "float" and not all(np.isfinite(a).all() for a in arrays):
        raise EmbedlensError("images hold NaN or infinity; give a number for every pixel.")
    low, high = float(min(a.min() for a in arrays)), float(max(a.max() for a in arrays))
    whites: Sequence[float] = (255.0,)
    if kind == "float":
        whites = (1.0, 255.0)
    elif kind == "uint16":
        whites = tuple(2.0**bits - 1 for bits in _BITS)
    for white in whites:
        slack = _ROUNDING * white if kind == "float" else 0.0
        if -slack <= low and high <= white + slack:
            return white
    needed = "0 to 1 or 0 to 255" if kind == "float" else "0 to 255"
    raise EmbedlensError(
        f"images hold {kind} numbers from {low:g} to {high:g}, of which none is known to be white; "
        f"bring them to {needed}."
    )


def _image(array: NDArray[Any], white: float) -> Image.Image:
    if array.dtype == np.uint8:
        return Image.fromarray(np.ascontiguousarray(array))
    scaled = np.asarray(array, np.float64) * (255.0 / white)
    return Image.fromarray(np.rint(np.clip(scaled, 0, 255)).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    """Lay a picture over white where it has alpha, as pictures from files are."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return image.convert("RGB")
