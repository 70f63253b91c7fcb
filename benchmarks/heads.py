"""Claim: the linear probe ends within 1e-6 of the least loss; its time beside scikit-learn's.

Both choose the strength of the penalty on validation pictures and are then fitted to training and
validation pictures. scikit-learn's LogisticRegression runs as it is, each strength from the
solution at the last, until the second strength past the best; its loss is given for its own
tolerance, and for a tight one at the strength chosen. Times are of processors, so that they mean
something on a busy machine too. Features are made, or read from an npz file.

    python benchmarks/heads.py [--points 4000] [--classes 34] [--columns 1280] [--features FILE]
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from embedlens.learn import LinearProbe
from embedlens.learn.linear_probe import STRENGTHS


def made(n: int, d: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes whose variances fall as those of features do."""
    rng = np.random.default_rng(0)
    spread = np.arange(1, d + 1) ** -0.5
    y = rng.integers(classes, size=n)
    X = 0.6 * rng.normal(size=(classes, d))[y] * (np.arange(d) < 60) + rng.normal(size=(n, d))
    return (X * spread).astype(np.float32), y


def read(file: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    stored = np.load(file)
    X, y = (stored[a if a in stored else b] for a, b in (("X", "features"), ("y", "labels")))
    rows = np.random.default_rng(0).permutation(len(y))[:n]
    return X[rows], np.unique(y[rows], return_inverse=True)[1]


def scaled(X: np.ndarray, like: np.ndarray) -> np.ndarray:
    mean = like.mean(axis=0, dtype=np.float64)
    scale = np.sqrt(((like - mean) ** 2).mean())
    return ((X - mean) / scale).astype(np.float32)


def regression(X: np.ndarray, y: np.ndarray, strength: float, start: Any, **how: Any) -> Any:
    model = LogisticRegression(C=strength, max_iter=1000, warm_start=True, **how)
    if start is not None:
        model.classes_, model.coef_, model.intercept_ = (
            start.classes_,
            start.coef_,
            start.intercept_,
        )
    with threadpool_limits(1, "blas"):
        return model.fit(X, y)


def grid(X: np.ndarray, y: np.ndarray, m: int) -> tuple[float, Any]:
    """Choose by scikit-learn as the probe does; return the strength and the last fit."""
    near, far = scaled(X[:m], X[:m]), scaled(X[m:], X[:m])
    losses: dict[float, float] = {}
    model = None
    for strength in STRENGTHS:
        model = regression(near, y[:m], strength, model)
        losses[strength] = log_loss(y[m:], model.predict_proba(far), labels=model.classes_)
        if len(losses) > 2 and min(losses, key=losses.__getitem__) < strength / 50:
            break
    best = min(losses, key=losses.__getitem__)
    return best, regression(scaled(X, X), y, best, None)


def loss_of(X: np.ndarray, y: np.ndarray, strength: float, W: np.ndarray, b: np.ndarray) -> float:
    logits = X.astype(np.float64) @ W + b
    logits -= logits.max(axis=1, keepdims=True)
    picked = logits[np.arange(len(y)), y]
    return float(
        (np.log(np.exp(logits).sum(axis=1)) - picked).sum() + (W**2).sum() / (2 * strength)
    )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("points", 4000), ("classes", 34), ("columns", 1280)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--features", help="npz file with X and y, or features and labels")
    given = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = (
        read(given.features, given.points)
        if given.features
        else made(given.points, given.columns, given.classes)
    )
    m, end = int(0.64 * len(y)), int(0.8 * len(y))
    print(
        f"{X.shape[0]} x {X.shape[1]}, {len(np.unique(y))} classes; load {os.getloadavg()[0]:.1f}"
    )
    ours, probe = timed(lambda: LinearProbe().fit(X[:m], y[:m], validation=(X[m:end], y[m:end])))
    theirs, (strength, model) = timed(lambda: grid(X[:end], y[:end], m))
    kernel, bias = probe.layer()
    near = scaled(X[:end], X[:end])
    scale = float(np.sqrt(((X[:end] - X[:end].mean(axis=0, dtype=np.float64)) ** 2).mean()))
    W, b = kernel * scale, bias + X[:end].mean(axis=0, dtype=np.float64) @ kernel
    tight_seconds, tight = timed(
        lambda: regression(near.astype(np.float64), y[:end], strength, model, tol=1e-7)
    )
    losses = {
        "LinearProbe": loss_of(near, y[:end], strength, W, b),
        "scikit-learn": loss_of(near, y[:end], strength, model.coef_.T, model.intercept_),
        "tight": loss_of(near, y[:end], strength, tight.coef_.T, tight.intercept_),
    }
    right = {
        "LinearProbe": probe.score(X[end:], y[end:]),
        "scikit-learn": model.score(scaled(X[end:], X[:end]), y[end:]),
        "tight": tight.score(scaled(X[end:], X[:end]), y[end:]),
    }
    seconds = {"LinearProbe": ours, "scikit-learn": theirs, "tight": tight_seconds}
    print(f"strength {probe.strength_:g} and {strength:g}; ratio of times {theirs / ours:.1f}")
    for name, loss in losses.items():
        above = loss / losses["tight"] - 1
        print(
            f"{name:<13}{seconds[name]:8.1f} s, loss {loss:.6f} ({above:+.1e}), {right[name]:.4f}"
        )


if __name__ == "__main__":
    main()
