"""Pictures without a label: shown on all maps and predicted, and part of no figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.files import replacing
from embedlens.results.folder import StudyFolder
from embedlens.results.nearest import Neighbors

_FACTS, _PICTURES, _PREDICTIONS = "facts.json", "pictures.parquet", "predictions.parquet"
_NEAREST = ("distances", "rows")

Stage = tuple[str, str]
"""A backbone and one of its stages."""


@dataclass(frozen=True)
class Unlabelled:
    """What a study keeps of them.

    Attributes
    ----------
    key : str
        Names all that the rest depends on.
    place : str
        Where they were found.
    backbone : str
        By whose classifier they are predicted.
    pictures : DataFrame
        As ``Results.pictures``; the label is "".
    predictions : DataFrame
        A row a picture that was kept, in their order: class, probability, second_class,
        second_probability, set_90, unknown_score, unknown, nearest_1, nearest_2, nearest_3. Where
        pictures have several labels each, found (a list) and a probability a label instead of what
        is said of classes.
    maps : dict of (backbone, stage) to dict of str to ndarray of shape (pictures, 3)
        Their places, by the key of the map.
    nearest : dict of (backbone, stage) to (ndarray, ndarray)
        Distances and rows of the nearest pictures that have a label, (pictures, k).
    """

    key: str
    place: str
    backbone: str
    pictures: pd.DataFrame
    predictions: pd.DataFrame
    maps: Mapping[Stage, Mapping[str, NDArray[np.float32]]]
    nearest: Mapping[Stage, Neighbors]

    @property
    def kept(self) -> pd.DataFrame:
        """The pictures that could be read, in the order of all else."""
        kept: pd.DataFrame = self.pictures[self.pictures["kept"]]
        return kept

    def __len__(self) -> int:
        return len(self.predictions)

    def sentence(self) -> str:
        """Say what the grey points are."""
        flagged, one = int(self.predictions["unknown"].sum()), len(self) == 1
        probe, unlike = (
            ("a linear probe", "all classes")
            if "class" in self.predictions
            else ("a logistic regression a label", "all labelled pictures")
        )
        return (
            f"{len(self):,} {'picture' if one else 'pictures'} without a label "
            f"{'is' if one else 'are'} grey in the viewer, placed on the maps by "
            f"{'its' if one else 'their'} features and part of no figure here. "
            f"{'It is' if one else 'They are'} predicted by {probe} on {self.backbone} that "
            f"has learned from all labelled pictures; {flagged:,} of {len(self):,} "
            f"{'is' if flagged == 1 else 'are'} unlike {unlike}."
        )


def write_unlabelled(folder: StudyFolder, what: Unlabelled) -> None:
    """Write it into the study folder, whole or not at all."""
    with replacing(folder.unlabelled) as part:
        part.mkdir()
        stages = list(what.maps)
        facts = {
            "key": what.key, "place": what.place, "backbone": what.backbone, "stages": stages,
            "shown_on": _shown_on(folder),
        }  # fmt: skip
        (part / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        what.pictures.to_parquet(part / _PICTURES, index=False)
        what.predictions.to_parquet(part / _PREDICTIONS, index=False)
        for number, stage in enumerate(stages):
            arrays: dict[str, Any] = dict(what.maps[stage])
            with (part / f"maps-{number}.npz").open("wb") as file:
                np.savez(file, **arrays)
            arrays = dict(zip(_NEAREST, what.nearest[stage], strict=True))
            with (part / f"nearest-{number}.npz").open("wb") as file:
                np.savez(file, **arrays)


def read_unlabelled(folder: StudyFolder, place: str) -> Unlabelled | None:
    """Return what `write_unlabelled` wrote; None where there is none of these results.

    Parameters
    ----------
    folder : StudyFolder
        Of the study.
    place : str
        Where its pictures without a label are.
    """
    kept = folder.unlabelled
    try:
        facts = json.loads((kept / _FACTS).read_text(encoding="utf-8"))
        if facts["place"] != place or facts["shown_on"] != _shown_on(folder):
            return None
        stages: list[Stage] = [(backbone, stage) for backbone, stage in facts["stages"]]
        nearest = [_arrays(kept / f"nearest-{number}.npz") for number in range(len(stages))]
        return Unlabelled(
            facts["key"],
            facts["place"],
            facts["backbone"],
            pd.read_parquet(kept / _PICTURES),
            pd.read_parquet(kept / _PREDICTIONS),
            {stage: _arrays(kept / f"maps-{number}.npz") for number, stage in enumerate(stages)},
            {
                stage: (found[_NEAREST[0]], found[_NEAREST[1]])
                for stage, found in zip(stages, nearest, strict=True)
            },
        )
    except (OSError, ValueError, KeyError):
        return None


def _shown_on(folder: StudyFolder) -> dict[str, str]:
    """Return the keys of the results on whose maps they are shown."""
    return {name: record.key for name, record in folder.gathered().items()}


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
