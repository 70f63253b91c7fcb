"""Whether confidences are true and conformal sets hold what they should.

Features of a set are cut at random into a small user's part and the rest. A linear probe is trained
and calibrated on the user's part as a study does it (validation 30%), and judged on the rest. The
calibration error is that of all runs together, in 15 bins of equal mass: with so many predictions
chance adds next to nothing. What sets hold is a mean over runs, as their guarantee is; its standard
deviation from run to run stands beside it.

    python benchmarks/calibration.py FEATURES.npz ... --runs 20

Files are those of `embedlens embed PICTURES --backbone NAME --out FEATURES.npz`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from embedlens.features import read_features
from embedlens.images import stratified_split
from embedlens.learn import LinearProbe
from embedlens.learn.out_of_fold import FEW, out_of_fold, out_of_fold_anew
from embedlens.learn.softmax_regression import Coordinates
from embedlens.metrics.calibration import (
    at_temperature,
    conformal_sets,
    conformal_threshold,
    expected_calibration_error,
    temperature,
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--users", type=int, nargs="+", default=[200, 400, 800, 2400])
    args = parser.parse_args()
    print("set, user's labels, runs | error before | after | sets hold (sd) | classes | empty")
    for file in args.files:
        read = read_features(file)
        for user in args.users:
            if user > 0.7 * len(read.labels):
                continue
            runs = [one_run(read.features, read.labels, user, seed) for seed in range(args.runs)]
            before, after, right, held, size = (
                [run[i] for run in runs] for i in range(len(runs[0]))
            )
            errors = [
                expected_calibration_error(np.concatenate(each), np.concatenate(right))
                for each in (before, after)
            ]
            shares = [each.mean() for each in held]
            sizes = np.concatenate(size)
            print(
                f"{file.stem} {user} {args.runs} | {errors[0]:.2%} | {errors[1]:.2%} | "
                f"{np.mean(shares):.1%} ({np.std(shares):.1%}) | {sizes.mean():.2f} | "
                f"{(sizes == 0).mean():.1%}",
                flush=True,
            )


def one_run(X: np.ndarray, y: np.ndarray, user: int, seed: int) -> tuple[np.ndarray, ...]:
    """Return confidence before and after, whether right, whether held and how many classes."""
    rows = np.random.default_rng(seed).permutation(len(y))
    own, rest = rows[:user], rows[user:]
    split = stratified_split(y[own], [str(row) for row in own], test=0, seed=seed)
    train, watched = own[split == "train"], own[split == "validation"]
    probe = LinearProbe().fit(X[train], y[train], validation=(X[watched], y[watched]))
    codes = np.searchsorted(probe.classes_, y[own])
    apart = log(out_of_fold(X[own], codes, strength=probe.strength_))
    anew = log(out_of_fold_anew(Coordinates.of(X[own]), codes)) if user <= FEW else apart
    degree = temperature(anew, codes)
    threshold = conformal_threshold(at_temperature(apart, degree), codes)
    shares = probe.predict_proba(X[rest])
    calibrated = at_temperature(log(shares), degree)
    sets = conformal_sets(calibrated, threshold)
    holds = probe.classes_ == y[rest][:, None]
    return (
        shares.max(axis=1),
        calibrated.max(axis=1),
        holds[np.arange(len(rest)), shares.argmax(axis=1)],
        (sets & holds).any(axis=1),
        sets.sum(axis=1),
    )


def log(shares: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(shares, 1e-30))


if __name__ == "__main__":
    main()
