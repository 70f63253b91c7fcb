"""Deep TIFFs: what Pillow does not open, or narrows to eight bits without a word."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedlens.images.levels import DeepRange, Levels, eight_bits, kind_name, range_of

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Tags by their number, as in TIFF 6.0 and DNG.
_KIND, _BITS, _PHOTOMETRIC, _SUB, _DNG = 254, 258, 262, 330, 50706
_LARGEST = {"integer": 281, "any": 341}
_LEAST_OF_ANY = 340
_WHITE_IS_ZERO, _SEPARATED = 0, 5
_READ = (0, 1, 2, 5)  # photometric: grey, grey, RGB, CMYK
_OF_SENSORS = (32803, 34892)

# Deflate packs zeros a thousand times; more than that is no file but a bomb.
_MOST_GROWTH = 1100

logging.getLogger("tifffile").addHandler(logging.NullHandler())


class UnreadableTiff(Exception):
    """A TIFF that cannot be read; the message is a short reason."""


@dataclass(frozen=True)
class DeepTiff:
    """The first page of a TIFF, as its numbers.

    Attributes
    ----------
    values : ndarray of shape (height, width) or (height, width, channels)
        Grey, RGB or CMYK.
    alpha : ndarray of shape (height, width), optional
        Opacity, in the same numbers.
    inverted : bool
        Whether zero is white.
    orientation : int
        Of EXIF, not yet applied.
    frames : int
        Pages.
    stated : (float, float) or None
        Black and white by the file's own word.
    range : DeepRange
        Otherwise.
    """

    values: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None
    inverted: bool
    orientation: int
    frames: int
    stated: Levels | None
    range: DeepRange

    def image(self, levels: Levels | None) -> Image.Image:
        """Return it in eight bits, grey or RGB, over white."""
        levels = self.stated or levels or self.range.levels
        shades = eight_bits(self.values, levels)
        if self.inverted:
            shades = 255 - shades
        image = Image.fromarray(shades, "CMYK" if shades.shape[2:] == (4,) else None)
        image = image.convert("RGB") if image.mode == "CMYK" else image
        if self.alpha is not None:
            white = Image.new(image.mode, image.size, "white")
            white.paste(image, mask=Image.fromarray(eight_bits(self.alpha, levels)))
            return white
        return image


def is_raw(tags: Any) -> bool:
    """Whether the tags of a TIFF's first page, by number, are those of a camera's raw file.

    Their first page is a small preview, which must not be taken for the picture.
    """
    preview = tags.get(_KIND, 0) == 1 and _SUB in tags
    return _DNG in tags or preview or tags.get(_PHOTOMETRIC) in _OF_SENSORS


def is_narrowed(tags: Any, mode: str) -> bool:
    """Whether Pillow opens a TIFF with these tags in fewer bits than it has, or wrongly.

    It reads grey of 16 and 32 bits as it is, and takes the high bytes of deeper colours; signed
    bytes it reads as unsigned ones.
    """
    bits, sample = (np.ravel(tags.get(tag, default)) for tag, default in ((_BITS, 1), (339, 1)))
    deep = bool((bits > 8).any()) and not (mode == "F" or mode.startswith("I"))
    return deep or bool((sample == 2).any() and (bits == 8).all())


def stated_levels(tags: Any) -> Levels | None:
    """Return black and white of pixels of 9 to 15 packed bits, which state them; else None."""
    bits = tags.get(_BITS, 8)
    bits = bits[0] if isinstance(bits, tuple) else bits
    return (0.0, 2.0**bits - 1) if 8 < bits < 16 else None


def deep_range(values: npt.NDArray[Any], tags: Any) -> DeepRange:
    """Return the range of a TIFF's numbers: the data's, widened by tags that name a wider one.

    A tag that names the largest number of the type says nothing: it is the default.
    """
    low, high = range_of(values)
    floating = values.dtype.kind == "f"
    largest = _number(tags.get(_LARGEST["any"]))
    if largest is None and not floating:
        largest = _number(tags.get(_LARGEST["integer"]))
    limit = np.finfo(values.dtype).max if floating else np.iinfo(values.dtype).max
    if largest is not None and high <= largest < limit:
        high = largest
    least = _number(tags.get(_LEAST_OF_ANY))
    if floating and least is not None and -limit < least <= low:
        low = least
    return DeepRange(kind_name(values.dtype, "TIFF"), low, high)


def is_inverted(tags: Any) -> bool:
    """Whether zero is white."""
    return bool(tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def read_tiff(data: bytes, max_pixels: int) -> DeepTiff:
    """Read the first page of a TIFF of any depth.

    Raises
    ------
    UnreadableTiff
        It is too large, compressed in a way that is not known, or of channels that are no picture.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        tags = _tags(page)
        _check(page, data, max_pixels)
        try:
            values = np.asarray(page.asarray(maxworkers=1))
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            kind = f"{page.dtype} pixels compressed by {getattr(page.compression, 'name', '?')}"
            raise UnreadableTiff(f"{kind} are not supported; save it uncompressed") from error
        axes, photometric = page.axes, int(page.photometric)
        extra = tuple(map(int, page.extrasamples or ()))
        frames = len(file.pages)
    if axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    elif axes not in ("YX", "YXS"):
        raise UnreadableTiff(f"it has the dimensions {axes}; save its first slice as a picture")
    values = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("="), copy=False)
    colours, alpha = _channels(values, photometric, extra)
    orientation = _number(tags.get(274))
    return DeepTiff(
        colours,
        alpha,
        photometric == _WHITE_IS_ZERO,
        int(orientation or 1),
        frames,
        stated_levels(tags),
        deep_range(colours, tags),
    )


