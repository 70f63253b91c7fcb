"""Groups that a random split would part: what it promises, and what new groups would get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.finding import Finding
from embedlens.images import ImageSet
from embedlens.images.copy_groups import CopyGroups
from embedlens.images.folders import SHARES
from embedlens.images.grouping import united
from embedlens.learn.out_of_fold import out_of_enough_folds
from embedlens.learn.softmax_regression import Coordinates
from embedlens.metrics.proportion import Interval, difference_interval

# Pictures that the two accuracies are of: more say no more, and take their time.
_MOST = 3_000
# Names suggest groups where so many pictures share theirs with another, of so many of the set.
_SHARED = 0.8
_CANDIDATES = 5

_STEM = r"([^/]+?)[-_ .(]*\d+\)?\.[^./]+$"
_TOKEN = r"([^/_-]+)[_-][^/]*$"


@dataclass(frozen=True)
class GroupEffect:
    """What a linear probe gets right with groups parted, and with each on one side.

    Attributes
    ----------
    groups : int
        How many there are.
    parted, apart : float
        Accuracy out of fold: of folds that part the groups, and of folds that keep them together.
    gain : Interval
        By how much the first is larger, and its 95% interval; of groups, each as a whole.
    """

    groups: int
    parted: float
    apart: float
    gain: Interval

    @property
    def sure(self) -> bool:
        """Whether chance alone cannot explain that parting groups promises more."""
        return self.gain.low > 0


def group_effect(
    features: NDArray[np.floating], codes: NDArray[np.int64], groups: Sequence[str], seed: int = 0
) -> GroupEffect | None:
    """Compare folds that part groups with folds that do not.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Of a backbone.
    codes : ndarray of shape (n,), int64
        Classes.
    groups : sequence of str, length n
        The group of each picture.
    seed : int, default 0
        Of the folds, and of which groups are looked at where there are many pictures.

    Returns
    -------
    GroupEffect or None
        Of the classes with two groups or more; None where there are no two such classes, or all
        groups are of one picture.
    """
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    pairs = np.unique(np.stack([codes, number]), axis=1)
    several = np.flatnonzero(np.bincount(pairs[0]) > 1)
    rows = np.flatnonzero(np.isin(codes, several))
    if len(rows) > _MOST:
        order = np.random.default_rng(seed).permutation(number.max() + 1)
        rows = np.sort(rows[np.argsort(order[number[rows]], kind="stable")][:_MOST])
    classes, own = np.unique(codes[rows], return_inverse=True)
    _, group = np.unique(number[rows], return_inverse=True)
    if len(classes) < 2 or group.max() + 1 == len(rows):
        return None
    among, hits = Coordinates.of(features[rows]), []
    for together in (None, group.astype(str).tolist()):
        asked, shares = out_of_enough_folds(among, own, together, enough=len(rows), seed=seed)
        hits.append(np.bincount(group[asked], shares.argmax(axis=1) == own[asked]))
    shown = np.bincount(group).astype(float)
    parted, apart = (float(each.sum() / shown.sum()) for each in hits)
    gain = difference_interval(hits[0], hits[1], shown)
    return GroupEffect(int(group.max()) + 1, parted, apart, gain)


def suggested_patterns(paths: Sequence[str], codes: NDArray[np.int64]) -> dict[str, list[str]]:
    r"""Return patterns under which paths fall into groups, with the group of each picture.

    Looked at are words such as "patient" with a number, folders above the picture, what of the
    name comes before a counter, and what comes before the first hyphen or underscore. They suggest
    groups where most pictures share theirs and half of the pictures are of classes that have
    several: one stem a class is the name of the class.

    Examples
    --------
    >>> paths = [f"{c}/p{p}_{i}.png" for c in ("cat", "dog") for p in (3, 4) for i in range(3)]
    >>> list(suggested_patterns(paths, np.repeat([0, 1], 6)))[0]
    '([^/]+?)[-_ .(]*\\d+\\)?\\.[^./]+$'
    """
    words = [rf"(?i)({word}[-_ ]?\d+)" for word in sorted(SHARES)]
    levels = range(max((path.count("/") for path in paths), default=0))
    folders = [rf"^(?:[^/]+/){{{level}}}([^/]+)/" for level in levels]
    found: dict[str, list[str]] = {}
    partitions = set()
    for pattern in (*words, *folders, _STEM, _TOKEN):
        matches = [re.search(pattern, path) for path in paths]
        groups = [match.group(1) if match else "" for match in matches]
        if _suggests(groups, codes):
            _, number = np.unique(groups, return_inverse=True)
            if number.tobytes() not in partitions:
                partitions.add(number.tobytes())
                found[pattern] = groups
    return dict(list(found.items())[:_CANDIDATES])


def _suggests(groups: Sequence[str], codes: NDArray[np.int64]) -> bool:
    names, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shared = (sizes[number] > 1) & (names[number] != "")
    if shared.mean() < _SHARED:
        return False
    pairs = np.unique(np.stack([codes, number]), axis=1)
    several = np.flatnonzero(np.bincount(pairs[0]) > 1)
    return len(several) > 1 and float(np.isin(codes, several).mean()) >= 0.5


def describe_groups(
    images: ImageSet, features: NDArray[np.floating], copies: CopyGroups, seed: int = 0
) -> Iterator[Finding]:
    """Say what parting groups promises: those that were given, or else that one may suspect.

    Groups that copies or names suggest are told only where parting them surely promises more.
    """
    paths = [str(path) for path in images.paths]
    if (images.given_groups != "").any():
        groups = united(copies.names, images.given_groups.tolist())
        effect = group_effect(features, images.codes, groups, seed)
        if effect is not None:
            action = "believe the second; a study with the same --group says it"
            yield _finding(images, "the groups that were given", effect, groups, action)
        return
    effect = group_effect(features, images.codes, copies.names, seed)
    if effect is not None and effect.sure:
        action = "give --group with a column or pattern that holds copies together, or remove them"
        yield _finding(images, "copies of one picture", effect, copies.names, action)
    told = [
        (effect, pattern, groups)
        for pattern, groups in suggested_patterns(paths, images.codes).items()
        if (effect := group_effect(features, images.codes, groups, seed)) and effect.sure
    ]
    if told:
        effect, pattern, groups = max(told, key=lambda each: each[0].gain.estimate)
        action = f"if these are groups, one person's or one camera's, add --group '{pattern}'"
        yield _finding(images, "groups that the names suggest", effect, groups, action)


def _finding(
    images: ImageSet, what: str, effect: GroupEffect, groups: Sequence[str], action: str
) -> Finding:
    names, sizes = np.unique([each for each in groups if each], return_counts=True)
    largest = str(names[sizes.argmax()])
    row = list(groups).index(largest)
    called = "" if what.startswith("copies") else f" ({largest} for one, {sizes.max():,} pictures)"
    return Finding(
        "groups",
        str(images.paths[row]),
        f"{what}{called}: split at random a linear probe gets {effect.parted:.1%} right, with each "
        f"group on one side {effect.apart:.1%}, {100 * effect.gain.estimate:.1f} points less (95% "
        f"interval {100 * effect.gain.low:.1f} to {100 * effect.gain.high:.1f}); "
        f"{effect.groups:,} groups",
        action,
        str(images.labels[row]),
        str(images.splits[row]),
        score=effect.gain.estimate,
    )
