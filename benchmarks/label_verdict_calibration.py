"""How far the verdict on several labels can be trusted: does the interval hold, are claims true.

    python benchmarks/label_verdict_calibration.py --keep runs

A run draws a user's pictures with six labels that go together, from half of the pictures to one in
twenty, and features of six networks; it studies them as `embedlens study` does, in five splits. The
truth of a network is the mean average precision, on 10,000 new pictures, of the head that all of
the user's pictures train. Networks are alike (the same noise in all, so that chance chooses the
winner), differ (from little noise to much), or one leads; features are clear or noisy. The head is
least squares, a label by itself, which takes a hundredth of the time of the linear probe;
``--head linear_probe`` takes that. What the winner's learning curve foretells of learning from all
pictures is added to what is expected of it, as in a study. With ``--keep`` it goes on where it was,
and judges again without training.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images.iterative_split import iterative_split
from embedlens.learn import LabelProbes
from embedlens.learn.label_draws import numbers_of_labels, order_of_labels
from embedlens.learn.label_set_draws import rarest_labels
from embedlens.metrics import average_precision
from embedlens.metrics.proportion import Interval
from embedlens.results.judged_labels import enough
from embedlens.results.label_set_learning_curve import label_set_curve
from embedlens.results.label_verdict import _compared, _precisions
from embedlens.results.measured_precision import measure_precision

NETWORKS, COLUMNS, LABELS, SPLITS, NEW = 6, 40, 6, 5, 10_000
SIZES = (200, 400)
NOISES = {"clear": 0.8, "noisy": 2.0}
SPREADS = {
    "alike": np.ones(NETWORKS),
    "differ": np.linspace(0.8, 1.6, NETWORKS),
    "one leads": np.array([0.8, *[1.2] * (NETWORKS - 1)]),
}

Numbers = NDArray[np.float64]
Labels = NDArray[np.bool_]


class World:
    """Pictures by their hidden causes, and features of networks that hold these with noise."""

    def __init__(self, seed: int, noises: Numbers) -> None:
        rng = np.random.default_rng(seed)
        self.noises = noises
        # Orthogonal, so that networks of the same noise are equal and not alike by chance.
        turned = np.linalg.qr(rng.normal(size=(len(noises), COLUMNS, LABELS)))[0]
        self.mixing = turned.transpose(0, 2, 1) * np.sqrt(COLUMNS / LABELS)
        self.cuts = np.linspace(0.0, 1.6, LABELS)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Numbers, Labels]:
        """Return features (networks, n, columns) and labels (n, labels)."""
        causes = 0.8 * rng.normal(size=(n, LABELS)) + 0.6 * rng.normal(size=(n, 1))
        noise = rng.normal(size=(len(self.noises), n, COLUMNS))
        return causes @ self.mixing + self.noises[:, None, None] * noise, causes > self.cuts


class Ridge:
    """Least squares a label, with a penalty chosen on the validation pictures."""

    penalties = 10.0 ** np.arange(-4, 3)

    def fit(self, values: Numbers, labels: Labels, watched: tuple[Numbers, Labels]) -> Ridge:
        """Choose the penalty of each label, then fit to training and validation together."""
        losses = []
        for penalty in self.penalties:
            told = self.fit_at(values, labels, np.full(labels.shape[1], penalty))
            losses.append(((told.predict_proba(watched[0]) - watched[1]) ** 2).mean(axis=0))
        both = np.concatenate([values, watched[0]]), np.concatenate([labels, watched[1]])
        return self.fit_at(*both, self.penalties[np.argmin(losses, axis=0)])

    def fit_at(self, values: Numbers, labels: Labels, strengths: Numbers) -> Ridge:
        """Fit with a penalty a label, in units of the Gram matrix's trace."""
        self.strengths_, self.learned_ = strengths, labels.any(axis=0) & ~labels.all(axis=0)
        self._mean, self._shares = values.mean(axis=0), labels.mean(axis=0)
        points = values - self._mean
        lengths, axes = np.linalg.eigh(points.T @ points)
        answers = axes.T @ (points.T @ (labels - self._shares))
        self._weights = axes @ (answers / (lengths[:, None] + strengths * lengths.sum()))
        return self

    def predict_proba(self, values: Numbers) -> Numbers:
        """Return the score of each label."""
        return np.where(self.learned_, (values - self._mean) @ self._weights + self._shares, np.nan)


