"""How far probabilities can be believed: temperature, calibration error, conformal sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

# Of the least probability whose logarithm is taken: a score of minus infinity has no temperature.
_LEAST = 1e-30
_COLDEST, _HOTTEST = 1e-2, 1e2
_STEPS = 41
_FLATTEST = 1e-3  # slope over the spread of scores: as good as flat, and in their order


def temperature(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature that makes scores most probable on validation points.

    The probabilities of a point are the softmax of its scores over the temperature. Chosen is the
    temperature of the least log loss (Guo et al.), to which half the square of its logarithm is
    added, once for all points: where all are right, or points are few, the loss alone would have
    no temperature at all or any. With hundreds of points the addition does not matter.

    Parameters
    ----------
    scores : array-like of shape (n, k)
        Logits, or logarithms of probabilities, of points that the classifier was not trained on.
        Minus infinity is taken as a probability of 1e-30.
    labels : array-like of shape (n,), int
        The true class of each, 0 to k - 1. Points of another class say nothing and are left out.

    Returns
    -------
    float
        Between 0.01 and 100; 1 where there is no point to learn from, or one class.

    Raises
    ------
    ValueError
        Shapes do not fit, or scores are NaN or plus infinity.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML
    2017.

    Examples
    --------
    Scores that are sure of both and right of one are too cold:

    >>> temperature([[4.0, 0.0], [4.0, 0.0]] * 50, [0, 1] * 50) > 10
    True
    """
    z, codes = _scored(scores, labels)
    known = (codes >= 0) & (codes < z.shape[1])
    z, codes = z[known], codes[known]
    if not len(z) or z.shape[1] < 2:
        return 1.0
    own = z[np.arange(len(z)), codes]

    def loss(log_t: float) -> float:
        inverse = math.exp(-log_t)
        total = np.log(np.exp(inverse * z).sum(axis=1)) - inverse * own
        return float(total.sum()) + log_t**2 / 2

    from scipy.optimize import minimize_scalar

    grid = np.linspace(math.log(_COLDEST), math.log(_HOTTEST), _STEPS)
    best = int(np.argmin([loss(each) for each in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, _STEPS - 1)]
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-6})
    return math.exp(float(found.x))


def at_temperature(scores: ArrayLike, degree: float) -> Numbers:
    """Return the probabilities of scores at a temperature: their softmax over it.

    Parameters
    ----------
    scores : array-like of shape (n, k)
        As for `temperature`.
    degree : float
        The temperature.

    Returns
    -------
    ndarray of shape (n, k), float64
        Rows sum to 1.

    Examples
    --------
    >>> at_temperature(np.log([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]])
    """
    z, _ = _scored(scores, np.zeros(len(np.asarray(scores)), np.int64))
    raised = np.exp(z / degree)
    shares: Numbers = raised / raised.sum(axis=1, keepdims=True)
    return shares


def platt_scaling(scores: ArrayLike, hits: ArrayLike) -> tuple[float, float]:
    """Return the slope and intercept that make the scores of one label most probable.

    The probability of a point is the logistic of slope times score plus intercept. Unlike a
    temperature it moves one half too: scores of a rare label that was learned from few points are
    all low, however well they are ordered. Targets are a little inside 0 and 1, as if each side had
    a point more, so that few points, or scores without a mistake, are not believed to the end. The
    slope is above 0: the order of scores stays.

    Parameters
    ----------
    scores : array-like of shape (n,)
        Logits of points that the classifier was not trained on.
    hits : array-like of shape (n,), bool
        Which points have the label.

    Returns
    -------
    slope, intercept : float
        1 and 0 where there is no point with the label, or none without it.

    Raises
    ------
    ValueError
        Shapes differ, or a score is not finite.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines", 1999. H.-T. Lin, C.-J. Lin, R.
    Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine Learning
    68, 2007.

    Examples
    --------
    >>> slope, intercept = platt_scaling([-3.0, -1.0] * 50, [False, True] * 50)
    >>> round(-intercept / slope, 2)
    -2.0
    """
    z, has = np.asarray(scores, np.float64), np.asarray(hits, bool)
    if z.ndim != 1 or z.shape != has.shape:
        raise ValueError(f"Scores of shape {z.shape} and hits of {has.shape}; give (n,).")
    if not np.isfinite(z).all():
        raise ValueError("A score is not finite.")
    count = int(has.sum())
    if not 0 < count < len(z):
        return 1.0, 0.0
    wanted = np.where(has, (count + 1) / (count + 2), 1 / (len(z) - count + 2))
    middle, spread = float(z.mean()), float(z.std()) or 1.0
    unit = (z - middle) / spread

    def loss(at: Numbers) -> tuple[float, Numbers]:
        logits = at[0] * unit + at[1]
        off = expit(logits) - wanted
        return float((np.logaddexp(0, logits) - wanted * logits).sum()), np.array(
            [off @ unit, off.sum()]
        )

    from scipy.optimize import minimize
    from scipy.special import expit

    found = minimize(
        loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(_FLATTEST, None), (None, None)],
        options={"ftol": 1e-15, "gtol": 1e-9},
    )  # fmt: skip
    slope = float(found.x[0]) / spread
    return slope, float(found.x[1]) - slope * middle


