"""Dividing pictures into train, validation and test."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedlens.errors import ImageSetError

SPLITS = ("train", "validation", "test")


def stratified_split(
    labels: Sequence[str] | npt.NDArray[np.str_],
    groups: Sequence[str] | npt.NDArray[np.str_],
    test: float = 0.2,
    validation: float = 0.3,
    seed: int = 0,
) -> npt.NDArray[np.str_]:
    """Split each class in the same proportions, copies always to one side.

    The answer does not depend on the order of the pictures, and each class is drawn by itself, so
    another class leaves it as it is. Proportions are of groups, rounded to the nearest; a class of
    three or more has at least one in each split, one of two goes to train and test, a single one
    to train. A group under several labels is drawn with the rarest of them; where that leaves a
    class without one in a split, a group that no class misses there is moved.

    Parameters
    ----------
    labels : sequence of str, shape (n,)
        Classes.
    groups : sequence of str, shape (n,)
        Pictures of one group are never parted.
    test : float, default=0.2
        Share of a class for testing. The study tested on 600 of 2,800 pictures.
    validation : float, default=0.3
        Share of the rest for validation, the study's. Zero leaves a split out.
    seed : int, default=0
        Another seed, another draw.

    Returns
    -------
    ndarray of shape (n,), str
        "train", "validation" or "test".

    Raises
    ------
    ImageSetError
        A share is not in [0, 1), or the seed is negative.

    Examples
    --------
    >>> stratified_split(["cat"] * 5, ["a", "b", "c", "d", "d"], validation=0)
    array(['test', 'train', 'train', 'train', 'train'], dtype='<U10')
    """
    check_shares(test, validation, seed)
    labels_of: dict[str, set[str]] = {}
    for group, label in zip(groups, labels, strict=True):
        labels_of.setdefault(str(group), set()).add(str(label))
    sizes = Counter(label for those in labels_of.values() for label in those)
    members: dict[str, list[str]] = {}
    for group in sorted(labels_of):
        rarest = min(labels_of[group], key=lambda label: (sizes[label], label))
        members.setdefault(rarest, []).append(group)
    split_of: dict[str, str] = {}
    for label, ids in members.items():
        # The label's hash seeds the class, so that it is drawn alike whatever the other classes.
        digest = hashlib.blake2b(label.encode(), digest_size=8).digest()
        rng = np.random.default_rng([seed, int.from_bytes(digest)])
        names = np.repeat(SPLITS, _counts(len(ids), test, validation))
        split_of.update(zip((ids[i] for i in rng.permutation(len(ids))), names, strict=True))
    fill_classes(split_of, labels_of, test, validation)
    return np.array([split_of[group] for group in groups], dtype="<U10")


def check_shares(test: float, validation: float, seed: int) -> None:
    """Refuse shares that are none and a seed that is negative.

    Raises
    ------
    ImageSetError
        A share is not in [0, 1), or the seed is negative.
    """
    for name, share in (("test", test), ("validation", validation)):
        if not 0 <= share < 1:
            raise ImageSetError(f"{name} share {share} is not in [0, 1); 0.2 is a fifth")
    if seed < 0:
        raise ImageSetError(f"seed {seed} is negative; use 0 or more")


def fill_classes(
    split_of: dict[str, str], labels_of: Mapping[str, set[str]], test: float, validation: float
) -> None:
    """Give each class what the draw of groups under several labels left it without, if it can be.

    A class is to have a group in each split that `_counts` grants to one of as many groups.
    """
    sizes = Counter(label for those in labels_of.values() for label in those)
    due = {}
    for label in sorted(sizes):
        counts = _counts(sizes[label], test, validation)
        due[label] = {split for split, n in zip(SPLITS, counts, strict=True) if n}
    held = Counter((label, split_of[group]) for group in labels_of for label in labels_of[group])

    def spare(group: str) -> bool:
        own = split_of[group]
        return all(held[label, own] > 1 or own not in due[label] for label in labels_of[group])

    for split in ("train", "test", "validation"):
        for label in sorted(due, key=lambda label: (sizes[label], label)):
            if split not in due[label] or held[label, split]:
                continue
            own = sorted(group for group in labels_of if label in labels_of[group])
            moved = next((group for group in own if spare(group)), None)
            if moved is None:
                continue
            for each in labels_of[moved]:
                held[each, split_of[moved]] -= 1
                held[each, split] += 1
            split_of[moved] = split


def complete_split(
    labels: Sequence[Any],
    groups: Sequence[str],
    given: Sequence[str],
    test: float = 0.2,
    validation: float = 0.3,
    seed: int = 0,
    draw: Callable[..., npt.NDArray[np.str_]] = stratified_split,
) -> npt.NDArray[np.str_]:
    """Keep the splits that are given, and draw those that nobody gave from train.

    Parameters
    ----------
    labels : sequence, length n
        Classes, or what else ``draw`` goes by.
    groups, test, validation, seed
        As in `stratified_split`.
    given : sequence of str, shape (n,)
        A split for every picture, or "" for every picture.
    draw : callable, default `stratified_split`
        How they are drawn; `grouped_split` for groups of any size and mixture, `iterative_split`
        by rows that say which labels each picture has.

    Returns
    -------
    ndarray of shape (n,), str

    Examples
    --------
    >>> given = ["train", "train", "train", "train", "test"]
    >>> complete_split(["cat"] * 5, ["a", "b", "c", "d", "e"], given)
    array(['validation', 'train', 'train', 'train', 'test'], dtype='<U10')
    """
    splits = np.array(given, dtype="<U10")
    pool = [i for i, split in enumerate(given) if split in ("", "train")]
    splits[pool] = draw(
        [labels[i] for i in pool],
        [groups[i] for i in pool],
        test=0 if "test" in given else test,
        validation=0 if "validation" in given else validation,
        seed=seed,
    )
    return splits


def _counts(n: int, test: float, validation: float) -> tuple[int, int, int]:
    """How many of `n` go to train, validation and test."""
    for_test = _share(n, test)
    for_validation = _share(n - for_test, validation)
    return n - for_test - for_validation, for_validation, for_test


def _share(n: int, share: float) -> int:
    """The share of `n`, at least one unless it is zero, and never all."""
    return min(max(math.floor(share * n + 0.5), int(share > 0)), n - 1)
