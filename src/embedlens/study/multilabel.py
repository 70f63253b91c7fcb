"""A study of several labels a picture: each label is found or not, by itself.

Embedding, costs, maps and what they keep are those of every study. What takes one class a picture
has no meaning here and is left out: accuracy, confusions, silhouettes, the map that learns classes,
transferability scores, calibration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.files import replacing
from embedlens.images import SPLITS, ImageSet, MultilabelSet, resolved
from embedlens.learn import LabelNeighbors, LabelProbes
from embedlens.metrics.retrieval import retrieve_sharing
from embedlens.metrics.stratified import SAMPLE, sample_by_content
from embedlens.results.folder import StudyFolder
from embedlens.results.judged_labels import enough, left_out, unjudged_sentence
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.nearest import find_neighbors, keep_neighbors
from embedlens.results.results import write_measurements
from embedlens.results.samples import LEARNED, told_sample
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import FEATURES, KNN, LINEAR_PROBE, PRETRAINED, Space
from embedlens.study.backbone_steps import BackboneSteps
from embedlens.study.embedded import Embedded, facts_of
from embedlens.study.geometry import measure_geometry
from embedlens.study.label_set_learning_curve import ScoredSplit, measure_label_set_curve
from embedlens.study.maps import chosen_maps, make_map, measure_distortion
from embedlens.study.retrieval import drawn_queries, told_queries
from embedlens.study.splits import repeats_of
from embedlens.study.step_progress import StepProgress, counted

_FORMAT = 2  # raise it when the same features begin to give other results

LABEL_PROBES: Mapping[str, Callable[[], LabelProbes | LabelNeighbors]] = {
    LINEAR_PROBE.key: LabelProbes,
    KNN.key: LabelNeighbors,
}
"""What scores labels, by the key of the head that does the same for classes."""

Points = NDArray[np.floating[Any]]


def expect_label_settings(settings: Settings) -> None:
    """Refuse settings that need one class a picture.

    Raises
    ------
    StudyError
        If there is one.
    """
    asked = {
        "finetune (--finetune)": settings.finetune,
        "top (--top)": settings.top,
    }
    learned = [space.title for space in chosen_maps(settings) if space.learned]
    if settings.maps is not None and learned:
        asked[f"the map {learned[0]}"] = True
    needed = [what for what, is_asked in asked.items() if is_asked]
    if needed:
        raise StudyError(
            f"{settings.pictures} gives pictures several labels, and {' and '.join(needed)} needs "
            "one class a picture. Leave it out, or take one label at a time, as a column label "
            "that says yes or no."
        )
    if settings.unlabelled is not None and resolved(settings.unlabelled) == resolved(
        settings.pictures
    ):
        raise StudyError(
            f"{settings.pictures} gives pictures several labels, and every row of it is an answer, "
            "an empty one too. Name another place of pictures without a label with --unlabelled, "
            "or leave it out."
        )


def expect_judgeable(labelled: MultilabelSet, settings: Settings) -> None:
    """Refuse pictures of which no label can be judged, before they are embedded.

    Raises
    ------
    StudyError
        If there is no test picture, or no label that enough pictures have and enough have not.
    """
    units = np.unique(labelled.images.groups, return_inverse=True)[1]
    tested_sides = np.zeros((2, len(labelled.names)), bool)
    for repeat in range(repeats_of(labelled.images, settings)):
        split = label_split(labelled, settings, repeat)
        tested = split.images.splits == "test"
        if not tested.any() or not (split.images.splits == "train").any():
            counts = ", ".join(f"{(split.images.splits == s).sum():,} {s}" for s in SPLITS)
            raise StudyError(
                f"Split {repeat + 1} of {len(labelled):,} pictures ({counts}) has none to "
                f"{'train' if tested.any() else 'test'} on; give more pictures, or other splits."
            )
        known, asked = split.members[~tested], split.members[tested]
        learned = known.any(axis=0) & ~known.all(axis=0)
        tested_sides |= learned & np.array([asked.any(axis=0), ~asked.all(axis=0)])
    judged = tested_sides.all(axis=0) & enough(labelled.members, units)
    if not judged.any():
        why = unjudged_sentence(left_out(labelled.names, labelled.members, units, judged))
        raise StudyError(
            f"None of the {len(labelled.names):,} labels of {settings.pictures} can be judged. "
            f"{why} Give more pictures."
        )


def label_split(labelled: MultilabelSet, settings: Settings, repeat: int) -> MultilabelSet:
    """Return the pictures as one repeat splits them."""
    return labelled.resplit(
        settings.seed + repeat, test=settings.test, validation=settings.validation
    )


def write_label_sets(folder: StudyFolder, labelled: MultilabelSet) -> None:
    """Keep which labels each picture has, a column a label."""
    with replacing(folder.label_sets) as partial:
        labelled.to_frame().to_parquet(partial, index=False)


@dataclass(frozen=True)
class LabelSteps:
    """What a study of several labels a picture does with each of its backbones.

    Attributes
    ----------
    folder, settings, progress
        As for `BackboneSteps`.
    labelled : MultilabelSet
        The pictures.
    """

    folder: StudyFolder
    settings: Settings
    labelled: MultilabelSet
    progress: StepProgress

    @property
    def embedding(self) -> BackboneSteps:
        """The steps of every study, under keys that hold the labels."""
        members = np.packbits(self.labelled.members).tobytes().hex()
        labels = [_FORMAT, list(self.labelled.names), members]
        images = self.labelled.images
        return BackboneSteps(self.folder, self.settings, images, self.progress, labels)

    def train_probes(self, one: Embedded) -> None:
        """Score the labels of test pictures on all splits, unless that was done."""
        if self.folder.holds(one.heads, one.key):
            return
        repeats = repeats_of(self.labelled.images, self.settings)
        step = counted(one.title, len(steps_of_probes(repeats)), self.progress)
        step("distances")
        points = measure_geometry(one.features.values).points
        measured = measure_labels(points, self.labelled, self.settings, step)
        facts = facts_of(one.features)
        write_measurements(self.folder, one.heads, one.key, facts, PRETRAINED.key, measured, None)

    def map_pictures(self, one: Embedded) -> list[str]:
        """Make maps and measure what they keep; return the names of folders in ``results/``."""
        if not one.analysed:
            spaces = unlearned_maps(self.settings)
            step = counted(one.title, len(steps_of_maps(self.settings)), self.progress)
            values, images = one.features.values, self.labelled.images
            measured = _measure_maps(values, images, spaces, self.settings.seed, step)
            whose = {"backbone": one.features.backbone.name}
            write_measurements(
                self.folder, one.name, one.whole_key, whose, PRETRAINED.key, measured,
                features=one.name,
            )  # fmt: skip
            if measured.neighbors is not None:
                keep_neighbors(self.folder.features / one.name, measured.neighbors)
        return [one.heads, one.name]


def measure_labels(
    points: Points,
    labelled: MultilabelSet,
    settings: Settings,
    step: Callable[[str], None] = lambda name: None,
) -> Measurements:
    """Score the labels of test pictures on every split, and ask for them among the others.

    Of more than 100,000 pictures those of a stratified sample.
    """
    rows = sample_by_content(labelled.images.labels, labelled.images.ids, SAMPLE)
    measured = told_sample(LEARNED, rows, len(labelled))
    points, scored = points[rows], []
    for repeat in range(repeats_of(labelled.images, settings)):
        step(f"heads, split {repeat + 1}")
        split = label_split(labelled, settings, repeat).subset(rows)
        scored.append(score_labels(points, split, repeat))
        measured += scored[-1].measured
        measured += _measure_retrieval(points, split, repeat, settings.seed)
    step("learning curve")
    measured += measure_label_set_curve(points, scored, settings.seed)
    return measured.of_rows(rows)


def score_labels(points: Points, split: MultilabelSet, repeat: int) -> ScoredSplit:
    """Train a probe a label on training and validation pictures, and score the test pictures.

    Parameters
    ----------
    points : ndarray of shape (pictures, columns)
        Features, or points with the same inner products.
    split : MultilabelSet
        The pictures as this repeat splits them.
    repeat : int
        Which one.
    """
    train, validation, test = (split.images.where(s) for s in SPLITS)
    members, result = split.members, Measurements()
    strengths = np.full(members.shape[1], np.nan)
    for head, make in LABEL_PROBES.items():
        start = time.perf_counter()
        fitted = make().fit(
            points[train], members[train], validation=(points[validation], members[validation])
        )
        if isinstance(fitted, LabelProbes):
            strengths = fitted.strengths_
        scores = fitted.predict_proba(points[test]).astype(np.float32)
        seconds = time.perf_counter() - start
        rows = pd.DataFrame(
            {"head": head, "repeat": repeat, "picture": test, "scores": list(scores)}
        )
        took = Measure(f"{head}.labels", int(fitted.learned_.sum()), "train", repeat, seconds)
        result += Measurements((took,), label_scores=(rows,))
    return ScoredSplit(split, strengths, result)


def _measure_retrieval(
    points: Points, split: MultilabelSet, repeat: int, seed: int
) -> Measurements:
    """Ask for test pictures that have a label; pictures match that share one or more.

    A label that all pictures have would make every two of them match, and does not count.
    """
    gallery = split.images.where(["train", "validation"])
    members = split.members[:, ~split.members.all(axis=0)]
    queries = drawn_queries(split.images, repeat, seed, np.asarray(members.any(axis=1)))
    if not len(queries):
        return Measurements()
    found = retrieve_sharing(points[gallery], members[gallery], points[queries], members[queries])
    return told_queries(found, queries, repeat)


def _measure_maps(
    values: Points,
    images: ImageSet,
    spaces: list[Space],
    seed: int,
    step: Callable[[str], None],
) -> Measurements:
    step("distances")
    start = time.perf_counter()
    geometry = measure_geometry(values)
    took = time.perf_counter() - start
    measured = Measurements((Measure(FEATURES.cost, len(images), "all", 0, took),))
    if geometry.gram is not None and len(images) > 1:
        measured += Measurements(neighbors=find_neighbors(geometry.points))
    for space in spaces:
        step(space.title)
        measured += make_map(space, geometry, images, seed, 0)
    step("distortion")
    return measured + measure_distortion(measured.maps, geometry, images, 0)


def unlearned_maps(settings: Settings) -> list[Space]:
    """Return the maps that know nothing of classes."""
    return [space for space in chosen_maps(settings) if not space.learned]


def steps_of_probes(repeats: int) -> list[str]:
    """Name the steps before the verdict."""
    return [
        "distances",
        *(f"heads, split {number + 1}" for number in range(repeats)),
        "learning curve",
    ]


def steps_of_maps(settings: Settings) -> list[str]:
    """Name the steps after it."""
    return ["distances", *(space.title for space in unlearned_maps(settings)), "distortion"]
