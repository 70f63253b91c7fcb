"""Batches of stored features for Keras's ``fit``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.labelled_points import class_labels
from embedlens.learn.lazy_rows import LazyRows

keras = import_keras()


class Batches(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
    """Rows of stored features with what they are compared with, read when they are wanted.

    Parameters
    ----------
    X : array or LazyRows of shape (n, d)
    y : array of shape (n, ...)
    size : int
        Rows a batch; the last has what is left.
    shuffle : int, optional
        Seed of an order that is drawn anew for each epoch.
    """

    def __init__(
        self, X: NDArray[Any] | LazyRows, y: NDArray[Any], size: int, shuffle: int | None = None
    ) -> None:
        super().__init__()
        self.X, self.y, self.size = X, y, size
        self.order = np.arange(len(y))
        self.rng = None if shuffle is None else np.random.default_rng(shuffle)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.y) // self.size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        rows = self.order[index * self.size : (index + 1) * self.size]
        return np.asarray(self.X[rows], np.float32), self.y[rows]

    def on_epoch_end(self) -> None:
        """Draw another order."""
        if self.rng is not None:
            self.rng.shuffle(self.order)


def balanced_batches(
    X: NDArray[Any] | LazyRows,
    y: NDArray[Any],
    size: int = 256,
    random_state: int = 0,
    targets: NDArray[Any] | None = None,
    most: int | None = None,
) -> Any:
    """Return a ``keras.utils.PyDataset`` whose batches hold several members of every class.

    What a loss that compares the members of a batch needs, as `SilhouetteLoss`: an ordinary batch
    may hold one member of a rare class, or none. Each class gives an equal number, at least two,
    and all that it has where it has fewer; no point is twice in a batch. Each goes through its
    members in random order, once through before any comes again. Where ``size`` has no room for
    two members of every class, each batch holds ``size // 2`` classes, in turn.

    Points come with weights that make up for the balance, so that a class counts by its size, as
    in ordinary batches.

    Parameters
    ----------
    X : array or LazyRows of shape (n, d)
        Points.
    y : array of shape (n,)
        Their classes, of any type.
    size : int, default 256
        Most points a batch.
    random_state : int, default 0
        Of the draw.
    targets : array of shape (n, ...), optional
        What the loss compares with, where that is not ``y``.
    most : int, optional
        Batches an epoch, at most. The next goes on where it ended.

    Returns
    -------
    PyDataset
        Of ceil(n / size) batches an epoch, or ``most``; an item is (points, targets, weights of
        mean 1).

    Raises
    ------
    ValueError
        If ``X``, ``y`` and ``targets`` differ in length, there are no points, ``size`` is not
        positive, or a label is missing.

    Examples
    --------
    >>> X, y = np.arange(10.0)[:, None], np.array([0] * 8 + [1] * 2)
    >>> points, classes, weights = balanced_batches(X, y, size=4)[0]
    >>> classes, weights
    (array([0, 0, 1, 1]), array([1.6, 1.6, 0.4, 0.4], dtype=float32))
    """
    labels = class_labels(y)
    wanted = labels if targets is None else np.asarray(targets)
    if size < 1:
        raise ValueError(f"size must be 1 or more; got {size}.")
    if not len(labels):
        raise ValueError("There are no points to draw batches of.")
    if not len(X) == len(labels) == len(wanted):
        raise ValueError(
            f"X has {len(X)} rows, y has {len(labels)} labels and there are {len(wanted)} targets;"
            " give one of each a row."
        )
    number = -(-len(labels) // size)
    number = number if most is None else min(number, most)
    return BalancedBatches(X, wanted, labels, size, random_state, number)


class BalancedBatches(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
    """What `balanced_batches` returns."""

    def __init__(
        self,
        X: NDArray[Any] | LazyRows,
        targets: NDArray[Any],
        labels: NDArray[Any],
        size: int,
        random_state: int,
        number: int,
    ) -> None:
        super().__init__()
        self.X, self.targets = X, targets
        codes = np.unique(labels, return_inverse=True)[1]
        self.members = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
        self.sizes = np.array([len(each) for each in self.members])
        self.at_once = min(len(self.members), max(1, size // 2))
        self.quota = max(2, size // self.at_once)
        self.number = number
        rng = np.random.default_rng(random_state)
        self.classes = _Turns(np.arange(len(self.members)), rng)
        self.points = [_Turns(each, rng) for each in self.members]

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]:
        classes = np.sort(self.classes.draw(self.at_once))
        drawn = [self.points[code].draw(self.quota) for code in classes]
        rows = np.concatenate(drawn)
        numbers = np.array([len(each) for each in drawn])
        weights = np.repeat(self.sizes[classes] / numbers, numbers)
        return (
            np.asarray(self.X[rows], np.float32),
            self.targets[rows],
            (weights / weights.mean()).astype(np.float32),
        )


class _Turns:
    """Draws from a set without repeats within a draw; each has its turn before any comes again.

    The values are in order.
    """

    def __init__(self, values: NDArray[np.int64], rng: np.random.Generator) -> None:
        self.values, self.rng = values, rng
        self.waiting = values[:0]

    def draw(self, number: int) -> NDArray[np.int64]:
        if number >= len(self.values):
            return self.values
        drawn = self.waiting[:number]
        self.waiting = self.waiting[number:]
        if len(drawn) < number:
            others = np.ones(len(self.values), bool)
            others[np.searchsorted(self.values, drawn)] = False
            again = self.rng.permutation(self.values[others])
            fresh = again[: number - len(drawn)]
            rest = np.concatenate([again[number - len(drawn) :], drawn])
            drawn, self.waiting = np.concatenate([drawn, fresh]), self.rng.permutation(rest)
        return drawn
