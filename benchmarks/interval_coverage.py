"""How often the intervals hold the truth: of one share, of a difference, of a correlation.

    python benchmarks/interval_coverage.py

One share of n pictures tested once is summed over all outcomes of the binomial distribution. All
else is drawn: pictures of a population in which each has a difficulty of its own, tested as a
study tests them, in five splits that hold out a fifth each. It takes some minutes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from embedlens.metrics.proportion import Interval, difference_interval, proportion_interval
from embedlens.results.correlation import rank_interval

DRAWS = 400
RESAMPLES = 200
SHARES = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)


def holds(interval: Interval, truth: float) -> bool:
    """Return whether the interval holds the truth, a rounding aside."""
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


def wilson(hits: int, n: int) -> Interval:
    """Return Wilson's interval, for comparison."""
    z, p = norm.ppf(0.975), hits / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return Interval(p, centre - half, centre + half)


def exact_coverage(intervals: list[Interval], share: float) -> float:
    """Return the probability, in %, that the interval holds the share; one a number of hits."""
    n = len(intervals) - 1
    inside = np.array([holds(each, share) for each in intervals])
    return 100 * float(binom.pmf(np.arange(n + 1), n, share)[inside].sum())


def one_share() -> None:
    """Print the exact coverage of one share of pictures that are tested once."""
    print("One share, n pictures tested once: coverage, %, exact")
    print(f"{'n':>4} {'interval':12}", *(f"{p:>6}" for p in SHARES), "   least, and mean, of .5-1")
    for n in (6, 20, 40, 200):
        made = {
            "mid-P (ours)": [proportion_interval(np.arange(n) < hits) for hits in range(n + 1)],
            "Wilson": [wilson(hits, n) for hits in range(n + 1)],
            "bootstrap": [
                Interval(hits / n, *(binom.ppf((0.025, 0.975), n, hits / n) / n))
                for hits in range(n + 1)
            ],
        }
        for name, intervals in made.items():
            every = [exact_coverage(intervals, p) for p in np.linspace(0.5, 0.9999, 500)]
            print(
                f"{n:>4} {name:12}", *(f"{exact_coverage(intervals, p):6.1f}" for p in SHARES),
                f"{min(every):8.1f} {np.mean(every):6.1f}",
            )  # fmt: skip


