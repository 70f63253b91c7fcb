"""The sums of `resampling`: bytes times weights, for many pixels side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel

if TYPE_CHECKING:
    from embedlens.images.resampling import Weights

BITS = 22
"""Of a weight, behind the point."""

_HALF = 1 << (BITS - 1)
_ROWS = 32  # that one pass across a picture takes along: 128 sums side by side

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.int32]


def across(pixels: Pixels, weights: Weights) -> Pixels:
    """Resize rows (h, w, 4) to the pixels that weights are given for."""
    if not weights.resizes:
        return pixels
    starts, counts, factors = weights.starts, weights.counts, weights.factors
    height, width = pixels.shape[:2]
    turned = np.empty((width, _ROWS, 4), np.uint8)
    out = np.empty((height, len(starts), 4), np.uint8)
    words = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
    _across(
        words, turned.reshape(width, 4 * _ROWS), turned.view(np.uint32)[..., 0], starts, counts,
        factors, out.view(np.uint32)[..., 0],
    )  # fmt: skip
    return out


def down(pixels: Pixels, weights: Weights) -> Pixels:
    """Resize columns (h, w, 4) to the pixels that weights are given for."""
    if not weights.resizes:
        return pixels
    starts, counts, factors = weights.starts, weights.counts, weights.factors
    height, width = pixels.shape[:2]
    lines = np.ascontiguousarray(pixels).reshape(height, 4 * width)
    out = np.empty((len(starts), width, 4), np.uint8)
    _down(lines, starts, counts, factors, out.reshape(len(starts), 4 * width))
    return out


def three_of_four(pixels: Pixels) -> Pixels:
    """Return pixels (h, w, 4) without their fourth byte."""
    out = np.empty((*pixels.shape[:2], 3), np.uint8)
    _three_of_four(pixels.reshape(-1, 4), out.reshape(-1, 3))
    return out


@inlined()
def _byte(total: int) -> int:
    return min(255, max(0, total >> BITS))


@kernel()
def _down(lines: Pixels, starts: Numbers, counts: Numbers, factors: Numbers, out: Pixels) -> None:
    width = lines.shape[1]
    sums = np.empty(width, np.int32)
    for y in range(len(starts)):
        for x in range(width):
            sums[x] = _HALF
        for k in range(counts[y]):
            factor = factors[y, k]
            line = lines[starts[y] + k]
            for x in range(width):
                sums[x] += np.int32(line[x]) * factor
        for x in range(width):
            out[y, x] = _byte(sums[x])


@kernel()
def _across(
    words: NDArray[np.uint32],
    turned: Pixels,
    turned_words: NDArray[np.uint32],
    starts: Numbers,
    counts: Numbers,
    factors: Numbers,
    out: NDArray[np.uint32],
) -> None:
    height, width = words.shape
    sums = np.empty(4 * _ROWS, np.int32)
    line = np.empty(4 * _ROWS, np.uint8)
    line_words = line.view(np.uint32)
    for first in range(0, height, _ROWS):
        rows = min(_ROWS, height - first)
        for x in range(width):
            for r in range(rows):
                turned_words[x, r] = words[first + r, x]
        for x in range(len(starts)):
            for i in range(4 * _ROWS):
                sums[i] = _HALF
            for k in range(counts[x]):
                factor = factors[x, k]
                column = turned[starts[x] + k]
                for i in range(4 * _ROWS):
                    sums[i] += np.int32(column[i]) * factor
            for i in range(4 * _ROWS):
                line[i] = _byte(sums[i])
            for r in range(rows):
                out[first + r, x] = line_words[r]


@kernel()
def _three_of_four(pixels: Pixels, out: Pixels) -> None:
    for i in range(len(out)):
        out[i, 0] = pixels[i, 0]
        out[i, 1] = pixels[i, 1]
        out[i, 2] = pixels[i, 2]
