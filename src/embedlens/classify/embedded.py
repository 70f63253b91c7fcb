"""What a study keeps of a backbone, for a classifier on its features."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Transform
from embedlens.classify.embedding_classifier import Training
from embedlens.classify.kept import Kind, keep_trained, read_trained
from embedlens.errors import StudyError
from embedlens.features import Recipe
from embedlens.features.store import read_features, read_meta
from embedlens.files import content_key
from embedlens.results.pictures import shared_levels
from embedlens.results.results import Results, feature_folders
from embedlens.results.vocabulary import PRETRAINED


@dataclass(frozen=True)
class Embedded:
    """What a study keeps of one backbone at one stage."""

    results: Results
    backbone: str
    folder: Path
    recipe: Recipe
    size: tuple[int, int]
    licence: str | None

    @property
    def pictures(self) -> pd.DataFrame:
        """A row a picture."""
        return self.results.pictures[self.results.pictures["kept"]]

    @property
    def values(self) -> NDArray[np.float32]:
        """Their features."""
        return np.asarray(read_features(self.folder), np.float32)

    @property
    def transform(self) -> Transform:
        """What pictures are made into, at the size of the features."""
        return self.recipe.transform.of_size(self.size)

    def training(self, learned: NDArray[np.bool_]) -> Training:
        """Return the pictures that a head has learned from, of all that were kept."""
        kept = self.pictures[learned]
        ids, paths, labels = (tuple(map(str, kept[name])) for name in ("id", "path", "label"))
        return Training(self.values[learned], ids, paths, labels, shared_levels(self.pictures))

    def trained(
        self, kind: type[Kind], store: Path, head: str, told: list[Any], train: Callable[[], Kind]
    ) -> Kind:
        """Return a head of all pictures: from the study folder, or trained and kept there.

        Parameters
        ----------
        kind : type
            What is trained.
        store : Path
            The folder.
        head : str
            Names it.
        told : list
            What it learns from besides the features, as plain JSON.
        train : callable
            Makes it.
        """
        meta = read_meta(self.folder)
        versions = [version(name) for name in ("embedlens", "numpy", "scikit-learn")]
        key = content_key([2, meta["key"], meta.get("checksum"), *told, head, versions])
        path = store / f"{self.folder.name}.{head}.npz"
        before = read_trained(kind, path, key)
        if before is not None:
            return before
        made = train()
        with contextlib.suppress(OSError):  # of a folder that may not be written to
            keep_trained(path, key, made)
        return made


def embedded_by(study: Path, results: Results, name: str) -> Embedded:
    """Return what a study keeps of one of its backbones, pretrained.

    Raises
    ------
    StudyError
        If its features are gone or of other versions.
    """
    folder = features_of(study, results, name, PRETRAINED.key)
    settings = results.settings
    found = settings.backbone_of(name)
    recipe, meta = settings.recipe(found), read_meta(folder)
    if recipe.key() != meta.get("key"):
        raise StudyError(
            f"The features of {name} in {study} were computed with other versions or settings than "
            "are here now; run the study again, which computes what has changed."
        )
    size = (int(meta["size"][0]), int(meta["size"][1]))
    return Embedded(results, name, folder, recipe, size, found.weights.licence)


def features_of(study: Path, results: Results, name: str, stage: str) -> Path:
    """Return the folder of a backbone's features.

    Raises
    ------
    StudyError
        If they are gone, or of other pictures.
    """
    folder = feature_folders(study.resolve(), results).get((name, stage))
    if folder is None:
        raise StudyError(
            f"{study} has no features of {name} any more, or they are of other pictures; run the "
            "study again."
        )
    return folder
