"""Sampling by class: shares that no class can be lost from, drawn at random or by content."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from embedlens.metrics.classes import Classes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

SAMPLE = 100_000
"""Points that stand for all where the work grows faster than n log n: what is learned from."""

COMPARED = 20_000
"""Points that others are compared with, where comparing all with all would take too long."""

_LEAST = 20  # points of a class, where the sample has room: a fifth of them are a test


def sample_by_content(
    labels: ArrayLike, ids: ArrayLike, size: int = SAMPLE, seed: int = 0
) -> NDArray[np.int64]:
    """Return the rows that stand for all: of each class those whose content has the least keys.

    Which they are depends on what there is, and not on the order or place in which it lies; so
    parts of a set can each keep their least keys, and what is merged of them is the same sample.
    Points that are added later take the place of few.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Classes.
    ids : array-like of shape (n,)
        What each row is, such as the hash of a file. Of equal ones within a class the first rows
        are taken.
    size : int, default=100_000
        How many; all, where there are no more, and one of each class where there are more classes.
    seed : int, default=0
        Of the keys: another seed draws another sample.

    Returns
    -------
    ndarray of shape (size,), int64
        Rows, ascending.

    Raises
    ------
    ValueError
        If labels and ids do not fit.

    Examples
    --------
    >>> labels, ids = ["cat"] * 6 + ["dog"] * 3, list("abcdefxyz")
    >>> rows = sample_by_content(labels, ids, 6)
    >>> [labels[row] for row in rows], sample_by_content(labels[::-1], ids[::-1], 6)[::-1] + rows
    (['cat', 'cat', 'cat', 'cat', 'dog', 'dog'], array([8, 8, 8, 8, 8, 8]))
    """
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    keyed = np.asarray(ids)
    if codes.shape != keyed.shape or codes.ndim != 1:
        raise ValueError(
            f"labels of shape {codes.shape} and ids of shape {keyed.shape}; give one each a row."
        )
    if len(codes) <= size:
        return np.arange(len(codes))
    shares = class_shares(np.bincount(codes, minlength=len(names)), size)
    order = np.lexsort((content_keys(keyed.tolist(), seed), codes))
    starts = np.cumsum(np.bincount(codes)) - np.bincount(codes)
    place = np.arange(len(codes)) - starts[codes[order]]
    return np.sort(order[place < shares[codes[order]]])


def compared_by_content(
    labels: ArrayLike, ids: ArrayLike, size: int = COMPARED
) -> NDArray[np.int64]:
    """Return the rows that are compared with each other: of those that `sample_by_content` takes.

    Parameters and what is returned are those of `sample_by_content`.
    """
    names, keyed = np.asarray(labels), np.asarray(ids)
    rows = sample_by_content(names, keyed, SAMPLE)
    return rows[sample_by_content(names[rows], keyed[rows], size)]


def class_shares(counts: ArrayLike, size: int = SAMPLE) -> NDArray[np.int64]:
    """Return how many of each class are sampled: in proportion, but 20 where there are as many.

    Where half of the sample does not hold 20 of each, as many as it does hold, and at least one.

    Parameters
    ----------
    counts : array-like of shape (classes,), int
        How many there are.
    size : int, default=100_000
        How many are sampled; all, where there are no more, and one of each class where there are
        more classes.

    Examples
    --------
    >>> class_shares([1000, 90, 10], 200)
    array([170,  20,  10])
    """
    there = np.asarray(counts, np.int64)
    present = int(np.count_nonzero(there))
    size = max(size, present)
    if int(there.sum()) <= size:
        return there
    least = np.minimum(there, max(1, min(_LEAST, size // (2 * max(present, 1)))))
    return _shares(there, least, size, np.maximum(there, 1e-9).astype(np.float64))


def content_keys(ids: Iterable[str], seed: int = 0) -> NDArray[np.uint64]:
    """Return a number for each id that nothing else decides: the order in which they are sampled.

    Parameters
    ----------
    ids : iterable of str
        What each row is.
    seed : int, default=0
        Another seed, another order.

    Examples
    --------
    >>> bool((content_keys(["a", "b"]) == content_keys(["b", "a"])[::-1]).all())
    True
    """
    salt = seed.to_bytes(16, "little", signed=True)
    found = (blake2b(str(each).encode(), digest_size=8, salt=salt).digest() for each in ids)
    return np.frombuffer(b"".join(found), "<u8").astype(np.uint64)


def stratified_sample(
    classes: Classes, size: int, weights: NDArray[np.generic], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return ``size`` points, ascending, drawn from each class in proportion to its weight.

    Every class gives at least two points (one, if it has but one) and at most all it has.

    Raises
    ------
    ValueError
        If that is not possible with ``size`` points.
    """
    least = np.minimum(classes.counts, 2)
    n, needed = int(classes.counts.sum()), int(least.sum())
    if not needed <= size <= n:
        raise ValueError(
            f"sample_size must be between {needed}, two points of each of {len(classes.counts)}"
            f" classes (one of those that have one), and {n}, all points; got {size}."
        )
    taken = _shares(classes.counts, least, size, weights.astype(np.float64))
    drawn = [
        rng.choice(classes.order[start : start + count], share, replace=False)
        for start, count, share in zip(classes.starts, classes.counts, taken, strict=False)
    ]
    return np.sort(np.concatenate(drawn))


def _shares(
    counts: NDArray[np.int64],
    least: NDArray[np.int64],
    size: int,
    weights: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return whole numbers between ``least`` and ``counts`` that sum to ``size``.

    They are nearly proportional to ``weights``, the level of proportion being found by bisection.
    """
    low, high = 0.0, float((counts / weights).max())
    for _ in range(200):
        level = (low + high) / 2
        if np.clip(level * weights, least, counts).sum() < size:
            low = level
        else:
            high = level
    ideal = np.clip(high * weights, least, counts)
    shares = np.floor(ideal).astype(np.int64)
    # The largest remainders are rounded up, the first of equals first.
    room = np.flatnonzero(shares < counts)
    order = room[np.argsort(-(ideal - shares)[room], kind="stable")]
    shares[order[: size - int(shares.sum())]] += 1
    return shares
