"""Labels as classes: any labels to codes, and the order that puts each class's points together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.checks import as_labels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Classes:
    """The classes of n labelled points.

    Attributes
    ----------
    names : (k,) object
        The labels, sorted where they can be compared, else in order of appearance.
    codes : (n,) int64
        Class of each point, an index into ``names``.
    counts : (k,) int64
        Points in each class; never 0.
    order : (n,) int64
        The points class after class, in input order within a class.
    starts : (k + 1,) int64
        ``order[starts[c]:starts[c + 1]]`` are the points of class c.

    What is "in class order" below and elsewhere is in the order of ``order``.
    """

    names: NDArray[np.object_]
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, labels: ArrayLike, n: int) -> Classes:
        """Encode the labels of ``n`` points.

        Raises
        ------
        ValueError
            If there are not n labels in one dimension, a label is NaN, or the number of classes
            is not in 2 .. n - 1 (a silhouette needs another class, and two points in one class).
        """
        values = as_labels(labels, n)
        names, codes = encode(values)
        if not 1 < len(names) < n:
            raise ValueError(
                f"Number of labels is {len(names)}. Valid values are 2 to n_samples - 1"
                f" (inclusive), here 2 to {n - 1}."
            )
        return cls.from_codes(codes, names)

    @classmethod
    def from_codes(cls, codes: NDArray[np.int64], names: NDArray[np.object_]) -> Classes:
        """Return classes whose codes are already 0 .. k - 1, each of them used."""
        counts = np.bincount(codes, minlength=len(names))
        starts = np.concatenate([[0], np.cumsum(counts)])
        return cls(names, codes, counts, np.argsort(codes, kind="stable"), starts)

    def take(self, points: NDArray[np.int64]) -> Classes:
        """Return the classes of some of the points; every class must keep a point."""
        return self.from_codes(self.codes[points], self.names)


def encode(values: NDArray[Any]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the classes of labels, and the number of each label's class among them."""
    try:
        names, codes = np.unique(values, return_inverse=True)
    except TypeError:  # labels that cannot be compared, such as 3 and "cat"
        seen: dict[Any, int] = {}
        codes = np.array([seen.setdefault(value, len(seen)) for value in values.tolist()])
        names = np.empty(len(seen), dtype=object)
        names[:] = list(seen)
    listed = np.empty(len(names), dtype=object)
    listed[:] = names.tolist()
    return listed, codes.astype(np.int64, copy=False)
