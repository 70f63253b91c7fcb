"""The classifier that a study of several labels a picture ends in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embedlens.classify.embedded import embedded_by
from embedlens.classify.heads import LinearHead
from embedlens.classify.label_classifier import (
    ExpectedLabel,
    ExpectedLabels,
    LabelClassifier,
)
from embedlens.classify.label_training import TrainedLabels, train_labels
from embedlens.errors import StudyError
from embedlens.images.label_sets import free_separator
from embedlens.images.table import Wanted, label_separator
from embedlens.results.folder import StudyFolder
from embedlens.results.label_verdict import LabelVerdict, judge_labels
from embedlens.results.results import Results
from embedlens.results.settings import Settings


def label_classifier_of(
    study: Path, results: Results, backbone: str | None, head: str
) -> LabelClassifier:
    """Return a classifier of a finished study of several labels a picture.

    Parameters
    ----------
    study : Path
        The study folder.
    results : Results
        What was read from it.
    backbone, head
        As for `classifier_of`; there is the head "linear_probe" alone.

    Raises
    ------
    StudyError
        As `classifier_of`.
    """
    if head != LinearHead.key:
        raise StudyError(
            f"{study} is a study of several labels a picture, which has the head "
            f"{LinearHead.key!r} alone, a logistic regression a label; {head!r} is of one class a "
            "picture. Leave the head out."
        )
    verdict = judge_labels(results)
    name = verdict.take.backbone if backbone is None else results.settings.title_of(backbone)
    found = embedded_by(study, results, name)
    assert results.label_sets is not None
    kept, names = found.pictures, list(map(str, results.label_sets))
    members = results.label_sets.to_numpy(bool)
    watched = (kept["split"] == "validation").to_numpy()
    groups = (kept["group"] if "group" in kept else kept["id"]).tolist()
    trained = found.trained(
        TrainedLabels, StudyFolder(study).classifiers, "labels",
        [names, np.packbits(members).tobytes().hex(), watched.tolist(), groups],
        lambda: train_labels(found.values, members, names, watched, groups),
    )  # fmt: skip
    counts = dict(zip(names, members.sum(axis=0).tolist(), strict=True))
    return LabelClassifier(
        found.recipe,
        found.recipe.record(),
        found.transform,
        found.training(np.ones(len(kept), bool)),
        trained.head,
        trained.labels,
        tuple(counts[label] for label in trained.labels),
        trained.unknown,
        _separator(results.settings, names),
        tuple(results.settings.labels),
        _expected(verdict, name, trained),
        licence=found.licence,
    )


def _expected(verdict: LabelVerdict, backbone: str, trained: TrainedLabels) -> ExpectedLabels:
    """Return what the verdict says of a backbone; of the one it takes, without the luck."""
    standing = next(each for each in verdict.standings if each.backbone == backbone)
    told, foretold = (standing.mean_average_precision, standing.low, standing.high), 0.0
    if standing is verdict.take:
        told = (verdict.expected, verdict.expected_low, verdict.expected_high)
        foretold = verdict.foretold
    both = zip(trained.precision, trained.recall, strict=True)
    at_rule = dict(zip(trained.labels, both, strict=True))
    labels = tuple(
        ExpectedLabel(
            each.label, each.average_precision, each.low, each.high, each.share,
            *at_rule[each.label],
        )
        for each in standing.labels
    )  # fmt: skip
    return ExpectedLabels(*told, verdict.pictures, labels, foretold)


def _separator(settings: Settings, names: list[str]) -> str:
    """Return what parts labels in the study's table; of one that does not tell, what none holds."""
    if settings.separator is not None:
        return settings.separator
    told = label_separator(Path(settings.pictures), Wanted(labels=tuple(settings.labels)))
    return told or free_separator(names)
