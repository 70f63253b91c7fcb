"""The repulsion of t-SNE between many points: far groups of points act as one.

J. Barnes, P. Hut, "A hierarchical O(N log N) force-calculation algorithm", Nature 324, 1986, with
one list of partners for a whole leaf of points (J. E. Barnes, "A modified tree code: don't laugh;
it runs", J. Comput. Phys. 87, 1990), so that lists are walked in SIMD.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined, kernel
from embedlens.arrays.threads import together
from embedlens.reduce.student import similarity

_LEAF = 32  # points
_BITS = 21  # of each coordinate in a Morton code: three fill 63
_LEAVES_A_TASK = 16

# A node's row: centre of mass, number of points, four times their mean square about the centre
# (the squared side of a cube of that spread), and the box that holds them.
_CENTER, _MASS, _SIDE2, _LOW, _HIGH = 0, 3, 4, 5, 8
_NODE = 11


class TreeRepulsion:
    """Repulsion in O(n log n), with a small error that ``angle`` bounds.

    Points are sorted along a Morton curve, so that runs of points are compact; a complete binary
    tree over the runs holds their centres.

    Parameters
    ----------
    size : int
        Points with padding, as columns of Y.
    n : int
        Points.
    angle : float
        A node acts as one point where its side is below ``angle`` times √w for the nearest place
        of the leaf it acts on, w = 1 + distance². So near nodes that are small next to the kernel
        are merged, which the customary side / distance never does.
    """

    def __init__(self, size: int, n: int, angle: float) -> None:
        self.forces = np.zeros((1, 3, size), np.float32)
        self._n = n
        self._angle2 = np.float32(angle**2)
        self._sums = np.empty(-(-_leaves(n) // _LEAVES_A_TASK))

    def __call__(self, Y: NDArray[np.float32], law: int) -> float:
        """Fill ``forces`` with the repulsion and return Z."""
        points = np.ascontiguousarray(Y[:, : self._n])
        order = np.argsort(self._morton_codes(points), kind="stable")
        points = np.ascontiguousarray(points[:, order])
        nodes = np.zeros((2 * _leaves(self._n), _NODE), np.float32)
        _tree(points, nodes)
        together(
            _repel, len(self._sums), points, nodes, self._angle2, law, order, self.forces[0],
            self._sums,
        )  # fmt: skip
        return float(self._sums.sum()) - self._n

    def _morton_codes(self, points: NDArray[np.float32]) -> NDArray[np.uint64]:
        """Return each point's place along the curve that interleaves its coordinates' bits."""
        low = points.min(axis=1)
        side = max(float((points.max(axis=1) - low).max()), 1e-30)
        codes = np.empty(self._n, np.uint64)
        together(_write_codes, self._n, points, low, ((1 << _BITS) - 1) / side, codes)
        return codes


def _leaves(n: int) -> int:
    """Return the number of leaves, a power of two."""
    return 1 << max(0, (-(-n // _LEAF) - 1).bit_length())


@inlined()
def _spread(bits: Any) -> Any:
    """Put two zeros between the low 21 bits."""
    bits = (bits | bits << np.uint64(32)) & np.uint64(0x1F00000000FFFF)
    bits = (bits | bits << np.uint64(16)) & np.uint64(0x1F0000FF0000FF)
    bits = (bits | bits << np.uint64(8)) & np.uint64(0x100F00F00F00F00F)
    bits = (bits | bits << np.uint64(4)) & np.uint64(0x10C30C30C30C30C3)
    return (bits | bits << np.uint64(2)) & np.uint64(0x1249249249249249)


@kernel()
def _write_codes(points: Any, low: Any, scale: float, codes: Any, first: int, last: int) -> None:
    for i in range(first, last):
        code = np.uint64(0)
        for axis in range(3):
            bits = np.uint64((points[axis, i] - low[axis]) * scale)
            code |= _spread(bits) << np.uint64(axis)
        codes[i] = code


@inlined()
def _bounds(leaf: int, leaves: int, n: int) -> Any:
    """Return the first point of a leaf and the one after its last."""
    return leaf * n // leaves, (leaf + 1) * n // leaves


@inlined()
def _join(node: Any, left: Any, right: Any) -> None:
    mass = left[_MASS] + right[_MASS]
    a, b = left[_MASS] / mass, right[_MASS] / mass
    between = np.float32(0)
    for axis in range(3):
        gap = left[axis] - right[axis]
        between += gap * gap
        node[_CENTER + axis] = a * left[axis] + b * right[axis]
        node[_LOW + axis] = min(left[_LOW + axis], right[_LOW + axis])
        node[_HIGH + axis] = max(left[_HIGH + axis], right[_HIGH + axis])
    node[_MASS] = mass
    node[_SIDE2] = a * left[_SIDE2] + b * right[_SIDE2] + 4 * a * b * between


@inlined(reassociate=True)
def _measure(along: Any, node: Any, axis: int) -> float:
    """Write a leaf's centre and box on one axis; return the mean square about the centre."""
    total, low, high = 0.0, along[0], along[0]
    for i in range(len(along)):
        total += np.float64(along[i])
        low, high = min(low, along[i]), max(high, along[i])
    mean, square = total / len(along), 0.0
    for i in range(len(along)):
        square += (along[i] - mean) ** 2
    node[_CENTER + axis], node[_LOW + axis], node[_HIGH + axis] = mean, low, high
    return square / len(along)