def splits(rng: np.random.Generator, pictures: int) -> NDArray[np.int64]:
    """Return how often each picture is tested in five splits that hold out a fifth."""
    shown = np.zeros(pictures, np.int64)
    for _ in range(5):
        shown[rng.choice(pictures, pictures // 5, replace=False)] += 1
    return shown


def chances(rng: np.random.Generator, share: float, like: float, n: int) -> NDArray[np.float64]:
    """Return each picture's chance to be right; two tests of one picture correlate by ``like``."""
    if like == 1 or share == 1:
        return (rng.random(n) < share).astype(float)
    odds = 1 / like - 1
    return rng.beta(share * odds, (1 - share) * odds, n)


def bootstrap(
    rng: np.random.Generator, hits: NDArray[np.float64], shown: NDArray[np.float64]
) -> Interval:
    """Return the percentile bootstrap over pictures."""
    weights = rng.multinomial(len(hits), np.full(len(hits), 1 / len(hits)), RESAMPLES)
    samples = (weights @ hits) / np.maximum(weights @ shown, 1)
    return Interval(float(hits.sum() / shown.sum()), *np.quantile(samples, (0.025, 0.975)))


def five_splits() -> None:
    """Print the coverage where pictures are tested in several of five splits."""
    print(f"\nOne share, five splits: coverage, % of {DRAWS} draws (mean width); and bootstrap")
    rng = np.random.default_rng(0)
    for pictures in (30, 100, 300):
        for like in (0.01, 0.5, 0.8, 1.0):
            cells = []
            for share in SHARES:
                own, width, other = 0, 0.0, 0
                for _ in range(DRAWS):
                    shown = splits(rng, pictures)
                    hits = rng.binomial(shown, chances(rng, share, like, pictures)).astype(float)
                    interval = proportion_interval(hits, shown)
                    own += holds(interval, share)
                    width += interval.high - interval.low
                    other += holds(bootstrap(rng, hits, shown), share)
                cells.append(
                    f"{share:g}: {100 * own / DRAWS:.1f} ({100 * width / DRAWS:.1f}); "
                    f"{100 * other / DRAWS:.1f}"
                )
            print(f"{pictures:>4} pictures, correlation {like:4}:", " | ".join(cells))


def two_right(
    rng: np.random.Generator, first: float, second: float, like: float, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the chances of two candidates on the same pictures, hard for both or for neither."""
    both = rng.multivariate_normal([0, 0], [[1, like], [like, 1]], n)
    return (both < norm.ppf([first, second])).astype(float).T


def differences() -> None:
    """Print the coverage of a difference of two candidates on the same pictures."""
    print(f"\nDifference of two, same pictures: coverage, % of {DRAWS} draws; and bootstrap")
    rng = np.random.default_rng(1)
    pairs = ((1.0, 1.0), (0.99, 0.99), (0.99, 0.95), (0.95, 0.9), (0.9, 0.8), (0.7, 0.5))
    for name, n in [("once", n) for n in (6, 20, 40, 200)] + [("five splits", 100)]:
        for like in (0.3, 0.9):
            cells = []
            for first, second in pairs:
                own = other = 0
                for _ in range(DRAWS):
                    shown = np.ones(n, np.int64) if name == "once" else splits(rng, n)
                    one, two = two_right(rng, first, second, like, n)
                    # In a split in five a picture falls out otherwise than it mostly does.
                    noise = 0.0 if name == "once" or first == 1 else 0.2
                    hits = [
                        rng.binomial(shown, (1 - noise) * each + noise * share)
                        for each, share in ((one, first), (two, second))
                    ]
                    truth = first - second
                    own += holds(difference_interval(*hits, shown), truth)
                    apart = (hits[0] - hits[1]).astype(float)
                    other += holds(bootstrap(rng, apart, shown), truth)
                cells.append(
                    f"{first:g}-{second:g}: {100 * own / DRAWS:.1f}; {100 * other / DRAWS:.1f}"
                )
            print(f"{n:>4} pictures, {name}, correlation {like}:", " | ".join(cells))


def correlations() -> None:
    """Print the coverage of Spearman's correlation of normal numbers over few backbones."""
    print(f"\nSpearman's correlation, normal numbers: coverage, % of {DRAWS} draws; and bootstrap")
    from scipy.stats import rankdata

    rng = np.random.default_rng(2)
    for n in (5, 6, 10, 25):
        cells = []
        for pearson in (0.0, 0.5, 0.9, 0.98):
            truth = 6 / np.pi * np.arcsin(pearson / 2)
            own = other = 0
            for _ in range(DRAWS):
                pairs = rng.multivariate_normal([0, 0], [[1, pearson], [pearson, 1]], n)
                found = np.corrcoef(rankdata(pairs[:, 0]), rankdata(pairs[:, 1]))[0, 1]
                low, high = rank_interval(found, n)
                own += low <= truth <= high
                samples = []
                for rows in rng.integers(0, n, (100, n)):
                    one, two = rankdata(pairs[rows, 0]), rankdata(pairs[rows, 1])
                    if np.ptp(one) and np.ptp(two):
                        samples.append(np.corrcoef(one, two)[0, 1])
                low, high = np.quantile(samples, (0.025, 0.975))
                other += low <= truth <= high
            cells.append(f"{truth:.2f}: {100 * own / DRAWS:.1f}; {100 * other / DRAWS:.1f}")
        print(f"{n:>4} backbones:", " | ".join(cells))


if __name__ == "__main__":
    one_share()
    five_splits()
    differences()
    correlations()
