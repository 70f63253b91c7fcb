"""How far the verdict can be trusted: does the winner's interval hold the truth, are claims true.

    embedlens embed PICTURES -b BACKBONE --size 128 --out features/SET-BACKBONE.npz
    python benchmarks/verdict_calibration.py features --keep runs

The first command is to be given once for each picture set and backbone. A run draws a user's small
part of a picture set, classes in the same proportions, and studies it as `embedlens study` does:
five splits, a linear head, and its learning curve, by which what the whole part gives over four
fifths of it is foretold. The truth of a candidate is the accuracy, on all the pictures left, of the
head that the whole part trains. Candidates are the backbones, or thirty alike: random
projections of one backbone's features, whose truths differ little, so that chance chooses the
winner. It takes about half an hour; with ``--keep`` it goes on where it was, and judges again
without training.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlens.images.split import stratified_split
from embedlens.learn import LinearProbe
from embedlens.learn.label_draws import numbers_of_labels, order_of_labels
from embedlens.metrics.comparison import Comparison, compare
from embedlens.metrics.learning_curve import learning_curve
from embedlens.metrics.proportion import Interval, difference_interval, proportion_interval

SPLITS = 5
ALIKE, COLUMNS = 30, 48
SIZES = (200, 400)


@dataclass(frozen=True)
class PictureSet:
    """A picture set seen by several backbones."""

    name: str
    labels: NDArray[np.str_]
    features: dict[str, NDArray[np.float32]]

    def candidates(self, kind: str) -> list[NDArray[np.float64]]:
        """Return the features of each candidate."""
        if kind == "real":
            return [each.astype(np.float64) for each in self.features.values()]
        rng = np.random.default_rng(0)
        one = self.features[min(self.features)].astype(np.float64)
        return [one @ rng.standard_normal((one.shape[1], COLUMNS)) for _ in range(ALIKE)]


@dataclass(frozen=True)
class Run:
    """One user's study, and the truth.

    Of the learning curves: numbers of labels, (m,); hits, (candidates, splits, m, pictures); and
    which pictures were tested, (splits, m, pictures).
    """

    hits: NDArray[np.float64]
    shown: NDArray[np.float64]
    truth: NDArray[np.float64]
    labels: NDArray[np.int64]
    curves: NDArray[np.bool_]
    tested: NDArray[np.bool_]

    def gain(self, candidate: int) -> Interval:
        """Return what all pictures are foretold to give over those of a split."""
        curve = learning_curve(self.labels, self.curves[candidate], self.tested)
        return curve.gain(len(self.hits)) if curve.law else Interval(0.0, 0.0, 0.0)


def read_sets(folder: Path) -> list[PictureSet]:
    """Read files called SET-BACKBONE.npz, as `embedlens embed` writes them."""
    found: dict[str, PictureSet] = {}
    for path in sorted(folder.glob("*-*.npz")):
        name, backbone = path.stem.split("-", 1)
        with np.load(path) as file:
            of = found.setdefault(name, PictureSet(name, file["labels"], {}))
            of.features[backbone] = file["features"]
    return list(found.values())


def draw_run(
    head: type[Ridge] | type[LinearProbe],
    features: list[NDArray[np.float64]],
    labels: NDArray[np.str_],
    size: int,
    seed: int,
) -> Run:
    """Draw a user's part, study it, and learn the truth from the rest."""
    rng = np.random.default_rng([seed, size])
    cut = stratified_split(
        labels, rng.permutation(len(labels)).astype(str), 1 - size / len(labels), 0
    )
    mine, rest = cut == "train", cut == "test"
    own, names = labels[mine], rng.permutation(mine.sum()).astype(str)
    splits = [stratified_split(own, names, seed=each) for each in range(SPLITS)]
    hits, shown = (np.zeros((len(own), len(features))) for _ in range(2))
    truth = np.zeros(len(features))
    every = round(float(np.mean([np.count_nonzero(split != "test") for split in splits])))
    sizes = np.array(numbers_of_labels(every, len(np.unique(own))))
    curves = np.zeros((len(features), SPLITS, len(sizes), len(own)), bool)
    tested = np.repeat(np.array([split == "test" for split in splits])[:, None], len(sizes), axis=1)
    for k, values in enumerate(features):
        near, far = values[mine], values[rest]
        truth[k] = (
            probe(head, near, own, splits[0], whole=True).predict(far) == labels[rest]
        ).mean()
        for number, split in enumerate(splits):
            test = split == "test"
            chosen = probe(head, near, own, split)
            right = chosen.predict(near[test]) == own[test]
            hits[test, k] += right
            shown[test, k] += 1
            curves[k, number, -1, test] = right
            known = np.flatnonzero(~test)
            rng = np.random.default_rng(number)
            order = known[order_of_labels(own[known], None, known, rng)]
            for i, size in enumerate(sizes[:-1]):
                of_fewer = fewer(head, chosen, near, own, order[:size], len(order))
                curves[k, number, i, test] = of_fewer.predict(near[test]) == own[test]
    return Run(hits, shown, truth, sizes, curves, tested)


