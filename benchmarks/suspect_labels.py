"""Claim: of labels flipped at random, suspect labels have precision >= .8 at recall >= .8.

A share of the labels is moved to another class drawn at random, several times; found labels are
compared with the flipped ones, beside each witness alone: confident learning, the likeliest class
of the linear probe, the majority of the ten nearest neighbours. Labels that were wrong from the
start count as false alarms.

    python benchmarks/suspect_labels.py ANIMALS8 [--share 0.05] [--seeds 10] [--backbone NAME]
"""

from __future__ import annotations

import argparse

import numpy as np

import embedlens as el
from embedlens.curation.suspect_labels import SURE, suspect_labels
from embedlens.learn.out_of_fold import out_of_fold
from embedlens.metrics import nearest_neighbors
from embedlens.metrics.label_errors import confident_learning


def flipped(codes: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Move a share of the labels to another class; return the labels and which were moved."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(codes), round(share * len(codes)), replace=False)
    classes = codes.max() + 1
    wrong = codes.copy()
    wrong[rows] = (codes[rows] + rng.integers(1, classes, len(rows))) % classes
    return wrong, np.isin(np.arange(len(codes)), rows)


def witnesses(X: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    shares = out_of_fold(X, codes, strength=3e-2)
    near = codes[nearest_neighbors(X, 10, metric="cosine")[1]]
    votes = np.stack([(near == code).mean(axis=1) for code in range(shares.shape[1])], axis=1)
    both = np.zeros(len(codes), bool)
    found = suspect_labels(X, codes)
    both[found.rows[found.wrong >= SURE]] = True
    return {
        "both, as check has it": both,
        "confident learning": confident_learning(codes, shares).suspect,
        "linear probe": shares.argmax(axis=1) != codes,
        "neighbours": votes.argmax(axis=1) != codes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--backbone", default="EfficientNetLite0")
    args = parser.parse_args()
    images = el.ImageSet.read(args.photos)
    X = np.asarray(el.embed(images, args.backbone).values)
    figures: dict[str, list[tuple[float, float]]] = {}
    for seed in range(args.seeds):
        codes, bad = flipped(images.codes, args.share, seed)
        for name, found in witnesses(X, codes).items():
            hits = (found & bad).sum()
            figures.setdefault(name, []).append((hits / max(found.sum(), 1), hits / bad.sum()))
    print(f"{args.backbone}, {len(images)} pictures, {bad.sum()} flipped, {args.seeds} seeds")
    for name, pairs in figures.items():
        precision, recall = np.array(pairs).T
        print(
            "%-24s precision %.3f (%.3f to %.3f), recall %.3f (%.3f to %.3f)"
            % (
                name,
                precision.mean(),
                precision.min(),
                precision.max(),
                recall.mean(),
                recall.min(),
                recall.max(),
            )
        )


if __name__ == "__main__":
    main()
