"""Accuracy by the number of labels, the law that it follows, and what twice as many would give.

Or mean average precision, where pictures have several labels each: whatever grows up to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedlens.metrics.precision import interval_of
from embedlens.metrics.proportion import Interval, proportion_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

# Of error with more data: deep networks fall by n^-0.07 to n^-0.35 (Hestness et al.), linear
# classifiers of few classes by up to 1/n.
EXPONENTS = np.geomspace(0.05, 1.5, 120)
# A law has three numbers: fewer sizes than four bear none.
FEWEST_SIZES = 4
FARTHEST = 2.0
_REPLICATES = 400


@dataclass(frozen=True)
class PowerLaw:
    """Accuracy of n labels: ``ceiling - scale * n ** -exponent``.

    Attributes
    ----------
    ceiling : float
        What no number of labels exceeds, at most 1.
    scale, exponent : float
        Both at least 0: more labels never do harm.
    """

    ceiling: float
    scale: float
    exponent: float

    def at(self, labels: ArrayLike) -> Numbers:
        """Return the accuracy of so many labels, at least 0."""
        reach = self.scale * np.asarray(labels, np.float64) ** -self.exponent
        return np.maximum(self.ceiling - reach, 0.0)


def fit_power_law(
    labels: ArrayLike, accuracy: ArrayLike, weights: ArrayLike | None = None
) -> PowerLaw:
    """Fit a power law by least squares.

    For each exponent of a grid the best ceiling and scale are exact; so no start is needed, and
    the answer is always the same.

    Parameters
    ----------
    labels : array-like of shape (m,)
        Numbers of labels, two or more different ones.
    accuracy : array-like of shape (m,)
        Of each.
    weights : array-like of shape (m,), optional
        Of the squares; by default equal.

    Returns
    -------
    PowerLaw

    References
    ----------
    J. Hestness et al., "Deep learning scaling is predictable, empirically", 2017. T. Viering,
    M. Loog, "The shape of learning curves: a review", IEEE TPAMI 45, 2023 (online 2022): the power
    law with a ceiling among the best of the laws that were compared.

    Examples
    --------
    >>> law = fit_power_law([10, 20, 40, 80], [0.5, 0.6, 0.67, 0.72])
    >>> round(float(law.at(160)), 3)
    0.755
    """
    n, y = np.asarray(labels, np.float64), np.asarray(accuracy, np.float64)
    w = np.ones(len(n)) if weights is None else np.asarray(weights, np.float64)
    ceiling, scale, exponent = _fits(n, y[:, None], w)
    return PowerLaw(float(ceiling[0]), float(scale[0]), float(exponent[0]))


def _fits(n: Numbers, curves: Numbers, w: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return ceiling, scale and exponent of each curve, a column of ``curves``."""
    w = w / w.sum()
    mean_y = w @ curves
    best = np.full(curves.shape[1], np.inf)
    found = np.zeros((3, curves.shape[1]))
    for exponent in EXPONENTS:
        x = (n / n[0]) ** -exponent
        mean_x = w @ x
        spread = w @ (x - mean_x) ** 2
        scale = np.maximum(-(w * (x - mean_x)) @ (curves - mean_y) / spread, 0.0)
        ceiling = mean_y + scale * mean_x
        # Above 1 the best is on the edge: a ceiling of 1, and the scale that fits it.
        scale = np.where(ceiling > 1, np.maximum((w * x) @ (1 - curves) / (w @ x**2), 0), scale)
        ceiling = np.minimum(ceiling, 1.0)
        loss = w @ (curves - ceiling + scale * x[:, None]) ** 2
        better = loss < best
        best = np.where(better, loss, best)
        now = ceiling, scale * n[0] ** exponent, np.full_like(scale, exponent)
        found = np.where(better, now, found)
    return found[0], found[1], found[2]


