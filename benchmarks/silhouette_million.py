"""Claim: the silhouette of 1,000,000 x 3 in 10 classes within 10 minutes on 2 cores, memory flat.

Every one of the 5e11 pairs is measured. Sampled points are compared with float64 sums over all
others; scikit-learn would take hours, so its time is extrapolated from 20,000 points.

    python benchmarks/silhouette_million.py [--points 1000000]
"""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

import numpy as np
from silhouette import blobs, describe_machine, take_square_roots, timed
from sklearn.metrics import silhouette_samples as of_sklearn

from embedlens.arrays import processors
from embedlens.metrics import silhouette_samples


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class MemoryCurve:
    """Resident memory beyond that at the start, a sample every half second."""

    def __init__(self) -> None:
        self.before, self.samples = resident_bytes(), [0]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> MemoryCurve:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            self.samples.append(resident_bytes() - self.before)


def exact(X: np.ndarray, labels: np.ndarray, i: int) -> float:
    """Return the silhouette of one point, from float64 distances to all others."""
    sums = np.bincount(labels, np.linalg.norm(X - X[i], axis=1))
    counts = np.bincount(labels)
    a = sums[labels[i]] / (counts[labels[i]] - 1)
    b = np.delete(sums / counts, labels[i]).min()
    return (b - a) / max(a, b)


def square_roots_a_second() -> float:
    """Return the rate at which all threads take float32 square roots, by processor time."""
    runs = [timed(take_square_roots) for _ in range(5)]
    return max(count / time.processor for time, count in runs) * processors()


def main() -> None:
    """Print time, memory, accuracy and how near it is to the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    n = parser.parse_args().points
    describe_machine()
    small, small_labels = blobs(20_000, 3, 10, np.float64)
    silhouette_samples(small[:500], small_labels[:500])
    sklearn_time, _ = timed(lambda: of_sklearn(small, small_labels))
    X, labels = blobs(n, 3, 10, np.float64)
    roots = [square_roots_a_second()]
    with MemoryCurve() as memory:
        taken, values = timed(lambda: silhouette_samples(X, labels))
    roots.append(square_roots_a_second())
    print(f"{n:,} x 3, 10 classes: {taken.wall:.1f} s ({taken.processor:.1f} s of processor time)")
    hours = sklearn_time.wall * (n / 20_000) ** 2 / 3600
    print(
        f"scikit-learn, {sklearn_time.wall:.1f} s at 20,000: {hours:.1f} h at this n if quadratic"
    )
    curve = np.array(memory.samples) / 2**20
    quarters = [f"{part.max():.0f}" for part in np.array_split(curve, 4) if len(part)]
    print(f"memory beyond the data, MB, highest in each quarter of the run: {', '.join(quarters)}")
    pairs, threads = n**2 / 2, processors()
    by_clock, by_processor = pairs / taken.wall, pairs / taken.processor * threads
    print(
        f"{by_clock / 1e9:.2f} G pairs a second, {by_processor / 1e9:.2f} by processor time;",
        end=" ",
    )
    print(
        f"limit, one root a pair: {min(roots) / 1e9:.2f} to {max(roots) / 1e9:.2f} G roots a second"
    )
    some = np.random.default_rng(1).choice(n, 100, replace=False)
    error = max(abs(values[i] - exact(X, labels, int(i))) for i in some)
    print(f"mean {values.mean():.7f}; largest error of 100 sampled points {error:.1e}")


if __name__ == "__main__":
    main()
