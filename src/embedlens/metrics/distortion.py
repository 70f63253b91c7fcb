"""How much of the features a map keeps: who is near whom, and how far apart all are.

The map Y is Euclidean; X may be given as features, distances or a Gram matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from embedlens.metrics.neighbors import nearest_neighbors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

DistortionMetric = Literal["euclidean", "cosine", "gram", "precomputed"]

# Keys this much nearer, relatively, are nearer by rounding only: they are ties.
_TIE = 1e-12


@dataclass(frozen=True)
class DistanceCorrelation:
    """Correlation of the distances between points in the features and in the map.

    Not the "distance correlation" of Székely et al., which measures dependence.

    Attributes
    ----------
    pearson : float
        Of the distances; NaN if all are equal on one side.
    spearman : float
        Of their ranks: whether far in the map means far in the features.
    points, pairs : int
        Points that were drawn, and pairs of them, all of which were measured.
    """

    pearson: float
    spearman: float
    points: int
    pairs: int


@dataclass(frozen=True)
class DistortionReport:
    """How much of the features a map keeps.

    Attributes
    ----------
    metric : str
        In which the features were measured; the map is Euclidean.
    count : int
        Points.
    trustworthiness, continuity, neighborhood_preservation : dict of int to float
        By number of neighbours k.
    distance_correlation : DistanceCorrelation
    """

    metric: str
    count: int
    trustworthiness: dict[int, float]
    continuity: dict[int, float]
    neighborhood_preservation: dict[int, float]
    distance_correlation: DistanceCorrelation

    def to_frame(self) -> pd.DataFrame:
        """Return tidy rows with columns metric, k (missing where there is none) and value."""
        import pandas as pd

        rows: list[tuple[str, int | None, float]] = [
            (name, k, value)
            for name in ("trustworthiness", "continuity", "neighborhood_preservation")
            for k, value in getattr(self, name).items()
        ]
        rows.append(("distance_pearson", None, self.distance_correlation.pearson))
        rows.append(("distance_spearman", None, self.distance_correlation.spearman))
        return pd.DataFrame(rows, columns=["metric", "k", "value"]).astype({"k": "Int64"})


def trustworthiness(
    X: ArrayLike, Y: ArrayLike, k: int = 5, *, metric: DistortionMetric = "euclidean"
) -> float:
    r"""Return how far neighbours in the map can be trusted to be near in the features.

    .. math::

        T(k) = 1 - \frac{2}{nk(2n - 3k - 1)} \sum_i \sum_{j \in N_k^Y(i)} \max(0, r^X(i, j) - k)

    where :math:`N_k^Y(i)` are the k nearest neighbours of i in the map and :math:`r^X(i, j)` is
    the rank of j among the neighbours of i in the features. Points at equal distances share the
    lowest of their ranks: a tie is no intrusion.

    Parameters
    ----------
    X : array-like of shape (n, d), or (n, n) for "gram" and "precomputed"
        The features, their Gram matrix, or their distances.
    Y : array-like of shape (n, e)
        The map.
    k : int, default=5
        Neighbours; less than n / 2, so that the result is in [0, 1]. The default is
        scikit-learn's.
    metric : {"euclidean", "cosine", "gram", "precomputed"}, default="euclidean"
        Of the features. The map is Euclidean.

    Returns
    -------
    float
        1: each neighbour in the map is one in the features. About 0.5 for a random map.

    Raises
    ------
    ValueError
        If the arrays do not fit, hold NaN or infinity, or ``k`` is out of range.

    References
    ----------
    Venna and Kaski (2001), "Neighborhood preservation in nonlinear projection methods: an
    experimental study", ICANN, eq. 1.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.metrics import trustworthiness
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> trustworthiness(X, -2 * X, k=3)
    1.0
    """
    _check(X, Y, [k])
    _, neighbors = nearest_neighbors(Y, k)
    return _rank_score(_ranks(X, metric, neighbors), k)


def continuity(
    X: ArrayLike, Y: ArrayLike, k: int = 5, *, metric: DistortionMetric = "euclidean"
) -> float:
    """Return how far neighbours in the features are still near in the map.

    Trustworthiness with features and map exchanged: it falls when the map tears neighbours apart,
    trustworthiness when it puts strangers side by side.

    Parameters
    ----------
    X, Y, k, metric
        As for :func:`trustworthiness`.

    Returns
    -------
    float
        1: each neighbour in the features is one in the map. About 0.5 for a random map.

    Raises
    ------
    ValueError
        As for :func:`trustworthiness`.

    References
    ----------
    Venna and Kaski (2001), eq. 2.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.metrics import continuity
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> continuity(X, X % 6, k=3) < 1.0
    True
    """
    _check(X, Y, [k])
    _, neighbors = nearest_neighbors(X, k, metric=metric)
    return _rank_score(_ranks(Y, "euclidean", neighbors), k)


def neighborhood_preservation(
    X: ArrayLike,
    Y: ArrayLike,
    ks: Sequence[int] = (5, 10, 20, 50),
    *,
    metric: DistortionMetric = "euclidean",
) -> dict[int, float]:
    """Return the share of each point's k nearest neighbours that features and map have in common.

    Parameters
    ----------
    X, Y, metric
        As for :func:`trustworthiness`.
    ks : sequence of int, default=(5, 10, 20, 50)
        Numbers of neighbours, each less than n; small ones look at fine structure.

    Returns
    -------
    dict of int to float
        From k to the mean share: 1 if all are kept, k / (n - 1) for a random map.

    Raises
    ------
    ValueError
        If the arrays do not fit, hold NaN or infinity, or a k is out of range.

    References
    ----------
    Lee and Verleysen (2009), "Quality assessment of dimensionality reduction: rank-based
    criteria", Neurocomputing 72, where it is called Q_NX.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.metrics import neighborhood_preservation
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> neighborhood_preservation(X, -2 * X, ks=(2, 4))
    {2: 1.0, 4: 1.0}
    """
    _check(X, Y, [])
    _, before = nearest_neighbors(X, max(ks), metric=metric)
    _, after = nearest_neighbors(Y, max(ks))
    return {k: _shared(before[:, :k], after[:, :k]) for k in ks}


def distance_correlation(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    metric: DistortionMetric = "euclidean",
    sample_size: int = 1000,
    random_state: int | np.random.Generator | None = 0,
) -> DistanceCorrelation:
    """Return the correlation of distances between points in the features and in the map.

    Of all pairs among some points drawn at random. It says whether the map as a whole can be read
    (which clusters are far apart), where the other functions look at neighbours.

    Parameters
    ----------
    X, Y, metric
        As for :func:`trustworthiness`.
    sample_size : int, default=1000
        Points drawn, 499,500 pairs: the sampling error of the correlation is about 0.01.
    random_state : int, numpy.random.Generator or None, default=0
        Draws the points.

    Returns
    -------
    DistanceCorrelation

    Raises
    ------
    ValueError
        If the arrays do not fit, hold NaN or infinity, or there are fewer than 3 points.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.metrics import distance_correlation
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> round(distance_correlation(X, -2 * X).pearson, 9)
    1.0
    """
    from embedlens.metrics.pairwise import pairwise

    n = _check(X, Y, [])
    size = min(n, sample_size)
    if size < 3:
        raise ValueError(f"A correlation of distances needs 3 points or more; got {size}.")
    points = np.sort(np.random.default_rng(random_state).choice(n, size, replace=False))
    upper = np.triu_indices(size, 1)
    far = []
    for side in (pairwise(X, metric, double=True), pairwise(Y, "euclidean", double=True)):
        far.append(side.distances(side.keys(points, points)[upper]))
    ranks = [_average_ranks(distances) for distances in far]
    return DistanceCorrelation(_correlation(*far), _correlation(*ranks), size, len(far[0]))


def distortion_report(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    metric: DistortionMetric = "euclidean",
    ks: Sequence[int] | None = None,
    sample_size: int = 1000,
    random_state: int | np.random.Generator | None = 0,
) -> DistortionReport:
    """Return all that this module knows of one map, finding neighbours once.

    Parameters
    ----------
    X, Y, metric
        As for :func:`trustworthiness`. With thousands of dimensions give the Gram matrix: all of
        this then takes a second for 3,000 points.
    ks : sequence of int, optional
        Numbers of neighbours, each less than n / 2; by default those of 5, 10, 20, 50 that are.
    sample_size, random_state
        As for :func:`distance_correlation`.

    Returns
    -------
    DistortionReport

    Raises
    ------
    ValueError
        If the arrays do not fit, hold NaN or infinity, or a k is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.metrics import distortion_report
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> distortion_report(X, -2 * X).to_frame()
                          metric     k  value
    0            trustworthiness     5    1.0
    1                 continuity     5    1.0
    2  neighborhood_preservation     5    1.0
    3           distance_pearson  <NA>    1.0
    4          distance_spearman  <NA>    1.0
    """
    n = _check(X, Y, [])
    ks = [k for k in (5, 10, 20, 50) if k < n / 2] if ks is None else list(ks)
    _check(X, Y, ks or [5])
    _, before = nearest_neighbors(X, max(ks), metric=metric)
    _, after = nearest_neighbors(Y, max(ks))
    intruding, missing = _ranks(X, metric, after), _ranks(Y, "euclidean", before)
    return DistortionReport(
        metric=metric,
        count=n,
        trustworthiness={k: _rank_score(intruding, k) for k in ks},
        continuity={k: _rank_score(missing, k) for k in ks},
        neighborhood_preservation={k: _shared(before[:, :k], after[:, :k]) for k in ks},
        distance_correlation=distance_correlation(
            X, Y, metric=metric, sample_size=sample_size, random_state=random_state
        ),
    )


def _check(X: ArrayLike, Y: ArrayLike, ks: Iterable[int]) -> int:
    """Return the number of points, the same in X and Y; check numbers of neighbours."""
    n, other = len(np.asarray(X)), len(np.asarray(Y))
    if n != other:
        raise ValueError(f"X has {n} points and Y has {other}; they must be the same points.")
    for k in ks:
        if not 1 <= k < n / 2:
            raise ValueError(f"k must be at least 1 and less than n / 2 = {n / 2:g}; got {k}.")
    return n


def _ranks(X: ArrayLike, metric: str, neighbors: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rank, from 1, of each of each point's ``neighbors`` (n, k) among all others in X.

    Blocks of keys, each read once; counting is quicker than sorting rows when k is small.
    """
    from embedlens.arrays.threads import in_order
    from embedlens.metrics.pairwise import pairwise
    from embedlens.metrics.selection import count_less

    pairs = pairwise(X, metric, double=True)
    ranks = np.ones(neighbors.shape, dtype=np.int64)

    def count(rows: slice) -> None:
        keys = pairs.exact(np.arange(rows.start, rows.stop), neighbors[rows])
        thresholds = keys * (1 - _TIE) - pairs.slack(rows)[:, None]
        for first, block in pairs.blocks(rows):
            inside = np.arange(max(rows.start, first), min(rows.stop, first + block.shape[1]))
            block[inside - rows.start, inside - first] = np.inf
            count_less(block, thresholds, ranks[rows])

    for _ in in_order(count, pairs.row_blocks()):
        pass
    return ranks


def _rank_score(ranks: NDArray[np.int64], k: int) -> float:
    """Return 1 less the normalised sum by which ranks of the first k neighbours exceed k."""
    n = len(ranks)
    excess = int(np.maximum(ranks[:, :k] - k, 0).sum())
    return 1 - 2 * excess / (n * k * (2 * n - 3 * k - 1))


def _shared(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Return the mean share of the neighbours (n, k) that two lists have in common."""
    both = np.sort(np.concatenate([before, after], axis=1), axis=1)
    return float((both[:, 1:] == both[:, :-1]).sum() / before.size)


def _average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return means[inverse]


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the Pearson correlation; NaN if one side is constant."""
    x, y = x - x.mean(), y - y.mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else float("nan")
