"""Whether the interval for twice the labels holds what twice the labels gave.

Features of a set are cut at random into test pictures and a pool. A curve is measured on half of
the pool, as a study measures it, and says what the whole pool will give; then the whole pool is
trained on. Both are tested on the same pictures, and the second is the mean of as many draws.

    python benchmarks/learning_curve.py FEATURES.npz ... --runs 20

Files are those of `embedlens embed PICTURES --backbone NAME --out FEATURES.npz`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from embedlens.features import read_features
from embedlens.images import stratified_split
from embedlens.learn import LinearProbe
from embedlens.learn.label_draws import train_on_draws
from embedlens.learn.softmax_regression import Coordinates
from embedlens.metrics.learning_curve import learning_curve

DRAWS = 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--pools", type=int, nargs="+", default=[400, 800, 1600, 3200])
    args = parser.parse_args()
    print("set, labels before and after, runs | held | mean width, points | off by, points")
    every = []
    for file in args.files:
        read = read_features(file)
        for pool in args.pools:
            if pool > 0.8 * len(read.labels):
                continue
            rows = [one_run(read.features, read.labels, pool, seed) for seed in range(args.runs)]
            held, width, off = np.mean(rows, axis=0)
            every += [row[0] for row in rows]
            print(
                f"{file.stem} {pool // 2} {pool} {args.runs} | {held:.0%} | {100 * width:.1f} | "
                f"{100 * off:+.2f}",
                flush=True,
            )
    print(f"all: {np.mean(every):.1%} of {len(every)}")


def one_run(X: np.ndarray, y: np.ndarray, pool: int, seed: int) -> tuple[bool, float, float]:
    """Return whether the interval held, its width, and how far its middle was off."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))
    train, test = rows[:pool], rows[pool:]
    test = test[: len(train) // 2]  # as many as a study of half of the pool would have, and more
    half = train[: pool // 2]
    strength = chosen_strength(X, y, half, seed)
    curve = measured(X, y, half, test, strength, seed)
    expected = curve.expect(2 * len(half))
    whole = chosen_strength(X, y, train, seed)
    truth = (LinearProbe().fit_at(X[train], y[train], whole).predict(X[test]) == y[test]).mean()
    return (
        bool(expected.low <= truth <= expected.high),
        expected.high - expected.low,
        expected.estimate - truth,
    )


def chosen_strength(X: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int) -> float:
    """Choose it on 30% of the pictures, as a study does."""
    split = stratified_split(y[rows], [str(row) for row in rows], test=0, seed=seed)
    train, watched = rows[split == "train"], rows[split == "validation"]
    return LinearProbe().fit(X[train], y[train], validation=(X[watched], y[watched])).strength_


def measured(X, y, train, test, strength, seed):
    """Measure a curve on training pictures, as a study does on one split."""
    right = LinearProbe().fit_at(X[train], y[train], strength).predict(X[test]) == y[test]
    whole = {"labels": len(train), "picture": test, "hits": right, "shown": 1}
    parts, among = [], Coordinates.of(X)
    for draw in range(DRAWS):
        parts += [
            train_on_draws(among, y, train, test, strength=strength, draw=draw, seed=seed),
            pd.DataFrame({"draw": draw, **whole}),
        ]
    table = pd.concat(parts).astype({"hits": float})
    shape = (DRAWS, table["labels"].nunique(), len(test))
    hits, shown = (
        table.pivot_table(index=["draw", "labels"], columns="picture", values=each).to_numpy()
        for each in ("hits", "shown")
    )
    return learning_curve(np.unique(table["labels"]), hits.reshape(shape), shown.reshape(shape))


if __name__ == "__main__":
    main()
