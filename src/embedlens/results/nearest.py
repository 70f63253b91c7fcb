"""The nearest pictures of each in all features, kept beside the features."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.features.store import read_features
from embedlens.files import replacing
from embedlens.metrics import nearest_neighbors

NEIGHBORS = 12

Neighbors = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Distances and rows of the nearest of every picture, (pictures, 12), or fewer in a small study."""


def find_neighbors(points: NDArray[np.floating[Any]]) -> Neighbors:
    """Return the nearest, Euclidean, of features or of coordinates with the same distances."""
    return nearest_neighbors(points, min(NEIGHBORS, len(points) - 1))


def keep_neighbors(features: Path, found: Neighbors) -> None:
    """Write ``neighbors.npz`` into the folder of the features that they were found in."""
    path = features / "neighbors.npz"
    # A folder that cannot be written to keeps none.
    with suppress(OSError), replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, distances=found[0], indices=found[1], stamp=_stamp(features))


def kept_neighbors(features: Path) -> Neighbors:
    """Return the neighbours kept in a folder; found anew where the features have changed."""
    try:
        with np.load(features / "neighbors.npz", allow_pickle=False) as file:
            if np.array_equal(file["stamp"], _stamp(features)):
                return file["distances"], file["indices"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        pass
    found = find_neighbors(read_features(features))
    keep_neighbors(features, found)
    return found


def _stamp(features: Path) -> NDArray[np.int64]:
    status = (features / "features.npy").stat()
    return np.array([status.st_size, status.st_mtime_ns])