@dataclass(frozen=True)
class Reliability:
    """How often points are right by how sure they are said to be.

    Attributes
    ----------
    confidence : ndarray of shape (bins,)
        Mean of each bin, ascending.
    accuracy : ndarray of shape (bins,)
        Share of right points in each.
    count : ndarray of shape (bins,), int64
        Points in each.
    by_chance : float
        The error that is expected of confidences that are all true, with as many points.
    """

    confidence: Numbers
    accuracy: Numbers
    count: NDArray[np.int64]
    by_chance: float

    @property
    def error(self) -> float:
        """The expected calibration error: how far accuracy is from confidence, a mean of points."""
        gap = np.abs(self.accuracy - self.confidence)
        return float((gap * self.count).sum() / self.count.sum())


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = 15) -> Reliability:
    """Compare confidence with accuracy in bins of equally many points.

    Parameters
    ----------
    confidence : array-like of shape (n,)
        The probability given to the class that was named, between 0 and 1.
    right : array-like of shape (n,), bool
        Whether that was the class.
    bins : int, default 15
        As many as Guo et al. took, at most; points of the same confidence are in one bin.

    Returns
    -------
    Reliability
        Its ``error`` is never below 0 and grows as points get fewer, whatever the confidences are
        worth; read it beside ``by_chance``.

    Raises
    ------
    ValueError
        Shapes differ, there is no point, or a confidence is not between 0 and 1.

    References
    ----------
    Guo et al., as for `temperature`. Bins of equal mass: K. Nguyen, B. O'Connor, "Posterior
    calibration and exploratory analysis for natural language processing models", EMNLP 2015.

    Examples
    --------
    >>> told = reliability([0.9] * 10, [True] * 6 + [False] * 4)
    >>> round(told.error, 3), told.count.tolist()
    (0.3, [10])
    """
    sure, hit = np.asarray(confidence, np.float64), np.asarray(right)
    if sure.ndim != 1 or sure.shape != hit.shape:
        raise ValueError(f"confidence and right are of shapes {sure.shape} and {hit.shape}.")
    if not len(sure):
        raise ValueError("There is no point to compare confidence with accuracy at.")
    if not ((sure >= 0) & (sure <= 1 + 1e-9)).all():
        raise ValueError(f"A confidence is {sure.min():g} or {sure.max():g}; give 0 to 1.")
    if bins < 1:
        raise ValueError(f"bins is {bins}; give 1 or more.")
    edges = np.unique(np.quantile(sure, np.arange(1, bins) / bins, method="lower"))
    number = np.searchsorted(edges, sure, side="left")
    count = np.bincount(number)
    used = count > 0
    mean = np.bincount(number, sure)[used] / count[used]
    share = np.bincount(number, hit.astype(float))[used] / count[used]
    # A gap that is normal around 0 is, without its sign, the root of 2/pi of its deviation.
    variance = np.bincount(number, sure * np.maximum(1 - sure, 0.0))[used] / count[used] ** 2
    expected = np.sqrt(2 / np.pi * variance) @ count[used] / count.sum()
    return Reliability(mean, share, count[used].astype(np.int64), float(expected))