def deep_kind(data: bytes, max_pixels: int) -> str | None:
    """Return the kind of a TIFF's numbers by its header; None where it states black and white.

    Raises
    ------
    UnreadableTiff
        As `read_tiff`, where the header tells.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        _check(page, data, max_pixels)
        return None if stated_levels(_tags(page)) else kind_name(page.dtype, "TIFF")


def _tags(page: Any) -> dict[int, Any]:
    return {tag.code: tag.value for tag in page.tags}


def _check(page: Any, data: bytes, max_pixels: int) -> None:
    if page.imagewidth * page.imagelength * max(page.imagedepth, 1) > max_pixels:
        raise UnreadableTiff(f"too large: more than {max_pixels:,} pixels")
    if page.dtype is None or page.dtype.kind not in "iuf":
        raise UnreadableTiff(f"its pixels ({page.dtype or 'of no type'}) are not supported")
    if page.nbytes > _MOST_GROWTH * len(data):
        raise UnreadableTiff("truncated: the file ends before the picture does")
    if int(page.photometric) not in _READ:
        name = getattr(page.photometric, "name", page.photometric)
        raise UnreadableTiff(f"its colour mode {name} is not supported; save it as RGB")


def _channels(
    values: npt.NDArray[Any], photometric: int, extra: tuple[int, ...]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Part colours and alpha; other channels beside them are left out."""
    count = 1 if values.ndim == 2 else values.shape[2]
    if values.ndim == 2:
        return values, None
    colours = {_SEPARATED: 4, 2: 3}.get(photometric, 1 if count < 3 else 3)
    if count < colours or count > colours + max(len(extra), 1):
        raise UnreadableTiff(f"it has {count} channels; save those that matter as grey or RGB")
    if colours == 3 and photometric != 2 and count > 3:
        raise UnreadableTiff(f"it has {count} channels; save those that matter as grey or RGB")
    alpha = values[..., colours] if count > colours and extra[:1] in ((1,), (2,)) else None
    return (values[..., 0] if colours == 1 else values[..., :colours]), alpha


def _number(value: Any) -> float | None:
    if isinstance(value, (tuple, list, np.ndarray)):
        value = max(value, default=None)
    try:
        return float(value) if value is not None else None
    except (TypeError, ValueError):
        return None
