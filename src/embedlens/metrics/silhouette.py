"""The silhouette of labelled points (Rousseeuw 1987): of each point, as a score, as a report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from embedlens.arrays.checks import (
    as_points,
    as_square,
    check_zero_diagonal,
    largest_magnitude,
    unit_scale,
)
from embedlens.metrics.classes import Classes
from embedlens.metrics.stratified import stratified_sample

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from embedlens.metrics.class_distances import ClassDistances

SilhouetteMetric = Literal["euclidean", "sqeuclidean", "cosine", "precomputed", "gram"]
Average = Literal["micro", "macro"]

# What `silhouette_samples` promises: a value this near 0 may be 0, as at equal distances.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class ClassSilhouette:
    """The silhouette of one class.

    Attributes
    ----------
    label : object
        The class, as it was given.
    mean : float
        Mean silhouette of its points.
    low, high : float
        Interval of the mean; NaN for a class of one point.
    count : int
        Points.
    share_negative : float
        Share of the points that are nearer to another class than to their own, by more than
        rounding: of silhouette below -1e-5, the bound on its error.
    """

    label: Any
    mean: float
    low: float
    high: float
    count: int
    share_negative: float


@dataclass(frozen=True)
class SilhouetteReport:
    """The silhouette of a labelled embedding, as a whole and by class.

    Attributes
    ----------
    metric : str
        Silhouettes in different metrics do not compare.
    confidence : float
        Of the intervals.
    count : int
        Points.
    micro, macro : float
        Mean over points, and mean over class means.
    micro_interval, macro_interval : tuple of float
        Low and high.
    share_negative : float
        Share of the points that are nearer to another class than to their own, by more than
        rounding: of silhouette below -1e-5, the bound on its error.
    classes : tuple of ClassSilhouette
    """

    metric: str
    confidence: float
    count: int
    micro: float
    micro_interval: tuple[float, float]
    macro: float
    macro_interval: tuple[float, float]
    share_negative: float
    classes: tuple[ClassSilhouette, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each class: label (index), mean, low, high, count, share_negative."""
        import pandas as pd

        return pd.DataFrame([asdict(one) for one in self.classes]).set_index("label")


def silhouette_samples(
    X: ArrayLike, labels: ArrayLike, *, metric: SilhouetteMetric = "euclidean"
) -> NDArray[np.float64]:
    """Return the silhouette of each point: how much nearer its own class is than the next.

    With a the mean distance of a point to the others of its class and b the least mean distance
    to another class, the silhouette is (b - a) / max(a, b): 1 for tight classes far apart, 0
    between two classes, below 0 if another class is nearer. A class's only point has 0.

    Every pair counts; nothing is approximated but by rounding. "euclidean" in up to 16 dimensions
    takes one fused pass over the pairs, in more dimensions float32 matrix products;
    "sqeuclidean" and "cosine" take O(n k d) from class sums; the others read each number once.

    Parameters
    ----------
    X : array-like of shape (n, d), or (n, n) for "precomputed" and "gram"
        Points, any real dtype and memory layout; their distances; or their Gram matrix X Xᵀ,
        centred or not, as :func:`embedlens.arrays.gram` returns it.
    labels : array-like of shape (n,)
        Classes, of any type: 2 to n - 1 of them.
    metric : {"euclidean", "sqeuclidean", "cosine", "precomputed", "gram"}, default="euclidean"
        "gram" gives the Euclidean silhouette. The zero vector is at cosine distance 1 from all.

    Returns
    -------
    ndarray of shape (n,), float64
        Within 1e-5 of the exact value for any data, and of scikit-learn's float64 where that is
        exact (it loses digits far from the origin, and with outliers); typically within 3e-7.

    Raises
    ------
    ValueError
        If there are not 2 to n - 1 classes, labels and points do not match in number, either
        holds NaN (or points infinity), or the diagonal of a distance matrix is not zero.

    Notes
    -----
    Memory beyond ``X`` is about 100 MB for sums, 100 MB for blocks, 25 MB for each thread and 100
    bytes for each point, whatever the number of classes. The result is the same for any number of
    threads (:func:`embedlens.arrays.bounded_threads`). Kernels compile at their first call, some
    seconds, and are kept on disk.

    References
    ----------
    Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", J. Comput. Appl. Math. 20, 53-65.

    Examples
    --------
    >>> from embedlens.metrics import silhouette_samples
    >>> silhouette_samples([[0.0], [1.0], [4.0], [5.0]], ["a", "a", "b", "b"]).round(4)
    array([0.7778, 0.7143, 0.7143, 0.7778])
    """
    points = _as_metric(X, metric)
    classes = Classes.of(labels, len(points))
    return _coefficients(_class_distances(points, classes, metric), classes)


