"""What is found of pictures with several labels each: by each label, told from its absence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.class_findings import FEW, known_of
from embedlens.curation.copies import Clash
from embedlens.curation.finding import Finding
from embedlens.curation.judged import Judged
from embedlens.curation.suspect_label_sets import describe_doubted, suspect_label_sets
from embedlens.images import MultilabelSet

_SHOWN = 5


def label_clash(labelled: MultilabelSet, row: int, other: int) -> Clash | None:
    """Return which labels two copies do not share; None where they have the same."""
    mine, theirs = labelled.members[row], labelled.members[other]
    paths, alone = labelled.images.paths, []
    for own, at in ((mine & ~theirs, row), (theirs & ~mine, other)):
        if own.any():
            names = [labelled.names[label] for label in np.flatnonzero(own)]
            alone.append(f"only {paths[at]} has {_listed(names)}")
    if not alone:
        return None
    return Clash("other labels", f"; {', '.join(alone)}",
                 "look which labels are right, and give both the same or remove one")  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def describe_labels(labelled: MultilabelSet, judged: Judged, seed: int) -> Iterator[Finding]:
    """Say which labels are likely wrong or missing, and which too few test pictures have."""
    members = labelled.members[judged.rows]
    doubted = suspect_label_sets(judged.features, members, judged.groups, seed, judged.near)
    yield from describe_doubted(judged.images, labelled.names, members, doubted)
    yield from _sizes(labelled)


def _sizes(labelled: MultilabelSet) -> Iterator[Finding]:
    tested, trained = (labelled.images.splits == each for each in ("test", "train"))
    for name, has in zip(labelled.names, labelled.members.T, strict=True):
        if reason := _too_few(has, tested, trained):
            yield Finding(
                "small label",
                name,
                reason,
                "add pictures that are no copies of each other, or judge it over many splits",
                name,
                score=float(1 / (1 + min((has & tested).sum(), (~has & tested).sum()))),
            )


def _too_few(has: NDArray[np.bool_], tested: NDArray[np.bool_], trained: NDArray[np.bool_]) -> str:
    """Say why a label cannot be judged well; "" where it can."""
    if not has.any() or has.all():
        return f"no picture {'lacks' if has.all() else 'has'} it: there is nothing to tell"
    for own, verb in ((has, "have"), (~has, "lack")):
        count, asked = int(own.sum()), int((own & tested).sum())
        if not asked or not (own & trained).any():
            which = "training" if asked else "test"
            return f"{count:,} of {len(own):,} pictures {verb} it, and no {which} picture"
        if asked < FEW:
            pictures = f"picture of {count:,} {'has' if verb == 'have' else 'lacks'}"
            pictures = pictures if asked == 1 else f"pictures of {count:,} {verb}"
            return (
                f"{asked} test {pictures} it: even if all of these are told "
                f"rightly, that share is known to lie above {known_of(asked):.0%} only"
            )
    return ""
