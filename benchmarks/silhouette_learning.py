"""Learning from the silhouette: what it gives on held-out pictures, and what it does not.

Parts, each with five seeds:

- ``transform``: silhouette, 5-NN and linear-probe accuracy on held-out pictures before and after
  each transformation, in 3-D and in 32-D;
- ``few``: the same with 5, 10 and 20 labelled pictures a class, the rest held out;
- ``unseen``: learned on 6 of 8 classes, judged on the two others;
- ``leak``: what silhouettes one can fake by letting held-out labels in;
- ``finetune`` (asked for by name): cross-entropy + weight x silhouette on the last convolution;
  a fifth of the 70% chooses the epoch, its frontier is stored once.

Real ImageNet weights. A seed is a stratified split into 70% to learn from and 30% held out;
whatever a method chooses, it chooses within the 70%. Every task is a file in the folder of
results: a run can be stopped, and the same command goes on.

    python benchmarks/silhouette_learning.py PHOTOS --weights FOLDER --out RESULTS [--parts few,...]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from label_projections import METHODS, NETWORKS, make
from scipy.stats import t as student
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import embedlens as el
from embedlens.learn import LinearProbe, finetune
from embedlens.metrics import silhouette_score

SEEDS = range(5)
WEIGHTS = {
    "Xception": "xception_notop.weights.h5",
    "MobileNetV2": "mobilenet_v2_notop.weights.h5",
    # 2 of 94 convolutions are substitutes: not InceptionV3's own figures.
    "InceptionV3": "inception_v3_notop_near.weights.h5",
    "EfficientNetLite0": None,
    "EfficientNetLite1": None,
    "EfficientNetLite2": None,
}
# Each pair from one collection, so that the collection does not tell the two apart.
UNSEEN = (("lion", "tiger"), ("cheetah", "leopard"), ("cat", "dog"))


@dataclass(frozen=True)
class Task:
    """One transformation, learned and judged once."""

    part: str
    backbone: str
    method: str
    dimensions: int
    setting: str
    seed: int

    @property
    def file(self) -> str:
        """Name of the file of its results."""
        return "_".join(map(str, asdict(self).values())) + ".json"


def tasks(parts: list[str], backbones: list[str]) -> Iterator[Task]:
    """Yield all tasks, a seed at a time, so that a stopped run has whole seeds."""
    for seed in SEEDS:
        for backbone in backbones:
            for part in parts:
                yield from _of_part(part, backbone, seed)


def _of_part(part: str, backbone: str, seed: int) -> Iterator[Task]:
    if part == "transform":
        for method in METHODS:
            for dimensions in (0,) if method == "features" else (3, 32):
                yield Task(part, backbone, method, dimensions, "all", seed)
    elif part == "few":
        for number in (5, 10, 20):
            for method in ("features", "PCA", "LDA", *NETWORKS):
                dimensions = 0 if method == "features" else 32
                yield Task(part, backbone, method, dimensions, str(number), seed)
    elif part == "unseen":
        for pair in UNSEEN:
            for method in ("features", "PCA", "LDA", *NETWORKS):
                for dimensions in (0,) if method == "features" else (3, 32):
                    yield Task(part, backbone, method, dimensions, "+".join(pair), seed)
    elif part == "leak":
        for setting in ("honest", "test labels", "honest, lots", "test labels, lots", "table"):
            yield Task(part, backbone, "silhouette", 3, setting, seed)
    elif part == "finetune":
        for weight in (0.0, 0.3, 1.0):
            yield Task(part, backbone, "fine-tuned", 0, str(weight), seed)


def split(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to learn from and rows held out."""
    train, test = train_test_split(np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed)
    return train, test


