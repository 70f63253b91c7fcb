"""Dividing pictures into train, validation and test by whole groups of any size and mixture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedlens.images.split import SPLITS, check_shares, fill_classes

# The best of so many draws is taken: more change the shares of a class by under a point.
_DRAWS = 16


def grouped_split(
    labels: Sequence[str] | npt.NDArray[np.str_],
    groups: Sequence[str] | npt.NDArray[np.str_],
    test: float = 0.2,
    validation: float = 0.3,
    seed: int = 0,
) -> npt.NDArray[np.str_]:
    """Split by whole groups, each class in about the same proportions of its pictures.

    `stratified_split` counts groups and draws each class by itself, which serves groups of a few
    copies. Here groups may be of any size and of many classes: in a drawn order, each goes to the
    split that lacks its classes most. Of several such draws that one is taken which leaves the
    fewest classes out of a split, and of those the one whose shares are nearest. The answer does
    not depend on the order of the pictures.

    Parameters
    ----------
    labels, groups, test, validation, seed
        As in `stratified_split`; shares are of pictures.

    Returns
    -------
    ndarray of shape (n,), str

    Raises
    ------
    ImageSetError
        As `stratified_split`.

    Examples
    --------
    >>> splits = grouped_split(["cat", "dog"] * 10, [f"p{i // 4}" for i in range(20)], validation=0)
    >>> sorted(splits.tolist()).count("test")
    4
    """
    check_shares(test, validation, seed)
    names, number = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    classes, codes = np.unique(np.asarray(labels).astype(str), return_inverse=True)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (number, codes), 1)
    labels_of = {
        str(name): {str(each) for each in classes[own > 0]}
        for name, own in zip(names, counts, strict=True)
    }
    shares = np.array([(1 - test) * (1 - validation), (1 - test) * validation, test])
    rng = np.random.default_rng(seed)
    best, best_worth = np.empty(0, np.int64), (np.inf, np.inf)
    for _ in range(_DRAWS):
        dealt = _dealt(counts, shares, rng)
        split_of = dict(zip(labels_of, (SPLITS[each] for each in dealt), strict=True))
        fill_classes(split_of, labels_of, test, validation)
        drawn = np.array([SPLITS.index(each) for each in split_of.values()])
        worth = _worth(counts, shares, drawn)
        if worth < best_worth:
            best, best_worth = drawn, worth
    return np.array(SPLITS, dtype="<U10")[best[number]]


def _dealt(
    counts: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Give each group, in a drawn order, to the split that lacks its classes most."""
    totals = counts.sum(axis=0)
    wanted = np.flatnonzero(shares)
    lacking = shares[wanted, None] * totals
    split = np.empty(len(counts), np.int64)
    for group in rng.permutation(len(counts)):
        own = counts[group]
        # By so much the sum of squared lacks, each over the size of the class, falls.
        chosen = int((lacking @ (own / totals)).argmax())
        lacking[chosen] -= own
        split[group] = wanted[chosen]
    return split


def _worth(
    counts: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    split: npt.NDArray[np.int64],
) -> tuple[float, float]:
    """Return how many classes are missing in a split, and how far shares are off; less is better.

    Of classes, not of pictures, so that a small class counts as much as a large one.
    """
    held = np.stack([counts[split == each].sum(axis=0) for each in range(len(shares))])
    missing = (held[shares > 0] == 0).sum()
    off = held / counts.sum(axis=0) - shares[:, None]
    return float(missing), float((off**2).sum())
