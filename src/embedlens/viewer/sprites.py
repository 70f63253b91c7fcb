"""Sheets of thumbnails: many small pictures in one, which a graphics card takes at once."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlens.arrays.threads import in_threads

Pixels = Callable[[int, int], NDArray[np.uint8] | None]
"""Takes a row and a side; returns that picture as a square, or None where there is none."""

_BLANK = 200  # grey, of pictures that are gone

# Of JPEG. At as many bytes, WebP of 75 shows a photograph a little better in the middle of a cell,
# but smooths across its edges: a dark picture has a bright rim where its neighbour is bright.
_QUALITY = 70


@dataclass(frozen=True)
class Sheets:
    """A layout of ``count`` thumbnails on sheets.

    Attributes
    ----------
    count : int
        Thumbnails.
    side : int
        Pixels of a cell's side; a multiple of 16, JPEG's block of colour, keeps a cell's colours
        from running into the next.
    across : int
        Cells in a row, and rows of a full sheet. 16 x 16 pictures are read in a second or two.
    """

    count: int
    side: int = 64
    across: int = 16

    @property
    def number(self) -> int:
        """How many sheets there are."""
        return -(-self.count // self.across**2)

    def draw(self, pixels: Pixels, sheet: int) -> bytes:
        """Return one sheet as JPEG; cells without a picture are grey."""
        first = sheet * self.across**2
        rows = range(first, min(first + self.across**2, self.count))
        return encode(mosaic(pixels, rows, self.side, (self.across, self.across)))


def mosaic(
    pixels: Pixels, rows: Sequence[int], side: int, shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Put some pictures side by side.

    Parameters
    ----------
    pixels : callable
        Gives a picture.
    rows : sequence of int
        Which.
    side : int
        Of a cell.
    shape : (int, int)
        Rows and columns of cells.

    Returns
    -------
    ndarray of shape (rows * side, columns * side, 3), uint8
    """
    down, across = shape
    canvas = np.full((down * side, across * side, 3), _BLANK, np.uint8)

    def place(cell: int) -> None:
        picture = pixels(rows[cell], side)
        if picture is not None:
            y, x = (side * part for part in divmod(cell, across))
            canvas[y : y + side, x : x + side] = picture

    for _ in in_threads(place, range(len(rows))):
        pass
    return canvas


def encode(canvas: NDArray[np.uint8]) -> bytes:
    """Return a sheet as JPEG."""
    file = io.BytesIO()
    Image.fromarray(canvas).save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()


def bytes_a_picture(pixels: Pixels, count: int, side: int, sample: int = 64) -> float:
    """Estimate the bytes that a thumbnail takes, from some that are spread over all."""
    rows = np.unique(np.linspace(0, count - 1, min(sample, count)).astype(int)).tolist()
    return len(encode(mosaic(pixels, rows, side, (1, len(rows))))) / len(rows)
