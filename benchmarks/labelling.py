"""How many labels does `next_labels` save against labelling at random?

A third of each set is for testing; the rest is labelled in steps, at random and as proposed. The
question is how many labels the proposals need for the accuracy that random labelling has at each
step, read from the line between steps.

    python benchmarks/labelling.py FEATURES.npz ... --step 50 --steps 8 --seeds 5

Files are those of `embedlens embed PICTURES --backbone NAME --out FEATURES.npz`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from embedlens.curation import next_labels
from embedlens.features import read_features
from embedlens.learn import LinearProbe

Choose = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--step", type=int, default=50)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    labels = args.step * np.arange(1, args.steps + 1)
    for file in args.files:
        read = read_features(file)
        X, y = np.asarray(read.features), np.asarray(read.labels)
        found = {
            name: np.mean(
                [run(X, y, choose, args.step, args.steps, seed) for seed in range(args.seeds)], 0
            )
            for name, choose in (("random", at_random), ("proposed", proposed))
        }
        print(f"{file.stem}: labels | random | proposed | labels that the proposals need | fewer")
        for i, count in enumerate(labels):
            need = needed(found["random"][i], labels, found["proposed"])
            told = "more than there are" if need is None else f"{need:.0f}"
            saved = "" if need is None else f"{1 - need / count:.0%}"
            if need == labels[0]:  # fewer were not tried
                told, saved = f"at most {told}", f"at least {saved}"
            print(
                f"{count} | {found['random'][i]:.1%} | {found['proposed'][i]:.1%} | {told} | "
                f"{saved}",
                flush=True,
            )


def run(
    X: np.ndarray, y: np.ndarray, choose: Choose, step: int, steps: int, seed: int
) -> list[float]:
    """Return the accuracy on pictures that are never labelled, after each step."""
    rows = np.random.default_rng(seed).permutation(len(y))
    test, pool = rows[: len(y) // 3], rows[len(y) // 3 :]
    known, accuracies = pool[:0], []
    for number in range(steps):
        rest = np.setdiff1d(pool, known)
        chosen = rest[choose(X[rest], X[known], y[known], step, seed * steps + number)]
        known = np.concatenate([known, chosen])
        probe = LinearProbe().fit(X[known], y[known])
        accuracies.append(float((probe.predict(X[test]) == y[test]).mean()))
    return accuracies


def proposed(
    X: np.ndarray, known: np.ndarray, labels: np.ndarray, count: int, seed: int
) -> np.ndarray:
    """Choose as `embedlens label` does."""
    return next_labels(X, count, known=known, labels=labels, seed=seed)


def at_random(
    X: np.ndarray, known: np.ndarray, labels: np.ndarray, count: int, seed: int
) -> np.ndarray:
    """Choose any."""
    return np.random.default_rng(seed).choice(len(X), count, replace=False)


def needed(accuracy: float, labels: np.ndarray, reached: np.ndarray) -> float | None:
    """Return with how many labels an accuracy was first reached; None if it never was."""
    if accuracy <= reached[0]:
        return float(labels[0])
    for i in range(1, len(labels)):
        if reached[i] >= accuracy:
            share = (accuracy - reached[i - 1]) / (reached[i] - reached[i - 1])
            return float(labels[i - 1] + share * (labels[i] - labels[i - 1]))
    return None


if __name__ == "__main__":
    main()