class Ridge:
    """Least squares on the classes, with a penalty chosen on the validation pictures.

    It takes a twentieth of the linear probe's time, and is right about as often.
    """

    penalties = 10.0 ** np.arange(-4, 3)

    def fit(
        self,
        values: NDArray[np.float64],
        labels: NDArray[np.str_],
        watched: tuple[NDArray[np.float64], NDArray[np.str_]],
    ) -> Ridge:
        """Choose the penalty, then fit to training and validation together."""
        self._spectrum(values, labels)
        known = (watched[1][:, None] == self.classes).astype(float)
        losses = [((self._scores(watched[0], p) - known) ** 2).sum() for p in self.penalties]
        both = np.concatenate([values, watched[0]]), np.concatenate([labels, watched[1]])
        return self.fit_at(*both, float(self.penalties[int(np.argmin(losses))]))

    def fit_at(
        self, values: NDArray[np.float64], labels: NDArray[np.str_], strength: float
    ) -> Ridge:
        """Fit with a penalty, in units of the Gram matrix's trace."""
        self.strength_ = strength
        self._spectrum(values, labels)
        return self

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.str_]:
        """Return the class with the largest score."""
        return self.classes[self._scores(values, self.strength_).argmax(axis=1)]

    def _spectrum(self, values: NDArray[np.float64], labels: NDArray[np.str_]) -> None:
        self.classes, codes = np.unique(labels, return_inverse=True)
        known = np.eye(len(self.classes))[codes]
        self._shares, self._mean = known.mean(axis=0), values.mean(axis=0)
        points = values - self._mean
        self._wide = points.shape[1] > len(points)
        self._points = points if self._wide else points.T
        gram = self._points @ self._points.T  # of pictures or of columns, whichever are fewer
        self._unit = np.trace(gram)
        self._values, self._vectors = np.linalg.eigh(gram)
        answers = known - self._shares
        self._answers = self._vectors.T @ (answers if self._wide else points.T @ answers)

    def _scores(self, values: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
        weights = self._vectors @ (self._answers / (self._values[:, None] + penalty * self._unit))
        by_class = self._points.T @ weights if self._wide else weights
        return (values - self._mean) @ by_class + self._shares


def probe(
    make: type[Ridge] | type[LinearProbe],
    values: NDArray[np.float64],
    labels: NDArray[np.str_],
    split: NDArray[np.str_],
    whole: bool = False,
) -> Ridge | LinearProbe:
    """Train as a study does; with ``whole`` at last on all pictures, as a user does."""
    train, watched = split == "train", split == "validation"
    chosen = make().fit(values[train], labels[train], (values[watched], labels[watched]))
    return make().fit_at(values, labels, chosen.strength_) if whole else chosen


def fewer(
    make: type[Ridge] | type[LinearProbe],
    chosen: Ridge | LinearProbe,
    values: NDArray[np.float64],
    labels: NDArray[np.str_],
    rows: NDArray[np.int64],
    total: int,
) -> Ridge | LinearProbe:
    """Train on fewer pictures; the penalty weighs as much against the mean loss of one."""
    scale = 1.0 if make is Ridge else total / len(rows)
    return make().fit_at(values[rows], labels[rows], chosen.strength_ * scale)


def runs_of(
    pictures: PictureSet,
    kind: str,
    size: int,
    count: int,
    keep: Path | None,
    head: type[Ridge] | type[LinearProbe],
) -> Iterator[Run]:
    """Draw runs, or read those that are kept."""
    features = None
    for seed in range(count):
        path = keep and keep / f"{pictures.name}-{head.__name__}-{kind}-{size}-{seed}.npz"
        if path and path.exists():
            with np.load(path) as file:
                yield Run(**file)
            continue
        features = features or pictures.candidates(kind)
        run = draw_run(head, features, pictures.labels, size, seed)
        if path:
            np.savez_compressed(path, **vars(run))
        yield run


def judge(run: Run) -> dict[str, float]:
    """Return what held in one run: of `compare`, and of each candidate's own plain interval."""
    found, shown = compare(run.hits, run.shown), run.shown[:, 0]
    winner, truth = found.best, run.truth
    gain = run.gain(winner)
    told = Interval(found.expected, found.low, found.high).raised(gain)
    plain = proportion_interval(run.hits[:, winner], shown)
    behind = [difference_interval(run.hits[:, winner], each, shown).low for each in run.hits.T]
    plain_worse, worse = np.array(behind) > 0, np.array(found.worse)
    return {
        "all": 100 * (found.accuracy - truth).mean(),
        "gain": 100 * gain.estimate,
        "bias": 100 * (told.estimate - truth[winner]),
        "holds": 100 * (told.low <= truth[winner] <= told.high),
        "width": 100 * (told.high - told.low),
        "bias without": 100 * (found.expected - truth[winner]),
        "holds without": 100 * (found.low <= truth[winner] <= found.high),
        "claims": worse.sum(),
        "false": 100 * bool((worse & (truth >= truth[winner])).any()),
        "best called worse": 100 * bool(worse[truth.argmax()]),
        **named(run, found),
        "plain bias": 100 * (plain.estimate - truth[winner]),
        "plain holds": 100 * (plain.low <= truth[winner] <= plain.high),
        "plain width": 100 * (plain.high - plain.low),
        "plain claims": plain_worse.sum(),
        "plain false": 100 * bool((plain_worse & (truth >= truth[winner])).any()),
    }


HEADS = {"ridge": Ridge, "linear_probe": LinearProbe}


def named(run: Run, found: Comparison) -> dict[str, float]:
    """Return what held of the candidate named first, if the first were the cheapest, and so on."""
    behind = found.accuracy[found.best] - found.accuracy
    one = int(np.flatnonzero(~found.worse & (behind <= 0.01))[0])
    told = Interval(found.expected, found.low, found.high)
    if one != found.best:
        low, high = map(float, found.intervals[one])
        told = Interval(min(found.accuracy[one], told.estimate), min(low, told.low), high)
    told = told.raised(run.gain(one))
    return {
        "cheapest bias": 100 * (told.estimate - run.truth[one]),
        "cheapest holds": 100 * bool(told.low <= run.truth[one] <= told.high),
    }


def main() -> None:
    """Print a row for each picture set, kind of candidates and size of the user's part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for what each run drew")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--kinds", nargs="+", default=["real", "alike"])
    parser.add_argument("--head", choices=HEADS, default="ridge")
    chosen = parser.parse_args()
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    header = ""
    for kind in chosen.kinds:
        for pictures in read_sets(chosen.features):
            for size in SIZES:
                runs = runs_of(pictures, kind, size, chosen.runs, chosen.keep, HEADS[chosen.head])
                rows = [judge(run) for run in runs]
                if not header:
                    header = f"| set, pictures, candidates | {' | '.join(rows[0])} |"
                    print(header, "| --- |" + " ---: |" * len(rows[0]), sep="\n")
                count = len(pictures.features) if kind == "real" else ALIKE
                means = (f"{np.mean([row[key] for row in rows]):.1f}" for key in rows[0])
                named = f"{pictures.name} {size}, {count} {kind}"
                print(f"| {named} | {' | '.join(means)} |", flush=True)


if __name__ == "__main__":
    main()
