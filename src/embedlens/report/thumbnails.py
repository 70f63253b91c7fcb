"""Small copies of the study's pictures, for the page: where they still are as they were."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from embedlens.study import Results
from embedlens.study.pictures import Pictures

SIDE = 112
"""Pixels; shown a little smaller, so that they are sharp on fine screens."""

_QUALITY = 70


class Thumbnails:
    """Makes thumbnails of a study's pictures.

    Parameters
    ----------
    results : Results
        Its pictures are looked for where the study found them.
    """

    def __init__(self, results: Results) -> None:
        self._pictures = Pictures(results)
        self.place = self._pictures.place

    def make(self, rows: Sequence[int]) -> dict[int, str]:
        """Return a ``data:`` address by row, a square cut from the middle of each picture.

        Rows whose file is gone, or holds other bytes than the study saw, are left out.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = zip(rows, pool.map(self._one, rows), strict=True)
            return {row: address for row, address in made if address}

    def _one(self, row: int) -> str:
        pixels = self._pictures.pixels(row, SIDE)
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
