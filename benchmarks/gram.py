"""Claim: the Gram matrix of 2,800 x 100,352 features runs at the speed of BLAS, in bounded memory.

Beside it, in turns: the plain product X @ X.T (all in float32, at once), and one general product,
whose speed is the machine's limit. Also the largest error of the distances, near and far from the
origin, against float64.

    python benchmarks/gram.py [--repeats 3] [--points 2800] [--features 100352]

Without OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE, which slow OpenBLAS down.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import threadpoolctl
from scipy.spatial.distance import cdist

from embedlens.reduce import gram, squared_distances


def describe_machine() -> None:
    blas = {(p["internal_api"], p.get("architecture")) for p in threadpoolctl.threadpool_info()}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python", end=" ")
    print(f"{platform.python_version()}, NumPy {np.__version__}, {sorted(map(str, blas))}")


def in_turns(repeats: int, *functions: Callable[[], object]) -> list[float]:
    """Return the median seconds of each."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats):
        for function, times in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    return [median(times) for times in seconds]


def features(n: int, d: int) -> np.ndarray:
    """Rectified random features: as sparse and as far from the origin as feature maps."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    X += 0.2
    return np.maximum(X, 0, out=X)


def compare_speed(n: int, d: int, repeats: int) -> None:
    X = features(n, d)
    block = np.ascontiguousarray(X[:, :8192])
    other = block[::-1].copy()
    ours, plain, general = in_turns(
        repeats, lambda: gram(X, center=True), lambda: X @ X.T, lambda: block @ other.T
    )
    limit = 2 * n**2 * block.shape[1] / general
    print(f"{n:,} x {d:,}: gram {ours:.2f} s, X @ X.T {plain:.2f} s, ratio {plain / ours:.2f}")
    print(
        f"general product: {limit / 1e9:.0f} GFLOP/s; gram needs n²d = {n**2 * d / 1e9:.0f} GFLOP"
    )
    print(f"gram: {n**2 * d / ours / 1e9:.0f} GFLOP/s, {n**2 * d / ours / limit:.0%} of that speed")


def compare_accuracy(d: int) -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, d), dtype=np.float32)
    X[1], X[3] = X[0], X[2] + np.float32(1e-3) * X[4]
    for offset in (0.0, 1e4):
        moved = X + np.float32(offset)
        expected = cdist(moved.astype(np.float64), moved.astype(np.float64), "sqeuclidean")
        some = expected > 0
        for name, G in (("gram", gram(moved, center=True)), ("X @ X.T", moved @ moved.T)):
            D = squared_distances(G)
            error = np.abs(D - expected)[some] / expected[some]
            print(f"offset {offset:>7,.0f}  {name:<8} relative error {error.max():8.1e}", end="  ")
            print(f"duplicates at {D[0, 1]:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--points", type=int, default=2800)
    parser.add_argument("--features", type=int, default=100_352)
    arguments = parser.parse_args()
    describe_machine()
    compare_speed(arguments.points, arguments.features, arguments.repeats)
    compare_accuracy(20_000)
