"""Claim: t-SNE of 20 to 300 points is never flat, and ends near the best of four schedules.

For each number of points, perplexity, dimension and method: the worst ratio, over all draws, of the
divergence to the best of exaggeration 1, 4 and 12 and of a learning rate of 50 (bar: 1.1), and the
least span of an axis as a share of the widest (bar: 5%). Draws are rows of features without
replacement; where the best divergence is near 0, so that a ratio says little, the difference tells.

    python benchmarks/tsne_small.py FEATURES.npy ... [--points 20 30 ...] [--draws 20]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlens.reduce import TSNE

PEERS = (
    {"early_exaggeration": 1.0},
    {"early_exaggeration": 4.0},
    {"early_exaggeration": 12.0},
    {"early_exaggeration": 12.0, "learning_rate": 50.0},
    {"learning_rate": 50.0},
)


def perplexities(n: int) -> dict[str, float]:
    """Return a study's perplexity, and shares of the points."""
    return {"study": min(30.0, (n - 1) / 3), "n/10": n / 10, "n/5": n / 5, "n/4": n / 4}


def draws(features: list[NDArray[np.float32]], n: int, count: int) -> Iterator[NDArray[np.float32]]:
    """Yield ``count`` draws of n rows, of the sets of features in turn."""
    for seed in range(count):
        X = features[seed % len(features)]
        yield X[np.random.default_rng([n, seed]).choice(len(X), n, replace=False)]


def compare(X: NDArray[np.float32], **parameters: object) -> tuple[float, float, float]:
    """Return the divergence, the best of the peers', and the least span of the widest."""
    ours = TSNE(**parameters).fit(X)  # type: ignore[arg-type]
    best = min(TSNE(**parameters | peer).fit(X).kl_divergence_ for peer in PEERS)  # type: ignore[arg-type]
    spans = np.ptp(ours.embedding_, axis=0)
    return ours.kl_divergence_, best, float(spans.min() / spans.max())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", type=Path, nargs="+", help="matrices of features, .npy")
    parser.add_argument("--points", type=int, nargs="*", default=[20, 30, 50, 80, 125, 200, 300])
    parser.add_argument("--methods", nargs="*", default=["exact", "barnes_hut"])
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers lose axes, and are mended
    features = [np.load(path, mmap_mode="r") for path in arguments.features]
    print("| points | perplexity | dimensions | method | KL, median | worst ratio | least span |")
    print("| ---: | --- | ---: | --- | ---: | ---: | ---: |")
    for n in arguments.points:
        for (name, perplexity), c, method in product(
            perplexities(n).items(), (2, 3), arguments.methods
        ):
            rows = np.array(
                [
                    compare(X, n_components=c, perplexity=perplexity, method=method, n_jobs=1)
                    for X in draws(features, n, arguments.draws)
                ]
            )
            ratio = (rows[:, 0] / rows[:, 1]).max()
            print(f"| {n} | {name} | {c} | {method} | {np.median(rows[:, 0]):.3f}", end=" ")
            print(f"| {ratio:.2f} | {rows[:, 2].min():.0%} |", flush=True)


if __name__ == "__main__":
    main()