def expected_calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error; see `reliability`.

    Examples
    --------
    >>> round(expected_calibration_error([0.75] * 4, [True, True, True, False]), 3)
    0.0
    """
    return reliability(confidence, right, bins).error


def conformal_threshold(
    probabilities: ArrayLike, labels: ArrayLike, coverage: float = 0.9
) -> float:
    """Return the least probability of a class that a conformal set is to hold.

    Split conformal prediction by the least ambiguous sets: of all sets that hold the class of a
    given share of points, these name the fewest classes (Sadinle et al.). Of points drawn as the
    validation points were, by a classifier that saw neither, the sets hold the class of
    ``coverage`` or more on average over such draws; not of each class, and not of each point.

    Parameters
    ----------
    probabilities : array-like of shape (n, k)
        Of validation points.
    labels : array-like of shape (n,), int
        Their true classes, 0 to k - 1; another number is a class that the classifier does not
        know, whose probability is 0.
    coverage : float, default 0.9
        Between 0 and 1.

    Returns
    -------
    float
        For `conformal_sets`; 0, with which every set holds all classes, where points are too few
        for the coverage, fewer than 9 for 0.9.

    Raises
    ------
    ValueError
        Shapes do not fit, probabilities are not finite, or coverage is not between 0 and 1.

    References
    ----------
    M. Sadinle, J. Lei, L. Wasserman, "Least ambiguous set-valued classifiers with bounded error
    levels", JASA 114, 2019. V. Vovk, A. Gammerman, G. Shafer, "Algorithmic learning in a random
    world", 2005.

    Examples
    --------
    >>> shares = np.array([[p, 1 - p] for p in np.linspace(0.1, 1.0, 19)])
    >>> round(conformal_threshold(shares, np.zeros(19, int)), 3)
    0.15
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage is {coverage}; give a share between 0 and 1, such as 0.9.")
    shares, codes = _scored(probabilities, labels, shifted=False)
    known = (codes >= 0) & (codes < shares.shape[1])
    own = np.zeros(len(shares))
    own[known] = shares[known, codes[known]]
    allowed = math.floor((len(own) + 1) * (1 - coverage) + 1e-9)  # points that sets may miss
    return float(np.sort(own)[allowed - 1]) if allowed else 0.0


def conformal_sets(probabilities: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return which classes the set of each point holds: all of at least the threshold.

    A set may be empty: where more points are right than sets shall hold, the least sure points are
    told to be of no class.

    Parameters
    ----------
    probabilities : array-like of shape (n, k)
        Of new points.
    threshold : float
        As `conformal_threshold` gave it.

    Returns
    -------
    ndarray of shape (n, k), bool

    Examples
    --------
    >>> conformal_sets([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]], 0.3).sum(axis=1).tolist()
    [1, 2]
    """
    sets: NDArray[np.bool_] = np.asarray(probabilities, np.float64) >= threshold
    return sets


def _scored(
    scores: ArrayLike, labels: ArrayLike, *, shifted: bool = True
) -> tuple[Numbers, NDArray[np.int64]]:
    """Return scores, the largest of each point 0 unless not shifted, and labels as numbers."""
    z, codes = np.asarray(scores, np.float64), np.asarray(labels)
    if z.ndim != 2 or codes.shape != z.shape[:1]:
        raise ValueError(
            f"scores are of shape {z.shape}, labels of {codes.shape}; give (n, k) and (n,)."
        )
    if len(codes) and not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"labels are of type {codes.dtype}; give numbers of classes, 0 to k - 1.")
    if np.isnan(z).any() or (z == np.inf).any() or (z.size and (z == -np.inf).all(axis=1).any()):
        raise ValueError("A score is NaN or infinite, or all of a point are; give finite scores.")
    if shifted and z.size:
        z = z - z.max(axis=1, keepdims=True)
        z[z == -np.inf] = math.log(_LEAST)
    return z, codes.astype(np.int64)
