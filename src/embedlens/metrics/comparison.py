"""Many candidates tested on the same pictures: what the best will get right, and which are worse.

The best of many is best by luck too: its own figure is too high, and an interval around that figure
too often misses the truth. So what is expected of it is corrected for its having been chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedlens.metrics.proportion import effective_size, proportion_interval, share_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

# Noise added before choosing, in variances of the figures. With 1 the choice is as uncertain as
# with half of the pictures, and a clear leader's figure comes out 1 to 2 points too low; near 0 the
# correction itself is uncertain. At 1/2 the figure was within .9 points in all 32 simulated kinds
# of studies, of 6 and 30 candidates alike, spread or led by one.
_NOISE = 0.5
# The variance of a figure that is no share comes of a jackknife, which is too large, the more so
# the fewer points: nearly twice the linear part at 200 pictures. So half as much of it is added.
_NOISE_OF_FIGURES = 0.25
_DRAWS = 400
_STUDIES = 200
_MAXIMA = 4000


@dataclass(frozen=True)
class Comparison:
    """Candidates, compared on the same pictures.

    Attributes
    ----------
    best : int
        The candidate that is right most often; the first of equals.
    expected, low, high : float
        Share of new pictures that the best will get right, corrected for its having been chosen,
        and the interval of that share.
    accuracy : ndarray of shape (candidates,)
        Share of trials that each got right, as it is.
    intervals : ndarray of shape (candidates, 2)
        Low and high end for a candidate that was named before anything was tested.
    behind : ndarray of shape (candidates, 2)
        Low and high end of how much less accurate each is than the best. They hold together.
    worse : ndarray of shape (candidates,), bool
        Which are worse than the best beyond chance: those whose `behind` is above 0.
    apart : ndarray of shape (candidates, candidates), bool
        Whether the first is more accurate than the second beyond chance. All of these together,
        and so `worse` too, hold a false claim in at most 1 - confidence of studies.
    """

    best: int
    expected: float
    low: float
    high: float
    accuracy: Numbers
    intervals: Numbers
    behind: Numbers
    worse: NDArray[np.bool_]
    apart: NDArray[np.bool_]


def compare(
    hits: ArrayLike,
    shown: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Comparison:
    """Compare candidates by their hits on the same pictures, in one or several splits.

    Pictures vary, not splits: a picture that was tested five times is one picture, and so is a
    group of pictures that go together.

    The winner's figure. Noise e of half the figures' variance is added to them, the best is
    chosen, and its figure without noise less 2 e is told. The two are uncorrelated, so that what is
    told owes nothing to the choice; its mean over 400 draws is what is expected. Where one
    candidate leads clearly, it is chosen always and nothing is corrected. The interval is the mid-P
    interval of a proportion, widened by what the correction itself varies over redrawn studies;
    its upper end lies half way to the plain interval's.

    Who is worse. Every candidate is compared with every other, since chance also chose the best, by
    the largest difference of all in units of its deviation (max-T), a step at a time. In at most
    1 - confidence of studies is any claim false. To each pair two pictures are added on which
    they differ, one each way, so that few pictures prove little.

    Parameters
    ----------
    hits, shown : array-like of shape (pictures, candidates)
        How often each candidate was right on each picture, and how often it was tested on it. A
        `shown` of shape (pictures,) or (pictures, 1) is that of all.
    groups : array-like of shape (pictures,), optional
        Which pictures go together. By default each stands alone.
    confidence : float, default=0.95
        Of the intervals, and 1 less the share of studies in which a claim may be false.
    random_state : int, default=0
        Seed of the draws. The same counts and seed give the same answer to the bit.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        Shapes differ, hits are not between 0 and `shown`, or a candidate was never tested.

    References
    ----------
    N. Oliveira, J. Lei, R. Tibshirani, "Unbiased risk estimation in the normal means problem via
    coupled bootstrap techniques", Electronic Journal of Statistics 18, 2024: the noise added and
    taken off. With noise of the figures' own variance it is nearly the bootstrap bias-corrected
    choice of I. Tsamardinos, E. Greasidou, G. Borboudakis, Machine Learning 107, 2018.
    J. Hsu, "Multiple comparisons: theory and methods", 1996; P. Westfall, S. Young,
    "Resampling-based multiple testing", 1993; J. Romano, M. Wolf, "Exact and approximate stepdown
    methods for multiple hypothesis testing", JASA 100, 2005: max-T, a step at a time.
    D. Bonett, R. Price, Journal of Educational and Behavioral Statistics 37, 2012: two pictures
    added to each pair.

    Examples
    --------
    >>> right = np.tile([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 1, 0]], (25, 1))
    >>> found = compare(right, np.ones((100, 1)))
    >>> found.best, found.accuracy.tolist(), found.worse.tolist()
    (0, [0.75, 0.75, 0.25], [False, False, True])
    >>> bool(found.low < found.expected < 0.75 < found.high)
    True
    """
    right, tried = _counts(hits, shown, groups)
    totals = tried.sum(axis=0)
    accuracy = right.sum(axis=0) / totals
    best, count = int(accuracy.argmax()), right.shape[1]
    own = [proportion_interval(right[:, k], tried[:, k], confidence) for k in range(count)]
    intervals = np.array([(each.low, each.high) for each in own])
    covariance = _covariance(right - accuracy * tried, totals)
    figures = _Figures(
        accuracy,
        intervals,
        covariance,
        effective_size(right[:, best], tried[:, best], confidence),
        totals**2 / (tried**2).sum(axis=0),
        len(tried),
        _NOISE,
    )
    return _compared(figures, confidence, random_state)


def compare_figures(
    figures: ArrayLike,
    influences: ArrayLike,
    sizes: ArrayLike,
    *,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Comparison:
    """Compare candidates by a figure between 0 and 1 that is no share, such as a mean precision.

    As `compare`, where the variance of a figure and of a difference of two are those of their
    influences over points, those of `held_out_precision` for example. Noise of a quarter of that
    variance is added. The interval of a figure is the mid-P interval of a share of as many trials
    as know it as well, and of no more than `sizes`.

    Parameters
    ----------
    figures : array-like of shape (candidates,)
        Between 0 and 1, of the same points.
    influences : array-like of shape (points, candidates)
        By how much each figure changes with each point; a column sums to 0.
    sizes : array-like of shape (candidates,)
        What a figure is worth as a share, at most: its points, or those that can change it.
    confidence, random_state
        As for `compare`.

    Returns
    -------
    Comparison
        ``accuracy`` holds the figures.

    Raises
    ------
    ValueError
        Shapes do not fit, or a figure is not between 0 and 1.

    Examples
    --------
    >>> right = np.tile([[1, 1], [1, 0], [1, 1], [0, 1]], (25, 1))
    >>> share = right.mean(axis=0)
    >>> found = compare_figures(share, (right - share) / 100, [100, 100])
    >>> found.best, found.worse.tolist()
    (0, [False, False])
    """
    told, moved = np.asarray(figures, np.float64), np.asarray(influences, np.float64)
    worth = np.asarray(sizes, np.float64)
    if moved.ndim != 2 or told.shape != worth.shape or told.shape != (moved.shape[1],):
        raise ValueError(
            f"Figures of shape {told.shape}, influences of {moved.shape} and sizes of "
            f"{worth.shape}; give (candidates,), (points, candidates) and (candidates,)."
        )
    if not ((told >= 0) & (told <= 1)).all():  # NaN is neither
        raise ValueError(f"Figures are {told.tolist()}; they must lie between 0 and 1.")
    covariance = _covariance(moved, np.ones(len(told)))
    spread, variance = told * (1 - told), np.diag(covariance)
    known = np.divide(spread, variance, out=worth.copy(), where=variance > 0)
    own = np.maximum(1.0, np.minimum(known, worth))
    ends = [share_interval(float(f), float(s), confidence) for f, s in zip(told, own, strict=True)]
    intervals = np.array([(each.low, each.high) for each in ends])
    whole = _Figures(
        told, intervals, covariance, float(own[told.argmax()]), worth, len(moved), _NOISE_OF_FIGURES
    )
    return _compared(whole, confidence, random_state)


@dataclass(frozen=True)
class _Figures:
    """What candidates reached, and how it varies over points.

    Attributes
    ----------
    values : ndarray of shape (candidates,)
    intervals : ndarray of shape (candidates, 2)
    covariance : ndarray of shape (candidates, candidates)
    size : float
        Trials of which a share is known as well as the best figure.
    sizes : ndarray of shape (candidates,)
        Points that each is of.
    points : int
        That vary.
    noise : float
        Added before choosing, in variances.
    """

    values: Numbers
    intervals: Numbers
    covariance: Numbers
    size: float
    sizes: Numbers
    points: int
    noise: float


def _compared(of: _Figures, confidence: float, random_state: int) -> Comparison:
    best = int(of.values.argmax())
    rng = np.random.default_rng(random_state)
    expected, extra = _winner(of.values, of.covariance, of.noise, rng)
    low, high = of.intervals[best]
    if expected < of.values[best] or extra > 0:
        size, spread = of.size, expected * (1 - expected)
        if spread > 0:
            size = max(1.0, spread / (spread / size + extra))
        about = share_interval(expected, size, confidence)
        # Upwards it reaches half way on to the plain interval's end: nobody knows how much of the
        # lead was luck, and heads of splits learn from fewer pictures than the one that is kept.
        low, high = about.low, (about.high + max(about.high, high)) / 2
    behind = _behind(of.values, of.covariance, of.sizes, of.points, confidence, rng)
    apart = behind[..., 0] > 0
    return Comparison(
        best, expected, float(low), float(high), of.values, of.intervals, behind[best],
        apart[best], apart,
    )  # fmt: skip


def _winner(
    accuracy: Numbers, covariance: Numbers, share: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return what is expected of the best, and by how much its variance exceeds the plain one's."""
    best, root = int(accuracy.argmax()), _root(covariance)
    half = _noise(root, _DRAWS // 2, rng)
    noise = np.concatenate([half, -half])
    expected = float(np.clip(_chosen(accuracy, noise, share), 0.0, accuracy[best]))
    # Studies drawn around these figures, as if they were the truth: how far what is told of their
    # winner is off, against how far the figure of one that nobody chose is.
    drawn = _noise(root, _STUDIES, rng)
    told, own = 0.0, float((drawn[:, best] ** 2).sum())
    for figures in accuracy + drawn:
        winner = figures.argmax()
        told += (
            min(_chosen(figures, noise, share), float(figures[winner])) - accuracy[winner]
        ) ** 2
    return expected, max(0.0, told - own) / _STUDIES


def _chosen(figures: Numbers, noise: Numbers, share: float) -> float:
    """Return the mean figure of those chosen with noise, without what the noise gave."""
    chosen = (figures + np.sqrt(share) * noise).argmax(axis=1)
    taken_off = noise[np.arange(len(noise)), chosen] / np.sqrt(share)
    return float((figures[chosen] - taken_off).mean())


def _behind(
    accuracy: Numbers,
    covariance: Numbers,
    sizes: Numbers,
    points: int,
    confidence: float,
    rng: np.random.Generator,
) -> Numbers:
    """Return low and high of how much more accurate each is than each, (candidates, candidates, 2).

    A pair stays in the running until it is told apart; the largest of those that stay decides.
    """
    smaller = np.minimum(sizes[:, None], sizes)
    centres, deviations = _bonett_price(accuracy[:, None] - accuracy, covariance, smaller)
    # What chance does to pairs that are equal, in units of its own deviation.
    padded = covariance + np.diag(1 / (sizes + 2) ** 2)
    noise = _noise(_root(padded), _MAXIMA, rng)
    freedom = max(points - 1, 1)
    noise /= np.sqrt(rng.chisquare(freedom, (_MAXIMA, 1)) / freedom)
    units = np.sqrt(_variances(padded))
    open_pairs, limit = ~np.eye(len(accuracy), dtype=bool), 0.0
    while open_pairs.any():
        limit = float(np.quantile(_maxima(noise, units, open_pairs), confidence))
        told_apart = open_pairs & (centres > limit * deviations)
        if not told_apart.any():
            break
        open_pairs &= ~told_apart
    reach = limit * deviations
    return np.clip(np.stack([centres - reach, centres + reach], axis=-1), -1.0, 1.0)


def _bonett_price(ahead: Numbers, covariance: Numbers, sizes: Numbers) -> tuple[Numbers, Numbers]:
    """Return centres and deviations of differences with a picture added each way."""
    centres = ahead * sizes / (sizes + 2)
    found = _variances(covariance) * sizes**2
    found += 4 * centres**2 / sizes + 2 * (1 + centres**2)
    deviations = np.sqrt(found) / (sizes + 2)
    np.fill_diagonal(deviations, 0.0)
    return centres, deviations


def _variances(covariance: Numbers) -> Numbers:
    """Return the variance of each difference."""
    own = np.diag(covariance)
    found: Numbers = np.maximum(own[:, None] + own - 2 * covariance, 0.0)
    return found


def _maxima(noise: Numbers, deviations: Numbers, pairs: NDArray[np.bool_]) -> Numbers:
    """Return the largest difference of a pair in units of its deviation, of each draw."""
    largest = np.full(len(noise), -np.inf)
    for one, others in enumerate(pairs):
        if others.any():
            apart = (noise[:, [one]] - noise[:, others]) / deviations[one, others]
            np.maximum(largest, apart.max(axis=1), out=largest)
    return largest


def _covariance(residuals: Numbers, totals: Numbers) -> Numbers:
    """Return the covariance of the accuracies over pictures; without BLAS, whose threads round."""
    apart = residuals / totals
    factor = len(apart) / max(len(apart) - 1, 1)
    found: Numbers = factor * np.einsum("ij,ik->jk", apart, apart)
    return found


def _root(covariance: Numbers) -> Numbers:
    """Return the symmetric root: eigenvectors may turn round from machine to machine, it not."""
    values, vectors = np.linalg.eigh(covariance)
    root: Numbers = np.einsum("ij,j,kj->ik", vectors, np.sqrt(np.clip(values, 0, None)), vectors)
    return root


def _noise(root: Numbers, draws: int, rng: np.random.Generator) -> Numbers:
    noise: Numbers = np.einsum("ij,jk->ik", rng.standard_normal((draws, len(root))), root)
    return noise


def _counts(hits: ArrayLike, shown: ArrayLike, groups: ArrayLike | None) -> tuple[Numbers, Numbers]:
    """Return hits and trials, a row a group that was tested."""
    right, tried = np.asarray(hits, np.float64), np.asarray(shown, np.float64)
    if right.ndim != 2 or not right.shape[1]:
        raise ValueError(f"Hits have shape {right.shape}; they must be (pictures, candidates).")
    if tried.ndim == 1:
        tried = tried[:, None]
    if tried.shape not in (right.shape, (len(right), 1)):
        raise ValueError(
            f"Hits of shape {right.shape} and trials of shape {tried.shape}; both must be "
            "(pictures, candidates)."
        )
    tried = np.broadcast_to(tried, right.shape)
    wrong = np.argwhere(~((right >= 0) & (right <= tried) & np.isfinite(tried)))  # NaN is neither
    if len(wrong):
        row, column = map(int, wrong[0])
        raise ValueError(
            f"Picture {row} has {right[row, column]:g} hits of candidate {column} in "
            f"{tried[row, column]:g} trials; hits must lie between 0 and the trials."
        )
    never = np.flatnonzero(tried.sum(axis=0) == 0)
    if len(never):
        raise ValueError(f"Candidate {never[0]} was tested on no picture; leave it out.")
    if groups is not None:
        right, tried = _grouped(right, tried, np.asarray(groups))
    tested = tried.any(axis=1)
    return right[tested], tried[tested]


def _grouped(
    right: Numbers, tried: Numbers, groups: NDArray[np.generic]
) -> tuple[Numbers, Numbers]:
    """Return the sums over each group."""
    if groups.shape != (len(right),):
        raise ValueError(
            f"Groups of shape {groups.shape} for {len(right)} pictures; give one each."
        )
    names, codes = np.unique(groups, return_inverse=True)
    sums = np.zeros((2, len(names), right.shape[1]))
    for summed, counts in zip(sums, (right, tried), strict=True):
        np.add.at(summed, codes, counts)
    return sums[0], sums[1]
