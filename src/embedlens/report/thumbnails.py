"""Small copies of the study's pictures, for the page: where they still are as they were."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlens.arrays.threads import in_threads
from embedlens.images import ImageSet, Source
from embedlens.images.levels import Levels
from embedlens.results import Results
from embedlens.results.pictures import Pictures, pixels_of

Key = TypeVar("Key")

SIDE = 112
"""Pixels; shown a little smaller, so that they are sharp on fine screens."""

MAX_SHEET, MAX_ROWS = 400, 100
"""Pictures and rows on a page of predictions, so that it stays a few megabytes."""

_QUALITY = 70

Show = Callable[[Sequence[str]], dict[str, str]]
"""Takes paths; gives ``data:`` addresses of those that can be shown."""


class Thumbnails:
    """Makes thumbnails of a study's pictures.

    Parameters
    ----------
    results : Results
        Its pictures are looked for where the study found them.
    """

    def __init__(self, results: Results) -> None:
        self._pictures = Pictures.of_study(results)
        self.place = self._pictures.place
        kept = results.pictures["path"][results.pictures["kept"]]
        self._rows = {str(path): row for row, path in enumerate(kept)}

    def make(self, rows: Sequence[int]) -> dict[int, str]:
        """Return a ``data:`` address by row, a square cut from the middle of each picture.

        Rows whose file is gone, or holds other bytes than the study saw, are left out.
        """
        return _addresses(rows, lambda row: self._pictures.pixels(row, SIDE))

    def by_path(self, paths: Sequence[str]) -> dict[str, str]:
        """Return the same by path."""
        made = self.make([self._rows[path] for path in paths if path in self._rows])
        return {path: made[self._rows[path]] for path in paths if self._rows.get(path) in made}


def thumbnails(
    source: Source, ids: Mapping[str, str], levels: Mapping[str, Levels | None] | None = None
) -> dict[str, str]:
    """Return a ``data:`` address by path, a square cut from the middle of each picture.

    Parameters
    ----------
    source : Source
        Where the pictures are.
    ids : mapping of str to str
        The content id that is expected of each; files that are gone or others are left out.
    levels : mapping of str to (float, float), optional
        Black and white of those that do not say them.
    """
    shades = levels or {}
    return _addresses(
        ids, lambda path: pixels_of(source, path, ids[path], SIDE, "crop", shades.get(path))
    )


def shower(images: ImageSet) -> Show:
    """Return what makes thumbnails of an image set by path."""
    ids = dict(zip(images.paths.tolist(), images.ids.tolist(), strict=True))
    levels = {path: images.levels(row) for row, path in enumerate(images.paths.tolist())}

    def show(paths: Sequence[str]) -> dict[str, str]:
        known = [path for path in paths if path in ids]
        return thumbnails(images.source, {path: ids[path] for path in known}, levels)

    return show


def _addresses(
    keys: Collection[Key], pixels: Callable[[Key], NDArray[np.uint8] | None]
) -> dict[Key, str]:
    """Return the address of each picture that there is, by its key."""
    made = in_threads(lambda key: _address(pixels(key)), keys)
    return {key: address for key, address in zip(keys, made, strict=True) if address}


def _address(pixels: NDArray[np.uint8] | None) -> str:
    if pixels is None:
        return ""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def spread_rows(results: Results, per_class: int) -> dict[str, list[int]]:
    """Choose rows of each class, evenly spread over its pictures in the order of their paths."""
    kept = results.pictures[results.pictures["kept"]]
    chosen = {}
    for name, rows in sorted(kept.groupby("label").indices.items()):
        places = np.linspace(0, len(rows) - 1, min(per_class, len(rows)))
        chosen[str(name)] = [int(rows[round(place)]) for place in places]
    return chosen