@dataclass(frozen=True)
class LearningCurve:
    """How accuracy grows with labels.

    Attributes
    ----------
    labels : ndarray of shape (m,), int64
        Numbers of labels, ascending.
    intervals : tuple of Interval
        Accuracy with each on new points, and its interval, of points and of draws of labels.
    law : PowerLaw or None
        That was fitted; None where there are fewer than four numbers of labels.
    confidence : float
        Of the intervals.
    """

    labels: NDArray[np.int64]
    intervals: tuple[Interval, ...]
    law: PowerLaw | None
    confidence: float
    _falls: tuple[Numbers, Numbers]  # scale and exponent of the laws of all replicates

    @property
    def accuracy(self) -> Numbers:
        """Of each number of labels, shape (m,)."""
        return np.array([each.estimate for each in self.intervals])

    def gain(self, labels: float) -> Interval:
        """Return by how much the accuracy of more labels is to exceed that of all, by the law.

        Its interval is that of laws fitted to draws of points, of draws of labels, and of where
        the law begins to hold.

        Parameters and errors are those of `expect`.
        """
        last, most = float(self.labels[-1]), FARTHEST * float(self.labels[-1])
        if self.law is None:
            raise ValueError(
                f"A law needs {FEWEST_SIZES} numbers of labels; there are {len(self.labels)}."
            )
        if not last <= labels <= most:
            raise ValueError(f"labels is {labels:g}; the curve bears {last:,.0f} to {most:,.0f}.")
        scale, exponent = self._falls
        rest = (1 - self.confidence) / 2
        gains = scale * (last**-exponent - labels**-exponent)
        low, high = np.quantile(gains, [rest, 1 - rest])
        gain = float(self.law.at(labels) - self.law.at(last))
        return Interval(gain, min(float(low), gain), max(float(high), gain))

    def expect(self, labels: float) -> Interval:
        """Return the accuracy to expect of more labels, drawn as these were, and its interval.

        It is that of all labels and the `gain`, see `Interval.raised`.

        Parameters
        ----------
        labels : float
            At least as many as there were, at most twice as many: no curve bears more.

        Raises
        ------
        ValueError
            There is no law, or so many labels are out of its reach.
        """
        return self.intervals[-1].raised(self.gain(labels))


def learning_curve(
    labels: ArrayLike,
    hits: ArrayLike,
    shown: ArrayLike,
    *,
    confidence: float = 0.95,
    random_state: int = 0,
) -> LearningCurve:
    """Return accuracy by the number of labels, with intervals, and the law of it.

    Parameters
    ----------
    labels : array-like of shape (m,), int
        Numbers of labels that classifiers were trained on, ascending.
    hits, shown : array-like of shape (draws, m, points)
        How often each test point was right, and how often it was tested, by classifiers trained on
        that many labels of that draw. A draw is a split and an order of its training points, of
        which the first so many are taken.
    confidence : float, default 0.95
        Of the intervals.
    random_state : int, default 0
        Of the bootstrap.

    Returns
    -------
    LearningCurve

    Raises
    ------
    ValueError
        Shapes do not fit, numbers of labels do not ascend, or one was never tested.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sizes = np.array([10, 20, 40, 80, 160])
    >>> right = rng.random((5, 5, 300)) < (0.95 - 1.5 * sizes[:, None] ** -0.7)
    >>> curve = learning_curve(sizes, right, np.ones(right.shape))
    >>> expected = curve.expect(320)
    >>> bool(expected.low < 0.95 - 1.5 * 320**-0.7 < expected.high)
    True
    """
    n = _ascending(labels)
    right, tried = np.asarray(hits, np.float64), np.asarray(shown, np.float64)
    if right.ndim != 3 or right.shape != tried.shape or n.shape != right.shape[1:2]:
        raise ValueError(
            f"labels, hits and shown are of shapes {n.shape}, {right.shape} and {tried.shape}; give"
            " (m,), (draws, m, points) and the same."
        )
    if (tried.sum(axis=(0, 2)) == 0).any():
        raise ValueError("A number of labels was never tested; leave it out.")
    curves, errors = _replicates(right, tried, random_state)
    intervals = tuple(
        _joined(proportion_interval(right[:, i].sum(0), tried[:, i].sum(0), confidence), error)
        for i, error in enumerate(errors * _deviations(confidence))
    )
    return _with_law(n, intervals, curves, confidence)


