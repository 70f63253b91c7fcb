"""Average precision of labels on made pictures: how far it is off, and whether intervals hold.

Each study draws pictures with six labels that go together, from common to rare, and two sets of
features that hold the same of them. Probes are trained on five splits as in a study. The truth is
what these probes reach on 20,000 new pictures.

    python benchmarks/label_precision.py --studies 40
"""

from __future__ import annotations

import argparse

import numpy as np

from embedlens.images.iterative_split import iterative_split
from embedlens.learn import LabelProbes
from embedlens.metrics import average_precision, compare_figures
from embedlens.metrics.precision import interval_of

COLUMNS, LABELS, SPLITS, NEW = 40, 6, 5, 20_000


class World:
    """Pictures by their hidden causes, and features that hold these with noise."""

    def __init__(self, seed: int, noise: float) -> None:
        rng = np.random.default_rng(seed)
        self.noise = noise
        self.mixing = rng.normal(size=(2, LABELS, COLUMNS)) / np.sqrt(LABELS)
        self.cuts = np.linspace(0.0, 1.6, LABELS)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return features (2, n, columns) and labels (n, labels)."""
        causes = 0.8 * rng.normal(size=(n, LABELS)) + 0.6 * rng.normal(size=(n, 1))
        features = causes @ self.mixing + self.noise * rng.normal(size=(2, n, COLUMNS))
        return features, causes > self.cuts


def study(world: World, n: int, seed: int) -> dict[str, np.ndarray | float]:
    """Run one, and return what it says beside what is true."""
    rng = np.random.default_rng(seed)
    (features, labels), (new, new_labels) = world.draw(n, rng), world.draw(NEW, rng)
    judged = np.flatnonzero(np.minimum(labels.sum(0), (~labels).sum(0)) >= 5)
    rows, scores, true = [], [[], []], np.zeros((2, LABELS))
    singles = np.full((2, SPLITS, LABELS), np.nan)
    names = [f"{i:04}" for i in range(n)]
    for split in range(SPLITS):
        side = iterative_split(labels, names, seed=split)
        train, watched, test = (np.flatnonzero(side == s) for s in ("train", "validation", "test"))
        rows.append(test)
        for which in range(2):
            X = features[which]
            probes = LabelProbes().fit(X[train], labels[train], (X[watched], labels[watched]))
            told, newer = probes.predict_proba(X[test]), probes.predict_proba(new[which])
            scores[which].append(told)
            for label in judged:
                own = average_precision(new_labels[:, label], newer[:, label])
                true[which, label] += own.estimate / SPLITS
                if labels[test, label].any():
                    single = average_precision(labels[test, label], told[:, label])
                    singles[which, split, label] = single.estimate
    pictures = np.concatenate(rows)
    figures, influences = np.zeros((2, LABELS)), np.zeros((2, n, LABELS))
    held = []
    for which in range(2):
        whole = np.concatenate(scores[which])
        for label in judged:
            found = average_precision(labels[pictures, label], whole[:, label])
            figures[which, label] = found.estimate
            np.add.at(influences[which, :, label], pictures, found.influence)
            variance = (influences[which, :, label] ** 2).sum()
            tested = np.unique(pictures[labels[pictures, label]])
            about = interval_of(found.estimate, variance, len(tested))
            held.append(about.low <= true[which, label] <= about.high)
    moved = influences[:, :, judged].mean(axis=2).T
    counts = labels[np.unique(pictures)][:, judged].sum(0)
    size = min(n, len(judged) ** 2 / (1 / counts).sum())
    means, truth = figures[:, judged].mean(1), true[:, judged].mean(1)
    found = compare_figures(means, moved, [size, size])
    return {
        "mean of splits": (np.nanmean(singles[:, :, judged], axis=1) - true[:, judged]).mean(),
        "together": (means - truth).mean(),
        "expected": found.expected - truth[found.best],
        "label held": np.mean(held),
        "mean held": found.low <= truth[found.best] <= found.high,
        "told apart": found.apart.any(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=40)
    given = parser.parse_args()
    for noise in (2.0, 0.5):
        for n in (150, 500):
            told = [study(World(seed, noise), n, seed) for seed in range(given.studies)]
            means = {name: float(np.mean([each[name] for each in told])) for name in told[0]}
            print(
                f"noise {noise}, {n} pictures:",
                ", ".join(f"{k} {v:+.3f}" for k, v in means.items()),
                flush=True,
            )


if __name__ == "__main__":
    main()