@kernel()
def _tree(points: Any, nodes: Any) -> None:
    """Write the nodes: the root is node 1, the children of node i are 2i and 2i + 1."""
    leaves, n = len(nodes) // 2, points.shape[1]
    for leaf in range(leaves):
        first, last = _bounds(leaf, leaves, n)
        node = nodes[leaves + leaf]
        node[_MASS] = last - first
        square = 0.0
        for axis in range(3):
            square += _measure(points[axis, first:last], node, axis)
        node[_SIDE2] = 4 * square
    for i in range(leaves - 1, 0, -1):
        _join(nodes[i], nodes[2 * i], nodes[2 * i + 1])


@inlined()
def _partners(points: Any, nodes: Any, leaf: int, angle2: Any, partners: Any) -> int:
    """Write the centres and masses that act on a leaf; return how many."""
    leaves, n = len(nodes) // 2, points.shape[1]
    own = nodes[leaves + leaf]
    stack = np.empty(64, np.int64)
    stack[0], depth, count = 1, 1, 0
    while depth:
        depth -= 1
        i = stack[depth]
        node = nodes[i]
        w = np.float32(1)
        for axis in range(3):
            center = node[_CENTER + axis]
            gap = max(own[_LOW + axis] - center, center - own[_HIGH + axis], np.float32(0))
            w += gap * gap
        if node[_SIDE2] < angle2 * w:
            for k in range(4):
                partners[k, count] = node[k]
            count += 1
        elif i >= leaves:
            first, last = _bounds(i - leaves, leaves, n)
            for j in range(first, last):
                for axis in range(3):
                    partners[axis, count] = points[axis, j]
                partners[_MASS, count] = 1
                count += 1
        else:
            stack[depth], stack[depth + 1] = 2 * i + 1, 2 * i
            depth += 2
    return count


@inlined(reassociate=True)
def _repel_one(
    points: Any, i: int, partners: Any, count: int, law: int, forces: Any, place: int
) -> float:
    """Write the repulsion on a point; return its similarities, that to itself included."""
    one = np.float32(1)
    x, y, z = points[0, i], points[1, i], points[2, i]
    xs, ys, zs = partners[0, :count], partners[1, :count], partners[2, :count]
    masses = partners[_MASS, :count]
    fx = fy = fz = total = np.float32(0)
    for j in range(count):
        dx, dy, dz = x - xs[j], y - ys[j], z - zs[j]
        q, pull = similarity(one + dx * dx + dy * dy + dz * dz, law)
        q *= masses[j]
        total += q
        pull *= q
        fx, fy, fz = fx + pull * dx, fy + pull * dy, fz + pull * dz
    forces[0, place], forces[1, place], forces[2, place] = fx, fy, fz
    return np.float64(total)


@kernel(reassociate=True)
def _repel(
    points: Any,
    nodes: Any,
    angle2: Any,
    law: int,
    order: Any,
    forces: Any,
    sums: Any,
    first_task: int,
    last_task: int,
) -> None:
    leaves, n = len(nodes) // 2, points.shape[1]
    partners = np.empty((4, n + leaves), np.float32)
    for task in range(first_task, last_task):
        total = 0.0
        for leaf in range(task * _LEAVES_A_TASK, min((task + 1) * _LEAVES_A_TASK, leaves)):
            count = _partners(points, nodes, leaf, angle2, partners)
            first, last = _bounds(leaf, leaves, n)
            for i in range(first, last):
                total += _repel_one(points, i, partners, count, law, forces, order[i])
        sums[task] = total
