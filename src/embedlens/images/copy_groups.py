"""Groups of copies, which a split must not part, and what only looks like one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedlens.images.likeness import Look, usual_distance

Integers = npt.NDArray[np.int64]

# A copy is this many times nearer than pictures of the set that are near each other by chance. In
# pictures of 64 dimensions (scikit-learn's digits) one pair of 1.6 million is; of 8 million pairs
# of photographs, the one that is a copy.
_NEARER = 6.0
_SAMPLE = 300
# Two or three pictures that are the same are copies, whatever their share of a class.
_FEW = 3


@dataclass(frozen=True)
class CopyGroups:
    """What is a copy of what.

    Attributes
    ----------
    names : list of str
        The group of each picture: the least id in it. A picture without copies has its own.
    alike : tuple of ndarray of int64
        Rows of pictures that are as alike as copies and are none: all that a camera took of one
        scene, say. They are not grouped by that.
    pairs : ndarray of shape (m, 2), int64
        Pairs of copies, the lower row first, in order: not each with each.
    distances : ndarray of shape (m,), float64
        How unlike they are (`copy_distances`); 0 for the same bytes.
    """

    names: list[str]
    alike: tuple[Integers, ...]
    pairs: Integers
    distances: npt.NDArray[np.float64]

    def of_rows(self, rows: Integers) -> CopyGroups:
        """Return what it says of some pictures, by their places among these; rows ascend."""
        if len(rows) == len(self.names):
            return self

        def inside(found: Integers) -> npt.NDArray[np.bool_]:
            return np.isin(found, rows)

        kept = inside(self.pairs).all(axis=1)
        alike = (np.searchsorted(rows, each[inside(each)]) for each in self.alike)
        return CopyGroups(
            [self.names[row] for row in rows.tolist()],
            tuple(each for each in alike if len(each) > 1),
            np.searchsorted(rows, self.pairs[kept]),
            self.distances[kept],
        )


def group_copies(
    ids: Sequence[str],
    labels: Sequence[str],
    pairs: Integers,
    distances: npt.NDArray[np.float64],
    look: Look,
) -> CopyGroups:
    """Tell copies from pictures that are as alike as the rest of their set, and group them.

    The same bytes are always of one group. Of pairs that were compared, those are copies that are
    far nearer than pictures of the set usually are. Groups are joined where they touch; but one
    that holds more than half of a class, or a third of all pictures, says something of the set and
    not of a picture: within it, copies are those that are far nearer than is usual in it, and
    where that is as much again, none are.

    Parameters
    ----------
    ids : sequence of str, length n
        Content ids.
    labels : sequence of str, length n
        Classes.
    pairs : ndarray of shape (m, 2), int64
        Rows that were compared.
    distances : ndarray of shape (m,), float64
        As from `copy_distances`.
    look : callable
        Gives small versions of pictures, to see how near they usually are.

    Returns
    -------
    CopyGroups
        The names do not depend on the order of the pictures.

    Examples
    --------
    >>> none = np.empty((0, 2), np.int64), np.empty(0)
    >>> group_copies(["b", "a", "b"], ["cat", "cat", "dog"], *none, look=None).names
    ['b', 'a', 'b']
    """
    names, classes = np.array(ids), np.array(labels)
    near = np.isfinite(distances)
    pairs, distances = pairs[near], distances[near]
    same = _same_bytes(names)
    copy = np.zeros(len(pairs), bool)
    if len(pairs):
        everything = np.arange(len(names))
        copy = distances <= usual_distance(look, _sample(names, everything)) / _NEARER
        for rows in _too_large(names, classes, np.concatenate([pairs[copy], same])):
            inside = np.isin(pairs, rows).all(axis=1) & copy
            copy[inside] = distances[inside] <= usual_distance(look, _sample(names, rows)) / _NEARER
        for rows in _too_large(names, classes, np.concatenate([pairs[copy], same])):
            copy[np.isin(pairs, rows).all(axis=1)] = False
    alike = tuple(_too_large(names, classes, np.concatenate([pairs, same])))
    linked = np.concatenate([same, pairs[copy]])
    groups = _components(len(names), linked)
    linked, first = np.unique(linked, axis=0, return_index=True)
    both = np.concatenate([np.zeros(len(same)), distances[copy]])
    return CopyGroups(_least(names, groups), _parted(alike, groups), linked, both[first])


def _sample(ids: npt.NDArray[np.str_], rows: Integers) -> list[int]:
    """The pictures of the least ids: drawn by their content, in whatever order they come."""
    _, first = np.unique(ids[rows], return_index=True)
    return [int(row) for row in rows[first[:_SAMPLE]]]


def _same_bytes(ids: npt.NDArray[np.str_]) -> Integers:
    """Each picture with the first of its id."""
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    rows = np.arange(len(ids))
    others = first[inverse] != rows
    return np.stack([first[inverse][others], rows[others]], axis=1).astype(np.int64)


def _too_large(
    ids: npt.NDArray[np.str_], labels: npt.NDArray[np.str_], pairs: Integers
) -> Iterator[Integers]:
    """Groups that likeness makes of most of a class or much of the set, as distinct pictures."""
    if not len(pairs):
        return
    _, distinct = np.unique(ids, return_index=True)
    classes, codes = np.unique(labels, return_inverse=True)
    sizes = np.bincount(codes[distinct], minlength=len(classes))
    groups = _components(len(ids), pairs)
    counts = np.bincount(groups[distinct])
    for group in np.flatnonzero(counts > _FEW):
        rows = np.flatnonzero(groups == group)
        held = np.bincount(codes[np.intersect1d(rows, distinct)], minlength=len(classes))
        most = (held > np.maximum(_FEW, sizes / 2)).any()
        if most or counts[group] > len(distinct) / 3:
            yield rows


def _components(n: int, pairs: Integers) -> Integers:
    """Number the groups that pairs make of ``n`` pictures."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _least(ids: npt.NDArray[np.str_], groups: Integers) -> list[str]:
    order = np.lexsort((ids, groups))
    _, first = np.unique(groups[order], return_index=True)
    return [str(name) for name in ids[order][first][groups]]


def _parted(sets: tuple[Integers, ...], groups: Integers) -> tuple[Integers, ...]:
    return tuple(rows for rows in sets if len(np.unique(groups[rows])) > 1)
