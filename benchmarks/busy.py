"""Claim: on a busy machine, threads cost no kernel more than 1.3 times its time on one thread.

Each kernel runs alternately with one and with two threads, on the machine as it is and then beside
as many processes in busy loops as there are processors; ratios are of medians. Ratios below 1 are
what the second thread brings.

    python benchmarks/busy.py [--repeats 5] [--loops N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import numpy as np

from embedlens.arrays import bounded_threads, processors
from embedlens.metrics import nearest_neighbors, silhouette_samples
from embedlens.reduce import TSNE, gram
from embedlens.reduce.neighbors import nearest_points


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def kernels() -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=10_000)
    X = (rng.normal(size=(10, 256))[labels] + rng.normal(size=(10_000, 256))).astype(np.float32)
    few, space = X[:1_600, :50], np.ascontiguousarray(X[:, :3])
    fitted, wide = TSNE(max_iter=50).fit(few), np.tile(X[:1_000], (1, 40))
    return {
        "t-SNE, 1,600 points": lambda: TSNE(max_iter=300, tol=0.0).fit(few),
        "t-SNE by the tree": lambda: TSNE(max_iter=15, method="barnes_hut").fit(X[:, :50]),
        "t-SNE, new points": lambda: fitted.transform(few[:400]),
        "t-SNE, neighbours": lambda: nearest_points(X, 90),
        "silhouette, 3-D": lambda: silhouette_samples(space, labels),
        "silhouette, 256-D": lambda: silhouette_samples(X[:5_000], labels[:5_000]),
        "nearest neighbours": lambda: nearest_neighbors(X[:5_000], 15),
        "Gram matrix": lambda: gram(wide),
    }


def seconds(kernel: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median time with one thread and with two, in turn."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for threads in times:
            start = time.perf_counter()
            with bounded_threads(threads):
                kernel()
            times[threads].append(time.perf_counter() - start)
    return median(times[1]), median(times[2])


def compare(title: str, repeats: int) -> None:
    print(f"\n{title} (load {os.getloadavg()[0]:.1f})")
    print(f"{'':<22}{'one thread':>12}{'two':>12}{'ratio':>8}")
    for name, kernel in kernels().items():
        one, two = seconds(kernel, repeats)
        print(f"{name:<22}{one:>10.2f} s{two:>10.2f} s{two / one:>8.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--loops", type=int, default=processors(), help="busy processes")
    arguments = parser.parse_args()
    print(f"{processors()} processors, NumPy {np.__version__}, Python", sys.version.split()[0])
    for work in kernels().values():
        work()  # compiles
    compare("as the machine is", arguments.repeats)
    with busy_loops(arguments.loops):
        compare(f"beside {arguments.loops} busy loops", arguments.repeats)
