"""Claim: everything after embedding at 2,800 x 100,352 takes a tenth of scikit-learn's time.

Everything: three principal components, the silhouette in all features, a 3-D t-SNE. Ours follow
from one Gram matrix, whose time is in the sum. scikit-learn's are PCA (randomised, its choice
here), silhouette_score, and t-SNE by Barnes-Hut of the same features. The answers are compared:
singular values, silhouette, divergence and neighbours kept.

    python benchmarks/after_embedding.py [--points 2800] [--features 100352] [--repeats 1]

Without OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE, which slow OpenBLAS down.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pca import describe_machine, features
from sklearn.decomposition import PCA as PCAOfSklearn
from sklearn.manifold import TSNE as TSNEOfSklearn
from sklearn.metrics import silhouette_score as silhouette_of_sklearn

from embedlens.metrics import neighborhood_preservation, silhouette_score
from embedlens.reduce import PCA, TSNE, gram


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def ours(X: np.ndarray, labels: np.ndarray) -> tuple[dict[str, float], Any]:
    """Return the seconds of each step, and PCA, silhouette, t-SNE."""
    seconds = {}
    seconds["Gram matrix"], G = timed(lambda: gram(X))
    pca, tsne = PCA(3), TSNE(3, metric="gram")
    seconds["PCA"], _ = timed(lambda: pca.fit_transform_gram(G))
    seconds["silhouette"], score = timed(lambda: silhouette_score(G, labels, metric="gram"))
    seconds["t-SNE"], Y = timed(lambda: tsne.fit_transform(G))
    return seconds, [pca.singular_values_, score, tsne.kl_divergence_, Y]


def scikit_learns(X: np.ndarray, labels: np.ndarray) -> tuple[dict[str, float], Any]:
    """Return the same of scikit-learn."""
    seconds = {}
    pca = PCAOfSklearn(3, random_state=0)
    tsne = TSNEOfSklearn(3, init="pca", random_state=0)
    seconds["PCA"], _ = timed(lambda: pca.fit_transform(X))
    seconds["silhouette"], score = timed(lambda: silhouette_of_sklearn(X, labels))
    seconds["t-SNE"], Y = timed(lambda: tsne.fit_transform(X))
    return seconds, [pca.singular_values_, score, tsne.kl_divergence_, Y]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=2800)
    parser.add_argument("--features", type=int, default=100_352)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    describe_machine()
    X = features(options.points, options.features)
    labels = np.random.default_rng(0).integers(8, size=options.points)
    small = features(200, 64)
    ours(small, labels[:200])  # compiles the kernels, or loads them
    for _ in range(options.repeats):
        totals = {}
        for name, run in {"embedlens": ours, "scikit-learn": scikit_learns}.items():
            seconds, (values, score, divergence, Y) = run(X, labels)
            totals[name] = sum(seconds.values())
            kept = neighborhood_preservation(X, Y, ks=(10,))[10]
            steps = ", ".join(f"{step} {taken:.2f}" for step, taken in seconds.items())
            print(f"{name}: {totals[name]:.2f} s ({steps})")
            print(f"  singular values {values}, silhouette {score:.6f}")
            print(f"  KL {divergence:.4f}, of 10 neighbours kept {kept:.4f}", flush=True)
        print(f"ratio {totals['scikit-learn'] / totals['embedlens']:.1f}")


if __name__ == "__main__":
    main()