def silhouette_score(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: SilhouetteMetric = "euclidean",
    average: Average = "micro",
    sample_size: int | None = None,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """Return the mean silhouette, over points or over classes.

    Parameters
    ----------
    X, labels, metric
        As for :func:`silhouette_samples`.
    average : {"micro", "macro"}, default="micro"
        "micro", the mean over points, is scikit-learn's; "macro", the mean of the class means, does
        not let large classes speak for small ones.
    sample_size : int, optional
        Compute the score from so many points. They are drawn by class, in proportion to the
        classes for "micro" and as evenly as they allow for "macro", at least two of each class
        that has two. A uniform sample, as scikit-learn draws it, may lose small classes.
    random_state : int, numpy.random.Generator or None, default=None
        Draws the sample.

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    ValueError
        As for :func:`silhouette_samples`; or if ``sample_size`` is too small for the classes, or
        greater than n.

    References
    ----------
    Pavlopoulos, Vardakas and Likas (2024), "Revisiting silhouette aggregation",
    arXiv 2401.05831, on macro averages and on sampling by class.

    Examples
    --------
    >>> from embedlens.metrics import silhouette_score
    >>> X, labels = [[0.0], [1.0], [4.0], [5.0], [6.0]], ["a", "a", "b", "b", "b"]
    >>> round(silhouette_score(X, labels), 4)
    0.7253
    >>> round(silhouette_score(X, labels, average="macro"), 4)
    0.7336
    """
    if average not in get_args(Average):
        raise ValueError(f'average must be "micro" or "macro"; got {average!r}.')
    points = _as_metric(X, metric)
    classes = Classes.of(labels, len(points))
    weights = classes.counts if average == "micro" else np.ones(len(classes.counts))
    if sample_size is not None:
        rng = np.random.default_rng(random_state)
        sample = stratified_sample(classes, sample_size, weights, rng)
        square = metric in ("precomputed", "gram")
        points = points[np.ix_(sample, sample)] if square else points[sample]
        classes = classes.take(sample)
    coefficients = _coefficients(_class_distances(points, classes, metric), classes)
    return float(np.average(_class_means(coefficients, classes), weights=weights))


def silhouette_report(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: SilhouetteMetric = "euclidean",
    confidence: float = 0.95,
    random_state: int | np.random.Generator | None = 0,
) -> SilhouetteReport:
    """Return the silhouette as a whole and by class, with intervals.

    An interval says where the mean would lie had other points of the same classes been drawn. It
    counts that each point is also one of those that others are compared with, which the spread of
    the silhouettes alone does not: see :mod:`embedlens.metrics.influence`.

    Parameters
    ----------
    X, labels, metric
        As for :func:`silhouette_samples`.
    confidence : float, default=0.95
        Of the intervals, between 0 and 1.
    random_state : int, numpy.random.Generator or None, default=0
        Draws the 500 points of each larger class from which standard errors are estimated.

    Returns
    -------
    SilhouetteReport

    Raises
    ------
    ValueError
        As for :func:`silhouette_samples`; or if ``confidence`` is not between 0 and 1.

    Examples
    --------
    >>> from embedlens.metrics import silhouette_report
    >>> report = silhouette_report([[0.0], [1.0], [4.0], [5.0]], ["a", "a", "b", "b"])
    >>> round(report.micro, 4), report.classes[0].label, report.classes[0].count
    (0.746, 'a', 2)
    """
    from scipy.special import stdtrit

    from embedlens.arrays.keys import pairwise
    from embedlens.metrics.influence import standard_errors

    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, such as 0.95; got {confidence}.")
    points = _as_metric(X, metric)
    classes = Classes.of(labels, len(points))
    distances = _class_distances(points, classes, metric)
    values = _coefficients(distances, classes)
    pairs = pairwise(points, metric, precision=np.float64)
    rng = np.random.default_rng(random_state)
    errors = standard_errors(pairs, distances, values, classes, rng)
    counts, means = classes.counts, _class_means(values, classes)
    below = values < -_ROUNDING
    negative = np.bincount(classes.codes, below) / counts

    def interval(mean: float, error: float, freedom: int) -> tuple[float, float]:
        half = error * float(stdtrit(max(freedom, 1), 0.5 + confidence / 2))  # Student's t
        return max(mean - half, -1.0), min(mean + half, 1.0)

    rest = len(values) - len(counts)
    micro, macro = float(values.mean()), float(means.mean())
    return SilhouetteReport(
        metric=metric,
        confidence=confidence,
        count=len(values),
        micro=micro,
        micro_interval=interval(micro, errors.micro, rest),
        macro=macro,
        macro_interval=interval(macro, errors.macro, rest),
        share_negative=float(below.mean()),
        classes=tuple(
            ClassSilhouette(
                label,
                float(means[c]),
                *interval(float(means[c]), float(errors.classes[c]), int(counts[c]) - 1),
                int(counts[c]),
                float(negative[c]),
            )
            for c, label in enumerate(classes.names)
        ),
    )


def _as_metric(X: ArrayLike, metric: str) -> NDArray[Any]:
    """Return ``X`` as the matrix that the metric needs."""
    if metric not in get_args(SilhouetteMetric):
        known = ", ".join(get_args(SilhouetteMetric))
        raise ValueError(f"metric must be one of {known}; got {metric!r}.")
    if metric not in ("precomputed", "gram"):
        return as_points(X)
    matrix = as_square(X, metric)
    if metric == "precomputed":
        check_zero_diagonal(matrix)
    return matrix


def _class_distances(X: NDArray[Any], classes: Classes, metric: str) -> ClassDistances:
    """Return mean distances to the classes, by the fastest exact way for the metric."""
    from embedlens.metrics.class_distances import (
        high_dimensional,
        low_dimensional,
        matrix,
        moments,
    )

    if metric == "precomputed":
        return matrix.class_distances(X, classes)
    if metric == "gram":
        return matrix.class_distances_of_gram(X, classes)
    scale = unit_scale(largest_magnitude(X))
    if metric == "cosine":
        return moments.cosine(X, classes, scale)
    if metric == "sqeuclidean":
        return moments.squared_euclidean(X, classes, scale).divided(scale**2)
    if X.shape[1] <= low_dimensional.MAX_DIMENSIONS:
        return low_dimensional.class_distances(X, classes, scale).divided(scale)
    return high_dimensional.class_distances(X, classes, scale).divided(scale)


def _coefficients(distances: ClassDistances, classes: Classes) -> NDArray[np.float64]:
    """Return (b - a) / max(a, b); 0 for the only point of a class, and where a = b = 0."""
    larger = np.maximum(distances.own, distances.nearest)
    values = np.divide(
        distances.nearest - distances.own, larger, out=np.zeros_like(larger), where=larger > 0
    )
    values[classes.counts[classes.codes] == 1] = 0
    return values


def _class_means(values: NDArray[np.float64], classes: Classes) -> NDArray[np.float64]:
    return np.bincount(classes.codes, values) / classes.counts
