"""Dividing pictures of several labels each into train, validation and test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedlens.images.split import SPLITS, check_shares, fill_classes

Numbers = npt.NDArray[np.float64]


def iterative_split(
    members: npt.NDArray[np.bool_] | Sequence[Sequence[bool]],
    groups: Sequence[str] | npt.NDArray[np.str_],
    test: float = 0.2,
    validation: float = 0.3,
    seed: int = 0,
) -> npt.NDArray[np.str_]:
    """Split such that each label has about the same share of its pictures in each split.

    Iterative stratification: the label with the fewest pictures left is dealt first, each of its
    groups to the split that lacks this label most, and of such splits to that which lacks most
    pictures. Of a label that more than half of the pictures have, those without it are dealt so. A
    label of two groups or more is in training and test, if another label does not forbid it. The
    answer does not depend on the order of the pictures.

    Parameters
    ----------
    members : array of shape (n, labels), bool
        Which labels each picture has.
    groups : sequence of str, shape (n,)
        Pictures of one group are never parted.
    test, validation, seed
        As in `stratified_split`; shares are of pictures.

    Returns
    -------
    ndarray of shape (n,), str
        "train", "validation" or "test".

    Raises
    ------
    ImageSetError
        As `stratified_split`.

    References
    ----------
    K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD
    2011.

    Examples
    --------
    >>> members = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 25, bool)
    >>> splits = iterative_split(members, [f"{i:02}" for i in range(100)], validation=0)
    >>> members[splits == "test"].sum(axis=0).tolist()
    [10, 10]
    """
    check_shares(test, validation, seed)
    has = np.asarray(members, bool)
    rarer = np.where(has.mean(axis=0) > 0.5, ~has, has)
    names, number = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    counts = np.zeros((len(names), has.shape[1] + 1))
    np.add.at(counts, number, np.column_stack([rarer, np.ones(len(has))]))
    shares = np.array([(1 - test) * (1 - validation), (1 - test) * validation, test])
    dealt = _dealt(counts, shares, np.random.default_rng(seed))
    labels_of = {
        str(name): set(map(str, np.flatnonzero(own[:-1])))
        for name, own in zip(names, counts, strict=True)
    }
    split_of = dict(zip(labels_of, (SPLITS[each] for each in dealt), strict=True))
    fill_classes(split_of, labels_of, test, validation)
    return np.array(list(split_of.values()), dtype="<U10")[number]


def _dealt(counts: Numbers, shares: Numbers, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the split of each group; the last column counts pictures, the others labels."""
    wanted = np.flatnonzero(shares)
    lacking = shares[wanted, None] * counts.sum(axis=0)
    left = counts[:, :-1].sum(axis=0)
    split = np.full(len(counts), -1)
    # Large groups first: what is left over then fits better.
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order, -1], kind="stable")]

    def deal(group: int, label: int) -> None:
        chosen = max(range(len(wanted)), key=lambda s: (lacking[s, label], lacking[s, -1]))
        lacking[chosen] -= counts[group]
        left[:] -= counts[group, :-1]
        split[group] = wanted[chosen]

    while (left > 0).any():
        label = int(np.where(left > 0, left, np.inf).argmin())
        for group in order[(split[order] < 0) & (counts[order, label] > 0)]:
            deal(int(group), label)
    for group in order[split[order] < 0]:
        deal(int(group), -1)
    return split
