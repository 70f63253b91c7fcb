"""The results of a study of several labels a picture as a scene: a column a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.classify.label_prediction import probability_column
from embedlens.images import SPLITS
from embedlens.results import Results, judge_labels
from embedlens.results.unlabelled import Unlabelled
from embedlens.results.vocabulary import in_order
from embedlens.viewer.findings import add_findings
from embedlens.viewer.scene import UNKNOWN, Role, Scene, backbone_key
from embedlens.viewer.study_scene import (
    NO_LABEL,
    add_plain_map,
    codes_in,
    opening_map_of,
    padded,
    stage_name,
    stages_of,
    study_scene,
)

HAS, HAS_NOT = "with", "without"


def scene_of(results: Results) -> Scene:
    """Return a study as a scene, whether its pictures have one class or several labels each."""
    return study_scene(results) if results.label_sets is None else label_scene(results)


def label_scene(results: Results) -> Scene:
    """Return the maps of a study of several labels a picture, coloured by a label at a time.

    Pictures are first coloured by how many labels they have. All labels of a picture stand in one
    column more, where there are not too many lists of labels to be told apart.

    Parameters
    ----------
    results : Results
        Of the study.

    Returns
    -------
    Scene
        Without thumbnails, pictures and neighbours, which depend on where it is shown.
    """
    assert results.label_sets is not None
    pictures = results.pictures[results.pictures["kept"]]
    bare = results.unlabelled
    others = [] if bare is None else bare.kept["path"].to_list()
    scene = label_sets_scene(results.name, pictures, results.label_sets, results.findings, others)
    if bare is not None:
        _add_probabilities(scene, bare, list(map(str, results.label_sets)))
    for backbone, stage in stages_of(results):
        scene.backbones[backbone_key(backbone, stage)] = stage_name(backbone, stage)
        for method in in_order(results.maps[backbone, stage]):
            add_plain_map(scene, results, backbone, stage, method)
    scene.opening = opening_map_of(results, judge_labels(results).take.backbone)
    return scene


def _add_probabilities(scene: Scene, bare: Unlabelled, names: Sequence[str]) -> None:
    """Add what the classifier says of each label of the pictures that have none said of them."""
    for place, name in enumerate(names):
        column = probability_column(name)
        if column in bare.predictions:  # one that was learned
            values = np.full(scene.count, np.nan, np.float32)
            values[-len(bare) :] = bare.predictions[column]
            scene.add_number(
                f"probability:{place}",
                f"probability of {name} by {bare.backbone} ({NO_LABEL})",
                values, range=(0, 1), short_name=f"probability of {name}",
            )  # fmt: skip


def label_sets_scene(
    name: str,
    pictures: pd.DataFrame,
    label_sets: pd.DataFrame,
    findings: pd.DataFrame | None,
    others: Sequence[str] = (),
) -> Scene:
    """Return pictures with several labels each as a scene that has no map yet.

    Parameters
    ----------
    name : str
        What the scene is called.
    pictures : DataFrame
        A row each, with path, label (the list of its labels) and split.
    label_sets : DataFrame
        A column a label, of bool.
    findings : DataFrame or None
        What a check found of them.
    others : sequence of str, optional
        Paths of pictures of which nobody has said the labels; they come after them, grey.
    """
    members = label_sets.to_numpy(bool)
    counts = members.sum(axis=1)
    found = np.unique(counts)
    numbers = tuple("1 label" if each == 1 else f"{each} labels" for each in found)
    paths = pictures["path"].to_list()
    scene = Scene(name, len(paths) + len(others), numbers, labels=label_sets.shape[1])
    scene.add_paths([*paths, *others])
    facts = {"unknown": NO_LABEL} if others else {}

    def add(
        id: str, name: str, codes: NDArray[Any], names: Sequence[str], role: Role | None = None
    ) -> None:
        every = padded(codes, scene.count, -1)
        scene.add_category(id, name, every, names, role=role, **facts)

    add("labels:number", "number of labels", np.searchsorted(found, counts), numbers, "class")
    for place, label in enumerate(label_sets):
        has = members[:, place].astype(np.int64)
        add(f"label:{place}", f"label {label}", has, (HAS_NOT, HAS))
    lists = pictures["label"].astype(str).replace("", "none")
    distinct = tuple(sorted(lists.unique()))
    if len(distinct) < UNKNOWN:
        add("labels", "labels", codes_in(lists, distinct), distinct)
    add("split", "split", codes_in(pictures["split"], SPLITS), SPLITS, "split")
    if findings is not None:
        add_findings(scene, findings, paths, pictures["label"].to_list())
    return scene