HEADS: dict[str, type[Ridge] | type[LabelProbes]] = {"ridge": Ridge, "linear_probe": LabelProbes}


@dataclass(frozen=True)
class Run:
    """One user's study, and the truth.

    Attributes
    ----------
    labels : ndarray of shape (pictures, labels), bool
    tested : ndarray of shape (tests,), int64
        The picture of each test.
    scores : ndarray of shape (networks, tests, labels)
    truth : ndarray of shape (networks, labels)
        Average precision on new pictures of the head of all pictures.
    drawn : ndarray of shape (n, 3), int64
        Of heads that learned from fewer pictures: draw, number of pictures, and picture tested.
    drawn_scores : ndarray of shape (networks, n, labels)
    """

    labels: Labels
    tested: NDArray[np.int64]
    scores: Numbers
    truth: Numbers
    drawn: NDArray[np.int64]
    drawn_scores: Numbers


def draw_run(head: str, noises: Numbers, size: int, seed: int) -> Run:
    """Draw a user's pictures, study them, and learn the truth from new ones."""
    world, rng = World(seed, noises), np.random.default_rng([seed, size])
    (features, labels), (new, new_labels) = world.draw(size, rng), world.draw(NEW, rng)
    names = [f"{each:05}" for each in range(size)]
    splits = [iterative_split(labels, names, seed=each) for each in range(SPLITS)]
    tests = [np.flatnonzero(split == "test") for split in splits]
    scores, truth, drawn = [], [], []
    for own, far in zip(features, new, strict=True):
        probes = [_fit(head, own, labels, split) for split in splits]
        told = [p.predict_proba(own[test]) for p, test in zip(probes, tests, strict=True)]
        scores.append(np.concatenate(told))
        drawn.append([
            _on_draw(head, own, labels, split, probe, told_here, [seed, draw])
            for draw, (split, probe, told_here) in enumerate(zip(splits, probes, told, strict=True))
        ])  # fmt: skip
        strengths = np.nan_to_num(probes[0].strengths_, nan=1.0)
        whole = HEADS[head]().fit_at(own, labels, strengths).predict_proba(far)
        truth.append(
            [average_precision(new_labels[:, k], whole[:, k]).estimate for k in range(LABELS)]
        )
    sizes = _sizes(int((splits[0] != "test").sum()))
    rows = [
        (draw, n, picture) for draw, test in enumerate(tests) for n in sizes for picture in test
    ]
    together = [np.concatenate(each) for each in drawn]
    return Run(
        labels, np.concatenate(tests), np.array(scores), np.array(truth), np.array(rows),
        np.array(together),
    )  # fmt: skip


def _sizes(known: int) -> list[int]:
    return numbers_of_labels(known, LABELS)


def _on_draw(
    head: str,
    values: Numbers,
    labels: Labels,
    split: NDArray[np.str_],
    probe: Ridge | LabelProbes,
    whole: Numbers,
    seed: list[int],
) -> Numbers:
    """Return scores of a split's test pictures by heads of ever more pictures, all last."""
    known, test = np.flatnonzero(split != "test"), np.flatnonzero(split == "test")
    strengths = np.nan_to_num(probe.strengths_, nan=1.0)
    rng = np.random.default_rng(seed)
    order = known[order_of_labels(rarest_labels(labels[known]), None, known, rng)]
    scores = []
    for n in _sizes(len(known))[:-1]:
        rows = order[:n]
        # Least squares' penalty is a share of the trace, and weighs the same of fewer pictures.
        scaled = strengths * (len(known) / n if head == "linear_probe" else 1.0)
        told = HEADS[head]().fit_at(values[rows], labels[rows], scaled).predict_proba(values[test])
        scores.append(np.nan_to_num(told, nan=0.5))
    return np.concatenate([*scores, whole])


