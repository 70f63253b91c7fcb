"""Copies of pictures, told from pictures that only look alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.finding import Finding
from embedlens.curation.judged import Judged
from embedlens.curation.neighborhood import Neighborhood
from embedlens.images import ImageSet
from embedlens.images.copy_groups import CopyGroups, group_copies
from embedlens.images.likeness import copy_distances, looker
from embedlens.images.perceptual_hash import NO_HASH
from embedlens.metrics.near_duplicates import hamming_pairs

# Candidates, all of which are compared directly. Copies in another size, in grey or heavily
# compressed differ in at most 4 of 64 bits of their hash, lighter ones mostly in at most 10;
# mirrored ones have almost the same features.
CANDIDATE_BITS = 10
# A candidate by features lies at less than this part of the distance to the tenth neighbour of
# both. Of the 15 such pairs in 3,781 photographs of clothes all but 3 show one thing photographed
# twice, of the 5 in 1,420 of animals 4; from 0.5 on most show two things.
LOOKS_ALIKE = 0.4


class Clash(NamedTuple):
    """What is wrong with two copies whose labels differ: the kind, what differs, what to do."""

    kind: str
    differs: str
    action: str


def find_copies(
    images: ImageSet,
    near: Neighborhood,
    rows: NDArray[np.int64] | None = None,
    classes: NDArray[np.str_] | None = None,
) -> CopyGroups:
    """Find the pictures that are copies, in whatever size, format or turn.

    Candidates, by their hashes and by their features, are compared directly.

    Parameters
    ----------
    images : ImageSet
        The pictures.
    near : Neighborhood
        Who is near whom in the features of a backbone.
    rows : ndarray of int64, optional
        Of which pictures; by default of all.
    classes : ndarray of str, optional
        What most of is no set of copies; by default the classes of the pictures.
    """
    classes = images.labels if classes is None else classes
    rows = np.arange(len(images)) if rows is None else rows
    look = looker(partial(images.pixels, reduced=True))
    known = np.flatnonzero(images.hashes != NO_HASH)
    by_hash = hamming_pairs(images.hashes[known], CANDIDATE_BITS)
    candidates = [
        np.stack([known[by_hash.first], known[by_hash.second]], axis=1),
        rows[near.pairs(LOOKS_ALIKE)[0]],
        rows[near.nearest()],
    ]
    pairs = np.unique(np.concatenate(candidates), axis=0).astype(np.int64)
    distances = copy_distances(look, pairs, turned=True)
    return group_copies(images.ids.tolist(), classes.tolist(), pairs, distances, look)


def describe_copies(
    images: ImageSet, copies: CopyGroups, clash_of: Callable[[int, int], Clash | None]
) -> Iterator[Finding]:
    """Say what each pair of copies means: a wrong label, a leak, or what counts twice.

    Parameters
    ----------
    images : ImageSet
        All pictures.
    copies : CopyGroups
        Of these.
    clash_of : callable
        Says what is wrong with the labels of two copies; None where they are the same.
    """
    given = bool((images.given_splits != "").any())
    for (i, j), distance in zip(copies.pairs.tolist(), copies.distances.tolist(), strict=True):
        # Of two, the one to set aside is that of the earlier split, or the second.
        row, other = (j, i) if _rank(images, i) >= _rank(images, j) else (i, j)
        same = images.ids[i] == images.ids[j]
        reason = "the same bytes" if same else f"the same picture: they correlate to {_r(distance)}"
        if clash := clash_of(row, other):
            kind, action = clash.kind, clash.action
            reason += clash.differs
        elif images.splits[i] != images.splits[j]:
            kind = "leak"
            action = f"remove it from {images.splits[row]}"
            if not given:
                action = "remove one, or give splits that keep both on one side"
        else:
            kind, action = "duplicate", "remove one, unless it is to count twice"
        yield _pair(images, kind, row, other, reason, action, score=1 - distance)


def describe_look_alikes(judged: Judged) -> Iterator[Finding]:
    """Name pictures that look alike and are no copies: pairs, and sets in which all are alike."""
    images, copies, near = judged.images, judged.copies, judged.near
    names = np.array(copies.names)
    scene = np.full(len(images), -1)
    for number, rows in enumerate(copies.alike):
        scene[rows] = number
        yield _scene(images, rows)
    for (i, j), ratio in zip(*near.pairs(LOOKS_ALIKE), strict=True):
        if names[i] == names[j] or (scene[i] >= 0 and scene[i] == scene[j]):
            continue
        row, other = (j, i) if _rank(images, i) >= _rank(images, j) else (i, j)
        reason = (
            f"alike in features: {1 / max(ratio, 0.01):.1f} times as near each other as their "
            "tenth neighbours are"
        )
        action = "look whether they show one thing"
        if images.splits[i] != images.splits[j]:
            action += "; if so, give splits that keep both on one side"
        yield _pair(images, "look-alike", row, other, reason, action, score=float(1 - ratio))


def _scene(images: ImageSet, rows: NDArray[np.int64]) -> Finding:
    classes = [each or "no label" for each in sorted(set(images.labels[rows].tolist()))]
    named = ", ".join(classes[:3]) + (f" and {len(classes) - 3} more" if len(classes) > 3 else "")
    return Finding(
        "alike",
        str(images.paths[rows[0]]),
        f"{len(rows)} pictures ({named}) are as alike as copies, as from one camera that stands "
        "still or in one frame; so they were not taken for copies, and lie in all splits",
        "if some show one thing, give splits that keep them on one side",
        str(images.labels[rows[0]]),
        str(images.splits[rows[0]]),
        str(images.paths[rows[-1]]),
        str(images.labels[rows[-1]]),
        str(images.splits[rows[-1]]),
        score=float(len(rows)),
    )


def _pair(
    images: ImageSet, kind: str, row: int, other: int, reason: str, action: str, score: float
) -> Finding:
    return Finding(
        kind,
        str(images.paths[row]),
        reason,
        action,
        str(images.labels[row]),
        str(images.splits[row]),
        str(images.paths[other]),
        str(images.labels[other]),
        str(images.splits[other]),
        score=score,
    )


def _r(distance: float) -> str:
    return f"{1 - distance**2:.3f}"


def _rank(images: ImageSet, row: int) -> int:
    return ("train", "validation", "test").index(images.splits[row])
