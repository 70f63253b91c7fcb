"""What each backbone costs a picture: all of them in turn, on the same pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.features import Features, Runner
from embedlens.features.decoding import decoded
from embedlens.features.engines import make_engine
from embedlens.files import content_key, replacing
from embedlens.images import ImageSet
from embedlens.results.cost import COST_COLUMNS
from embedlens.results.folder import StudyFolder
from embedlens.study.step_progress import StepProgress

_ROUNDS = 5
_PICTURES = 8
_TURN = 0.25  # seconds: a shorter turn is mostly the start of threads

COST = "cost of computing"

Pixels = list[tuple[int, NDArray[np.uint8]]]


def measure_costs(
    folder: StudyFolder, embedded: Sequence[Features], images: ImageSet, progress: StepProgress
) -> None:
    """Measure what a picture costs each backbone, and write ``results/costs.parquet``.

    In each of five rounds every backbone computes the same pictures, decoded before, every second
    round in the reverse order. What slows the machine for a while so slows all, and a ratio of two
    costs is the median over rounds. What is there under the key of these backbones stays, and
    rounds that are missing are added.

    Parameters
    ----------
    folder : StudyFolder
        The study's.
    embedded : sequence of Features
        A backbone each.
    images : ImageSet
        The pictures.
    progress : callable
        Called with (step, done, total).
    """
    key = content_key(sorted(each.recipe.key() for each in embedded))
    rows = _measured(folder, key)
    begun = len({row["round"] for row in rows})
    if begun >= _ROUNDS:
        return
    progress(COST, 0, _ROUNDS)
    turns = [_Turn(each, images) for each in embedded]
    for number in range(begun, _ROUNDS):
        took = {}
        for turn in turns if number % 2 == 0 else reversed(turns):
            took[turn.name] = turn.milliseconds()
        for turn in turns:
            rows.append(
                {
                    "key": key,
                    "backbone": turn.name,
                    "round": number,
                    "milliseconds": took[turn.name],
                    "operations": turn.operations,
                }
            )
        with replacing(folder.costs) as partial:
            pd.DataFrame(rows).to_parquet(partial, index=False)
        progress(COST, number + 1, _ROUNDS)


class _Turn:
    """One backbone, loaded, warm and with its pictures decoded."""

    def __init__(self, features: Features, images: ImageSet) -> None:
        self.name = features.backbone.name
        self._runner: Runner = make_engine(features.recipe)
        self.operations: float = getattr(self._runner, "operations", None) or math.nan
        transform = features.recipe.transform.of_size(self._runner.size)
        rows = np.linspace(0, len(images) - 1, min(_PICTURES, len(images))).astype(int)
        self._pixels: Pixels = list(decoded(images, rows.tolist(), transform))
        self._passes = 1
        self.milliseconds()  # the first pass is slower
        seconds = len(rows) * self.milliseconds() / 1000
        self._passes = max(1, min(50, math.ceil(_TURN / max(seconds, 1e-6))))

    def milliseconds(self) -> float:
        """Return what a picture takes now."""
        pixels = self._pixels * self._passes
        start = time.perf_counter()
        self._runner.run(pixels, lambda row, values: None)
        return 1000 * (time.perf_counter() - start) / len(pixels)


def _measured(folder: StudyFolder, key: str) -> list[dict[str, object]]:
    """Return the rows that are there under a key."""
    found = costs_before(folder)
    if found is None or set(found["key"]) != {key}:
        return []
    return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


def costs_before(folder: StudyFolder) -> pd.DataFrame | None:
    """Return the costs that an earlier run measured; None where they are not here or damaged."""
    try:
        found = pd.read_parquet(folder.costs)
    except (OSError, ValueError):
        return None
    return found if {"key", *COST_COLUMNS} <= set(found.columns) else None
