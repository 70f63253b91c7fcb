"""What is found of pictures with one class each, and by their classes alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embedlens.curation.copies import Clash
from embedlens.curation.file_facts import FileFacts
from embedlens.curation.finding import Finding
from embedlens.curation.groups import describe_groups
from embedlens.curation.judged import Judged
from embedlens.curation.suspect_labels import describe_suspects, suspect_labels
from embedlens.images import ImageSet
from embedlens.metrics.proportion import proportion_interval

# With fewer test pictures the 95% interval of a class's accuracy of 90% is wider than 17 points.
FEW = 50
# A class this many times larger than another: accuracy then says little of the smaller.
UNEQUAL = 5.0


def class_clash(images: ImageSet, row: int, other: int) -> Clash | None:
    """Return what is wrong with two copies that are of two classes; None where they are of one."""
    if images.labels[row] == images.labels[other]:
        return None
    return Clash("two labels", "", "look which label is right, and remove the other")


def describe_classes(
    images: ImageSet, judged: Judged, facts: FileFacts, seed: int
) -> Iterator[Finding]:
    """Say what is wrong with labels, groups, sizes of classes and the files of classes."""
    yield from describe_groups(judged.images, judged.features, judged.copies, seed)
    suspects = suspect_labels(
        judged.features, judged.images.codes, judged.groups, seed, judged.near
    )
    yield from describe_suspects(judged.images, suspects)
    yield from _sizes(images)
    yield from _told_by_files(facts)


def _sizes(images: ImageSet) -> Iterator[Finding]:
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
                f"{tested[name]} test {'picture' if tested[name] == 1 else 'pictures'} of "
                f"{sizes[name]}: even if all are right, its "
                f"accuracy is known to lie above {known_of(int(tested[name])):.0%} only",
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


def known_of(tested: int) -> float:
    """Return the share that is known of so many test pictures if all of them are right."""
    return proportion_interval(np.ones(tested)).low


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
