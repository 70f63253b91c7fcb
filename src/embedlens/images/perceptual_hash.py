"""A 64-bit hash of what a picture looks like: alike for copies in another size or format."""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedlens.images.blank import blankness

NO_HASH = 0
"""Stands for pictures of which a hash would say nothing: tiny ones, and blank ones."""

_SIDE = 32
_BITS = 8


def perceptual_hash(picture: Image.Image, smallest: int) -> int:
    """Return the DCT hash of a picture.

    The picture is brought to 32 x 32 grey pixels; the hash has a bit for each of the 64 lowest
    frequencies of its cosine transform but those that are constant along a side: 1 where the
    coefficient is above their median (C. Zauner, "Implementation and benchmarking of perceptual
    image hash functions", 2010, section 3.2). Copies that were resized, recompressed or made
    lighter differ in a few bits, unrelated pictures in 32 on average. Mirrored, turned or cropped
    copies are unrelated to it.

    Parameters
    ----------
    picture : PIL.Image.Image
        Grey or RGB, possibly already reduced.
    smallest : int
        The short side of the file's picture, in pixels. Below 32 pixels there is no more in a
        picture than in its hash, and different ones would be taken for copies.

    Returns
    -------
    int
        64 bits, or `NO_HASH`.

    Examples
    --------
    >>> ramp = Image.linear_gradient("L")
    >>> perceptual_hash(ramp, 256) == perceptual_hash(ramp.resize((64, 64)), 64)
    True
    >>> perceptual_hash(Image.new("L", (64, 64)), 64) == NO_HASH
    True
    """
    if smallest < _SIDE:
        return NO_HASH
    small = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR).convert("L")
    pixels = np.asarray(small, dtype=np.float64)
    if blankness(pixels):  # bits would come from compression noise
        return NO_HASH
    waves = _cosines()
    coefficients = (waves @ pixels @ waves.T).ravel()
    bits = np.packbits(coefficients > np.median(coefficients))
    return int.from_bytes(bits.tobytes())


@functools.cache
def _cosines() -> npt.NDArray[np.float64]:
    """Rows 1 to 8 of the cosine transform (DCT-II) of 32 values."""
    places = (np.arange(_SIDE) + 0.5) * math.pi / _SIDE
    waves: npt.NDArray[np.float64] = np.cos(np.outer(np.arange(1, _BITS + 1), places))
    return waves
