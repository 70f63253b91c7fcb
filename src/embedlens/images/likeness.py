"""Comparing pictures directly, by small versions of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from embedlens.arrays.threads import in_threads
from embedlens.images.decode import ImageError

SIDE = 32

# Measured on 150 photographs: copies in half or twice the size, in grey, as PNG, as JPEG of quality
# 20 or of less contrast correlate to .997 or more, those made lighter by a fifth (which clips) to
# .99 in 95 of 100; they differ nowhere by more than half a standard deviation. Of 8 million pairs
# of different photographs, 7 million of clothes laid on the same floor, none does both.
MOST = 0.015**0.5  # of sqrt(1 - correlation)
_NOWHERE = 0.5  # of a standard deviation, over 3 x 3 pixels
# Mean difference of colour, in levels: things of one shape in two colours are no copies.
_COLOUR = 12.0
_GREY = 2.0  # mean strength of colour below which a picture is a grey one
_FLAT = 2.0  # standard deviation in levels: below it there is nothing to compare
_BLOCK = 512  # pairs at once
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Floats = npt.NDArray[np.float64]
Small = npt.NDArray[np.uint8]
Way = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
Look = Callable[[Sequence[int]], Small]
"""Gives small versions of some pictures, by row: (rows, 32, 32, 3), uint8."""


def _turned(turns: int, mirrored: bool, pictures: npt.NDArray[Any]) -> npt.NDArray[Any]:
    turned = np.rot90(pictures, turns, axes=(1, 2))
    return turned[:, :, ::-1] if mirrored else turned


_WAYS: list[Way] = [
    partial(_turned, turns, mirrored) for turns in range(4) for mirrored in (False, True)
]


def looker(pixels: Callable[[int, int], Small]) -> Look:
    """Return what gives small versions of pictures; broken ones are black.

    Parameters
    ----------
    pixels : callable
        Decodes a picture, by row, to a square of a side: ``ImageSet.pixels``.
    """

    def one(row: int) -> Small:
        try:
            return pixels(row, SIDE)
        except ImageError:
            return np.zeros((SIDE, SIDE, 3), np.uint8)

    def look(rows: Sequence[int]) -> Small:
        return np.array(list(in_threads(one, rows)), np.uint8).reshape(-1, SIDE, SIDE, 3)

    return look


def copy_distances(look: Look, pairs: npt.NDArray[np.int64], *, turned: bool = False) -> Floats:
    """Return how unlike the pictures of each pair are: infinite for those that are no copies.

    Two pictures are compared in grey, each minus its mean and divided by its standard deviation, so
    that lighter and darker copies are copies. What is of one shade has no likeness to anything.

    Parameters
    ----------
    look : callable
        Gives small versions of pictures by row.
    pairs : ndarray of shape (m, 2), int64
        Rows.
    turned : bool, default False
        Take the least distance over the eight ways to turn and mirror a picture.

    Returns
    -------
    ndarray of shape (m,), float64
        ``sqrt(1 - r)``, r the correlation; infinite above `MOST`, where the pictures differ by
        more than half a standard deviation anywhere, and where they differ in colour.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), np.uint8).repeat(3, 3)
    >>> noise[1] = noise[0] // 2
    >>> copy_distances(lambda rows: noise[list(rows)], np.array([[0, 1]])).round(2)
    array([0.])
    """
    rows, at = np.unique(pairs, return_inverse=True)
    small, at = look(rows.tolist()), at.reshape(pairs.shape)
    found = np.full(len(pairs), np.inf)
    for start in range(0, len(pairs), _BLOCK):
        some = slice(start, start + _BLOCK)
        found[some] = _compare(
            small[at[some, 0]], small[at[some, 1]], _WAYS if turned else _WAYS[:1]
        )
    return found


def usual_distance(look: Look, rows: Sequence[int]) -> float:
    """Return how unlike pictures of a set are that are near each other by chance.

    Parameters
    ----------
    look : callable
        Gives small versions of pictures by row.
    rows : sequence of int
        Some pictures, drawn at random.

    Returns
    -------
    float
        The median over the pictures of ``sqrt(1 - r)`` to the one that a tenth of the others are
        nearer than (but at least to the second); infinite for less than three pictures.
    """
    if len(rows) < 3:
        return float("inf")
    values = _standardised(look(rows)).reshape(len(rows), -1)
    correlation = values @ values.T / values.shape[1]
    distances = np.sort(np.sqrt(np.maximum(0, 1 - correlation)), axis=1)
    return float(np.median(distances[:, max(2, len(rows) // 10)]))


def _compare(one: Small, other: Small, ways: Sequence[Way]) -> Floats:
    """Return the least distance over the ways to turn the other."""
    a, b = _standardised(one), _standardised(other)
    known = a.any(axis=(1, 2)) & b.any(axis=(1, 2))
    found = np.full(len(one), np.inf)
    for way in ways:
        correlation = np.einsum("nij,nij->n", a, way(b)) / SIDE**2
        distance = np.sqrt(np.maximum(0, 1 - correlation.astype(np.float64)))
        # Few are so near: what costs more is asked of these alone.
        near = np.flatnonzero(known & (distance <= MOST))
        apart = np.abs(_smoothed(a[near] - way(b[near]))).max(axis=(1, 2), initial=0)
        same = near[(apart <= _NOWHERE) & _of_one_colour(one[near], way(other[near]))]
        found[same] = np.minimum(found[same], distance[same])
    return found


def _of_one_colour(one: Small, other: Small) -> npt.NDArray[np.bool_]:
    """Return whether pictures do not differ in colour; a grey one differs from none."""
    tints = _tint(one), _tint(other)
    strength = np.stack([np.abs(tint).mean(axis=(1, 2, 3)) for tint in tints])
    differ = np.abs(tints[0] - tints[1]).mean(axis=(1, 2, 3)) > _COLOUR
    alike: npt.NDArray[np.bool_] = ~(differ & (strength.min(axis=0) > _GREY))
    return alike


def _standardised(small: Small) -> npt.NDArray[np.float32]:
    """Grey, with mean 0 and standard deviation 1; all 0 where there is nothing but one shade."""
    grey = small @ _LUMA
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    spread = grey.std(axis=(1, 2), keepdims=True)
    standardised: npt.NDArray[np.float32] = np.zeros_like(grey)
    np.divide(grey, spread, out=standardised, where=spread >= _FLAT)
    return standardised


def _tint(small: Small) -> npt.NDArray[np.float32]:
    tint: npt.NDArray[np.float32] = small[..., [0, 2]] - (small @ _LUMA)[..., None]
    return tint


def _smoothed(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means over 3 x 3 pixels."""
    rows = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    smoothed: npt.NDArray[np.float32] = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9
    return smoothed
