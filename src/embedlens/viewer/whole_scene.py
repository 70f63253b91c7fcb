"""A study as a scene that needs nothing besides: for the report and the notebook."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlens.errors import EmbedlensError
from embedlens.results import Results
from embedlens.results.nearest import NEIGHBORS, Neighbors, kept_neighbors
from embedlens.results.pictures import Pictures
from embedlens.results.results import feature_folders
from embedlens.viewer.label_scene import scene_of
from embedlens.viewer.labels import WrittenLabels
from embedlens.viewer.neighbors import METRIC
from embedlens.viewer.scene import Scene, backbone_key
from embedlens.viewer.sprites import Pixels, Sheets, bytes_a_picture
from embedlens.viewer.study_scene import stages_of, study_sheets

# Bytes before compression: so a report of 2,800 pictures and five backbones stays below 8 MB.
_MAPS_LIMIT = 6_000_000
_THUMBNAILS_LIMIT = 1_900_000
_NEIGHBORS_LIMIT = 2_000_000
_SIDES = (64, 48, 32)


def whole_study_scene(folder: Path, results: Results) -> Scene:
    """Return a study's scene with thumbnails and neighbours inside.

    Parameters
    ----------
    folder : Path
        The study folder.
    results : Results
        What was read from it.

    Returns
    -------
    Scene
        Thumbnails are as large as there is room for, 64, 48 or 32 pixels, and none where there is
        not; maps, of the last backbones, and neighbours are left out where there is no room. The
        first backbone has its maps always.
    """
    results = fitting_maps(results)
    scene = scene_of(results)
    pictures = Pictures.with_unlabelled(results)
    sheets = fitting_sheets(pictures.pixels, scene.count) if pictures.here else None
    if sheets is not None:
        scene.add_thumbnails(sheets, study_sheets(folder, sheets, pictures))
    if results.label_sets is None:
        with suppress(EmbedlensError):  # no table can point at the pictures: nothing is decided
            scene.add_table(WrittenLabels.of_study(folder, results).columns())
    for key, nearest in nearest_pictures(folder, results).items():
        if results.unlabelled is not None:
            nearest = _together(nearest, results.unlabelled.nearest[key])
        distances, indices = nearest
        scene.add_neighbours(backbone_key(*key), indices, rounded(distances), METRIC)
    return scene


def fitting_maps(results: Results, limit: int = _MAPS_LIMIT) -> Results:
    """Return results with the maps of the first backbones, those that take up to ``limit`` bytes.

    A picture takes 12 bytes a map for its place, 8 for silhouette and purity, and 12 a backbone for
    predictions and the silhouette in all features.
    """
    count, size = int(results.pictures["kept"].sum()), 0
    taken: dict[tuple[str, str], dict[str, NDArray[np.float32]]] = {}
    for key in stages_of(results):
        size += count * (20 * len(results.maps[key]) + 12)
        if taken and size > limit:
            break
        taken[key] = results.maps[key]
    return replace(results, maps=taken)


def fitting_sheets(pixels: Pixels, count: int, limit: int = _THUMBNAILS_LIMIT) -> Sheets | None:
    """Choose the largest thumbnails that take no more than ``limit`` bytes together."""
    for side in _SIDES:
        if count * bytes_a_picture(pixels, count, side) <= limit:
            return Sheets(count, side)
    return None


def nearest_pictures(folder: Path, results: Results) -> dict[tuple[str, str], Neighbors]:
    """Return distances and rows of the 12 nearest of every picture, by backbone and stage.

    They are kept beside the features, and found anew when those have changed.
    """
    count = int(results.pictures["kept"].sum())
    room = _NEIGHBORS_LIMIT // (8 * NEIGHBORS * count)
    found = list(feature_folders(folder, results).items())[:room] if count > 1 else []
    return {key: kept_neighbors(path) for key, path in found}


def _together(labelled: Neighbors, bare: Neighbors) -> Neighbors:
    """Put neighbours of pictures with and without a label in one table; the fewer columns count."""
    k = min(labelled[0].shape[1], bare[0].shape[1])
    one, other = (
        np.concatenate([each[:, :k], rest[:, :k]])
        for each, rest in zip(labelled, bare, strict=True)
    )
    return one, other


def rounded(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return float32 with 12 bits after the first: four digits, and half as long compressed."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x400) & np.uint32(0xFFFFF800)).view(np.float32)
