"""The classifier that a study ends in."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import get_backbone
from embedlens.classify.classifier import Classifier, Expected
from embedlens.classify.embedded import Embedded, embedded_by, features_of
from embedlens.classify.embedding_classifier import FACTS
from embedlens.classify.heads import HEADS, LinearHead, TunedHead
from embedlens.classify.kept import read_top
from embedlens.classify.label_classifier import LabelClassifier
from embedlens.classify.labels_of_study import label_classifier_of
from embedlens.classify.training import Trained, calibrate_tuned, train
from embedlens.errors import BackboneError, EmbedlensError, StudyError
from embedlens.features import Recipe
from embedlens.given_path import given_path
from embedlens.metrics.proportion import proportion_interval
from embedlens.results.class_coverage import ClassCoverage
from embedlens.results.folder import StudyFolder
from embedlens.results.results import Results, results_of_any
from embedlens.results.verdict import Verdict, count_hits, judge
from embedlens.results.vocabulary import PRETRAINED, TUNED


def classifier_of(
    study: Path, backbone: str | None = None, head: str = LinearHead.key
) -> Classifier | LabelClassifier:
    """Return a classifier of a finished study, of one class or of several labels a picture.

    Linear probe, k-NN and the probes of labels are trained on all its labelled pictures, once: they
    are kept in the study folder. "tuned" is the network that the study fine-tuned on its first
    split, with its top: that has learned from training and validation pictures, and is calibrated
    on the test pictures.

    Parameters
    ----------
    study : Path
        The study folder.
    backbone : str, optional
        One of the study's, in any case of letters; by default the one that the verdict takes.
    head : {"linear_probe", "knn", "tuned"}, default "linear_probe"
        Which. The verdict is by the linear probe, which is all that several labels have.

    Raises
    ------
    StudyError
        If the study did not run to its end, has no such backbone or head, did not fine-tune, or its
        features are gone or of other versions.
    """
    folder = given_path(study)
    results = results_of_any(folder)
    if head not in HEADS:
        raise StudyError(f"There is no head {head!r} to use; choose {' or '.join(HEADS)}.")
    if results.label_sets is not None:
        return label_classifier_of(folder, results, backbone, head)
    return class_classifier_of(folder, results, backbone, head)


def class_classifier_of(
    folder: Path, results: Results, backbone: str | None = None, head: str = LinearHead.key
) -> Classifier:
    """Return a classifier of a study of one class a picture; see `classifier_of`."""
    name = judge(results).take.backbone if backbone is None else results.settings.title_of(backbone)
    if head == TunedHead.key:
        return _tuned(folder, results, name)
    found = embedded_by(folder, results, name)
    trained = _trained(found, head, StudyFolder(folder).classifiers)
    expected = expected_of(results, judge(results, head), name)
    return _classifier(found, trained, np.ones(len(found.pictures), bool), expected)


def _trained(found: Embedded, head: str, store: Path) -> Trained:
    """Train a head on all pictures, unless that was done: then it is in the study folder."""
    kept = found.pictures
    labels, watched = kept["label"].to_numpy(str), (kept["split"] == "validation").to_numpy()
    groups = (kept["group"] if "group" in kept else kept["id"]).tolist()
    return found.trained(
        Trained, store, head, [labels.tolist(), watched.tolist(), groups],
        lambda: train(found.values, labels, watched, groups, head),
    )  # fmt: skip


def _tuned(study: Path, results: Results, name: str) -> Classifier:
    """Return the network and the top that were fine-tuned on the first split."""
    if not results.settings.finetune:
        raise StudyError(
            f"{study} was not fine-tuned, so that it has no head {TunedHead.key!r}. Run "
            f"`embedlens study {results.settings.pictures} --out {study} --finetune`, or take "
            f"another head."
        )
    before, paths = embedded_by(study, results, name), StudyFolder(study)
    folder = features_of(study, results, name, TUNED.key)
    head, classes = read_top(paths.tuned_top(before.folder.name))
    found = replace(before, folder=folder, recipe=_tuned_recipe(paths, before))
    splits, labels = found.pictures["split"], found.pictures["label"].to_numpy(str)
    held = (splits == "test").to_numpy()
    trained = calibrate_tuned(head, classes, found.values, labels, held)
    return _classifier(found, trained, ~held, _expected_of_tuned(results, name))


def _tuned_recipe(paths: StudyFolder, before: Embedded) -> Recipe:
    backbone = before.recipe.backbone
    network = paths.tuned_network(before.folder.name, backbone.family.tuned_suffix).resolve()
    if not network.exists():
        raise StudyError(f"The fine-tuned network {network} is gone; run the study again.")
    spelt = backbone.family.anchored(backbone.network, network)
    recipe = before.results.settings.recipe(get_backbone(spelt))
    return recipe.titled(f"{before.backbone}, {TUNED.title}")


def recipe_of(study: Path, results: Results, backbone: str, stage: str) -> Recipe:
    """Return how a study embedded with one of its backbones, for other pictures.

    Parameters
    ----------
    study : Path
        The study folder.
    results : Results
        What was read from it.
    backbone : str
        As the study names it.
    stage : {"pretrained", "tuned"}
        With which of its weights.

    Raises
    ------
    StudyError
        If its features are gone or of other versions, or the tuned network is gone.
    """
    found = embedded_by(study, results, backbone)
    return found.recipe if stage == PRETRAINED.key else _tuned_recipe(StudyFolder(study), found)


def _classifier(
    found: Embedded, trained: Trained, learned: NDArray[np.bool_], expected: Expected
) -> Classifier:
    return Classifier(
        found.recipe,
        found.recipe.record(),
        found.transform,
        found.training(learned),
        trained.head,
        trained.temperature,
        trained.classes,
        trained.threshold,
        trained.unknown,
        expected,
        licence=found.licence,
    )


def open_classifier(
    place: str | Path, backbone: str | None = None, head: str | None = None
) -> Classifier | LabelClassifier:
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
    if backbone is not None and found.backbone.casefold() not in _spellings(backbone):
        raise _other(folder, found.backbone, backbone)
    if head is not None and found.head.key != head.casefold():
        raise _other(folder, found.head.key, head)
    return found


def _other(folder: Path, has: str, asked: str) -> EmbedlensError:
    return EmbedlensError(
        f"{folder} is a classifier with {has}, not {asked}; leave {asked} out, or give the study."
    )


def expected_of(results: Results, verdict: Verdict, backbone: str) -> Expected:
    """Return what the verdict says of a backbone; of the one it takes, without the luck."""
    coverage = _coverage_told(verdict.coverage)
    if verdict.take.backbone == backbone:
        told = verdict.expected, verdict.expected_low, verdict.expected_high
        return Expected(*told, verdict.pictures, verdict.foretold, coverage)
    rows = results.predictions.query(
        "head == @verdict.head and stage == 'pretrained' and backbone == @backbone"
    )
    return replace(_measured(results, rows), coverage=coverage)


def _coverage_told(coverage: ClassCoverage) -> str:
    """Say of which classes the heads of splits tell nothing, or less than the classifier knows."""
    told = coverage.sentence()
    if not coverage.untrained:
        return told
    return f"{told} This classifier has learned all classes, and should get more right."


def _expected_of_tuned(results: Results, backbone: str) -> Expected:
    """Return what tops that were fine-tuned with a backbone get right, on each of the splits."""
    rows = results.predictions.query("head == 'top' and stage == 'tuned' and backbone == @backbone")
    return _measured(results, rows)


def _measured(results: Results, rows: pd.DataFrame) -> Expected:
    """Return the share of right answers in rows of one backbone's predictions."""
    hits, shown = count_hits(rows, rows["backbone"], results)
    share = proportion_interval(next(iter(hits.values())), shown)
    return Expected(share.estimate, share.low, share.high, int(rows["picture"].nunique()))


def _spellings(name: str) -> set[str]:
    """Return a name, and in full what it is short for: a network without its tag, say."""
    spelt = {name.strip().casefold()}
    with contextlib.suppress(BackboneError):
        spelt.add(get_backbone(name).name.casefold())
    return spelt
