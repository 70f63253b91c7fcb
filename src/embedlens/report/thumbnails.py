"""Small copies of the study's pictures, for the page: where they still are as they were."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from PIL import Image

from embedlens.errors import ImageSetError
from embedlens.images import Source, decode, open_source
from embedlens.study import Results

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
        self.place = results.settings.pictures
        self._paths = results.pictures["path"].to_list()
        self._ids = results.pictures["id"].to_list()
        self._source = _open(self.place)

    def make(self, rows: Sequence[int]) -> dict[int, str]:
        """Return a ``data:`` address by row, a square cut from the middle of each picture.

        Rows whose file is gone, or holds other bytes than the study saw, are left out.
        """
        made = self.by_path([self._paths[row] for row in rows])
        return {row: made[self._paths[row]] for row in rows if self._paths[row] in made}

    def by_path(self, paths: Sequence[str]) -> dict[str, str]:
        """Return the same by path."""
        if self._source is None:
            return {}
        ids = dict(zip(self._paths, self._ids, strict=True))
        return thumbnails(self._source, {path: ids[path] for path in paths if path in ids})


def thumbnails(source: Source, ids: Mapping[str, str]) -> dict[str, str]:
    """Return a ``data:`` address by path, a square cut from the middle of each picture.

    Parameters
    ----------
    source : Source
        Where the pictures are.
    ids : mapping of str to str
        The content id that is expected of each; files that are gone or others are left out.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = zip(ids, pool.map(partial(_one, source), ids, ids.values()), strict=True)
        return {path: address for path, address in made if address}


def _one(source: Source, path: str, content: str) -> str:
    try:
        data = source.read(path)
        if hashlib.blake2b(data, digest_size=16).hexdigest() != content:
            return ""
        pixels = decode(data, SIDE, "crop")
    except (ImageSetError, KeyError):
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


def _open(place: str) -> Source | None:
    try:
        return open_source(place)
    except ImageSetError:
        return None
