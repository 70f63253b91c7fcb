"""How well pictures of a class that was never seen are told from those of known classes.

    python benchmarks/unknown.py features.npz

``features.npz`` is what ``embedlens embed`` writes. Each class is left out in turn: a classifier
learns from four fifths of the pictures of the others, and is asked of the last fifth and of all
pictures of the class that was left out. The area under the ROC curve of the unknown score, of the
probability and of the distance alone; the share of both kinds that is flagged.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from embedlens.classify import train
from embedlens.classify.unknown import distances_to_class
from embedlens.metrics import nearest_neighbors
from embedlens.metrics.calibration import at_temperature


def tell(name: str, row: list[float]) -> None:
    shares = [100 * each for each in row[3:]]
    print("%-12s %6.3f %13.3f %10.3f %15.1f%% %9.1f%%" % (name, *row[:3], *shares), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", type=Path)
    parser.add_argument("--head", default="linear_probe")
    given = parser.parse_args()
    with np.load(given.features) as file:
        values, labels = file["features"].astype(np.float32), file["labels"].astype(str)
    fold = np.random.default_rng(0).permutation(len(labels)) % 5
    print("left out      AUROC   probability   distance   flagged: known   left out")
    rows = []
    for name in np.unique(labels):
        learned = (labels != name) & (fold > 0)
        asked = ~learned & ((fold == 0) | (labels == name))
        groups = np.flatnonzero(learned).astype(str).tolist()
        found = train(values[learned], labels[learned], fold[learned] == 1, groups, given.head)
        scores = found.head.scores(values[asked])
        near, _ = nearest_neighbors(values[learned], 1, metric="cosine", queries=values[asked])
        codes = np.searchsorted(found.classes, labels[learned])
        own = distances_to_class(values[learned], codes, values[asked], scores.argmax(axis=1))
        strange = found.unknown.score(scores, own, near[:, 0])
        surest = at_temperature(scores, found.temperature).max(axis=1)
        new, flagged = labels[asked] == name, strange > found.unknown.limit
        row = [
            *(roc_auc_score(new, each) for each in (strange, -surest, near[:, 0])),
            flagged[~new].mean(),
            flagged[new].mean(),
        ]
        rows.append(row)
        tell(name, row)
    tell("mean", np.mean(rows, axis=0).tolist())
    print("%-12s %6.3f %13.3f %10.3f" % ("least", *np.min(rows, axis=0)[:3]))


if __name__ == "__main__":
    main()
