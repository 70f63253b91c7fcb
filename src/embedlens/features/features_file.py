"""Features in one file, to keep or to pass on: ``.npz``."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedlens.errors import EmbedlensError
from embedlens.features.embed import Features
from embedlens.given_path import given_path


@dataclass(frozen=True)
class FeaturesFile:
    """What such a file holds.

    Attributes
    ----------
    features : ndarray of shape (n, d)
        A row a picture.
    labels : ndarray of shape (n,), str
        Classes.
    splits : ndarray of shape (n,), str
        "train", "validation" or "test"; empty strings where the file does not say.
    paths : ndarray of shape (n,), str
        File names; empty strings where the file does not say.
    record : dict
        How the features were made; empty where the file does not say.
    """

    features: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    paths: np.ndarray
    record: dict[str, Any]


def write_features(features: Features, path: Path) -> None:
    """Write features, labels, splits, paths and the record of how they were made.

    Parameters
    ----------
    features : Features
        What `embed` returned.
    path : Path
        The file, ``*.npz``; ``numpy.load`` reads it without pickle.
    """
    path = given_path(path)
    images = features.images
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        np.savez(
            file,
            features=features.values,
            labels=images.labels,
            splits=images.splits,
            paths=images.paths.astype(str),
            record=json.dumps(features.record),
        )
    temporary.replace(path)


def read_features(path: Path) -> FeaturesFile:
    """Read a file that `write_features` wrote, or anybody's with ``features`` and ``labels``.

    Raises
    ------
    EmbedlensError
        If it is no such file.
    """
    path = given_path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            values, labels = file["features"], file["labels"].astype(str)
            blank = np.full(len(labels), "")
            splits = file["splits"].astype(str) if "splits" in file else blank
            paths = file["paths"].astype(str) if "paths" in file else blank
            record = json.loads(str(file["record"])) if "record" in file else {}
    except FileNotFoundError:
        raise EmbedlensError(f"{path} does not exist; make it with `embedlens embed`.") from None
    except (KeyError, ValueError, OSError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise EmbedlensError(
            f"{path} is not a features file ({error}). It must be an .npz with the arrays "
            "'features' (n, d) and 'labels' (n,); `embedlens embed` writes one."
        ) from error
    if values.ndim != 2 or len(values) != len(labels):
        raise EmbedlensError(
            f"{path} holds features of shape {values.shape} for {len(labels)} labels; "
            "there must be a row of features a label."
        )
    if not np.isfinite(values).all():
        raise EmbedlensError(f"{path} holds features that are not finite (NaN or infinity).")
    return FeaturesFile(values, labels, splits, paths, record)
