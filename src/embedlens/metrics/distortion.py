"""How much of the features a map keeps: who is near whom, and how far apart all are.

The map Y is Euclidean; X may be given as features, distances or a Gram matrix.

Ties are broken by lot, alike on both sides (see `tied_ranks`): a map in which all points lie in one
place keeps as many neighbours as chance does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

DistortionMetric = Literal["euclidean", "cosine", "gram", "precomputed"]


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
    the rank of j among the neighbours of i in the features. Points at equal distances come in an
    order drawn by lot, the same in features and map: so a map keeps its own neighbours, and one of
    points in one place scores as a random map does.

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
    from embedlens.metrics.tied_ranks import Circle, neighbors_by_lot, ranks_by_lot

    _check(X, Y, [k])
    circle = Circle.of(len(np.asarray(Y)))
    neighbors = neighbors_by_lot(Y, k, "euclidean", circle)
    return _rank_score(ranks_by_lot(X, neighbors, metric, circle), k)


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
    from embedlens.metrics.tied_ranks import Circle, neighbors_by_lot, ranks_by_lot

    _check(X, Y, [k])
    circle = Circle.of(len(np.asarray(Y)))
    neighbors = neighbors_by_lot(X, k, metric, circle)
    return _rank_score(ranks_by_lot(Y, neighbors, "euclidean", circle), k)


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
    from embedlens.metrics.tied_ranks import Circle, neighbors_by_lot

    n = _check(X, Y, [])
    for k in ks:
        if not 1 <= k < n:
            raise ValueError(
                f"k must be between 1 and {n - 1}, the number of other points; got {k}."
            )
    circle = Circle.of(n)
    before = neighbors_by_lot(X, max(ks), metric, circle)
    after = neighbors_by_lot(Y, max(ks), "euclidean", circle)
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
    from embedlens.arrays.keys import pairwise

    n = _check(X, Y, [])
    size = min(n, sample_size)
    if size < 3:
        raise ValueError(f"A correlation of distances needs 3 points or more; got {size}.")
    points = np.sort(np.random.default_rng(random_state).choice(n, size, replace=False))
    upper = np.triu_indices(size, 1)
    far = []
    for side in (
        pairwise(X, metric, precision=np.float64),
        pairwise(Y, "euclidean", precision=np.float64),
    ):
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
    from embedlens.metrics.tied_ranks import Circle, neighbors_by_lot, ranks_by_lot

    n = _check(X, Y, [])
    ks = [k for k in (5, 10, 20, 50) if k < n / 2] if ks is None else list(ks)
    _check(X, Y, ks or [5])
    circle = Circle.of(n)
    before = neighbors_by_lot(X, max(ks), metric, circle)
    after = neighbors_by_lot(Y, max(ks), "euclidean", circle)
    intruding = ranks_by_lot(X, after, metric, circle)
    missing = ranks_by_lot(Y, before, "euclidean", circle)
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
    """Return ranks from 1; values that are equal but for rounding share the mean of theirs."""
    from embedlens.metrics.tied_ranks import TIE

    order = np.argsort(values)
    ascending = values[order]

    group = np.cumsum(np.diff(ascending, prepend=-1.0) > ascending * TIE) - 1
    counts = np.bincount(group)
    ranks = np.empty(len(values))
    ranks[order] = (np.cumsum(counts) - (counts - 1) / 2)[group]
    return ranks


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the Pearson correlation; NaN if one side is constant but for rounding."""
    from embedlens.metrics.tied_ranks import TIE

    if min(np.ptp(values) - TIE * values.max() for values in (x, y)) <= 0:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))