def run(task: Task, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return what was measured."""
    if task.part == "leak":
        return _leak(task, X, y)
    if task.part == "unseen":
        return _unseen(task, X, y)
    train, test = split(y, task.seed)
    if task.part == "few":
        rng = np.random.default_rng(task.seed)
        number = int(task.setting)
        train = np.concatenate(
            [rng.choice(train[y[train] == c], number, replace=False) for c in np.unique(y)]
        )
    return judge(task, X, y, train, test)


def judge(
    task: Task, X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray
) -> dict[str, float]:
    """Learn on ``train``, judge on ``test``."""
    start = time.perf_counter()
    one = make(task.method, task.dimensions, len(np.unique(y)), len(train), task.seed)
    moved = np.asarray(one.fit(X[train], y[train]).transform(X), np.float32)
    seconds = time.perf_counter() - start
    k = min(5, np.bincount(np.unique(y[train], return_inverse=True)[1]).min())
    neighbors = KNeighborsClassifier(k).fit(moved[train], y[train])
    probe = LinearProbe().fit(moved[train], y[train])
    return {
        "silhouette": silhouette_score(moved[test], y[test]),
        "silhouette macro": silhouette_score(moved[test], y[test], average="macro"),
        "5-NN accuracy": neighbors.score(moved[test], y[test]),
        "probe accuracy": probe.score(moved[test], y[test]),
        "silhouette in training": silhouette_score(moved[train], y[train]),
        "seconds": seconds,
    }


def _unseen(task: Task, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Learn on the other classes, judge on two; neighbours and probe learn those two's train."""
    train, test = split(y, task.seed)
    new = np.isin(y, task.setting.split("+"))
    seen = train[~new[train]]
    one = make(task.method, task.dimensions, len(np.unique(y[seen])), len(seen), task.seed)
    moved = np.asarray(one.fit(X[seen], y[seen]).transform(X), np.float32)
    known, asked = train[new[train]], test[new[test]]
    return {
        "silhouette": silhouette_score(moved[asked], y[asked]),
        "5-NN accuracy": KNeighborsClassifier(5)
        .fit(moved[known], y[known])
        .score(moved[asked], y[asked]),
        "probe accuracy": LinearProbe().fit(moved[known], y[known]).score(moved[asked], y[asked]),
        "silhouette of seen classes": silhouette_score(moved[test], y[test])
        if task.method == "features"
        else silhouette_score(moved[test[~new[test]]], y[test[~new[test]]]),
    }


def _leak(task: Task, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Judge held-out pictures after letting their labels in; with lots, labels mean nothing."""
    train, test = split(y, task.seed)
    labels = np.random.default_rng(task.seed).permutation(y) if "lots" in task.setting else y
    if task.setting == "table":
        # Each point to the centroid of its own label, of training and test points together.
        centroids = {c: X[labels == c].mean(axis=0) for c in np.unique(labels)}
        moved = X + 0.9 * (np.stack([centroids[c] for c in labels]) - X)
    else:
        learned = np.arange(len(y)) if "test labels" in task.setting else train
        one = make("silhouette", 3, len(np.unique(y)), len(learned), task.seed)
        if "test labels" in task.setting:
            one.set_params(input_dropout=0.0, dropout=0.0, validation=0.0)
        moved = one.fit(X[learned], labels[learned]).transform(X)
    neighbors = KNeighborsClassifier(5).fit(moved[train], labels[train])
    return {
        "silhouette": silhouette_score(moved[test], labels[test]),
        "5-NN accuracy": neighbors.score(moved[test], labels[test]),
    }


def finetuned(task: Task, photos: str, weights: Path, out: Path) -> dict[str, float]:
    """Fine-tune with the silhouette in the loss; judge the new features and the tuned top."""
    images = el.ImageSet.read(photos).resplit(task.seed, test=0.3, validation=0.2)
    name = WEIGHTS[task.backbone]
    tuned = finetune(
        images,
        el.get_backbone(task.backbone, weights=name and str(weights / name)),
        size=200,
        silhouette=float(task.setting),
        random_state=task.seed,
        store=out / "trunks",
    )
    train, test = (np.flatnonzero(images.splits != "test"), images.where("test"))
    new, labels = tuned.features, images.labels
    probe = LinearProbe().fit(new[train], labels[train])
    return {
        "silhouette": silhouette_score(new[test], labels[test]),
        "5-NN accuracy": KNeighborsClassifier(5)
        .fit(new[train], labels[train])
        .score(new[test], labels[test]),
        "probe accuracy": probe.score(new[test], labels[test]),
        "top accuracy": tuned.head.score(new[test], labels[test]),
        "best epoch": tuned.best_epoch,
    }


def features(photos: str, backbone: str, weights: Path, out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return features and labels, embedded once."""
    file = out / f"{backbone}.npz"
    if not file.exists():
        name = WEIGHTS[backbone]
        chosen = el.get_backbone(backbone, weights=name and str(weights / name))
        embedded = el.embed(el.ImageSet.read(photos), chosen, size=200, pooling="mean")
        np.savez(file, X=embedded.values, y=embedded.images.labels)
    with np.load(file) as stored:
        return stored["X"], stored["y"]


def results(out: Path) -> pd.DataFrame:
    """Return all results so far: a row for each task and metric."""
    rows = []
    for file in sorted(out.glob("*.json")):
        record = json.loads(file.read_text())
        for metric, value in record["values"].items():
            rows.append({**record["task"], "metric": metric, "value": value})
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds and the half width of its 95% interval."""
    keys = ["part", "setting", "backbone", "dimensions", "method", "metric"]
    grouped = table.groupby(keys, sort=False)["value"]
    count = grouped.count()
    half = student.ppf(0.975, np.maximum(count - 1, 1)) * grouped.std() / np.sqrt(count)
    return pd.DataFrame({"mean": grouped.mean(), "half": half, "seeds": count}).reset_index()


def print_tables(table: pd.DataFrame) -> None:
    """Print a Markdown table for each part, setting and metric."""
    means = summary(table)
    means["text"] = means["mean"].map("{:.3f}".format) + " ± " + means["half"].map("{:.3f}".format)
    means["method"] += means["dimensions"].map(lambda d: f" {d}-D" if d else "")
    for (part, setting, metric), each in means.groupby(["part", "setting", "metric"], sort=False):
        print(f"\n### {part}, {setting}: {metric}\n")
        order = list(dict.fromkeys(each["method"]))
        wide = each.pivot(index="method", columns="backbone", values="text").loc[order]
        print("| | " + " | ".join(wide.columns) + " |\n| --- |" + " ---: |" * len(wide.columns))
        for method, row in wide.fillna("").iterrows():
            print(f"| {method} | " + " | ".join(row) + " |")


def main(arguments: argparse.Namespace) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    todo = list(tasks(arguments.parts.split(","), arguments.backbones.split(",")))
    data = {
        name: features(arguments.photos, name, arguments.weights, arguments.out)
        for name in dict.fromkeys(task.backbone for task in todo)
    }
    for number, task in enumerate(todo):
        file = arguments.out / task.file
        if file.exists():
            continue
        start = time.perf_counter()
        if task.part == "finetune":
            found = finetuned(task, arguments.photos, arguments.weights, arguments.out)
        else:
            found = run(task, *data[task.backbone])
        values = {name: float(value) for name, value in found.items()}
        file.with_suffix(".tmp").write_text(json.dumps({"task": asdict(task), "values": values}))
        file.with_suffix(".tmp").replace(file)
        print(f"{number + 1}/{len(todo)} {time.perf_counter() - start:.1f} s {task}", flush=True)
    table = results(arguments.out)
    table.to_csv(arguments.out / "results.csv", index=False)
    print_tables(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", default="transform,few,unseen,leak")
    parser.add_argument("--backbones", default=",".join(WEIGHTS))
    main(parser.parse_args())
