"""Checking an image set: all that is wrong with it, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Backbone
from embedlens.curation.blanks import describe_blanks
from embedlens.curation.class_findings import class_clash, describe_classes
from embedlens.curation.copies import describe_copies, describe_look_alikes, find_copies
from embedlens.curation.file_facts import FileFacts, judge_file_facts
from embedlens.curation.finding import KINDS, Finding
from embedlens.curation.judged import Judged
from embedlens.curation.label_findings import describe_labels, label_clash
from embedlens.curation.neighborhood import Neighborhood
from embedlens.features import embed
from embedlens.files import replacing
from embedlens.images import NOTES, ImageSet, MultilabelSet
from embedlens.metrics.outliers import scores_of
from embedlens.metrics.stratified import COMPARED, SAMPLE, sample_by_content

FINDINGS, IMAGES, FEATURES = "findings.parquet", "images.parquet", "features"
"""What lies in the folder of a check; ``features`` where it was told to keep them there."""
LABEL_SETS = "label_sets.parquet"
"""Lies there where pictures have several labels each."""

# In robust standard deviations from the typical distance to the 10 nearest pictures.
APART = 5.0

_SET_ASIDE = ("unreadable", "missing", "outside", "loose")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes
    ----------
    images : ImageSet
        What was checked; where pictures have several labels each, the class of each is their list.
    backbone : str
        Whose features it was checked with.
    findings : DataFrame
        A row a `Finding`: kind, path, reason, action, label, split, other, other_label,
        other_split, suggested, score; by kind, then by score.
    facts : FileFacts or None
        How well the classes are told by their files; None where pictures have several labels.
    label_sets : DataFrame or None
        Where pictures have several labels, which each has: a column a label, of bool.
    """

    images: ImageSet
    backbone: str
    findings: pd.DataFrame
    facts: FileFacts | None
    label_sets: pd.DataFrame | None = None

    @property
    def kinds(self) -> str:
        """What the pictures are told apart by, counted: "3 classes", "5 labels"."""
        if self.label_sets is None:
            return f"{len(self.images.classes):,} classes"
        return f"{len(self.label_sets.columns):,} labels"

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each kind, those of none left out."""
        found = self.findings["kind"].value_counts()
        return {kind: int(found[kind]) for kind in KINDS if kind in found}

    def write(self, folder: Path) -> Path:
        """Write ``findings.csv``, ``findings.parquet`` and ``images.parquet``.

        Each is written whole or not at all. The last holds the pictures that were checked; which
        of several labels they have is in ``label_sets.parquet``.

        Returns
        -------
        Path
            ``findings.csv``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.images.write(folder / IMAGES)
        (folder / LABEL_SETS).unlink(missing_ok=True)  # of a check before
        if self.label_sets is not None:
            with replacing(folder / LABEL_SETS) as unfinished:
                self.label_sets.to_parquet(unfinished, index=False)
        with replacing(folder / FINDINGS) as unfinished:
            self.findings.to_parquet(unfinished, index=False)
        with replacing(folder / "findings.csv") as unfinished:
            self.findings.to_csv(unfinished, index=False)
        return folder / "findings.csv"