def _fit(
    head: str, values: Numbers, labels: Labels, split: NDArray[np.str_]
) -> Ridge | LabelProbes:
    train, watched = split == "train", split == "validation"
    return HEADS[head]().fit(values[train], labels[train], (values[watched], labels[watched]))


def runs_of(
    head: str, features: str, kind: str, size: int, count: int, keep: Path | None
) -> Iterator[Run]:
    """Draw runs, or read those that are kept."""
    for seed in range(count):
        path = keep and keep / f"{head}-{features}-{kind.replace(' ', '')}-{size}-{seed}.npz"
        if path and path.exists():
            with np.load(path) as file:
                yield Run(**{name: file[name] for name in Run.__dataclass_fields__})
            continue
        run = draw_run(head, NOISES[features] * SPREADS[kind], size, seed)
        if path:
            np.savez_compressed(path, **vars(run))
        yield run


def judge(run: Run, splits: int) -> dict[str, float]:
    """Return what held in one run, as the verdict judges its first splits."""
    count = len(run.tested) * splits // SPLITS
    rows = {"picture": run.tested[:count], "repeat": np.arange(count) * SPLITS // len(run.tested)}
    units = np.arange(len(run.labels))
    known = np.flatnonzero(enough(run.labels, units))
    measured = {
        str(k): measure_precision(
            pd.DataFrame({**rows, "scores": list(own[:count])}), run.labels, units, known
        )
        for k, own in enumerate(run.scores)
    }
    judged = np.flatnonzero(measured["0"].judged)
    means = {name: float(each.precision[judged].mean()) for name, each in measured.items()}
    found = _compared(list(means), means, measured, judged)
    truth, best = run.truth[:, judged].mean(axis=1), found.best
    holds = (found.intervals[:, 0] <= truth) & (truth <= found.intervals[:, 1])
    names = [str(each) for each in range(LABELS)]
    labels = _precisions(measured[str(best)], judged, names, run.labels)
    inside = [
        each.low <= true <= each.high
        for each, true in zip(labels, run.truth[best, judged], strict=True)
    ]
    expected = Interval(found.expected, found.low, found.high)
    drawn = pd.DataFrame(run.drawn, columns=["draw", "labels", "picture"])
    drawn = drawn.assign(scores=list(run.drawn_scores[best]))[drawn["draw"] < splits]
    curve = label_set_curve(drawn, run.labels, units, 0)
    if curve is not None and curve.law is not None:
        expected = expected.raised(curve.gain(len(run.labels)))
    return {
        "all": 100 * (found.accuracy - truth).mean(),
        "all hold": 100 * holds.mean(),
        "labels hold": 100 * np.mean(inside),
        "best as it is": 100 * (found.accuracy[best] - truth[best]),
        "of splits": 100 * (found.expected - truth[best]),
        "bias": 100 * (expected.estimate - truth[best]),
        "holds": 100 * (expected.low <= truth[best] <= expected.high),
        "width": 100 * (expected.high - expected.low),
        "claims": found.worse.sum(),
        "false": 100 * bool((found.worse & (truth >= truth[best])).any()),
        "best called worse": 100 * bool(found.worse[truth.argmax()]),
    }


def main() -> None:
    """Print a row for each kind of features, networks and size of the user's pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for what each run drew")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--head", choices=HEADS, default="ridge")
    parser.add_argument("--kinds", nargs="+", choices=SPREADS, default=list(SPREADS))
    parser.add_argument("--splits", type=int, choices=range(1, SPLITS + 1), default=SPLITS)
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    header = ""
    for kind in given.kinds:
        for features in NOISES:
            for size in SIZES:
                runs = runs_of(given.head, features, kind, size, given.runs, given.keep)
                rows = [judge(run, given.splits) for run in runs]
                if not header:
                    header = f"| networks, features, pictures | {' | '.join(rows[0])} |"
                    print(header, "| --- |" + " ---: |" * len(rows[0]), sep="\n")
                means = (f"{np.mean([row[key] for row in rows]):.1f}" for key in rows[0])
                print(f"| {kind}, {features}, {size} | {' | '.join(means)} |", flush=True)


if __name__ == "__main__":
    main()
