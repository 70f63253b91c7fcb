"""Sums over blocks of rows, the same for any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.threads import in_order

_ROWS = 1024  # of a block: sums over blocks are in their order, whatever the number of threads


def sum_of_blocks(work: Callable[[slice], NDArray[Any]], n: int) -> NDArray[np.float64]:
    """Add up what blocks of rows give, in their order whatever the number of threads."""
    blocks = blocks_of(n)
    parts = in_order(work, blocks) if len(blocks) > 1 else iter([work(blocks[0])])
    total = next(parts).astype(np.float64)
    for part in parts:
        total += part
    return total


def blocks_of(n: int) -> list[slice]:
    """Cut rows into blocks."""
    return [slice(first, min(first + _ROWS, n)) for first in range(0, n, _ROWS)]