def check(
    images: ImageSet | MultilabelSet,
    features: NDArray[np.floating] | None = None,
    *,
    backbone: str | Backbone = "EfficientNetLite0",
    store: Path | str | None = None,
    seed: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> Check:
    """Look for all that makes a study of these pictures worth less.

    Files that cannot be used; blank pictures; copies within a class, across the split and across
    classes, each compared directly; groups that a random split would part, with what it promises
    and what new groups get; labels that are likely wrong; pictures that only look alike;
    pictures like no other; classes too small to judge, never tested or never trained on; unequal
    classes; classes that can be told by their files.

    Of pictures with several labels each, what needs no class; copies that do not have the same
    labels; labels that are likely wrong or missing, each by itself; labels that few test pictures
    have. Groups and facts of files are judged by classes alone, and left out.

    Parameters
    ----------
    images : ImageSet or MultilabelSet
        The pictures; with the problems found while reading them.
    features : ndarray of shape (n, d), optional
        Of a backbone, averaged over the picture; by default computed with ``backbone``.
    backbone : str or Backbone, default "EfficientNetLite0"
        A name as for ``get_backbone``, or what it returned. The default comes with the
        install and is the fastest.
    store : path, optional
        Folder to keep the features in, for the next check.
    seed : int, default 0
        Of folds and forests.
    progress : callable, optional
        Called with (step, done, total) as the work goes on.

    Returns
    -------
    Check

    Raises
    ------
    BackboneError, WeightsError, ImageSetError, EmbedlensError
        As ``embed``.

    Notes
    -----
    Copies are looked for among all pictures by their hashes, exactly. Neighbours in the features
    are looked for among a stratified sample of 20,000 pictures where there are more; labels,
    look-alikes and outliers are judged of a sample of 100,000. The findings then say so.

    Examples
    --------
    >>> found = check(ImageSet.read("photos/"))  # doctest: +SKIP
    >>> found.counts()  # doctest: +SKIP
    {'leak': 3, 'suspect label': 12}
    """
    name = backbone if isinstance(backbone, str) else backbone.name
    labelled = images if isinstance(images, MultilabelSet) else None
    pictures = images.images if isinstance(images, MultilabelSet) else images
    if features is None:
        features = embed(
            pictures,
            backbone,
            store=store,
            progress=lambda done, total: progress(f"{name}: embedding", done, total),
        ).values
    rows = sample_by_content(pictures.labels, pictures.ids, SAMPLE)
    values, some = np.asarray(features), pictures
    if len(rows) < len(pictures):
        values, some = values[rows], pictures.subset(rows)
    progress("copies", 0, 0)
    among = sample_by_content(some.labels, some.ids, COMPARED)
    near = Neighborhood.of(values, among)
    # Lists of labels are no classes: all pictures with one list may be copies of each other.
    classes = pictures.labels if labelled is None else np.zeros(len(pictures), "U1")
    copies = find_copies(pictures, near, rows, classes)
    judged = Judged(rows, some, values, near, copies.of_rows(rows))
    clash = partial(class_clash, pictures) if labelled is None else partial(label_clash, labelled)
    progress("labels", 0, 0)
    facts = sets = None
    if labelled is None:
        facts = judge_file_facts(pictures, seed)
        found = describe_classes(pictures, judged, facts, seed)
    else:
        found, sets = describe_labels(labelled, judged, seed), labelled.to_frame()
    findings = [
        *_sampled(len(pictures), len(rows), len(among), "groups, " if labelled is None else ""),
        *_set_aside(pictures),
        *describe_blanks(pictures),
        *describe_copies(pictures, copies, clash),
        *describe_look_alikes(judged),
        *_outliers(some, near),
        *found,
    ]
    return Check(pictures, name, _table(findings), facts, sets)


def _sampled(pictures: int, judged: int, among: int, groups: str) -> Iterator[Finding]:
    """Say which pictures stand for all, where some do."""
    if among < judged:
        yield Finding(
            "sample",
            f"{judged:,} of {pictures:,} pictures",
            f"labels, {groups}look-alikes and outliers are judged "
            + (f"of a stratified sample of {judged:,} pictures, " if judged < pictures else "")
            + f"by neighbours among a stratified sample of {among:,}; copies are looked for among "
            "all by their hashes, and turned or mirrored ones by those neighbours alone",
            "check a part of the pictures by itself to have all of it compared",
        )


def _table(findings: list[Finding]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [asdict(each) for each in findings], columns=[each.name for each in fields(Finding)]
    )
    rank = frame["kind"].map(list(KINDS).index).astype(int)
    ordered = frame.assign(rank=rank).sort_values(
        ["rank", "score", "path", "other"], ascending=[True, False, True, True]
    )
    return ordered.drop(columns="rank").reset_index(drop=True)


def _set_aside(images: ImageSet) -> Iterator[Finding]:
    """Give what reading the pictures found: files, and copies that are no longer in the set."""
    for each in images.problems:
        if each.kind in NOTES:
            yield Finding("reading", each.path, each.reason, "see whether that is what you mean")
        elif each.kind in _SET_ASIDE:
            yield Finding(each.kind, each.path, each.reason, "mend, replace or remove it")
        elif not each.kept:
            yield Finding(each.kind, each.path, each.reason, "remove it; it was set aside", score=1)


def _outliers(images: ImageSet, near: Neighborhood) -> Iterator[Finding]:
    scores = scores_of(near.distances)
    for row in np.flatnonzero(scores > APART):
        yield Finding(
            "outlier",
            str(images.paths[row]),
            f"it lies {scores[row]:.1f} robust standard deviations farther from its nearest "
            "pictures than is usual",
            "look whether it belongs here",
            str(images.labels[row]),
            str(images.splits[row]),
            score=float(scores[row]),
        )
