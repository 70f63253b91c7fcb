"""A picture dropped on the viewer's page: its class, its neighbours, its place on the maps."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.classify import Classifier, LabelClassifier, classifier_of
from embedlens.classify.asking import fitted
from embedlens.classify.heads import LinearHead, TunedHead
from embedlens.classify.label_prediction import label_rows, probability_column
from embedlens.classify.placing import PlacedMaps
from embedlens.classify.prediction import answer_rows
from embedlens.features import Runner
from embedlens.features.store import read_features
from embedlens.images import ImageError
from embedlens.results import Results
from embedlens.results.vocabulary import PRETRAINED
from embedlens.viewer.neighbors import FeatureNeighbors
from embedlens.viewer.scene import Scene
from embedlens.viewer.study_scene import map_id

_NEAREST = 12


@dataclass
class DropTarget:
    """One backbone of a study, ready for pictures that it has not seen.

    Network, classifier and maps are made ready with the first picture.

    Attributes
    ----------
    study : Path
        The study folder.
    results : Results
        What was read from it.
    backbone, stage : str
        Whose.
    features : Path
        The folder of its features.
    projection : Path
        Of the fitted silhouette projection.
    scene : Scene
        Whose maps the picture is placed on.
    """

    study: Path
    results: Results
    backbone: str
    stage: str
    features: Path
    projection: Path
    scene: Scene
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def place(self, data: bytes) -> dict[str, Any]:
        """Return what is known of a picture, as plain JSON.

        Parameters
        ----------
        data : bytes
            Of its file.

        Returns
        -------
        dict
            answers, what a classifier says, a name and a value a line; warning, where it is unlike
            all that was learned, else ""; places (by the id of the map); indices and distances of
            the nearest pictures that have a label.

        Raises
        ------
        ImageError
            If it is no picture, or the network gives numbers for it that are not finite.
        """
        with self._lock:
            values = self._embed(fitted(self._classifier, data))
            answers, warning = _answers(self._classifier, values[None])
            places = self._maps.place(values[None])
        distances, indices = self._neighbors.near(values, _NEAREST)
        return {
            "answers": [*answers, ("by a classifier on", self._classifier.backbone)],
            "warning": warning,
            "places": {
                id: self.scene.moved[id].apply(at[0]).tolist()
                for key, at in places.items()
                if (id := map_id(self.backbone, self.stage, key)) in self.scene.moved
            },
            "indices": indices.tolist(),
            "distances": distances.tolist(),
        }

    def _embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        made: list[NDArray[np.float32]] = []
        self._runner.run(iter([(0, pixels)]), lambda row, values: made.append(np.array(values)))
        if not np.isfinite(made[0]).all():
            raise ImageError("the network gives numbers for it that are not finite")
        return made[0]

    @cached_property
    def _classifier(self) -> Classifier | LabelClassifier:
        head = LinearHead.key if self.stage == PRETRAINED.key else TunedHead.key
        return classifier_of(self.study, self.backbone, head)

    @cached_property
    def _runner(self) -> Runner:
        return self._classifier.runner()

    @cached_property
    def _maps(self) -> PlacedMaps:
        maps = self.results.maps[self.backbone, self.stage]
        return PlacedMaps(read_features(self.features), maps, self.projection)

    @cached_property
    def _neighbors(self) -> FeatureNeighbors:
        return FeatureNeighbors(read_features(self.features))


def _answers(
    classifier: Classifier | LabelClassifier, features: NDArray[np.float32]
) -> tuple[list[tuple[str, str]], str]:
    """Return what a classifier says of one picture, and what to be warned of."""
    if isinstance(classifier, LabelClassifier):
        row = label_rows(classifier, features)[0]
        shares = {name: float(row[probability_column(name)]) for name in classifier.labels}
        likely = sorted(shares, key=lambda name: -shares[name])
        told = [f"{name} ({shares[name]:.1%})" for name in likely]
        count = len(row["found"])
        lines = [("labels", ", ".join(told[:count]) or "none")]
        if told[count:]:
            lines.append(("next", told[count]))
        unlike = "It is unlike all training pictures, so that the labels say little."
    else:
        row = answer_rows(classifier, features)[0]
        lines = [
            ("predicted", f"{row['class']} ({row['probability']:.1%})"),
            ("second", f"{row['second_class']} ({row['second_probability']:.1%})"),
        ]
        unlike = "It is unlike all classes, so that the prediction says little."
    return lines, unlike if row["unknown"] else ""
