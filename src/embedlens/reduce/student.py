"""The kernel of a t-SNE map: Student's t distribution, and the forces between its points.

Points repel and attract with (p - q) · pull · (y_i - y_j), q the similarity of two points.

In one and two dimensions the distribution has one degree of freedom, q = 1/w with
w = 1 + |y_i - y_j|², and pull = q: the gradient of the Kullback-Leibler divergence.

In three dimensions it has two degrees of freedom (n_components - 1, as in scikit-learn), q = w^-3/2
with w = 1 + |y_i - y_j|²/2. There the gradient has pull = 1/w, and scikit-learn has pull = q, which
is the gradient with each pair weighted by 1/√w: pairs that a map cannot bring together pull less.
The weighted forces keep more of the nearest neighbours, at a higher divergence; they come last,
once the gradient has laid the map out.

Kernels see coordinates divided by √(degrees of freedom), so that w = 1 + |y_i - y_j|² in each case.

References
----------
L. van der Maaten, "Learning a parametric embedding by preserving local structure", AISTATS 2009,
section 2 (degrees of freedom).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from embedlens.arrays.kernel import inlined

# How points of a map act on each other.
PLANE = 1
SPACE = 2
SPACE_WEIGHTED = 3


def degrees_of_freedom(n_components: int) -> int:
    """Return the degrees of freedom of the map's distribution."""
    return max(n_components - 1, 1)


@inlined(reassociate=True)
def similarity(w: Any, law: int) -> Any:
    """Return the similarity q, not normalised, and the pull of two points, given w."""
    one = np.float32(1)
    if law == PLANE:
        q = one / w
        return q, q
    r = one / np.sqrt(w)
    q = r * r * r
    if law == SPACE:
        return q, r * r
    return q, q
