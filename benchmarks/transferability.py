"""Which transferability score to believe, and what LogME and H-score cost.

Claims: of the scores in the public table none ranks networks better, on average, than their
ImageNet accuracy; LogME and H-score of 5,000 x 2,048 features and 20 classes take under a second
each on 2 idle cores.

The first part recomputes the weighted Kendall tau of each score with fine-tuned accuracy, on the
figures in ``data/model_selection.csv``. The second times our LogME and H-score against their
formulas written down in NumPy, in turn, and compares the values.

    python benchmarks/transferability.py [--repeats 3] [--table-only]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
from scipy.stats import weightedtau

from embedlens.metrics.transferability import h_score, log_me

TABLE = Path(__file__).parent / "data" / "model_selection.csv"
SCORES = ("hscore", "leep", "logme", "nce")

# Top-1 of torchvision's first ImageNet weights, `acc@1` of *_Weights.IMAGENET1K_V1 in
# github.com/pytorch/vision, torchvision/models/*.py (each at its own size of crop).
TOP_1 = {
    "GoogLeNet": 69.778,
    "InceptionV3": 77.294,
    "ResNet50": 76.130,
    "ResNet101": 77.374,
    "ResNet152": 78.312,
    "DenseNet121": 74.434,
    "DenseNet169": 75.600,
    "DenseNet201": 76.896,
    "MobileNetV2": 71.878,
    "MNASNet": 73.456,
}
# The same from the table "ImageNet 1-crop error rates (224x224)" of torchvision's documentation
# before that (docs/source/models.rst, version 0.9): 100 minus the error. It puts InceptionV3 before
# ResNet101, the other way round than above.
TOP_1_IN_OLD_TABLE = {
    "GoogLeNet": 69.78,
    "InceptionV3": 77.45,
    "ResNet50": 76.15,
    "ResNet101": 77.37,
    "ResNet152": 78.31,
    "DenseNet121": 74.65,
    "DenseNet169": 76.00,
    "DenseNet201": 77.20,
    "MobileNetV2": 71.88,
    "MNASNet": 73.51,
}

# The weighted taus printed in the table's source, in the order of SCORES.
PRINTED = {
    "Aircraft": (0.664, -0.264, 0.595, 0.002),
    "Caltech101": (0.721, 0.127, 0.697, 0.810),
    "CIFAR10": (0.800, 0.638, 0.785, 0.714),
    "CIFAR100": (0.775, 0.659, 0.790, 0.654),
    "DTD": (0.416, -0.004, 0.550, 0.083),
    "OxfordIIITPets": (0.425, -0.143, 0.502, 0.119),
    "StanfordCars": (0.638, 0.703, 0.654, 0.750),
    "SUN397": (0.918, 0.581, 0.748, 0.873),
}
CLASSES = {
    "Aircraft": 100,
    "Caltech101": 102,
    "CIFAR10": 10,
    "CIFAR100": 100,
    "DTD": 47,
    "OxfordIIITPets": 37,
    "StanfordCars": 196,
    "SUN397": 397,
}


def read_table() -> pd.DataFrame:
    table = pd.read_csv(TABLE, comment="#")
    table["top1"] = table["backbone"].map(TOP_1)
    table["top1_old"] = table["backbone"].map(TOP_1_IN_OLD_TABLE)
    return table


def taus(table: pd.DataFrame) -> pd.DataFrame:
    """Weighted tau with accuracy, a row a data set and a column a score; NaN where none."""
    rows = {}
    for dataset, rows_of in table.groupby("dataset", sort=False):
        rows[dataset] = {
            score: np.nan
            if rows_of[score].isna().any()
            else weightedtau(rows_of[score], rows_of["finetuned_accuracy"]).statistic
            for score in (*SCORES, "top1", "top1_old")
        }
    return pd.DataFrame(rows).T


def print_table() -> None:
    table = read_table()
    tau = taus(table)
    shared = tau.dropna()
    without = [taus(table[table["backbone"] != name]) for name in TOP_1]
    left_out = pd.DataFrame([one.mean() for one in without])
    summary = pd.DataFrame(
        {
            "mean of all": tau.mean(),
            "mean without DTD": shared.mean(),
            "lowest mean, a network left out": left_out.min(),
            "highest mean, a network left out": left_out.max(),
        }
    ).T
    print("Weighted Kendall tau with fine-tuned accuracy (10 networks a data set)\n")
    print(pd.concat([tau, summary]).round(3).to_string(na_rep="-"))
    print("\nA score ranks better than ImageNet top-1 (top1), on the same data sets:")
    for score in SCORES:
        known = tau[score].notna()
        better = int((tau[score] > tau["top1"])[known].sum())
        wins = sum(one.loc[known, score].mean() > one.loc[known, "top1"].mean() for one in without)
        print(
            f"  {score:<7}on {better} of {int(known.sum())};"
            f" by the mean, with one network left out, in {wins} of {len(without)} cases"
        )
    print_faults(table, tau)


def print_faults(table: pd.DataFrame, tau: pd.DataFrame) -> None:
    """What in the table's source cannot be right."""
    printed = pd.DataFrame(PRINTED, index=list(SCORES)).T
    print("\nTaus printed in the source that its own scores contradict (by more than 0.03):")
    for dataset, row in (printed - tau[list(SCORES)]).iterrows():
        for score in row.index[row.abs() > 0.03]:
            print(
                f"  {dataset:<15}{score:<7}printed {printed.loc[dataset, score]:6.3f},"
                f" of its scores {tau.loc[dataset, score]:6.3f}"
            )
    over = table[table["hscore"] > table["dataset"].map(CLASSES) - 1]
    print("\nH-scores above their bound, the number of classes less 1:")
    for _, row in over.iterrows():
        bound = CLASSES[row["dataset"]] - 1
        print(f"  {row['dataset']:<15}{row['backbone']:<12}{row['hscore']} > {bound}")


