"""What was measured of one backbone at one stage: rows that steps return, and their sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.results.nearest import Neighbors

# Neighbourhoods of more pictures say no more about a map, and cost the square.
DISTORTION_SAMPLE = 3_000

# A Gram matrix of 10,000 pictures takes 0.8 GB.
GRAM_LIMIT = 10_000

_OF_PICTURES = (
    "predictions", "random_splits", "curves", "calibrations", "retrievals", "label_scores",
    "label_curves",
)  # fmt: skip

HISTORY = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "repeat")


@dataclass(frozen=True)
class Measure:
    """One number.

    Attributes
    ----------
    metric : str
        What it is, such as ``silhouette.pca`` and ``linear_probe.accuracy``.
    value : float
        The number.
    split : str
        The pictures it is of: "all", "train", "validation", "test".
    repeat : int
        The split, from 0, that of the image set.
    seconds : float
        What it took; 0 where that is told elsewhere.
    """

    metric: str
    value: float
    split: str = "all"
    repeat: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Tuning:
    """One fine-tuning.

    Attributes
    ----------
    repeat : int
        The split.
    unfreeze, layer : str
        What was asked for, and the layer where the tail begins.
    parameters : int
        Of the tail, trained.
    best_epoch, epochs : int
        The one kept, and how many there were.
    augment : bool
        Whether pictures were varied.
    seconds : float
        What it took.
    """

    repeat: int
    unfreeze: str
    layer: str
    parameters: int
    best_epoch: int
    epochs: int
    augment: bool
    seconds: float


class LearnedMap(Protocol):
    """What moves points onto a map that learned with labels."""

    def of_features(self, points: Any, features: Any) -> Self:
        """Return it for the features that its points are coordinates of."""

    def save(self, path: Path) -> None:
        """Keep it in a file."""


@dataclass(frozen=True)
class Measurements:
    """What was measured; those of several steps add up.

    Attributes
    ----------
    measures : tuple of Measure
        Numbers.
    predictions : tuple of DataFrame
        Columns head, repeat, picture (row in the image set), predicted, confidence; test pictures.
    histories : tuple of DataFrame
        Of the study's top, columns `HISTORY`.
    tunings : tuple of Tuning
        Fine-tunings.
    silhouettes : DataFrame
        A row a picture, a column a space: features, and maps by their key.
    maps : Mapping of str to ndarray
        Coordinates, (pictures, 3), by the key of the map.
    random_splits : tuple of DataFrame
        What a linear probe gets right on splits that know nothing of groups or time: columns
        repeat, picture (row), right.
    curves : tuple of DataFrame
        Of probes trained on fewer labels, and on all: columns draw, labels (how many), picture
        (row), hits, shown (how often it was right, and tested).
    calibrations : tuple of DataFrame
        Of test pictures: columns head, repeat, picture (row), right, confidence, calibrated (the
        confidence at the temperature), in_set (whether the conformal set holds the class),
        set_size.
    retrievals : tuple of DataFrame
        Of test pictures as queries: columns repeat, picture (row), first (the place of the nearest
        of its class, 0 for none), average_precision.
    label_scores : tuple of DataFrame
        Of test pictures with several labels: columns head, repeat, picture (row), scores (a list,
        one a label, NaN where a label was not learned).
    label_curves : tuple of DataFrame
        Of probes of several labels trained on fewer pictures, and on all: columns draw, labels (how
        many pictures), picture (row), scores (as in ``label_scores``).
    neighbors : (ndarray, ndarray) or None
        Distances and rows of the nearest in all features; None where there is no Gram matrix.
    projections : Mapping of str to LearnedMap
        What moves other points onto maps that learned with labels, by the key of the map.

    Examples
    --------
    >>> one, two = Measure("gram", 3), Measure("silhouette.pca", 0.2, "test")
    >>> (Measurements((one,)) + Measurements((two,))).table()["value"].to_list()
    [3.0, 0.2]
    """

    measures: tuple[Measure, ...] = ()
    predictions: tuple[pd.DataFrame, ...] = ()
    histories: tuple[pd.DataFrame, ...] = ()
    tunings: tuple[Tuning, ...] = ()
    silhouettes: pd.DataFrame = field(default_factory=pd.DataFrame)
    maps: Mapping[str, NDArray[np.floating[Any]]] = field(default_factory=dict)
    random_splits: tuple[pd.DataFrame, ...] = ()
    curves: tuple[pd.DataFrame, ...] = ()
    calibrations: tuple[pd.DataFrame, ...] = ()
    retrievals: tuple[pd.DataFrame, ...] = ()
    label_scores: tuple[pd.DataFrame, ...] = ()
    label_curves: tuple[pd.DataFrame, ...] = ()
    neighbors: Neighbors | None = None
    projections: Mapping[str, LearnedMap] = field(default_factory=dict)

    def __add__(self, other: Measurements) -> Measurements:
        return Measurements(
            self.measures + other.measures,
            self.predictions + other.predictions,
            self.histories + other.histories,
            self.tunings + other.tunings,
            pd.concat([self.silhouettes, other.silhouettes], axis=1),
            {**self.maps, **other.maps},
            self.random_splits + other.random_splits,
            self.curves + other.curves,
            self.calibrations + other.calibrations,
            self.retrievals + other.retrievals,
            self.label_scores + other.label_scores,
            self.label_curves + other.label_curves,
            other.neighbors if self.neighbors is None else self.neighbors,
            {**self.projections, **other.projections},
        )

    def with_projections_of(self, points: NDArray[Any], features: NDArray[Any]) -> Measurements:
        """Return it with projections that move features, where they learned from coordinates.

        Parameters
        ----------
        points : ndarray of shape (pictures, columns)
            What they learned from: the features themselves, or fewer columns of the same geometry.
        features : ndarray of shape (pictures, d)
        """
        if points.shape == features.shape:
            return self
        moved = {key: each.of_features(points, features) for key, each in self.projections.items()}
        return replace(self, projections=moved)

    def of_rows(self, rows: NDArray[np.int64]) -> Measurements:
        """Return what was measured of some pictures, told by their rows in the whole image set."""
        return self._told_by(lambda picture: rows[picture])

    def within_rows(self, rows: NDArray[np.int64]) -> Measurements:
        """Undo `of_rows`."""
        return self._told_by(lambda picture: np.searchsorted(rows, picture))

    def _told_by(self, place: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Measurements:
        told: dict[str, Any] = {
            name: tuple(
                table.assign(picture=place(table["picture"].to_numpy()))
                for table in getattr(self, name)
            )
            for name in _OF_PICTURES
        }
        return replace(self, **told)

    def table(self) -> pd.DataFrame:
        """Return the numbers as columns metric, split, repeat, value, seconds."""
        columns = ["metric", "split", "repeat", "value", "seconds"]
        table = pd.DataFrame([asdict(each) for each in self.measures], columns=columns)
        return table.astype({"value": float, "seconds": float})
