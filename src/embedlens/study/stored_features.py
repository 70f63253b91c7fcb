"""The features of a finished study, where they lie in its folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlens.study.gathered import gathered

if TYPE_CHECKING:
    from embedlens.study.results import Results


def stored_features(study: Path, results: Results) -> dict[tuple[str, str], Path]:
    """Find the folder of features of each backbone and stage.

    Parameters
    ----------
    study : Path
        The study folder.
    results : Results
        What was read from it.

    Returns
    -------
    dict of (backbone, stage) to Path
        Without those that are gone, or are of other pictures than the results.
    """
    ids = results.pictures["id"][results.pictures["kept"]].to_list()
    found = {}
    for folder in gathered(study):
        head = json.loads((folder / "key.json").read_text(encoding="utf-8"))
        # Tuned features are kept of the first repeat alone, in the order of the pretrained ones.
        name = re.sub(r"\.tuned-\d+$", ".tuned", folder.name)
        features = study / "features" / name
        if _ids(features) == ids:
            found[head["backbone"], head["stage"]] = features
    return {stage: folder for stage, folder in found.items() if stage in results.maps}


def load_features(folder: Path) -> NDArray[np.float32]:
    """Return the features of a folder, memory-mapped and read-only."""
    values: NDArray[np.float32] = np.load(folder / "features.npy", mmap_mode="r")
    return values


def _ids(folder: Path) -> list[str]:
    try:
        return (folder / "ids.txt").read_text(encoding="utf-8").split("\n")
    except OSError:
        return []
