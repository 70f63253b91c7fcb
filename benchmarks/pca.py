"""Claim: three components of 2,800 x 100,352, given the Gram matrix, >= 3 times scikit-learn.

And alone, Gram matrix and components included, not slower than scikit-learn's randomised PCA. The
two run in turns; the singular values of both are compared with each other and, on a narrower
matrix, with the full decomposition in float64.

    python benchmarks/pca.py [--repeats 3] [--points 2800] [--features 100352]

Without OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE, which slow OpenBLAS down.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import sklearn
import threadpoolctl
from sklearn.decomposition import PCA as PCAOfSklearn

from embedlens.reduce import PCA, gram


def describe_machine() -> None:
    blas = {(p["internal_api"], p.get("architecture")) for p in threadpoolctl.threadpool_info()}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python", end=" ")
    print(f"{platform.python_version()}, NumPy {np.__version__}, scikit-learn", end=" ")
    print(sklearn.__version__, sorted(map(str, blas)))


def in_turns(repeats: int, *functions: Callable[[], Any]) -> list[tuple[float, Any]]:
    """Return the median seconds and the last result of each."""
    runs: list[list[tuple[float, Any]]] = [[] for _ in functions]
    for _ in range(repeats):
        for function, column in zip(functions, runs, strict=True):
            start = time.perf_counter()
            result = function()
            column.append((time.perf_counter() - start, result))
    return [(median(t for t, _ in column), column[-1][1]) for column in runs]


def features(n: int, d: int) -> np.ndarray:
    """Rectified random features of points in eight clusters."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((8, 32), dtype=np.float32) * 2
    points = centres[rng.integers(8, size=n)] + rng.standard_normal((n, 32), dtype=np.float32)
    X = points @ rng.standard_normal((32, d), dtype=np.float32)
    return np.maximum(X, 0, out=X)


def compare_speed(n: int, d: int, repeats: int) -> None:
    X = features(n, d)
    G = gram(X)
    (given, _), (alone, ours), (theirs, peer) = in_turns(
        repeats,
        lambda: PCA(3).fit_transform_gram(G),
        lambda: PCA(3).fit(X),
        lambda: PCAOfSklearn(3, svd_solver="randomized", random_state=0).fit(X),
    )
    print(f"{n:,} x {d:,}, seconds: given the Gram matrix {given:.3f}, alone {alone:.2f}", end="")
    print(f" ({ours.method_}); scikit-learn {theirs:.2f}")
    print(f"ratio: given the Gram matrix {theirs / given:.1f}, alone {theirs / alone:.2f}")
    print("singular values, ours:", ours.singular_values_, "theirs:", peer.singular_values_)


def compare_accuracy() -> None:
    X = features(1000, 4000)
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    _, s, V = np.linalg.svd(centred, full_matrices=False)
    peer = PCAOfSklearn(3, svd_solver="randomized", random_state=0).fit(X)
    fits = [PCA(3, method=method).fit(X) for method in ("gram", "covariance", "randomized")]
    for name, fit in [(fit.method_, fit) for fit in fits] + [("scikit-learn", peer)]:
        signs = np.sign((fit.components_ * V[:3]).sum(axis=1))[:, None]
        loadings = np.abs(fit.components_ * signs - V[:3]).max()
        values = np.abs(fit.singular_values_ / s[:3] - 1).max()
        print(f"{name:<13} against full float64: loadings {loadings:.1e}, values {values:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--points", type=int, default=2800)
    parser.add_argument("--features", type=int, default=100_352)
    arguments = parser.parse_args()
    describe_machine()
    compare_speed(arguments.points, arguments.features, arguments.repeats)
    compare_accuracy()
