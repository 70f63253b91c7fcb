"""What it costs to choose a backbone by the verdict, by a score, or by what is known of ImageNet.

    python benchmarks/verdict.py FOLDER ... [--weights Xception=FILE] [--keep verdict]

A folder is a picture set, with a folder a class. Give as many as there are: what was done before
stays in ``--keep``, a line a study in ``studies.jsonl``, and only what is missing is done. At most
1,000 pictures of a set are used, the classes in the same proportions. Half of them are held out;
of the other half 10, 30 and 100% are a user's pictures, which are split, trained on and judged as
`embedlens study --size 128` does. The truth of a backbone is the accuracy, on the half held out,
of the linear probe that all of the user's pictures train. The regret of a rule is how far the
truth of the backbone that it names is below the highest, in points of accuracy.

With ``--tune SET`` (a folder's name, may be repeated) backbones are fine-tuned as well on 30% of
that set, and the truth is the tuned network's.

``python benchmarks/verdict.py --keep verdict`` alone prints the tables of what is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from embedlens.backbones import get_backbone
from embedlens.errors import BackboneError
from embedlens.features import Features, embed
from embedlens.images import SPLITS, ImageSet
from embedlens.images.split import stratified_split
from embedlens.learn import LinearProbe, finetune
from embedlens.metrics import transferability
from embedlens.results.cost import Cost, costs_of
from embedlens.results.folder import StudyFolder
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.results import Results
from embedlens.results.settings import Settings, default_backbones
from embedlens.results.verdict import judge
from embedlens.results.vocabulary import MAPS
from embedlens.study.cost import measure_costs
from embedlens.study.geometry import measure_geometry
from embedlens.study.heads import PROBES, judge_shares
from embedlens.study.maps import make_map, measure_silhouettes
from embedlens.study.splits import split_of

CAP = 1_000
SIDE = 128  # pixels: a fifth of the computing of the networks' own sizes
SHARES = (0.1, 0.3, 1.0)
TUNED_SHARE = 0.3
HELD_OUT_OF_TUNED = 500  # pictures: each goes through the tail in NumPy's memory

SCORES = {
    "log_me": transferability.log_me,
    "h_score": transferability.h_score,
    "n_leep": transferability.n_leep,
    "trans_rate": transferability.trans_rate,
    "gbc": transferability.gbc,
}
"""Those that need features alone; LEEP and NCE need every network's own top."""
N_LEEP_LIMIT = 150  # pictures: of more, N-LEEP takes longer than all else together

INDICATORS = {
    "linear_probe": "most accurate by the linear probe",
    "knn": "most accurate by k-NN",
    "log_me": "LogME",
    "h_score": "H-score",
    "n_leep": "N-LEEP",
    "trans_rate": "TransRate",
    "gbc": "GBC",
    "silhouette.features": "silhouette in the features",
    "silhouette.pca": "silhouette in PCA, 3 axes",
    "silhouette.tsne": "silhouette in t-SNE, 3 axes",
    "imagenet": "highest ImageNet top-1",
    "operations": "the most computing",
}
"""Numbers of a backbone, the highest of which a rule takes, and what the rule is called."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--keep", type=Path, default=Path("verdict"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tune", action="append", default=[], metavar="SET")
    parser.add_argument("--unfreeze", default="last-block")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    kept = Kept(given.keep / "studies.jsonl")
    weights = dict(each.split("=", 1) for each in given.weights)
    sets = []
    for folder in given.folders:
        sets.append(picture_set(folder, weights, given.keep))
        study(sets[-1:], range(min(1, given.repeats)), kept)
    study(sets, range(given.repeats), kept)
    tuned = Kept(given.keep / "tuned.jsonl")
    for pictures in sets:
        for name in pictures.features if pictures.name in given.tune else ():
            key = {"set": pictures.name, "backbone": name, "unfreeze": given.unfreeze}
            try:
                tuned.unless_there(key, lambda p=pictures, n=name: tune(p, n, given.unfreeze))
            except BackboneError as error:  # nothing that its family calls a last block
                print(f"{name} is not fine-tuned: {error}")
    if kept.rows:
        print_tables(kept.rows)
    if tuned.rows:
        print_tuned(tuned.rows, kept.rows)


def study(sets: list[PictureSet], repeats: range, kept: Kept) -> None:
    """Do the studies that are missing, all sets in turn."""
    for repeat in repeats:
        for pictures in sets:
            for share in SHARES:
                kept.unless_there(
                    {"set": pictures.name, "share": share, "repeat": repeat},
                    lambda p=pictures, s=share, r=repeat: studied(p, s, r),
                )


class Kept:
    """Lines of JSON in a file, each under its key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def unless_there(self, key: dict[str, Any], make: Callable[[], dict[str, Any]]) -> None:
        if any(key.items() <= row.items() for row in self.rows):
            return
        row = key | make()
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(row)
        print(json.dumps(key), flush=True)


