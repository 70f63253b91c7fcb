"""Cutting points sorted by class into tiles, so that each pair of tiles is met exactly once.

Points lie class after class. A tile is *pure*, a part of one class, or *packed*, several small
classes whole. A *segment* is what a tile holds of one class. A *group* is a run of tiles of whole
classes whose sums, one for each point and class, fit the memory allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Sums of distances, float64, of every point to the classes of one group: at most this many bytes.
SUMS_BYTES = 96 << 20


@dataclass(frozen=True)
class Group:
    """Classes ``first_class:last_class`` and the tiles that hold exactly their points."""

    first_class: int
    last_class: int
    first_tile: int
    last_tile: int


@dataclass(frozen=True)
class Tiling:
    """Tiles over sorted points.

    Attributes
    ----------
    segments : (m, 3) int64
        Class, first point and end of what each tile holds of each class.
    tiles : (t + 1,) int64
        ``segments[tiles[i]:tiles[i + 1]]`` make up tile i.
    groups : tuple of Group
        All classes, in order; one group unless points times classes is large.
    """

    segments: NDArray[np.int64]
    tiles: NDArray[np.int64]
    groups: tuple[Group, ...]


def cut(starts: NDArray[np.int64], size: int, sums_bytes: int = SUMS_BYTES) -> Tiling:
    """Cut points whose classes begin at ``starts`` (k + 1,) into tiles of at most ``size`` points.

    Nothing here depends on the number of threads.
    """
    n, k = int(starts[-1]), len(starts) - 1
    width = max(1, min(k, sums_bytes // (8 * n)))
    segments: list[tuple[int, int, int]] = []
    tiles: list[int] = []
    groups: list[Group] = []
    for first in range(0, k, width):
        last = min(first + width, k)
        first_tile, room = len(tiles), 0
        for c, (start, stop) in enumerate(pairwise(starts[first : last + 1].tolist()), first):
            count = stop - start
            if count > room:
                tiles.append(len(segments))
                room = size
            room -= count
            parts = -(-count // size)
            edges = [start + count * part // parts for part in range(parts + 1)]
            tiles.extend(range(len(segments) + 1, len(segments) + parts))
            segments.extend((c, a, b) for a, b in pairwise(edges))
            if count > size // 2:
                room = 0
        groups.append(Group(first, last, first_tile, len(tiles)))
    tiles.append(len(segments))
    return Tiling(np.array(segments), np.array(tiles), tuple(groups))
