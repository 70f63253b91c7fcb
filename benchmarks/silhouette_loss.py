"""What SilhouetteLoss costs: a batch of 512 x 64 with its gradient, compiled, on JAX.

Claim: at most 10 ms on 2 cores; 8 classes. Beside it, in turns: the supervised contrastive loss
(Khosla et al. 2020), which compares all pairs of a batch too, and the silhouette written down
with a mask for each class. The values are compared with scikit-learn's in float64.

    python benchmarks/silhouette_loss.py [--repeats 60] [--size 512] [--dimensions 64]
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.metrics import silhouette_samples

from embedlens.learn import SilhouetteLoss

CLASSES = 8


def contrastive(y: jax.Array, X: jax.Array) -> jax.Array:
    """Supervised contrastive loss at temperature 0.1."""
    X = X / jnp.linalg.norm(X, axis=1, keepdims=True)
    alone = jnp.eye(len(y), dtype=bool)
    logits = jnp.where(alone, -jnp.inf, X @ X.T / 0.1)
    likely = logits - jax.nn.logsumexp(logits, axis=1, keepdims=True)
    same = (y[:, None] == y[None, :]) & ~alone
    return -(jnp.where(same, likely, 0).sum(1) / jnp.maximum(same.sum(1), 1)).mean()


def masked(y: jax.Array, X: jax.Array) -> jax.Array:
    """(1 - S) / 2 from all differences, a mask for each class."""
    squared = ((X[:, None] - X[None]) ** 2).sum(-1)
    D = jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1)), 0)
    own = y[:, None] == jnp.arange(CLASSES)
    sums, counts = D @ own.astype(X.dtype), own.sum(0)
    a = jnp.where(own, sums, 0).sum(1) / (counts[y] - 1)
    b = jnp.where(own, jnp.inf, sums / counts).min(1)
    return ((1 - (b - a) / jnp.maximum(a, b)) / 2).mean()


def compiled(loss: Callable[..., jax.Array], y: np.ndarray, X: np.ndarray) -> Callable[[], object]:
    """Return a call of the loss and its gradient, compiled already."""
    run = jax.jit(jax.value_and_grad(lambda points: loss(y, points)))
    points = jnp.asarray(X)
    jax.block_until_ready(run(points))
    return lambda: jax.block_until_ready(run(points))


def main(repeats: int, size: int, dimensions: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, size)
    X = rng.normal(size=(CLASSES, dimensions))[y] + rng.normal(size=(size, dimensions))
    X = X.astype(np.float32)
    losses = {
        "SilhouetteLoss()": SilhouetteLoss(),
        "SilhouetteLoss(temperature=0.2)": SilhouetteLoss(temperature=0.2),
        "supervised contrastive": contrastive,
        "silhouette from differences": masked,
    }
    runs = {name: compiled(loss, y, X) for name, loss in losses.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python", end=" ")
    print(
        f"{platform.python_version()}, JAX {jax.__version__}; {size} x {dimensions}, gradient too"
    )
    ours = median(times["SilhouetteLoss()"])
    for name, each in times.items():
        middle = median(each)
        print(f"{name:<32} {middle:7.2f} ms (least {min(each):.2f}), ratio {middle / ours:.2f}")
    exact = silhouette_samples(X.astype(np.float64), y)
    found = 1 - 2 * np.asarray(SilhouetteLoss(reduction="none")(y, X))
    print(
        f"silhouette {exact.mean():.4f}; largest error of a sample {abs(found - exact).max():.1e}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--dimensions", type=int, default=64)
    arguments = parser.parse_args()
    main(arguments.repeats, arguments.size, arguments.dimensions)
