"""Anybody's coordinates as a scene."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlens.errors import EmbedlensError
from embedlens.results.nearest import find_neighbors
from embedlens.viewer.given_pictures import GivenPictures, given_pictures
from embedlens.viewer.given_values import categories, is_number, numbers, one_a_point
from embedlens.viewer.neighbors import METRIC
from embedlens.viewer.scene import Scene
from embedlens.viewer.sprites import Sheets

# Neighbours of all pictures take the square of their number: beyond this, minutes.
_NEIGHBORS_LIMIT = 20_000


def arrays_scene(
    coordinates: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike | None = None,
    images: Sequence[Any] | None = None,
    *,
    features: ArrayLike | None = None,
    paths: Sequence[str] | None = None,
    columns: Mapping[str, ArrayLike] | pd.DataFrame | None = None,
    title: str = "map",
    learned: Collection[str] = (),
) -> Scene:
    """Return coordinates, and what else is known of the points, as a scene.

    Parameters
    ----------
    coordinates : array-like of shape (n, 2) or (n, 3), or mapping of str to array-like
        A map, or several by name.
    labels : array-like of shape (n,), optional
        Classes: text, numbers, categories of pandas. Numbers and categories are in their own order,
        all else by its text. None, NaN and "" are no class. Without labels all points are of one.
    images : sequence or array of shape (n, h, w) or (n, h, w, channels), optional
        A picture a point: a path, a PIL image, an array of shape (h, w), (h, w, 3) or (h, w, 4), or
        None. Numbers are uint8 or from 0 to 255, floats of 0 to 1, bool, or uint16 of 10, 12, 14 or
        16 bits, whichever holds the largest of all pictures.
    features : array-like of shape (n, d), optional
        The full features: the 12 nearest pictures of each are found in them, Euclidean, where there
        are no more than 20,000.
    paths : sequence of str, optional
        What each point is called. By default the paths among ``images``.
    columns : mapping of str to array-like of shape (n,), or DataFrame, optional
        What else points can be coloured and filtered by: numbers, or anything else as categories.
    title : str, default "map"
        Of the whole.
    learned : collection of str, optional
        Names of the maps that were made with the labels, which is told of them.

    Returns
    -------
    Scene

    Raises
    ------
    EmbedlensError
        If shapes do not fit each other, coordinates are not finite, or anything is something that
        cannot be drawn as what it is.

    Examples
    --------
    >>> scene = arrays_scene([[0.0, 0], [1, 1]], ["cat", "dog"], columns={"age": [3, 5]})
    >>> scene.classes, [column.id for column in scene.columns]
    (('cat', 'dog'), ['class', 'age'])
    """
    maps = _maps(coordinates)
    count = len(next(iter(maps.values())))
    known = ["all"] * count if labels is None else labels
    classes, codes = categories("labels", one_a_point("labels", known, count))
    scene = Scene(str(title), count, classes)
    scene.add_category("class", "class", codes, classes, role="class", unknown="no label")
    for name, values in _named_columns(columns):
        add_column(scene, name, one_a_point(f"columns[{name!r}]", values, count))
    for name, points in maps.items():
        scene.add_map(points, id=name, backbone="", method=name, name=name, learned=name in learned)
    pictures = None if images is None else given_pictures(images)
    if pictures is not None:
        _expect_count("images", len(pictures.pictures), count)
        _add_pictures(scene, pictures)
    if paths is not None:
        named = one_a_point("paths", paths, count)
        scene.add_paths(named.astype(object).where(named.notna(), "").map(str).to_list())
    elif pictures is not None and pictures.paths is not None:
        scene.add_paths(pictures.paths)
    if features is not None:
        values = _features(features, count)
        if 2 <= count <= _NEIGHBORS_LIMIT:
            distances, indices = find_neighbors(values)
            scene.add_neighbours("", indices, distances, METRIC)
    return scene


def _maps(coordinates: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    given = coordinates if isinstance(coordinates, Mapping) else {"map": coordinates}
    if not given:
        raise EmbedlensError("There are no coordinates; give an array, or a map by its name.")
    maps = {
        str(name): _numbers(f"coordinates of {str(name)!r}", points)
        for name, points in given.items()
    }
    if len(maps) < len(given):
        raise EmbedlensError(f"Two maps have one name: {', '.join(map(repr, given))}.")
    for name, points in maps.items():
        if points.ndim != 2 or points.shape[1] not in (2, 3) or not len(points):
            raise EmbedlensError(
                f"coordinates of {name!r} have the shape {points.shape}; a map needs (n, 2) or "
                "(n, 3). `embedlens.reduce.PCA(3).fit_transform(features)` makes one."
            )
        _expect_finite(f"coordinates of {name!r}", points)
    counts = sorted({len(points) for points in maps.values()})
    if len(counts) > 1:
        raise EmbedlensError(f"The maps have {counts} points; give maps of the same points.")
    return maps


def _features(given: ArrayLike, count: int) -> NDArray[np.floating]:
    values = _numbers("features", given)
    if values.ndim != 2 or not values.shape[-1]:
        raise EmbedlensError(f"features have the shape {values.shape}; give (n, d).")
    _expect_count("features", len(values), count)
    _expect_finite("features", values)
    return values


def _numbers(what: str, given: Any) -> NDArray[np.float64]:
    """Return numbers as float64; what is no number is refused, not read as one."""
    try:
        array = np.ma.filled(given.astype(np.float64), np.nan) if np.ma.isMA(given) else given
        array = np.asarray(array)
        if array.dtype == object and array.ndim:
            array = _unboxed(array)
    except (TypeError, ValueError, OverflowError) as error:
        raise EmbedlensError(f"{what} are no array of numbers: {error}.") from error
    if array.ndim and array.dtype.kind not in "fiu":
        raise EmbedlensError(f"{what} are not all finite numbers; they are of type {array.dtype}.")
    return array.astype(np.float64) if array.ndim else np.empty(())


def _unboxed(array: NDArray[Any]) -> NDArray[Any]:
    """Return boxed numbers as numbers, None and pd.NA as NaN; anything else as it is."""
    flat = [np.nan if each is None or each is pd.NA else each for each in array.ravel()]
    numeric = all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in flat)
    return np.array(flat, np.float64).reshape(array.shape) if numeric else array


def _expect_finite(what: str, values: NDArray[np.float64]) -> None:
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(wrong):
        raise EmbedlensError(
            f"{what} are not all finite numbers: {len(wrong):,} of {len(values):,} rows are not, "
            f"the first is row {wrong[0]}. Leave those points out."
        )


def _expect_count(what: str, found: int, count: int) -> None:
    if found != count:
        raise EmbedlensError(
            f"{what} has {found} entries for {count} points; there must be one a point."
        )


def _named_columns(columns: Any) -> Iterable[tuple[str, Any]]:
    if columns is None:
        return []
    if not isinstance(columns, Mapping | pd.DataFrame):
        raise EmbedlensError(
            f"columns is a {type(columns).__name__}; give values by the column's name, "
            '{"age": [...]}, or a DataFrame.'
        )
    return [(str(name), values) for name, values in columns.items()]


def add_column(scene: Scene, name: str, values: pd.Series) -> None:
    """Add a column under its name, or another where a column has it already."""
    what = f"columns[{name!r}]"
    id, title, taken = name, name, {each.id for each in scene.columns}
    if id in taken:
        id, title = next(
            (f"{id} ({n})", f"{name} (column)" if n == 2 else f"{name} ({n})")
            for n in range(2, len(taken) + 3)
            if f"{id} ({n})" not in taken
        )
    if is_number(values):
        scene.add_number(id, title, numbers(what, values))
    else:
        found, codes = categories(what, values)
        scene.add_category(id, title, codes, found)


def _add_pictures(scene: Scene, pictures: GivenPictures) -> None:
    sheets = Sheets(scene.count)
    scene.add_thumbnails(sheets, partial(sheets.draw, pictures.square))
