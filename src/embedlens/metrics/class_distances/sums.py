"""Adding up distances from classes, tile by tile, until their means are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from embedlens.arrays.kernel import kernel
from embedlens.arrays.threads import in_order
from embedlens.metrics.class_distances import ClassDistances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from embedlens.metrics.class_distances.tiling import Group, Tiling
    from embedlens.metrics.classes import Classes


class Piece(NamedTuple):
    """Sums of distances from some classes to some points, both consecutive in class order."""

    first_class: int
    first_point: int
    sums: NDArray[np.float64]  # (classes, points)

    @classmethod
    def between(cls, classes: NDArray[np.int64], points: NDArray[np.int64]) -> Piece:
        """Return sums of zero from the classes of some segments (m, 3) to the points of others."""
        shape = (int(classes[-1, 0] - classes[0, 0]) + 1, int(points[-1, 2] - points[0, 1]))
        return cls(int(classes[0, 0]), int(points[0, 1]), np.zeros(shape))


def sum_pieces(
    tiling: Tiling, classes: Classes, pieces: Callable[[Group], Iterable[Piece]]
) -> ClassDistances:
    """Add up, group by group, the pieces that hold every point's distances to the group's classes.

    Memory is that of the sums of one group, which the tiling bounds.
    """
    n = int(classes.starts[-1])
    ordered = ClassDistances.unknown(n)
    memory = np.empty((max(group.last_class - group.first_class for group in tiling.groups), n))
    for group in tiling.groups:
        sums = memory[: group.last_class - group.first_class]
        sums[:] = 0
        for first_class, point, values in pieces(group):
            c = first_class - group.first_class
            sums[c : c + len(values), point : point + values.shape[1]] += values
        _meet_classes(ordered, sums, classes.starts, group.first_class)
    return ordered.in_input_order(classes)


def _meet_classes(
    distances: ClassDistances, sums: NDArray[np.float64], starts: NDArray[np.int64], first: int
) -> None:
    """Update distances, in class order, with sums (g, n) over classes ``first``, ..."""

    def meet(begin: int) -> None:
        end = min(begin + 16_384, len(distances.own))
        _meet(
            sums,
            starts,
            first,
            begin,
            end,
            distances.own,
            distances.nearest,
            distances.nearest_class,
        )

    for _ in in_order(meet, range(0, len(distances.own), 16_384)):
        pass


@kernel()
def _meet(
    sums: NDArray[np.float64],
    starts: NDArray[np.int64],
    first_class: int,
    begin: int,
    end: int,
    own: NDArray[np.float64],
    nearest: NDArray[np.float64],
    nearest_class: NDArray[np.int64],
) -> None:
    for row in range(len(sums)):
        c = first_class + row
        start, stop = starts[c], starts[c + 1]
        for i in range(begin, end):
            mean = sums[row, i] / (stop - start)
            if (i < start or i >= stop) and mean < nearest[i]:
                nearest[i] = mean
                nearest_class[i] = c
        for i in range(max(begin, start), min(end, stop)):
            own[i] = sums[row, i] / max(stop - start - 1, 1)
