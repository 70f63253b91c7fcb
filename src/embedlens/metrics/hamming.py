"""The kernel that compares 64-bit hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays.kernel import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


def near_rows(
    hashes: NDArray[np.uint64], start: int, stop: int, radius: int, most: int
) -> tuple[Integers, Integers, Integers]:
    """Return (row, later row, differing bits) of the near pairs of rows ``start`` to ``stop``."""
    columns = np.empty((stop - start, most), np.int64)
    bits = np.empty((stop - start, most), np.int64)
    counts = np.zeros(stop - start, np.int64)
    _compare(hashes, start, np.uint64(radius), columns, bits, counts)
    used = np.arange(most) < counts[:, None]
    rows = np.repeat(np.arange(start, stop), counts)
    return rows, columns[used], bits[used]


@inlined()
def _differing(one: np.uint64, other: np.uint64) -> np.uint64:
    """Count differing bits in parallel (H. Warren, "Hacker's delight", section 5-1)."""
    x = one ^ other
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel()
def _compare(
    hashes: NDArray[np.uint64],
    start: int,
    limit: np.uint64,
    columns: Integers,
    bits: Integers,
    counts: Integers,
) -> None:
    n = len(hashes)
    for i in range(len(counts)):
        one = hashes[start + i]
        j = start + i + 1
        while j < n and counts[i] < columns.shape[1]:
            # A part is counted before it is looked through: the count runs on SIMD lanes.
            end = min(j + 512, n)
            near = 0
            for k in range(j, end):
                near += int(_differing(one, hashes[k]) <= limit)
            if near > 0:
                for k in range(j, end):
                    distance = _differing(one, hashes[k])
                    if distance <= limit and counts[i] < columns.shape[1]:
                        columns[i, counts[i]] = k
                        bits[i, counts[i]] = distance
                        counts[i] += 1
            j = end
