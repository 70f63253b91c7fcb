"""Everything that is measured of one backbone's features."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.images import ImageSet
from embedlens.study.geometry import GRAM_LIMIT, measure_geometry
from embedlens.study.heads import HEADS, fit_heads, fit_heads_on_maps
from embedlens.study.maps import (
    DISTORTION_SAMPLE,
    MAPS,
    make_map,
    measure_distortion,
    measure_silhouettes,
)
from embedlens.study.neighbors import Neighbors, find_neighbors
from embedlens.study.settings import Settings

__all__ = ["DISTORTION_SAMPLE", "GRAM_LIMIT", "HEADS", "Analysis", "analyse", "repeats_of"]

Step = Callable[[str], None]


@dataclass
class Analysis:
    """Results of one backbone.

    Attributes
    ----------
    repeat : int
        The split they belong to where nothing else is said; 0 is that of the image set.
    measures : list of dict
        Rows of metric, split, repeat, value, seconds.
    predictions : list of DataFrame
        Columns head, repeat, picture (row in the image set), predicted, confidence; test pictures.
    histories : list of DataFrame
        Of the study's top: epoch, loss, accuracy, validation_loss, validation_accuracy, repeat.
    tunings : list of dict
        Rows of repeat, unfreeze, layer, parameters, best_epoch, epochs, augment, seconds.
    silhouettes : DataFrame
        A row a picture, a column a space: features, pca, tsne.
    maps : dict of str to ndarray
        Coordinates, (pictures, 3), by the name of the map.
    neighbors : (ndarray, ndarray) or None
        Distances and rows of the nearest in all features; None where there is no Gram matrix.
    """

    repeat: int = 0
    measures: list[dict[str, Any]] = field(default_factory=list)
    predictions: list[pd.DataFrame] = field(default_factory=list)
    histories: list[pd.DataFrame] = field(default_factory=list)
    tunings: list[dict[str, Any]] = field(default_factory=list)
    silhouettes: pd.DataFrame = field(default_factory=pd.DataFrame)
    maps: dict[str, NDArray[np.floating[Any]]] = field(default_factory=dict)
    neighbors: Neighbors | None = None

    def add(
        self,
        metric: str,
        value: float,
        split: str = "all",
        repeat: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Append a measure."""
        self.measures.append(
            {
                "metric": metric,
                "split": split,
                "repeat": self.repeat if repeat is None else repeat,
                "value": float(value),
                "seconds": seconds,
            }
        )


def analyse(
    values: NDArray[np.floating[Any]],
    images: ImageSet,
    settings: Settings,
    repeats: Sequence[int] | None = None,
    step: Step = lambda name: None,
) -> Analysis:
    """Measure features: maps, silhouettes, distortion of the maps, heads on every split.

    Parameters
    ----------
    values : ndarray of shape (pictures, d)
        Features of all pictures.
    images : ImageSet
        The pictures.
    settings : Settings
        For repeats and seed.
    repeats : sequence of int, optional
        The splits; by default all. Silhouettes of the test pictures are those of the first.
    step : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    Analysis
    """
    repeats = range(repeats_of(images, settings)) if repeats is None else repeats
    first = split_of(images, settings, repeats[0])
    result = Analysis(repeats[0])
    step("distances")
    start = time.perf_counter()
    geometry = measure_geometry(values)
    result.add("gram", len(images), seconds=time.perf_counter() - start)
    if geometry.gram is not None and len(images) > 1:
        result.neighbors = find_neighbors(geometry.points)
    for name, maker in MAPS.items():
        step(maker.title)
        make_map(result, name, geometry, first, settings.seed)
    step("silhouettes")
    measure_silhouettes(result, geometry, first)
    step("distortion")
    measure_distortion(result, geometry, settings.seed)
    for repeat in repeats:
        step(f"heads, split {repeat + 1}")
        split = split_of(images, settings, repeat)
        fit_heads(result, geometry.points, split, repeat)
        fit_heads_on_maps(result, split, repeat)
    return result


def steps_of(repeats: int) -> int:
    """Return how many steps `analyse` takes for so many splits."""
    return 3 + len(MAPS) + repeats


def repeats_of(images: ImageSet, settings: Settings) -> int:
    """Return how many splits there are to draw: one, where the pictures came with all three."""
    drawn = not {"train", "validation", "test"} <= set(images.given_splits)
    return settings.repeats if drawn else 1


def check_splits(images: ImageSet, settings: Settings) -> None:
    """Refuse pictures of which a split cannot be trained or tested, before they are embedded.

    Raises
    ------
    StudyError
        If a split trains on fewer than two classes or has no test picture.
    """
    for repeat in range(repeats_of(images, settings)):
        split = split_of(images, settings, repeat)
        require_two_classes(split.labels, split.splits, f"Split {repeat + 1}")


def require_two_classes(labels: NDArray[np.str_], splits: NDArray[np.str_], name: str) -> None:
    """Raise StudyError unless a split trains on two classes and tests on a picture.

    Parameters
    ----------
    labels, splits : ndarray of shape (pictures,), str
        Class, and "train", "validation" or "test", of each picture.
    name : str
        What the message calls the split.
    """
    trained, tested = np.unique(labels[splits == "train"]), int((splits == "test").sum())
    counts = ", ".join(f"{(splits == s).sum():,} {s}" for s in ("train", "validation", "test"))
    of = f"{len(labels):,} pictures of {len(np.unique(labels)):,} classes ({counts})"
    if not tested:
        raise StudyError(
            f"{name} of {of} has no picture to test on. A class of one picture, or of copies of "
            "one, is only trained on: give two pictures of each class or more, better twenty; or "
            "give test pictures."
        )
    if len(trained) < 2:
        only = f"on one class only, {trained[0]}" if len(trained) else "on no picture"
        raise StudyError(
            f"{name} of {of} trains {only}; a head needs two classes to tell apart. Put training "
            "pictures of another class in, or leave the splits out: they are then drawn."
        )


def split_of(images: ImageSet, settings: Settings, repeat: int) -> ImageSet:
    """Return the pictures as one repeat splits them."""
    return images.resplit(
        settings.seed + repeat, test=settings.test, validation=settings.validation
    )
