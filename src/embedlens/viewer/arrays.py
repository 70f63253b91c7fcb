"""Anybody's coordinates as a scene."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from embedlens.errors import EmbedlensError
from embedlens.images import ImageError, decode
from embedlens.study.neighbors import find_neighbors
from embedlens.viewer.neighbors import METRIC
from embedlens.viewer.scene import UNKNOWN, Scene
from embedlens.viewer.sprites import Sheets

# Neighbours of all pictures take the square of their number: beyond this, minutes.
_NEIGHBORS_LIMIT = 20_000


def arrays_scene(
    coordinates: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike | None = None,
    images: Sequence[Any] | None = None,
    *,
    features: NDArray[np.floating] | None = None,
    paths: Sequence[str] | None = None,
    columns: Mapping[str, ArrayLike] | None = None,
    title: str = "map",
) -> Scene:
    """Return coordinates, and what else is known of the points, as a scene.

    Parameters
    ----------
    coordinates : array-like of shape (n, 2) or (n, 3), or mapping of str to array-like
        A map, or several by name.
    labels : array-like of shape (n,), optional
        Classes. Without them all points are of one.
    images : sequence, optional
        A picture a point: a path, a PIL image, or an array of shape (h, w, 3) or (h, w), uint8.
    features : ndarray of shape (n, d), optional
        The full features: the 12 nearest pictures of each are found in them, Euclidean, where there
        are no more than 20,000.
    paths : sequence of str, optional
        What each point is called. By default the paths among ``images``.
    columns : mapping of str to array-like of shape (n,), optional
        What else points can be coloured and filtered by: numbers, or anything else as categories.
    title : str, default "map"
        Of the whole.

    Returns
    -------
    Scene

    Raises
    ------
    EmbedlensError
        If shapes do not fit each other, or coordinates are not finite.

    Examples
    --------
    >>> scene = arrays_scene([[0.0, 0], [1, 1]], ["cat", "dog"], columns={"age": [3, 5]})
    >>> scene.classes, [column.id for column in scene.columns]
    (('cat', 'dog'), ['class', 'age'])
    """
    maps = _maps(coordinates)
    count = len(next(iter(maps.values())))
    given = {
        "labels": labels, "images": images, "features": features, "paths": paths,
        **{f"columns[{name!r}]": values for name, values in (columns or {}).items()},
    }  # fmt: skip
    _expect_one_a_point(count, given)
    classes, codes = _categories(
        "labels", np.asarray(["all"] * count if labels is None else labels)
    )
    scene = Scene(title, count, classes)
    scene.add_category("class", "class", codes, classes)
    for name, values in (columns or {}).items():
        _add_column(scene, name, np.asarray(values))
    for name, points in maps.items():
        scene.add_map(points, id=name, backbone="", method=name, name=name)
    if paths is None and images is not None and all(isinstance(i, str | Path) for i in images):
        paths = [str(image) for image in images]
    if paths is not None:
        scene.add_paths([str(path) for path in paths])
    if images is not None:
        sheets = Sheets(count)
        scene.add_thumbnails(sheets, partial(sheets.draw, partial(_pixels, images)))
    if features is not None and 2 <= count <= _NEIGHBORS_LIMIT:
        distances, indices = find_neighbors(features)
        scene.add_neighbours("", indices, distances, METRIC)
    return scene


def _expect_one_a_point(count: int, given: Mapping[str, Any]) -> None:
    for what, values in given.items():
        if values is not None and len(values) != count:
            raise EmbedlensError(
                f"{what} has {len(values)} entries for {count} points; there must be one a point."
            )


def _maps(coordinates: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, NDArray[np.floating]]:
    given = coordinates if isinstance(coordinates, Mapping) else {"map": coordinates}
    if not given:
        raise EmbedlensError("There are no coordinates; give an array, or a map by its name.")
    maps = {str(name): np.asarray(points) for name, points in given.items()}
    counts = {len(points) for points in maps.values()}
    for name, points in maps.items():
        if points.ndim != 2 or points.shape[1] not in (2, 3) or not len(points):
            raise EmbedlensError(
                f"coordinates of {name!r} have the shape {points.shape}; a map needs (n, 2) or "
                "(n, 3). `embedlens.reduce.PCA(3).fit_transform(features)` makes one."
            )
        if points.dtype.kind not in "fiu" or not np.isfinite(points).all():
            raise EmbedlensError(f"coordinates of {name!r} are not all finite numbers.")
    if len(counts) > 1:
        raise EmbedlensError(
            f"The maps have {sorted(counts)} points; give maps of the same points."
        )
    return maps


def _categories(what: str, values: NDArray[Any]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the distinct values as text, sorted, and the place of each among them."""
    codes, found = pd.factorize(pd.Series(values.ravel()).astype(str), sort=True)
    if len(found) >= UNKNOWN:
        raise EmbedlensError(
            f"{what} has {len(found):,} different values; the viewer tells up to {UNKNOWN:,} apart."
        )
    return tuple(found), np.asarray(codes, np.int64)


def _add_column(scene: Scene, name: str, values: NDArray[Any]) -> None:
    if values.dtype.kind in "fiu":
        scene.add_number(name, name, values)
    else:
        categories, codes = _categories(f"columns[{name!r}]", values)
        scene.add_category(name, name, codes, categories)


def _pixels(images: Sequence[Any], row: int, side: int) -> NDArray[np.uint8] | None:
    """Return a square cut from the middle of a picture, or None where it cannot be read."""
    image = images[row]
    if isinstance(image, str | os.PathLike):
        try:
            return decode(Path(image).read_bytes(), side, "crop")
        except (OSError, ImageError):
            return None
    if not isinstance(image, Image.Image):
        image = Image.fromarray(np.asarray(image, np.uint8))
    image = image.convert("RGB")
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    square = image.crop((left, top, left + short, top + short))
    return np.asarray(square.resize((side, side), Image.Resampling.BILINEAR))
