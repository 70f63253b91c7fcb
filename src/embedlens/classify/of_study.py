"""The classifier that a study ends in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from embedlens.backbones import get_backbone
from embedlens.backbones.naming import titles
from embedlens.classify.classifier import FACTS, Classifier, Expected, Training
from embedlens.classify.heads import HEADS, LinearHead
from embedlens.classify.training import train
from embedlens.errors import EmbedlensError, StudyError
from embedlens.features.store import read_features, read_meta
from embedlens.given_path import given_path
from embedlens.images.levels import Levels
from embedlens.metrics.proportion import proportion_interval
from embedlens.results.folder import StudyFolder
from embedlens.results.results import Results, feature_folders, finished_results
from embedlens.results.verdict import Verdict, count_hits, judge
from embedlens.results.vocabulary import PRETRAINED


def classifier_of(
    study: Path, backbone: str | None = None, head: str = LinearHead.key
) -> Classifier:
    """Train a classifier on all labelled pictures of a finished study.

    Parameters
    ----------
    study : Path
        The study folder.
    backbone : str, optional
        One of the study's, in any case of letters; by default the one that the verdict takes.
    head : {"linear_probe", "knn"}, default "linear_probe"
        Which. The verdict is by the linear probe.

    Raises
    ------
    StudyError
        If the study did not run to its end, has no such backbone, or its features are gone or of
        other versions.
    """
    results = finished_results(given_path(study))
    if head not in HEADS:
        raise StudyError(f"There is no head {head!r} to use; choose {' or '.join(HEADS)}.")
    name = judge(results).take.backbone if backbone is None else _named(results, backbone)
    folder = feature_folders(given_path(study).resolve(), results).get((name, PRETRAINED.key))
    if folder is None:
        raise StudyError(
            f"{study} has no features of {name} any more, or they are of other pictures; run the "
            "study again."
        )
    settings = results.settings
    spelt = next(each for each, title in titles(settings.backbones).items() if title == name)
    found = get_backbone(
        spelt, weights=settings.weights_of(spelt), transform=settings.transform_of(spelt)
    )
    recipe, meta = settings.recipe(found), read_meta(folder)
    if recipe.key() != meta.get("key"):
        raise StudyError(
            f"The features of {name} in {study} were computed with other versions or settings than "
            "are here now; run the study again, which computes what has changed."
        )
    kept = results.pictures[results.pictures["kept"]]
    labels, values = kept["label"].to_numpy(str), np.asarray(read_features(folder), np.float32)
    groups = kept["group"] if "group" in kept else kept["id"]
    watched = (kept["split"] == "validation").to_numpy()
    trained = train(values, labels, watched, groups.tolist(), head)
    size = (int(meta["size"][0]), int(meta["size"][1]))
    ids, paths = tuple(map(str, kept["id"])), tuple(map(str, kept["path"]))
    return Classifier(
        recipe,
        recipe.record(),
        recipe.transform.of_size(size),
        trained.head,
        trained.temperature,
        trained.classes,
        trained.threshold,
        trained.unknown,
        Training(values, ids, paths, tuple(labels.tolist()), _levels(kept)),
        expected_of(results, judge(results, head), name),
        licence=found.weights.licence,
    )


def open_classifier(
    place: str | Path, backbone: str | None = None, head: str | None = None
) -> Classifier:
    """Return the classifier in a folder, or of a study in one.

    Raises
    ------
    EmbedlensError
        If the folder is neither, or is a classifier and another backbone or head is asked for.
    """
    folder = given_path(place)
    if not (folder / FACTS).is_file():
        if not StudyFolder(folder).settings.is_file():
            raise EmbedlensError(
                f"{folder} is neither a study folder nor a classifier: it has no study.toml and no "
                f"{FACTS}. Make a study with `embedlens study PHOTOS --out FOLDER`."
            )
        return classifier_of(folder, backbone, head or LinearHead.key)
    found = Classifier.load(folder)
    for asked, has in ((backbone, found.backbone), (head, found.head.key)):
        if asked is not None and not _same(asked, has):
            raise EmbedlensError(
                f"{folder} is a classifier with {has}, not {asked}; leave {asked} out, or give the "
                "study."
            )
    return found


def expected_of(results: Results, verdict: Verdict, backbone: str) -> Expected:
    """Return what the verdict says of a backbone; of the one it takes, without the luck."""
    if verdict.take.backbone == backbone:
        told = verdict.expected, verdict.expected_low, verdict.expected_high
        return Expected(*told, verdict.pictures)
    rows = results.predictions.query(
        "head == @verdict.head and stage == 'pretrained' and backbone == @backbone"
    )
    hits, shown = count_hits(rows, rows["backbone"], results)
    share = proportion_interval(hits[backbone], shown)
    return Expected(share.estimate, share.low, share.high, verdict.pictures)


def _levels(pictures: pd.DataFrame) -> dict[str, Levels]:
    """Return black and white by format, where all deep pictures of the format share them."""
    if "white" not in pictures:  # a study of version 0.1.0
        return {}
    deep = pictures[pictures["white"].notna()]
    shared = {str(name): rows[["black", "white"]].drop_duplicates() for name, rows in
              deep.groupby("format")}  # fmt: skip
    return {
        name: (rows["black"].to_numpy(float)[0], rows["white"].to_numpy(float)[0])
        for name, rows in shared.items()
        if len(rows) == 1
    }


def _named(results: Results, backbone: str) -> str:
    names = [str(each) for each in results.backbones["backbone"]]
    found = next((each for each in names if _same(each, backbone)), None)
    if found is None:
        raise StudyError(f"The study has no backbone {backbone!r}; it has {', '.join(names)}.")
    return found


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