@dataclass(frozen=True)
class PictureSet:
    """A picture set, embedded by every backbone."""

    name: str
    images: ImageSet
    features: dict[str, Features]
    costs: dict[str, Cost]
    cost_table: pd.DataFrame

    def divided(self, share: float, repeat: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a user's pictures, and of those held out."""
        labels, groups = self.images.labels, self.images.groups
        half = stratified_split(labels, groups, test=0.5, validation=0, seed=repeat) == "test"
        pool, held_out = np.flatnonzero(~half), np.flatnonzero(half)
        if share < 1:
            drawn = stratified_split(labels[pool], groups[pool], share, 0, seed=repeat)
            pool = pool[drawn == "test"]
        return pool, held_out


def picture_set(folder: Path, weights: dict[str, str], keep: Path) -> PictureSet:
    images = ImageSet.read(folder)
    if len(images) > CAP:
        share = CAP / len(images)
        drawn = stratified_split(images.labels, images.groups, share, 0, seed=0)
        images = images.subset(drawn == "test")
    images = replace(images, given_splits=np.full(len(images), ""), problems=())
    features = {}
    for name in default_backbones(weights):
        backbone = get_backbone(name, weights=weights.get(name))
        store = keep / "features" / folder.name / name
        features[name] = embed(images, backbone, size=SIDE, store=store)
        print(f"{folder.name}: {len(images)} pictures by {name}", flush=True)
    study = StudyFolder(keep)
    study.costs.parent.mkdir(exist_ok=True)
    measure_costs(study, list(features.values()), images, lambda step, done, total: None)
    table = pd.read_parquet(study.costs)
    return PictureSet(folder.name, images, features, costs_of(table), table)


def studied(pictures: PictureSet, share: float, repeat: int) -> dict[str, Any]:
    """Study a part of the pictures as a user would, and say what came of it on the others."""
    known, held_out = pictures.divided(share, repeat)
    images = pictures.images.subset(known)
    settings = Settings(str(images.root), tuple(pictures.features), seed=repeat)
    found, predictions = {}, []
    for name, features in pictures.features.items():
        measured = measured_of(replace(features, values=features.values[known]), images, settings)
        table = measured.table().groupby("metric")["value"].mean()
        predictions += [each.assign(backbone=name) for each in measured.predictions]
        found[name] = {key: number(value) for key, value in indicators(table, features).items()}
        found[name]["truth"] = truth(pictures, features, known, held_out, settings)
        found[name]["operations"] = pictures.costs[name].operations
        found[name]["milliseconds"] = pictures.costs[name].milliseconds
    verdict = judge(results_of(images, settings, predictions, pictures.cost_table))
    return {
        "pictures": len(known), "held_out": len(held_out), "classes": len(np.unique(images.labels)),
        "take": verdict.take.backbone, "expected": verdict.expected,
        "low": verdict.expected_low, "high": verdict.expected_high,
        "tied": [each.backbone for each in verdict.standings if each.ties_with_best],
        "backbones": found,
    }  # fmt: skip


def measured_of(features: Features, images: ImageSet, settings: Settings) -> Measurements:
    """Measure heads, scores and silhouettes as a study does."""
    geometry = measure_geometry(features.values)
    first = split_of(images, settings, 0)
    measured = Measurements()
    for repeat in range(settings.repeats):
        split = split_of(images, settings, repeat)
        measured += heads(geometry.points, split, repeat)
    rows = first.where(["train", "validation"])
    known, labels = features.values[rows].astype(np.float64), images.labels[rows]
    for key, score in SCORES.items():
        if key == "n_leep" and len(rows) > N_LEEP_LIMIT:
            continue
        with contextlib.suppress(ValueError):  # fewer pictures than N-LEEP has components
            measured += Measurements((Measure(f"score.{key}", score(known, labels), "train"),))
    maps = Measurements()
    for space in MAPS.values():
        if not space.learned:
            maps += make_map(space, geometry, first, settings.seed, 0)
    silhouettes = measure_silhouettes(maps.maps, geometry, first, 0).measures
    return measured + Measurements(tuple(each for each in silhouettes if each.split == "all"))


def heads(points: Any, split: ImageSet, repeat: int) -> Measurements:
    """Train and test the two heads on one split."""
    train, validation, test = (split.where(each) for each in SPLITS)
    labels, measured = split.labels, Measurements()
    for key, make in PROBES.items():
        head = make().fit(
            points[train], labels[train], validation=(points[validation], labels[validation])
        )
        shares = head.predict_proba(points[test])
        measured += judge_shares(key, split, repeat, head.classes_, shares, 0.0)
    return measured


def indicators(table: pd.Series, features: Features) -> dict[str, float]:
    found = {head: table.get(f"{head}.accuracy") for head in ("linear_probe", "knn")}
    for key in INDICATORS:
        found.setdefault(key, table.get(key, table.get(f"score.{key}")))
    return found | {"imagenet": features.backbone.imagenet_accuracy}


def number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def truth(
    pictures: PictureSet, features: Features, known: Any, held_out: Any, settings: Settings
) -> float:
    """Return what the probe that all of a user's pictures train gets right of those held out."""
    values, labels = features.values, pictures.images.labels
    split = pictures.images.subset(known).resplit(settings.seed, test=0, validation=0.3)
    train, validation = known[split.where("train")], known[split.where("validation")]
    probe = LinearProbe().fit(
        values[train], labels[train], validation=(values[validation], labels[validation])
    )
    return float((probe.predict(values[held_out]) == labels[held_out]).mean())


def results_of(
    images: ImageSet, settings: Settings, predictions: list[pd.DataFrame], costs: pd.DataFrame
) -> Results:
    """Put together what a verdict is made of."""
    nothing = pd.DataFrame()
    backbones = pd.DataFrame(
        {"backbone": settings.backbones, "pretrained": True, "pictures_per_second": math.nan}
    )
    return Results(
        "", settings, images.to_frame().assign(kept=True), nothing, backbones, nothing,
        pd.concat(predictions, ignore_index=True).assign(stage="pretrained"), nothing, nothing,
        nothing, {}, nothing, nothing, nothing, nothing, costs=costs,
    )  # fmt: skip


def tune(pictures: PictureSet, name: str, unfreeze: str) -> dict[str, Any]:
    """Fine-tune a backbone on a user's pictures; the truth is what it gets right of the others."""
    known, held_out = pictures.divided(TUNED_SHARE, 0)
    held_out = np.random.default_rng(0).permutation(held_out)[:HELD_OUT_OF_TUNED]
    rows = np.concatenate([known, held_out])
    images = pictures.images.subset(known).resplit(0, test=0, validation=0.3)
    splits = np.concatenate([images.splits, np.full(len(held_out), "test")])
    both = replace(pictures.images.subset(rows), splits=splits)
    tuned = finetune(both, pictures.features[name].recipe, unfreeze=unfreeze)
    test = both.where("test")
    right = tuned.head.predict(tuned.features[test]) == both.labels[test]
    return {
        "truth": float(right.mean()), "pictures": len(known), "held_out": len(held_out),
        "best_epoch": tuned.best_epoch, "layer": tuned.layer, "parameters": tuned.parameters,
    }  # fmt: skip


# What the rules name, and what that costs.


def cheapest(row: dict[str, Any], margin: float) -> str:
    """Name the cheapest of those that cannot be told apart and are so little behind."""
    of = row["backbones"]
    highest = max(of[name]["linear_probe"] for name in row["tied"])
    near = [name for name in row["tied"] if highest - of[name]["linear_probe"] <= margin + 1e-9]
    least = min(of[name]["milliseconds"] for name in near)
    cheap = [name for name in near if of[name]["milliseconds"] < 1.2 * least]
    return max(cheap, key=lambda name: of[name]["linear_probe"])


def regrets(row: dict[str, Any], truths: dict[str, float]) -> dict[str, float]:
    """Return points of accuracy lost by each rule; equals are each as likely to be taken."""
    best = max(truths.values())
    lost = {name: 100 * (best - value) for name, value in truths.items()}
    found = {"any": float(np.mean(list(lost.values())))}
    for key, margin in MARGINS.items():
        if (taken := cheapest(row, margin)) in lost:
            found[key] = lost[taken]
    of = {name: row["backbones"][name] for name in truths}
    found["cheapest"] = lost[min(of, key=lambda name: of[name]["milliseconds"])]
    for key in INDICATORS:
        values = {name: each[key] for name, each in of.items() if each[key] is not None}
        if len(values) == len(truths):
            highest = max(values.values())
            found[key] = float(
                np.mean([lost[n] for n, value in values.items() if value == highest])
            )
    return found


MARGINS = {"verdict": 0.01, "verdict 2": 0.02, "verdict 5": 0.05, "verdict any": 1.0}
RULES = {
    "verdict": "the verdict: cheapest of equals within 1 point",
    "verdict 2": "within 2 points",
    "verdict 5": "within 5 points",
    "verdict any": "however far behind",
    **INDICATORS,
    "cheapest": "the least computing",
    "any": "any, at random",
}


def truths_of(row: dict[str, Any]) -> dict[str, float]:
    return {name: each["truth"] for name, each in row["backbones"].items()}


def table_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the regrets, a row a study."""
    return pd.DataFrame(
        [{"set": row["set"], "share": row["share"], **regrets(row, truths_of(row))} for row in rows]
    )


def print_tables(rows: list[dict[str, Any]]) -> None:
    every = table_of(rows)
    of_sets = every.groupby(["share", "set"]).mean()
    counts = pd.DataFrame(rows).groupby("set")[["classes", "held_out"]].first()
    print(f"\n{len(rows)} studies of {len(counts)} sets\n")
    print("Regret in points: mean over sets, 95% interval over sets, the worst set\n")
    shares = sorted(every["share"].unique())
    print("| rule | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
    print("| --- |" + " --- |" * len(shares))
    for key, title in RULES.items():
        if key in of_sets:
            cells = [interval(of_sets.loc[share, key]) for share in shares]
            print(f"| {title} | " + " | ".join(cells) + " |")
    for share in shares:
        print(f"\nBy set, {share:.0%}\n")
        table = of_sets.loc[share].T
        markdown(table.reindex([key for key in RULES if key in table.index]).rename(index=RULES))
    print_differences(of_sets, shares)
    print_ranks(rows, shares)
    print_truths(rows)
    print_computing(rows)


def interval(values: pd.Series) -> str:
    """Return the mean, its interval by a bootstrap over sets, and the largest."""
    known = values.dropna().to_numpy()
    if not len(known):
        return "-"
    rng = np.random.default_rng(0)
    means = known[rng.integers(0, len(known), (4000, len(known)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{known.mean():.2f} ({low:.2f} to {high:.2f}), {known.max():.1f}"


def print_differences(of_sets: pd.DataFrame, shares: list[float]) -> None:
    print("\nHow much more a rule loses than the verdict, in points; sets where more, where less\n")
    print("| rule | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
    print("| --- |" + " --- |" * len(shares))
    for key, title in RULES.items():
        if key in of_sets and key != "verdict":
            cells = []
            for share in shares:
                more = of_sets.loc[share, key] - of_sets.loc[share, "verdict"]
                cell = interval(more).rsplit(",", 1)[0]
                cells.append(f"{cell}; {(more > 0.05).sum()}, {(more < -0.05).sum()}")
            print(f"| {title} | " + " | ".join(cells) + " |")


def print_ranks(rows: list[dict[str, Any]], shares: list[float]) -> None:
    print("\nSpearman correlation of each number with the truth, over backbones; mean over sets\n")
    print("| number | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
    print("| --- |" + " --- |" * len(shares))
    for key, title in INDICATORS.items():
        cells = []
        for share in shares:
            of = [row for row in rows if row["share"] == share]
            ranks = pd.Series([rank(row, key) for row in of], index=[row["set"] for row in of])
            mean = ranks.groupby(level=0).mean().mean()
            cells.append("-" if math.isnan(mean) else f"{mean:+.2f}")
        print(f"| {title} | " + " | ".join(cells) + " |")


def rank(row: dict[str, Any], key: str, truths: dict[str, float] | None = None) -> float:
    truths = truths_of(row) if truths is None else truths
    numbers = pd.Series({name: row["backbones"][name][key] for name in truths}, dtype=float)
    if numbers.isna().any() or numbers.nunique() == 1:
        return math.nan
    return float(numbers.corr(pd.Series(truths), method="spearman"))


def print_truths(rows: list[dict[str, Any]]) -> None:
    print("\nAccuracy on the half held out, all of the user's pictures; how often it is taken\n")
    whole = [row for row in rows if row["share"] == max(SHARES)]
    accuracy = pd.DataFrame([{"set": row["set"], **truths_of(row)} for row in whole])
    markdown((100 * accuracy.groupby("set").mean()).round(1))
    taken = pd.DataFrame([{"share": row["share"], "take": cheapest(row, 0.01)} for row in rows])
    print()
    markdown(pd.crosstab(taken["take"], taken["share"]))


def print_computing(rows: list[dict[str, Any]]) -> None:
    print("\nComputing of the one that is taken, in that of the most accurate by the probe\n")
    for key, margin in MARGINS.items():
        means = [
            np.mean([computing(row, margin) for row in rows if row["share"] == share])
            for share in SHARES
        ]
        print(f"{RULES[key]}: " + ", ".join(f"{mean:.2f}" for mean in means))


def computing(row: dict[str, Any], margin: float) -> float:
    of = row["backbones"]
    most = max(of, key=lambda name: of[name]["linear_probe"])
    return float(of[cheapest(row, margin)]["milliseconds"] / of[most]["milliseconds"])


def print_tuned(tuned: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Say which numbers foretell what backbones get right after fine-tuning."""
    print("\nAfter fine-tuning: truth of each backbone, and the regret of each rule\n")
    for (name, unfreeze), of in groups_of(tuned):
        if len(of) < 3:
            continue
        truths = {each["backbone"]: each["truth"] for each in of}
        row = next(
            row
            for row in rows
            if (row["set"], row["share"], row["repeat"]) == (name, TUNED_SHARE, 0)
        )
        told = ", ".join(f"{n} {100 * value:.1f}" for n, value in truths.items())
        print(f"{name}, {unfreeze}, {of[0]['pictures']} pictures: {told}")
        frozen = ", ".join(f"{n} {100 * row['backbones'][n]['truth']:.1f}" for n in truths)
        print(f"  frozen: {frozen}")
        for key, value in regrets(row, truths).items():
            told = f", Spearman {rank(row, key, truths):+.2f}" if key in INDICATORS else ""
            print(f"  {RULES[key]}: {value:.1f}{told}")


def groups_of(rows: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    keys = sorted({(row["set"], row["unfreeze"]) for row in rows})
    for key in keys:
        yield key, [row for row in rows if (row["set"], row["unfreeze"]) == key]


def markdown(table: pd.DataFrame) -> None:
    print(f"| {table.index.name or ''} | " + " | ".join(map(str, table.columns)) + " |")
    print("| --- |" + " --- |" * len(table.columns))
    for name, values in table.iterrows():
        cells = [f"{value:.1f}" if isinstance(value, float) else str(value) for value in values]
        cells = ["-" if cell == "nan" else cell for cell in cells]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
