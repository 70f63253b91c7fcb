"""Predictions of every picture by a head that has not seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlens.learn.linear_probe import LinearProbe
from embedlens.learn.softmax_regression import NEAR, Coordinates, Solution

FEW = 1_000
"""Up to so many points a strength that was chosen flatters those it was chosen with."""

_WATCHED = 3  # one of so many parts is watched to choose a strength, as in a study

# Takes rows to learn from, of two classes or more; returns the classes learned and the weights.
_Fit = Callable[[NDArray[np.intp]], tuple[NDArray[np.integer[Any]], Solution]]


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
    >>> bool((out_of_fold(X, y).argmax(axis=1) == y).mean() > 0.8)
    True
    """
    codes, among = np.asarray(codes), Coordinates.of(np.asarray(X))
    fit = _of_one_strength(among, codes, strength, None)
    return _all_folds(_each_fold(among, codes, groups, folds, seed, fit), codes)


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
    codes = np.asarray(codes)
    asked: list[NDArray[np.intp]] = []
    shares: list[NDArray[np.float64]] = []
    fit = _of_one_strength(among, codes, strength, start)
    for held, found in _each_fold(among, codes, groups, folds, seed, fit):
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
    fit = _of_their_own_strengths(among, codes, groups, seed)
    return _all_folds(_each_fold(among, codes, groups, folds, seed, fit), codes)


def _of_one_strength(
    among: Coordinates, codes: NDArray[np.integer[Any]], strength: float, start: Solution | None
) -> _Fit:
    """Return what fits at a strength, each time from where it ended before."""
    before = None if start is None else (np.unique(codes).tolist(), start)

    def fit(rows: NDArray[np.intp]) -> tuple[NDArray[np.integer[Any]], Solution]:
        nonlocal before
        learned, own = np.unique(codes[rows], return_inverse=True)
        near = before[1] if before is not None and before[0] == learned.tolist() else None
        found = among.part(rows).fit(own, len(learned), strength, start=near, promise=NEAR)
        before = learned.tolist(), found
        return learned, found

    return fit


def _of_their_own_strengths(
    among: Coordinates,
    codes: NDArray[np.integer[Any]],
    groups: Sequence[str] | None,
    seed: int,
) -> _Fit:
    """Return what chooses a strength by a third of the rows each time."""

    def fit(rows: NDArray[np.intp]) -> tuple[NDArray[np.integer[Any]], Solution]:
        own = None if groups is None else [groups[i] for i in rows.tolist()]
        watched = _watched(codes[rows], own, seed)
        probe = LinearProbe().fit_among(among, codes, rows[~watched], rows[watched])
        return probe.classes_, probe.solution_

    return fit


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
    codes: NDArray[np.integer[Any]],
    groups: Sequence[str] | None,
    folds: int,
    seed: int,
    fit: _Fit,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield the points of each fold, and what a probe of the other folds gives them."""
    fold_of = folds_of(codes, groups, folds, seed)
    for fold in np.unique(fold_of):
        held, others = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        shares = np.zeros((len(held), int(codes.max()) + 1))
        rest = np.unique(codes[others])
        if len(rest) == 1:
            shares[:, rest] = 1.0
        elif len(rest):
            learned, found = fit(others)
            shares[:, learned] = found.shares(among.values[held])
        yield held, shares


def _all_folds(
    each: Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]],
    codes: NDArray[np.integer[Any]],
) -> NDArray[np.float64]:
    shares = np.zeros((len(codes), int(codes.max()) + 1))
    for held, found in each:
        shares[held] = found
    return shares


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
