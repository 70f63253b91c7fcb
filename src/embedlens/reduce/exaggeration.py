"""How much early exaggeration the affinities of a map bear.

While a map is small all of its points repel each other alike, and the descent is linear: along an
eigenvector of the normalised affinities, of eigenvalue λ, the map grows by a step proportional to
1 - α (1 - λ), α the exaggeration. With α above 1 / (1 - λ) it shrinks there, at a rate that leaves
nothing of 200 iterations in float32: an axis is lost, or all of them. Many points with few
neighbours each have several eigenvalues near 1 and bear any customary exaggeration; where a point
has a tenth of the others as neighbours, or a third, they bear 6 or 2.

References
----------
G. C. Linderman, S. Steinerberger, "Clustering with t-SNE, provably", SIAM J. Math. Data Sci. 1,
2019 (the descent as a power iteration). D. Kobak, P. Berens, "The art of using t-SNE for
single-cell transcriptomics", Nat. Commun. 10, 2019, and A. C. Belkina et al., "Automated optimized
parameters for t-SNE", Nat. Commun. 10, 2019 (12, and rates that go with it).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.reduce.eigenpairs import leading_eigenpairs

LARGEST = 12.0  # the customary exaggeration

# Eigenvalues that have not converged are found too low: the exaggeration then errs downwards.
_TOLERANCE = 1e-3
_MOST_PRODUCTS = 10


def bearable_exaggeration(P: Any, n_components: int, random_state: int) -> float:
    """Return the exaggeration, 1 to 12, at which no axis of the map shrinks.

    Parameters
    ----------
    P : scipy.sparse.csr_array of shape (n, n)
        Joint affinities.
    n_components : int
        Axes of the map.
    random_state : int
        Seeds the eigensolver.
    """
    n = P.shape[0]
    affinities = P.astype(np.float64)
    roots = 1 / np.sqrt(np.asarray(affinities.sum(axis=1)).reshape(n, 1))

    def multiply(block: NDArray[np.float64]) -> NDArray[np.float64]:
        # Half of it and half of the identity: eigenvalues from 0 to 1, as the solver wants them.
        return np.asarray(block + roots * (affinities @ (roots * block))) / 2

    k = min(n, n_components + 1)  # the first, of eigenvalue 1, moves all points alike
    halves, _ = leading_eigenpairs(
        multiply, n, k, tol=_TOLERANCE, max_products=_MOST_PRODUCTS, random_state=random_state
    )
    lost = 2 * (1 - float(halves[-1]))
    return LARGEST if lost * LARGEST <= 1 else max(1 / lost, 1.0)
