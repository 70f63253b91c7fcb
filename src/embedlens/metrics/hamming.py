"""The kernels that compare 64-bit hashes: each with each, and by quarters of their bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays.kernel import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

_BANDS = 4
_LARGE = 64  # rows of one value, from which on those before a row are skipped
_MASKS = np.arange(1 << 16)  # all differences of two quarters


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


def banded_near_rows(
    hashes: NDArray[np.uint64], bands: Bands, start: int, stop: int, radius: int, most: int
) -> tuple[Integers, Integers, Integers]:
    """Return what `near_rows` does, from the rows that agree with a row in a band but for a few."""
    columns = np.empty((stop - start, most), np.int64)
    bits = np.empty((stop - start, most), np.int64)
    counts = np.zeros(stop - start, np.int64)
    masks = _MASKS[np.bitwise_count(_MASKS) <= radius // _BANDS]
    _probe(
        hashes, start, np.uint64(radius), bands.order, bands.sorted, bands.starts, masks,
        columns, bits, counts,
    )  # fmt: skip
    used = np.arange(most) < counts[:, None]
    rows = np.repeat(np.arange(start, stop), counts)
    return rows, columns[used], bits[used]


@dataclass(frozen=True)
class Bands:
    """Hashes by the value of each quarter of their bits.

    Two that differ in r bits differ in at most r // 4 bits of one quarter: so it is enough to look
    at the hashes whose quarter is so near (M. Norouzi, A. Punjani, D. Fleet, "Fast exact search in
    Hamming space with multi-index hashing", 2014).

    Attributes
    ----------
    order : ndarray of shape (4, n), int32
        Rows by the value of a quarter, and ascending within one value.
    sorted : ndarray of shape (4, n), uint64
        Their hashes.
    starts : ndarray of shape (4, 65537), int32
        Where those of each value begin.
    """

    order: NDArray[np.int32]
    sorted: NDArray[np.uint64]
    starts: NDArray[np.int32]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> Bands:
        """Sort hashes by their quarters."""
        quarters = hashes.astype("<u8").view("<u2").reshape(len(hashes), _BANDS).T
        order = np.argsort(quarters, axis=1, kind="stable")
        counts = [np.bincount(each, minlength=len(_MASKS)) for each in quarters]
        starts = np.zeros((_BANDS, len(_MASKS) + 1), np.int32)
        starts[:, 1:] = np.cumsum(counts, axis=1)
        return cls(order.astype(np.int32), hashes[order], starts)


@kernel()
def _probe(
    hashes: NDArray[np.uint64],
    start: int,
    limit: np.uint64,
    order: NDArray[np.int32],
    near_each_other: NDArray[np.uint64],
    starts: NDArray[np.int32],
    masks: NDArray[np.int64],
    columns: Integers,
    bits: Integers,
    counts: Integers,
) -> None:
    most = columns.shape[1]
    for i in range(len(counts)):
        row = start + i
        one = hashes[row]
        count = 0
        for band in range(len(order)):
            value = np.int64((one >> np.uint64(16 * band)) & np.uint64(0xFFFF))
            for m in range(len(masks)):
                bucket = value ^ masks[m]
                first, end = starts[band, bucket], starts[band, bucket + 1]
                if end - first > _LARGE:
                    first += np.searchsorted(order[band, first:end], row)
                for at in range(first, end):
                    if count == most and order[band, at] >= columns[i, most - 1]:
                        break  # later rows of the bucket are later still
                    distance = _differing(one, near_each_other[band, at])
                    if distance > limit or order[band, at] <= row:
                        continue
                    column = order[band, at]
                    place = count
                    while place > 0 and columns[i, place - 1] > column:
                        place -= 1
                    if place > 0 and columns[i, place - 1] == column:
                        continue
                    last = min(count, most - 1)
                    for k in range(last, place, -1):
                        columns[i, k], bits[i, k] = columns[i, k - 1], bits[i, k - 1]
                    columns[i, place], bits[i, place] = column, distance
                    count = min(count + 1, most)
        counts[i] = count


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