def naive_log_me(F: np.ndarray, y: np.ndarray) -> float:
    """You et al. 2021: one decomposition, then a fixed-point iteration for each class."""
    n, d = F.shape
    left, values, right = np.linalg.svd(F.T @ F)
    evidences = []
    for label in np.unique(y):
        target = (y == label).astype(float)
        projected = right @ (F.T @ target)
        alpha = beta = 1.0
        for _ in range(11):
            gamma = np.sum(beta * values / (alpha + beta * values))
            m = left @ (beta * projected / (alpha + beta * values))
            size, error = m @ m, np.sum((F @ m - target) ** 2)
            before = alpha / beta
            alpha, beta = gamma / size, (n - gamma) / error
            if abs(alpha / beta - before) < 0.01 * before:
                break
        evidence = n / 2 * np.log(beta) + d / 2 * np.log(alpha) - n / 2 * np.log(2 * np.pi)
        evidence -= beta / 2 * error + alpha / 2 * size
        evidences.append((evidence - np.sum(np.log(alpha + beta * values)) / 2) / n)
    return float(np.mean(evidences))


def class_means(F: np.ndarray, y: np.ndarray) -> np.ndarray:
    means = np.empty_like(F)
    for label in np.unique(y):
        means[y == label] = F[y == label].mean(axis=0)
    return means


def naive_h_score(F: np.ndarray, y: np.ndarray) -> float:
    """Bao et al. 2019: tr(pinv(cov(f)) cov(E[f | y]))."""
    between = np.cov(class_means(F, y), rowvar=False)
    return float(np.trace(np.linalg.pinv(np.cov(F, rowvar=False)) @ between))


def naive_shrunk_h_score(F: np.ndarray, y: np.ndarray) -> float:
    """Ibrahim et al. 2021, with scikit-learn's shrinkage."""
    from sklearn.covariance import ledoit_wolf

    covariance, alpha = ledoit_wolf(F)
    between = (1 - alpha) * np.cov(class_means(F, y), rowvar=False, bias=True)
    return float(np.trace(np.linalg.inv(covariance) @ between))


def pooled_features(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rectified features with a falling spectrum, of overlapping classes; float32."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, k, n)
    factors = 0.3 * rng.standard_normal((k, 200))[y] + rng.standard_normal((n, 200))
    loadings = rng.standard_normal((200, d)) * np.arange(1, 201)[:, None] ** -0.5
    return np.maximum(factors @ loadings + rng.standard_normal((n, d)), 0).astype(np.float32), y


def seconds(score: Callable[..., float], *arguments: object) -> tuple[float, float]:
    begun = time.perf_counter()
    value = score(*arguments)
    return time.perf_counter() - begun, value


def print_times(repeats: int) -> None:
    F, y = pooled_features(5000, 2048, 20)
    pairs = [
        ("LogME", lambda: log_me(F, y), lambda: naive_log_me(F.astype(float), y)),
        (
            "H-score, shrunk",
            lambda: h_score(F, y),
            lambda: naive_shrunk_h_score(F.astype(float), y),
        ),
        ("H-score", lambda: h_score(F, y, False), lambda: naive_h_score(F.astype(float), y)),
    ]
    h_score(F[:500], y[:500])
    print("\nSeconds at 5,000 x 2,048, 20 classes (median, lowest), in turn with plain NumPy\n")
    print(f"{'':<17}{'ours':>14}{'NumPy':>16}{'ratio':>8}{'value':>12}{'of NumPy':>12}")
    for name, ours, naive in pairs:
        runs = [(seconds(ours), seconds(naive)) for _ in range(repeats)]
        mine, theirs = [run[0][0] for run in runs], [run[1][0] for run in runs]
        ratio = statistics.median(b / a for a, b in zip(mine, theirs, strict=True))
        print(
            f"{name:<17}{statistics.median(mine):7.2f}{min(mine):7.2f}"
            f"{statistics.median(theirs):9.2f}{min(theirs):7.2f}{ratio:8.1f}"
            f"{runs[0][0][1]:12.5f}{runs[0][1][1]:12.5f}",
            flush=True,
        )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"\n{os.cpu_count()} cores ({platform.machine()}), load {load:.1f}; Python"
        f" {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--table-only", action="store_true", help="time nothing")
    options = parser.parse_args()
    print_table()
    if not options.table_only:
        print_times(options.repeats)


if __name__ == "__main__":
    main()
