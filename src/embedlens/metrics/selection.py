"""Keeping the least numbers of a stream of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.kernel import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIDE = 64  # numbers that are skipped at once if none of them is small enough
_INSERTED = 256  # up to so many are kept by insertion; more, by sorting


def keep_least(
    block: NDArray[Any], first: int, keys: NDArray[np.float64], indices: NDArray[np.int64]
) -> None:
    """Keep in each row the least of ``keys`` (r, m) and of ``block`` (r, c), in ascending order.

    ``block`` holds columns ``first``, ``first + 1``, ...; ``indices`` are those of ``keys``, all
    lower than ``first``. Of equal keys the lower index comes first.
    """
    if keys.shape[1] <= _INSERTED:
        _insert(block, first, keys, indices)
        return
    for i, row in enumerate(block):
        both = np.concatenate([keys[i], row])
        columns = np.concatenate([indices[i], np.arange(first, first + len(row))])
        order = np.argsort(both, kind="stable")[: keys.shape[1]]
        keys[i], indices[i] = both[order], columns[order]


@inlined(reassociate=True)
def _least(values: NDArray[Any]) -> Any:
    least = values[0]
    for j in range(1, len(values)):
        least = min(least, values[j])
    return least


@kernel()
def _insert(
    block: NDArray[Any], first: int, keys: NDArray[np.float64], indices: NDArray[np.int64]
) -> None:
    last = keys.shape[1] - 1
    for i in range(len(block)):
        for start in range(0, block.shape[1], _STRIDE):
            some = block[i, start : start + _STRIDE]
            if _least(some) >= keys[i, last]:
                continue
            for j in range(len(some)):
                if some[j] < keys[i, last]:
                    place = last
                    while place > 0 and keys[i, place - 1] > some[j]:
                        keys[i, place] = keys[i, place - 1]
                        indices[i, place] = indices[i, place - 1]
                        place -= 1
                    keys[i, place] = some[j]
                    indices[i, place] = first + start + j


@kernel()
def count_less(
    block: NDArray[Any], thresholds: NDArray[np.float64], counts: NDArray[np.int64]
) -> None:
    """Add to ``counts`` (r, m) how many numbers of each row are below each threshold."""
    for i in range(len(block)):
        for t in range(thresholds.shape[1]):
            threshold, count = thresholds[i, t], 0
            for j in range(block.shape[1]):
                count += block[i, j] < threshold
            counts[i, t] += count
