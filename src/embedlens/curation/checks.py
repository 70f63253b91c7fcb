"""Checking an image set: all that is wrong with it, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Backbone
from embedlens.curation.blanks import describe_blanks
from embedlens.curation.copies import describe_copies, describe_look_alikes, find_copies
from embedlens.curation.file_facts import FileFacts, judge_file_facts
from embedlens.curation.finding import KINDS, Finding
from embedlens.curation.groups import describe_groups
from embedlens.curation.neighborhood import Neighborhood
from embedlens.curation.suspect_labels import describe_suspects, suspect_labels
from embedlens.features import embed
from embedlens.files import replacing
from embedlens.images import NOTES, ImageSet
from embedlens.images.grouping import united
from embedlens.metrics.outliers import scores_of
from embedlens.metrics.proportion import proportion_interval
from embedlens.metrics.stratified import COMPARED, SAMPLE, sample_by_content

FINDINGS, IMAGES, FEATURES = "findings.parquet", "images.parquet", "features"
"""What lies in the folder of a check; ``features`` where it was told to keep them there."""

# With fewer test pictures the 95% interval of a class's accuracy of 90% is wider than 17 points.
FEW = 50
# A class this many times larger than another: accuracy then says little of the smaller.
UNEQUAL = 5.0
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
        What was checked.
    backbone : str
        Whose features it was checked with.
    findings : DataFrame
        A row a `Finding`: kind, path, reason, action, label, split, other, other_label,
        other_split, suggested, score; by kind, then by score.
    facts : FileFacts
        How well the classes are told by their files.
    """

    images: ImageSet
    backbone: str
    findings: pd.DataFrame
    facts: FileFacts

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each kind, those of none left out."""
        found = self.findings["kind"].value_counts()
        return {kind: int(found[kind]) for kind in KINDS if kind in found}

    def write(self, folder: Path) -> Path:
        """Write ``findings.csv``, ``findings.parquet`` and ``images.parquet``.

        Each is written whole or not at all. The last holds the pictures that were checked.

        Returns
        -------
        Path
            ``findings.csv``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.images.write(folder / IMAGES)
        with replacing(folder / FINDINGS) as partial:
            self.findings.to_parquet(partial, index=False)
        with replacing(folder / "findings.csv") as partial:
            self.findings.to_csv(partial, index=False)
        return folder / "findings.csv"


def check(
    images: ImageSet,
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

    Parameters
    ----------
    images : ImageSet
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
    if features is None:
        features = embed(
            images,
            backbone,
            store=store,
            progress=lambda done, total: progress(f"{name}: embedding", done, total),
        ).values
    judged = sample_by_content(images.labels, images.ids, SAMPLE)
    values, some = np.asarray(features), images
    if len(judged) < len(images):
        values, some = values[judged], images.subset(judged)
    progress("copies", 0, 0)
    among = sample_by_content(some.labels, some.ids, COMPARED)
    near = Neighborhood.of(values, among)
    copies = find_copies(images, near, judged)
    progress("labels", 0, 0)
    own = copies.of_rows(judged)
    groups = united(own.names, some.given_groups.tolist())
    suspects = suspect_labels(values, some.codes, groups, seed, near)
    progress("files", 0, 0)
    facts = judge_file_facts(images, seed)
    findings = [
        *_sampled(len(images), len(judged), len(among)),
        *_set_aside(images),
        *describe_blanks(images),
        *describe_copies(images, copies),
        *describe_look_alikes(some, own, near),
        *describe_groups(some, values, own, seed),
        *describe_suspects(some, suspects),
        *_outliers(some, near),
        *_classes(images),
        *_told_by_files(facts),
    ]
    return Check(images, name, _table(findings), facts)


def _sampled(pictures: int, judged: int, among: int) -> Iterator[Finding]:
    """Say which pictures stand for all, where some do."""
    if among < judged:
        yield Finding(
            "sample",
            f"{judged:,} of {pictures:,} pictures",
            "labels, look-alikes, groups and outliers are judged "
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


def _classes(images: ImageSet) -> Iterator[Finding]:
    counts = images.counts()
    sizes, tested = counts.sum(axis=1), counts["test"]
    for name in counts.index:
        if not tested[name] or not counts["train"][name]:
            missing = "no test picture" if not tested[name] else "no training picture"
            means = "it is never tested" if not tested[name] else "it can never be recognised"
            yield Finding(
                "small class",
                str(name),
                f"{missing} among {sizes[name]}: in this split {means}",
                "add pictures that are no copies of each other, or give other splits",
                str(name),
                score=1.0,
            )
        elif tested[name] < FEW:
            yield Finding(
                "small class",
                str(name),
                f"{tested[name]} test pictures of {sizes[name]}: {_known_of(int(tested[name]))}",
                "add pictures, or judge it over many splits",
                str(name),
                score=float(1 / (1 + tested[name])),
            )
    ratio = sizes.max() / max(sizes.min(), 1)
    if ratio >= UNEQUAL:
        yield Finding(
            "imbalance",
            str(sizes.idxmax()),
            f"{sizes.max()} pictures, {ratio:.1f} times as many as {sizes.idxmin()} "
            f"({sizes.min()})",
            "read balanced accuracy, not accuracy, or add pictures of the small classes",
            str(sizes.idxmax()),
            score=float(ratio),
        )


def _known_of(tested: int) -> str:
    """Say how surely an accuracy is known that so many test pictures measure."""
    if not tested:
        return "nothing is known of its accuracy"
    each = proportion_interval(np.ones(tested))
    return f"even if all are right, its accuracy is known to lie above {each.low:.0%} only"


def _told_by_files(facts: FileFacts) -> Iterator[Finding]:
    if not facts.notable:
        return
    by = ", ".join(f"{name} ({share:.0%})" for name, share in list(facts.alone.items())[:3])
    best = max(facts.classes, key=facts.classes.__getitem__)
    yield Finding(
        "file facts",
        best,
        f"facts of the files alone, without a look at the pictures, name the class of "
        f"{facts.accuracy:.0%} (mean over classes; chance {facts.chance:.0%}), of {best} "
        f"{facts.classes[best]:.0%}. By itself: {by}",
        "take pictures of all classes from the same sources, saved in the same way",
        best,
        score=facts.accuracy - facts.chance,
    )
