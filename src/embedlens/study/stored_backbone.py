"""One backbone of a finished study, with the features that it has of the study's pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.features import Recipe
from embedlens.features.store import read_features
from embedlens.given_path import given_path
from embedlens.results.label_verdict import verdict_of
from embedlens.results.results import Results, feature_folders, results_of_any
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import PRETRAINED


@dataclass(frozen=True)
class StoredBackbone:
    """A backbone and its features.

    Attributes
    ----------
    name : str
        As the study names it.
    results : Results
        The study's.
    features : ndarray of shape (pictures, d), float32
        Memory-mapped, a row a picture, of the pretrained network.
    """

    name: str
    results: Results
    features: NDArray[np.float32]

    @classmethod
    def open(cls, folder: str | Path, backbone: str | None = None) -> StoredBackbone:
        """Open a study's features.

        Parameters
        ----------
        folder : path
            The study folder.
        backbone : str, optional
            By default the one that the verdict recommends. Case does not matter.

        Raises
        ------
        StudyError
            If it is no study, has not been run to its end, has no such backbone, or its features
            are gone.
        """
        folder = given_path(folder)
        results = results_of_any(folder)
        name = (
            verdict_of(results).take.backbone
            if backbone is None
            else results.settings.title_of(backbone)
        )
        kept = feature_folders(folder, results).get((name, PRETRAINED.key))
        if kept is None:
            raise StudyError(
                f"{folder} has no features of {name}. Run `embedlens study "
                f"{results.settings.pictures} --out {folder}`: it computes what is missing."
            )
        return cls(name, results, read_features(kept))

    @property
    def settings(self) -> Settings:
        """The study's."""
        return self.results.settings

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row by content id."""
        kept = self.results.pictures[self.results.pictures["kept"]]
        return {str(each): row for row, each in enumerate(kept["id"])}

    def recipe(self) -> Recipe:
        """Return how the study embedded, for other pictures."""
        return self.settings.recipe(self.settings.backbone_of(self.name))
