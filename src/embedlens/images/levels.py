"""Black and white of deep pixels: numbers of more than eight bits, whose range nobody states."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedlens.images.problem import Problem

# Cameras and microscopes write 10, 12 or 14 bits into numbers of 16 or 32, and do not say so.
_WHITE = tuple(2.0**bits - 1 for bits in (8, 10, 12, 14, 16))
_WHITE_OF_FLOATS = (1.0, 255.0, 4095.0, 65535.0)
_SIGNS = {"u": "", "i": "signed ", "f": "float "}

Levels = tuple[float, float]
"""What becomes 0 and what becomes 255."""


@dataclass(frozen=True)
class DeepRange:
    """The range of a picture's numbers, where its file does not say what black and white are.

    Attributes
    ----------
    kind : str
        Number type and format, as "16-bit TIFF": pictures of one kind share their levels.
    low, high : float
        The least and the largest finite number, or a wider range that the file's tags name.
    """

    kind: str
    low: float
    high: float

    @property
    def levels(self) -> Levels:
        """Black and white: zero and the least usual white that holds all numbers, else the range.

        A usual white is 2^8 - 1, 2^10 - 1, 2^12 - 1, 2^14 - 1 or 2^16 - 1; of floats 1, 255, 4,095
        or 65,535.
        """
        for white in _WHITE_OF_FLOATS if "float" in self.kind else _WHITE:
            if self.low >= 0 and self.high <= white:
                return 0.0, white
        return self.low, self.high

    @property
    def plain(self) -> bool:
        """Whether the levels are those of the number type itself."""
        return self.kind.startswith("16-bit") and self.levels == (0.0, 65535.0)


def kind_name(numbers: np.dtype[Any], format: str) -> str:
    """Return the kind of deep pixels of a number type in a format."""
    return f"{_SIGNS[numbers.kind]}{numbers.itemsize * 8}-bit {format}"


def kinds_of_format(format: str) -> list[str]:
    """Return all kinds that deep pixels of a format can be of."""
    return [f"{sign}{bits}-bit {format}" for sign in _SIGNS.values() for bits in (8, 16, 32, 64)]


def levels_by_kind(
    kinds: Iterable[str], blacks: Iterable[float], whites: Iterable[float]
) -> dict[str, Levels]:
    """Return the levels that the pictures of a set share, by kind.

    Parameters
    ----------
    kinds, blacks, whites : iterable
        Of each picture; the kind of one that is not deep, or states its levels, is "".
    """
    rows = zip(kinds, blacks, whites, strict=True)
    return {str(kind): (float(black), float(white)) for kind, black, white in rows if kind}


def shared_ranges(ranges: Iterable[DeepRange]) -> dict[str, DeepRange]:
    """Return the range of all pictures of a kind together, by the kind.

    Brightness can be compared within a set only where all its pictures have one black and white.
    """
    shared: dict[str, DeepRange] = {}
    for each in ranges:
        known = shared.get(each.kind, each)
        low, high = min(known.low, each.low), max(known.high, each.high)
        shared[each.kind] = DeepRange(each.kind, low, high)
    return shared


def describe_levels(ranges: Sequence[DeepRange]) -> list[Problem]:
    """Tell which black and white were taken, once for each kind of pictures in the set."""
    problems = []
    for kind, shared in shared_ranges(ranges).items():
        if shared.plain:
            continue
        count = sum(each.kind == kind for each in ranges)
        black, white = shared.levels
        reason = (
            f"{count} picture{'s do' if count > 1 else ' does'} not say which numbers are black "
            f"and white; they run from {shared.low:,.6g} to {shared.high:,.6g}, and {black:,.6g} "
            f"is taken as black, {white:,.6g} as white, in all of them"
        )
        problems.append(Problem(kind, "levels", reason, kept=True))
    return problems


def range_of(values: npt.NDArray[Any]) -> Levels:
    """Return the least and the largest finite number; (inf, -inf) where none is finite."""
    if values.dtype.kind in "iu":
        return (float(values.min()), float(values.max())) if values.size else (math.inf, -math.inf)
    finite = np.isfinite(values)
    low = np.min(values, where=finite, initial=math.inf)
    return float(low), float(np.max(values, where=finite, initial=-math.inf))


def eight_bits(values: npt.NDArray[Any], levels: Levels) -> npt.NDArray[np.uint8]:
    """Scale numbers to 0 to 255 and round; NaN is black, what lies outside is clipped.

    Parameters
    ----------
    values : ndarray
        Any real numbers.
    levels : (float, float)
        What becomes 0 and 255; where they are the same, all is black.

    Examples
    --------
    >>> eight_bits(np.array([0, 2048, 4095], np.uint16), (0, 4095)).tolist()
    [0, 128, 255]
    """
    black, white = levels
    # float32 holds every 16-bit number; larger integers may lie close together and far from 0.
    wide = (values.dtype.kind in "iu" and values.dtype.itemsize > 2) or values.dtype.itemsize > 4
    scaled: npt.NDArray[np.floating] = values.astype(np.float64 if wide else np.float32)
    with np.errstate(all="ignore"):
        np.subtract(scaled, black, out=scaled)
        np.multiply(scaled, 255 / (white - black) if white > black else 0, out=scaled)
        np.nan_to_num(scaled, copy=False, nan=0, posinf=255, neginf=0)
    shades: npt.NDArray[np.uint8] = np.rint(scaled).clip(0, 255).astype(np.uint8)
    return shades
