"""The pictures of a study that have no label: read, placed on its maps, predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.classify.heads import LinearHead
from embedlens.classify.label_prediction import label_rows
from embedlens.classify.labels_of_study import label_classifier_of
from embedlens.classify.of_study import class_classifier_of, recipe_of
from embedlens.classify.placing import PlacedMaps
from embedlens.classify.prediction import answer_rows
from embedlens.errors import ImageSetError
from embedlens.features import embed
from embedlens.features.store import read_features
from embedlens.files import content_key
from embedlens.images import ImageSet, resolved
from embedlens.images.levels import Levels
from embedlens.metrics import nearest_neighbors
from embedlens.results.folder import StudyFolder
from embedlens.results.label_verdict import verdict_of
from embedlens.results.nearest import NEIGHBORS
from embedlens.results.results import Results
from embedlens.results.unlabelled import Stage, Unlabelled, read_unlabelled, write_unlabelled
from embedlens.results.vocabulary import PRETRAINED
from embedlens.study.step_progress import StepProgress

_FORMAT = 2  # raise it when the same pictures begin to get other answers


def read_pictures_without_label(
    place: str | Path,
    pictures: str | Path,
    levels: Mapping[str, Levels],
    progress: StepProgress,
) -> ImageSet:
    """Return the pictures of a place that have no label; its label is "".

    Parameters
    ----------
    place : path
        Of another place than ``pictures`` these are all, whatever its folders are called.
    pictures : path
        Where the labelled ones are: of this place, those in no class folder, or the rows of the
        table without a label.
    levels : mapping of str to (float, float)
        Black and white of the labelled ones that are deep, by kind.
    progress : callable
        Called with (step, done, total).

    Raises
    ------
    ImageSetError
        If there is none.
    """
    found = ImageSet.read_partly_labelled(
        place,
        levels=levels,
        progress=lambda done, total: progress("reading pictures", done, total),
    )
    if resolved(place) == resolved(pictures):
        found = found.subset(found.labels == "")
        if not len(found):
            raise ImageSetError(
                f"{place}: all its pictures have a label; name another folder with --unlabelled, "
                "or leave it out"
            )
    bare = np.full(len(found), "", dtype="<U1")
    return replace(found, labels=bare, given_splits=bare, classes=())


def new_to(images: ImageSet, others: ImageSet) -> ImageSet:
    """Return the pictures that are not among others, byte for byte.

    Raises
    ------
    ImageSetError
        If all are.
    """
    new = images.subset(~np.isin(images.ids, others.ids))
    if not len(new):
        raise ImageSetError(
            f"{images.root}: all its pictures are among the labelled ones; name another folder "
            "with --unlabelled, or leave it out"
        )
    return new


def show_unlabelled(
    folder: StudyFolder, images: ImageSet, results: Results, progress: StepProgress
) -> None:
    """Embed, place and predict pictures without a label, and keep that in the study folder.

    Parameters
    ----------
    folder : StudyFolder
        Of a study that is finished but for them.
    images : ImageSet
        The pictures.
    results : Results
        Of the study.
    progress : callable
        Called with (step, done, total).
    """
    take = verdict_of(results).take.backbone
    place, records = str(results.settings.unlabelled), folder.gathered()
    keys = [[name, record.key] for name, record in records.items()]
    key = content_key([_FORMAT, keys, images.ids.tolist(), images.paths.tolist(), take])
    before = read_unlabelled(folder, place)
    if before is not None and before.key == key:
        return
    stages = {
        (record.backbone, record.stage): (name, folder.features / record.features)
        for name, record in records.items()
        if record.features is not None
    }
    maps, nearest, embedded = {}, {}, {}
    for (backbone, stage), (name, features) in stages.items():
        new = _embedded(folder, images, results, (backbone, stage), features, progress)
        values, projection = read_features(features), folder.projection(name)
        found = results.maps[backbone, stage]
        maps[backbone, stage] = PlacedMaps(values, found, projection).place(new)
        k = min(NEIGHBORS, len(values))
        nearest[backbone, stage] = nearest_neighbors(values, k, queries=new)
        embedded[backbone, stage] = new
    answers = _answers(folder.path, results, take, embedded[take, PRETRAINED.key])
    write_unlabelled(
        folder,
        Unlabelled(key, place, take, images.to_frame(), pd.DataFrame(answers), maps, nearest),
    )


def _answers(
    study: Path, results: Results, backbone: str, features: NDArray[np.float32]
) -> list[dict[str, Any]]:
    """Return what a backbone's classifier says of each, one class or the labels that it finds."""
    if results.label_sets is None:
        return answer_rows(class_classifier_of(study, results, backbone), features)
    return label_rows(label_classifier_of(study, results, backbone, LinearHead.key), features)


def _embedded(
    folder: StudyFolder,
    images: ImageSet,
    results: Results,
    of: Stage,
    features: Path,
    progress: StepProgress,
) -> NDArray[np.float32]:
    """Return what one backbone at one stage makes of the pictures, kept beside its features."""
    backbone, stage = of
    title = backbone if stage == PRETRAINED.key else f"{backbone}, {stage}"
    done = embed(
        images,
        recipe_of(folder.path, results, backbone, stage),
        store=features.with_name(f"{features.name}.unlabelled"),
        progress=lambda done, total: progress(f"{title}: pictures without a label", done, total),
    )
    return np.asarray(done.values)
