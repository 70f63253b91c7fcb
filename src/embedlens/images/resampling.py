"""Pillow's resize, bit for bit, by vector instructions: most of what it takes to read a photograph.

A picture is resized along one axis and then the other, each result a byte: a sum of bytes times
weights of 22 bits, rounded. That is kept here, and done for many sums side by side. Which axis
comes first depends on Pillow's version and on the shape: it is learnt from Pillow's own answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Size = tuple[int, int]
Box = tuple[int, int, int, int]
Pixels = NDArray[np.uint8]

_STRIP = 2**16  # pixels, a quarter of a megabyte
_TALL = 100  # times as high as wide: of such, Pillow has its own order

# Input shape, output shape: whether the vertical axis comes first. Of Pillow 13, and of those
# before it.
_ORDERS: tuple[Callable[[Size, Size], bool], ...] = (
    lambda old, new: 0 < old[1] - new[1] > 2 * (old[0] - new[0]),
    lambda old, new: False,
)
# Shapes, in and out, that tell the orders apart.
_PROBES: tuple[tuple[Size, Size], ...] = (
    ((24, 18), (11, 13)), ((18, 24), (13, 9)), ((20, 20), (12, 11)), ((20, 20), (16, 11)),
    ((15, 22), (19, 13)), ((13, 12), (17, 19)), ((21, 9), (15, 13)), ((8, 21), (8, 10)),
)  # fmt: skip


def prepare() -> None:
    """Compile what resizes, or load it: seconds once, then a fraction of one in each process."""
    _order()


def can_resize(image: Image.Image, size: Size, interpolation: Image.Resampling) -> bool:
    """Whether `resized` does what Pillow does, to this picture."""
    return (
        image.mode == "RGB"
        and interpolation in _FILTERS
        and image.height <= _TALL * image.width
        and image.size != size
        and _order() is not None
    )


def resized(image: Image.Image, size: Size, box: Box, interpolation: Image.Resampling) -> Pixels:
    """Return a part of a resized picture.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB; see `can_resize`.
    size : (int, int)
        Width and height of the whole of it, resized.
    box : (int, int, int, int)
        Left, top, right and bottom of the part.
    interpolation : PIL.Image.Resampling
        Bilinear or bicubic.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        What ``image.resize(size, interpolation).crop(box)`` holds.

    Examples
    --------
    >>> picture = Image.linear_gradient("L").convert("RGB")
    >>> resized(picture, (3, 3), (1, 0, 3, 3), Image.Resampling.BILINEAR)[:, 0, 0]
    array([ 50, 127, 205], dtype=uint8)
    """
    order = _order()
    assert order is not None, "ask can_resize before"
    return _resized(image, size, box, interpolation, order(image.size, size))


def _resized(
    image: Image.Image, size: Size, box: Box, interpolation: Image.Resampling, vertical_first: bool
) -> Pixels:
    from embedlens.images.resampling_kernels import across, down, three_of_four

    left, top, right, bottom = box
    columns, across_these = weights(image.width, size[0], interpolation).of(left, right)
    rows, down_these = weights(image.height, size[1], interpolation).of(top, bottom)
    x, y = range(columns.start, columns.stop), range(rows.start, rows.stop)
    if vertical_first:
        strips = [down(_read(image, part, y), down_these) for part in _strips(x, len(y))]
        pixels = across(np.concatenate(strips, axis=1), across_these)
    else:
        strips = [across(_read(image, x, part), across_these) for part in _strips(y, len(x))]
        pixels = down(np.concatenate(strips), down_these)
    return three_of_four(pixels)


def _strips(pixels: range, across: int) -> list[range]:
    """Cut one axis of a picture where a strip across it fits into a processor's cache."""
    count = max(16, _STRIP // across)
    return [pixels[first : first + count] for first in range(0, len(pixels), count)]


def _read(image: Image.Image, x: range, y: range) -> Pixels:
    """Return a part of a picture in four bytes a pixel, as Pillow holds them."""
    part = image.crop((x.start, y.start, x.stop, y.stop))
    pixels = np.frombuffer(part.tobytes("raw", "RGBX"), np.uint8)
    return pixels.reshape(len(y), len(x), 4)


@dataclass(frozen=True)
class Weights:
    """What pixels of an axis are made of.

    Attributes
    ----------
    starts, counts : ndarray of shape (n,), int32
        The first old pixel of each new one, and how many.
    factors : ndarray of shape (n, most), int32
        Their weights, in units of 2 ** -22.
    resizes : bool
        Whether the axis changes at all.
    """

    starts: NDArray[np.int32]
    counts: NDArray[np.int32]
    factors: NDArray[np.int32]
    resizes: bool

    def of(self, first: int, last: int) -> tuple[slice, Weights]:
        """Return the old pixels that count for some new ones, and the weights of these."""
        if not self.resizes:
            return slice(first, last), self
        starts, counts = self.starts[first:last], self.counts[first:last]
        span = slice(int(starts[0]), int(starts[-1] + counts[-1]))
        return span, Weights(starts - starts[0], counts, self.factors[first:last], self.resizes)


@lru_cache(256)
def weights(old: int, new: int, interpolation: Image.Resampling) -> Weights:
    """Return what Pillow makes an axis of ``new`` pixels of, from one of ``old``.

    The numbers are those of its ``precompute_coeffs`` and ``normalize_coeffs_8bpc``, in the same
    order of operations.
    """
    from embedlens.images.resampling_kernels import BITS

    function, support = _FILTERS[interpolation]
    scale = old / new
    stretch = max(scale, 1.0)
    reach = support * stretch
    centres = (np.arange(new) + 0.5) * scale
    starts = np.maximum(0, np.trunc(centres - reach + 0.5)).astype(np.int64)
    counts = np.minimum(old, np.trunc(centres + reach + 0.5)).astype(np.int64) - starts
    place = np.arange(int(counts.max()))
    shares = function((place + starts[:, None] - centres[:, None] + 0.5) * (1.0 / stretch))
    shares[place >= counts[:, None]] = 0.0
    total = np.zeros(new)
    for each in shares.T:  # one after the other: the last bit depends on it
        total += each
    shares = np.divide(shares, total[:, None], out=shares, where=total[:, None] != 0.0)
    whole = np.trunc(shares * 2.0**BITS + np.copysign(0.5, shares)).astype(np.int32)
    return Weights(starts.astype(np.int32), counts.astype(np.int32), whole, old != new)


@cache
def _order() -> Callable[[Size, Size], bool] | None:
    """Return the order of the axes that the installed Pillow takes; None if it is unknown."""
    rng = np.random.default_rng(0)
    orders = list(_ORDERS)
    for old, new in _PROBES:
        image = Image.fromarray(rng.integers(0, 256, (old[1], old[0], 3), np.uint8))
        for filter_ in _FILTERS:
            wanted = np.asarray(image.resize(new, filter_))
            orders = [
                each
                for each in orders
                if np.array_equal(
                    _resized(image, new, (0, 0, *new), filter_, each(old, new)), wanted
                )
            ]
    return next(iter(orders), None)


def _bilinear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _bicubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x, a = np.abs(x), -0.5
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


_Filter = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_FILTERS: dict[Image.Resampling, tuple[_Filter, float]] = {
    Image.Resampling.BILINEAR: (_bilinear, 1.0),
    Image.Resampling.BICUBIC: (_bicubic, 2.0),
}
