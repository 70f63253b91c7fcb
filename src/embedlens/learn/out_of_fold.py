"""Predictions of every picture by a head that has not seen it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlens.learn.linear_probe import LinearProbe
from embedlens.learn.softmax_regression import NEAR, Coordinates, Solution

FEW = 1_000
"""Up to so many points a strength that was chosen flatters those it was chosen with."""

_WATCHED = 3  # one of so many parts is watched to choose a strength, as in a study


def out_of_fold(
    X: ArrayLike,
    codes: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    folds: int = 5,
    strength: float = 1e-2,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the probabilities a linear probe gives each point, fitted to the other folds.

    Parameters
    ----------
    X : array of shape (n, d)
        Features.
    codes : array of shape (n,), int
        Classes, 0 to k - 1.
    groups : sequence of str, optional
        Points of one group are in one fold: copies of a picture must not tell of each other.
    folds : int, default 5
        As many as a class has groups, where it has fewer.
    strength : float, default 1e-2
        As in `LinearProbe`. It is not chosen here: the labels are in doubt, and at this strength
        a wrong one is not learnt by heart.
    seed : int, default 0
        Of the draw of folds.

    Returns
    -------
    ndarray of shape (n, k), float64
        Rows sum to 1; a class that the other folds lack has exactly 0. All of a row is 0 where the
        other folds are empty, as they are where all points are of one group.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> bool((out_of_fold(X, y).argmax(axis=1) == y).mean() > 0.9)
    True
    """
    shares = np.zeros((len(np.asarray(codes)), int(np.max(codes)) + 1))
    among = Coordinates.of(np.asarray(X))
    for held, found in _each_fold(among, codes, groups, folds, strength, seed):
        shares[held] = found
    return shares


def out_of_enough_folds(
    among: Coordinates,
    codes: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    enough: int,
    folds: int = 5,
    strength: float = 1e-2,
    start: Solution | None = None,
    seed: int = 0,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return what `out_of_fold` does, of so many folds as it takes to ask ``enough`` points.

    A fold has the classes in the proportions of all, and each costs a fit.

    Parameters
    ----------
    among : Coordinates
        The points, turned.
    codes, groups, folds, strength, seed
        As for `out_of_fold`.
    enough : int
        Points to ask.
    start : Solution, optional
        For all classes, to begin at.

    Returns
    -------
    asked : ndarray of shape (m,), int
        The points that were asked, fold after fold; fewer than ``enough`` only where these are all.
    shares : ndarray of shape (m, k), float64
        Their rows.
    """
    asked: list[NDArray[np.intp]] = []
    shares: list[NDArray[np.float64]] = []
    for held, found in _each_fold(among, codes, groups, folds, strength, seed, start):
        asked.append(held)
        shares.append(found)
        if sum(map(len, asked)) >= enough:
            break
    return np.concatenate(asked), np.concatenate(shares)


def out_of_fold_anew(
    among: Coordinates,
    codes: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return what `out_of_fold` does, of probes that each choose their strength themselves.

    Of few points the strength is the one that happened to suit some of them; probes of the same
    strength then seem better, asked of these, than they are of others. With 200 photographs of
    clothes temperatures from probes of one strength left probabilities 3.1 points too high, those
    from these 1.2 (docs/benchmarks.md). It takes four times as long.

    Parameters
    ----------
    among : Coordinates
        The points, turned.
    codes, groups, folds, seed
        As for `out_of_fold`.

    Returns
    -------
    ndarray of shape (n, k), float64
    """
    codes = np.asarray(codes)
    shares = np.zeros((len(codes), int(codes.max()) + 1))
    fold_of = folds_of(codes, groups, folds, seed)
    for fold in np.unique(fold_of):
        held, others = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        rest = np.unique(codes[others])
        if len(rest) == 1:
            shares[held, rest] = 1.0
        elif len(rest):
            own = None if groups is None else [groups[i] for i in others.tolist()]
            watched = _watched(codes[others], own, seed)
            probe = LinearProbe().fit_among(among, codes, others[~watched], others[watched])
            shares[np.ix_(held, probe.classes_)] = probe.solution_.shares(among.values[held])
    return shares


def _watched(
    codes: NDArray[np.integer[Any]], groups: Sequence[str] | None, seed: int
) -> NDArray[np.bool_]:
    """Return which points a strength is chosen by: a third, groups as wholes.

    None where the others would be of one class, or of none of theirs.
    """
    watched: NDArray[np.bool_] = folds_of(codes, groups, _WATCHED, seed) == 0
    learned = np.unique(codes[~watched])
    if len(learned) < 2 or not np.isin(codes[watched], learned).any():
        return np.zeros(len(codes), bool)
    return watched


def _each_fold(
    among: Coordinates,
    codes: ArrayLike,
    groups: Sequence[str] | None,
    folds: int,
    strength: float,
    seed: int,
    start: Solution | None = None,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield the points of each fold, and what a probe of the other folds gives them."""
    codes = np.asarray(codes)
    fold_of = folds_of(codes, groups, folds, seed)
    before = None if start is None else (np.unique(codes).tolist(), start)
    for fold in np.unique(fold_of):
        held, others = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        shares = np.zeros((len(held), int(codes.max()) + 1))
        rest = np.unique(codes[others])
        if len(rest) == 1:
            shares[:, rest] = 1.0
        elif len(rest):
            start = before[1] if before is not None and before[0] == rest.tolist() else None
            own = np.searchsorted(rest, codes[others])
            found = among.part(others).fit(own, len(rest), strength, start=start, promise=NEAR)
            before = rest.tolist(), found
            shares[:, rest] = found.shares(among.values[held])
        yield held, shares


def folds_of(
    codes: NDArray[np.generic], groups: Sequence[str] | None, folds: int, seed: int
) -> NDArray[np.int64]:
    """Deal each class's groups to the folds in turn, in a drawn order.

    Parameters are those of `out_of_fold`.

    Returns
    -------
    ndarray of shape (n,), int64
        The fold of each point, from 0.
    """
    names = np.arange(len(codes)) if groups is None else np.array(groups)
    _, number = np.unique(names, return_inverse=True)
    rng = np.random.default_rng(seed)
    fold_of_group = np.full(number.max() + 1, -1)
    first = 0
    for code in np.unique(codes):
        own = np.unique(number[codes == code])
        own = rng.permutation(own[fold_of_group[own] < 0])
        # Each class goes on where the last one stopped, so that folds are equally large.
        fold_of_group[own] = (first + np.arange(len(own))) % folds
        first += len(own)
    return fold_of_group[number].astype(np.int64)