def learning_curve_of_means(
    labels: ArrayLike,
    means: ArrayLike,
    influence: ArrayLike,
    by_draw: ArrayLike,
    trials: float,
    *,
    confidence: float = 0.95,
    random_state: int = 0,
) -> LearningCurve:
    """Return the same of another mean than a share of hits, such as mean average precision.

    Parameters
    ----------
    labels : array-like of shape (m,), int
        As for `learning_curve`.
    means : array-like of shape (m,)
        With each number of labels, of all draws together; between 0 and 1.
    influence : array-like of shape (points, m)
        By how much each test point moves each mean: they sum to 0, the sum of their squares is the
        variance over points.
    by_draw : array-like of shape (draws, m)
        The means of each draw; how they differ is what draws vary by.
    trials : float
        How many trials know a mean as well at most: see `interval_of`.
    confidence, random_state
        As for `learning_curve`.

    Raises
    ------
    ValueError
        Shapes do not fit, or numbers of labels do not ascend.

    Examples
    --------
    >>> sizes = np.array([10, 20, 40, 80, 160])
    >>> means = 0.95 - 1.5 * sizes**-0.7
    >>> moved = np.random.default_rng(0).normal(0, 0.001, (200, 5))
    >>> curve = learning_curve_of_means(sizes, means, moved - moved.mean(0), [means, means], 100)
    >>> gain = curve.gain(320)
    >>> bool(gain.low < 1.5 * (160**-0.7 - 320**-0.7) < gain.high)
    True
    """
    n, found = _ascending(labels), np.asarray(means, np.float64)
    moved, own = np.asarray(influence, np.float64), np.asarray(by_draw, np.float64)
    if not found.shape == n.shape == moved.shape[1:] == own.shape[1:] or moved.ndim != 2:
        raise ValueError(
            f"labels, means, influence and by_draw are of shapes {n.shape}, {found.shape}, "
            f"{moved.shape} and {own.shape}; give (m,), (m,), (points, m) and (draws, m)."
        )
    rng = np.random.default_rng(random_state)
    weights = _resamples(len(moved), rng)
    together = np.clip(found[:, None] + moved.T @ (weights - 1), 0.0, 1.0)
    curves, errors = _over_draws(together, own[:, :, None] * np.ones(_REPLICATES), own, rng)
    variances = (moved**2).sum(axis=0)
    intervals = tuple(
        _joined(interval_of(float(mean), float(variance), trials, confidence), error)
        for mean, variance, error in zip(
            found, variances, errors * _deviations(confidence), strict=True
        )
    )
    return _with_law(n, intervals, curves, confidence)


def _ascending(labels: ArrayLike) -> NDArray[np.int64]:
    n = np.asarray(labels, np.int64)
    if not len(n) or (np.diff(n) <= 0).any() or n[0] < 1:
        raise ValueError(f"labels are {n.tolist()}; give numbers that ascend, from 1.")
    return n


def _with_law(
    n: NDArray[np.int64], intervals: tuple[Interval, ...], curves: Numbers, confidence: float
) -> LearningCurve:
    if len(n) < FEWEST_SIZES:
        none = np.empty(0)
        return LearningCurve(n, intervals, None, confidence, (none, none))
    accuracy = np.array([each.estimate for each in intervals])
    weights = 1 / np.maximum(curves.var(axis=1), 1e-6)
    law = fit_power_law(n, accuracy, weights)
    return LearningCurve(n, intervals, law, confidence, _falls(n, curves, weights))


def _replicates(right: Numbers, tried: Numbers, random_state: int) -> tuple[Numbers, Numbers]:
    """Return curves of points and draws drawn with replacement, and the error of draws alone."""
    rng = np.random.default_rng(random_state)
    weights = _resamples(right.shape[2], rng)
    hits, shown = right @ weights, tried @ weights  # (draws, m, replicates)
    shares = hits / np.maximum(shown, 1e-9)
    together = hits.sum(axis=0) / np.maximum(shown.sum(axis=0), 1e-9)
    own = right.sum(axis=2) / np.maximum(tried.sum(axis=2), 1e-9)
    return _over_draws(together, shares, own, rng)


def _resamples(points: int, rng: np.random.Generator) -> Numbers:
    """Return how often each point is drawn, (points, replicates)."""
    return rng.multinomial(points, np.full(points, 1 / points), _REPLICATES).T.astype(float)


def _over_draws(
    together: Numbers, shares: Numbers, own: Numbers, rng: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Let curves of all draws together, (m, replicates), vary by draws too.

    ``shares`` are those of each draw, (draws, m, replicates), and ``own`` those of all points.
    """
    draws = len(own)
    if draws == 1:
        return together, np.zeros(own.shape[1])
    chosen = rng.integers(0, draws, (draws, _REPLICATES))
    picked = np.take_along_axis(shares, chosen[:, None, :], axis=0).mean(axis=0)
    # A bootstrap of few draws varies too little by this.
    curves = together + np.sqrt(draws / (draws - 1)) * (picked - shares.mean(axis=0))
    return curves, own.std(axis=0, ddof=1) / np.sqrt(draws)


def _falls(n: NDArray[np.int64], curves: Numbers, w: Numbers) -> tuple[Numbers, Numbers]:
    """Fit each replicate from one of the smallest numbers of labels on, where the law may begin."""
    starts = len(n) - FEWEST_SIZES + 1
    parts = [
        _fits(n[start:].astype(float), curves[start:, start::starts], w[start:])
        for start in range(starts)
    ]
    _, scale, exponent = (np.concatenate(each) for each in zip(*parts, strict=True))
    return scale, exponent


def _joined(interval: Interval, reach: float) -> Interval:
    """Widen an interval by what varies besides."""
    mean, low, high = interval.estimate, interval.low, interval.high
    below, above = np.hypot(mean - low, reach), np.hypot(high - mean, reach)
    return Interval(mean, float(max(mean - below, 0.0)), float(min(mean + above, 1.0)))


def _deviations(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))
