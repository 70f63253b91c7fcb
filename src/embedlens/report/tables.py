"""The tables of a study: what each shows of the results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from embedlens.report.confusion_matrix import matrix_table
from embedlens.report.group_table import groups_table
from embedlens.report.label_curves import label_curves_table
from embedlens.report.names import Means, backbone_labels
from embedlens.report.reliability import calibration_table
from embedlens.report.retrieval_table import retrieval_table
from embedlens.report.score_tables import correlation_table, reduced_table, scores_table
from embedlens.report.table import Table
from embedlens.report.whole_table import whole_table
from embedlens.report.zero_shot_table import zero_shot_table
from embedlens.results import (
    Results,
    Verdict,
    costs_of,
    judge,
    judge_calibration,
    judge_classes,
    judge_learning_curves,
    judge_retrieval,
    judge_zero_shot,
)
from embedlens.results.samples import sample_of_part
from embedlens.results.vocabulary import FEATURES, HEADS, LINEAR_PROBE, in_order, space_of

SPLITS = ("train", "validation", "test")


def tables(results: Results) -> dict[str, Table]:
    """Return every table of a study, its backbones from best to worst.

    Parameters
    ----------
    results : Results
        Of a study that has been run to its end.

    Returns
    -------
    dict of str to Table
        "accuracy", "classes", "confusions", "matrix", "backbones", "scores", "correlation",
        "reduced", "maps", "silhouettes", "images", "problems", and, where they were measured,
        "groups", "labels", "calibration", "retrieval"; the names are those of the files in
        ``tables/``.
    """
    return tables_of(results, verdicts_of(results))


def tables_of(results: Results, verdicts: dict[str, Verdict]) -> dict[str, Table]:
    """Return the tables where the verdicts are known already."""
    results = ranked(results, next(iter(verdicts.values())))
    means = means_of(results)
    rest = {
        "scores": scores_table(results, means),
        "correlation": correlation_table(results),
        "reduced": reduced_table(results),
        "maps": maps_table(results, means),
        "silhouettes": silhouettes_table(results, means),
        "images": images_table(results),
        "problems": problems_table(results),
    }
    return verdict_tables(results, verdicts) | further_tables(results) | _told(rest, results)


def _told(tables: dict[str, Table], results: Results) -> dict[str, Table]:
    """Name, in their captions, the sample that tables are of."""
    return {
        name: replace(table, caption=f"{table.caption} {said}")
        if (said := sample_of_part(results, name))
        else table
        for name, table in tables.items()
    }


def verdict_tables(results: Results, verdicts: dict[str, Verdict]) -> dict[str, Table]:
    """Return the tables that need no map and no score."""
    verdict = next(iter(verdicts.values()))
    tables = {
        "accuracy": accuracy_table(results, verdicts, means_of(results)),
        "classes": classes_table(results, verdict),
        "confusions": confusions_table(results, verdict),
        "matrix": matrix_table(results, verdict),
        "backbones": backbones_table(results, verdict.take.backbone),
    }
    return _told(tables, results)


def further_tables(results: Results) -> dict[str, Table]:
    """Return the tables of what not every study has measured."""
    found: dict[str, Table] = {}
    if len(results.random_splits):
        found["groups"] = groups_table(results)
    if len(results.curves):
        found["labels"] = label_curves_table(results, judge_learning_curves(results))
    if len(results.calibrations):
        found["calibration"] = calibration_table(results, judge_calibration(results))
    if len(results.retrievals):
        found["retrieval"] = retrieval_table(results, judge_retrieval(results))
    if results.whole is not None:
        found["whole"] = whole_table(results, results.whole)
    if judge_zero_shot(results):
        found["zero_shot"] = zero_shot_table(results)
    return _told(found, results)


def verdicts_of(results: Results) -> dict[str, Verdict]:
    """Judge the backbones by each head, the linear probe first."""
    heads = results.predictions["head"].unique().tolist()
    ordered = sorted(heads, key=lambda head: (head != LINEAR_PROBE.key, head))
    return {head: judge(results, head) for head in ordered}


def ranked(results: Results, verdict: Verdict) -> Results:
    """Return the results with the backbones in the order of a verdict."""
    return in_order_of(results, [each.backbone for each in verdict.standings])


def taken_first(results: Results, verdict: Verdict) -> Results:
    """Return the results with the backbone to take before the others, which keep their order."""
    others = [name for name in results.backbones["backbone"] if name != verdict.take.backbone]
    return in_order_of(results, [verdict.take.backbone, *others])


def in_order_of(results: Results, names: list[str]) -> Results:
    """Return the results with the backbones in the order of some names."""
    facts = results.backbones.set_index("backbone", drop=False).loc[names]
    return replace(results, backbones=facts.reset_index(drop=True))


def means_of(results: Results) -> Means:
    """Return every measure of the pretrained backbones, the mean over repeats that measured it."""
    rows = results.measures[results.measures["stage"] == "pretrained"]
    by = ["backbone", "metric", "split"]
    means = rows.groupby(by, as_index=False)["value"].mean()
    keys = zip(*(means[column].astype(str) for column in by), strict=True)
    return dict(zip(keys, means["value"].astype(float), strict=True))


def accuracy_table(results: Results, verdicts: dict[str, Verdict], means: Means) -> Table:
    """How many held-out pictures each head gets right on each backbone."""
    labels, rows = backbone_labels(results), []
    for head, verdict in verdicts.items():
        best = verdict.standings[0]
        seconds = results.seconds(f"{head}.accuracy")
        for each in verdict.standings:
            rows.append(
                {
                    "backbone": labels[each.backbone],
                    "head": HEADS.title(head),
                    "group": each.group,
                    "accuracy": each.accuracy,
                    "95% low": each.low,
                    "95% high": each.high,
                    "behind best": each.behind if each is not best else np.nan,
                    "behind low": each.behind_low if each is not best else np.nan,
                    "behind high": each.behind_high if each is not best else np.nan,
                    "balanced": means[each.backbone, f"{head}.balanced_accuracy", "test"],
                    "repeats": verdict.repeats,
                    "seconds": seconds.get(each.backbone, np.nan),
                }
            )
    verdict = next(iter(verdicts.values()))
    shares = ["accuracy", "95% low", "95% high", "balanced"]
    points = ["behind best", "behind low", "behind high"]
    return Table(
        "Accuracy",
        "Share of held-out pictures classified rightly by a head on frozen features, over "
        f"{splits_of(verdict)} all together; {verdict.pictures:,} different pictures were held "
        "out in all. Low and high: 95% interval; a picture held out in several splits is one. "
        "Group: backbones of one group cannot be told apart from the best of it. Behind: how many "
        "points less than the best backbone with the same head, on the same pictures, and the 95% "
        "interval of that; the intervals of all backbones hold together. Balanced: mean over the "
        "tested classes, then over splits. Seconds: to "
        f"train and test one head. {verdict.coverage.sentence()}".strip(),
        pd.DataFrame(rows),
        {**dict.fromkeys(shares, ".1%"), **dict.fromkeys(points, ".1p"), "seconds": ".2f"},
    )


def splits_of(verdict: Verdict) -> str:
    """Say on how many splits the figures of a verdict stand."""
    return f"{verdict.repeats} splits" if verdict.repeats > 1 else "one split"


def backbones_table(results: Results, take: str) -> Table:
    """What each backbone costs: size, features, time, and that beside the one to take."""
    facts, labels = results.backbones, backbone_labels(results)
    costs = costs_of(results.costs)
    timed = [costs.get(name) for name in facts["backbone"]]
    counted = [None if each is None else each.operations for each in timed]
    taken = costs.get(take)
    frame = pd.DataFrame(
        {
            "backbone": facts["backbone"].map(labels),
            "file (MiB)": 4 * facts["parameters"] / 2**20,
            "parameters": facts["parameters"],
            "features": facts["features"],
            "feature map": facts["feature_map"],
            "input": facts["size"],
            "embedded": facts["embedded"],
            "seconds": facts["seconds"].where(facts["embedded"] > 0),
            "pictures/s": facts["pictures_per_second"],
            "ms/picture": [np.nan if each is None else each.milliseconds for each in timed],
            "ms low": [np.nan if each is None else each.low for each in timed],
            "ms high": [np.nan if each is None else each.high for each in timed],
            "times": [
                np.nan if each is None or taken is None else each.over(taken) for each in timed
            ],
            "operations (G)": [np.nan if each is None else each / 1e9 for each in counted],
            "engine": facts["engine"],
            "precision": facts["precision"],
            "weights": [
                origin if pretrained else f"RANDOM, NOT PRETRAINED: {origin}"
                for origin, pretrained in zip(facts["weights"], facts["pretrained"], strict=True)
            ],
        }
    )
    return Table(
        "Backbones",
        "File: all parameters as float32. Parameters: with the classifier that the network was "
        "published with; of a model file, those up to the cut. Features: numbers a picture; what "
        "they are is told under 'How each number is computed'. "
        "Embedded: pictures in so many seconds, decoding included, on the machine of the study; "
        "of a study that was interrupted, its last run alone. ms/picture: of computing a decoded "
        "picture, when all backbones took turns on the same pictures; the median of the rounds, "
        f"low and high their quartiles. Times: that of {take}, the median of the "
        "rounds' ratios. Operations: multiply-adds of a picture, in thousand millions, which no "
        "other work on the machine changes.",
        frame,
        {
            "file (MiB)": ".1f", "parameters": ",d", "features": ",d", "embedded": ",d",
            "seconds": ".1f", "pictures/s": ".1f", "ms/picture": ".1f", "ms low": ".1f",
            "ms high": ".1f", "times": ".2f", "operations (G)": ".2f",
        },
    )  # fmt: skip


def classes_table(results: Results, verdict: Verdict) -> Table:
    """How many held-out pictures of each class are named rightly, on the backbone to take."""
    shares = judge_classes(results, verdict.take.backbone, verdict.head).shares
    rows = [
        {
            "class": each.name, "pictures": each.pictures, "accuracy": each.accuracy,
            "95% low": each.low, "95% high": each.high,
        }
        for each in shares
    ]  # fmt: skip
    return Table(
        "Accuracy by class",
        f"Share of the held-out pictures of each class that a {HEADS.title(verdict.head)} on "
        f"{verdict.take.backbone} names rightly, over {splits_of(verdict)}, and its 95% interval. "
        "Pictures: different ones that were held out.",
        pd.DataFrame(rows, columns=["class", "pictures", "accuracy", "95% low", "95% high"]),
        {"pictures": ",d", **dict.fromkeys(["accuracy", "95% low", "95% high"], ".1%")},
    )


def confusions_table(results: Results, verdict: Verdict) -> Table:
    """Which two classes are taken for each other, on the backbone to take."""
    judged = judge_classes(results, verdict.take.backbone, verdict.head)
    rows = [
        {
            "classes": each.names, "mistakes": each.mistakes, "first for second": each.forth,
            "second for first": each.back, "share": each.share, "95% low": each.low,
            "95% high": each.high,
        }
        for each in judged.confusions
    ]  # fmt: skip
    counts = ["mistakes", "first for second", "second for first"]
    shares = ["share", "95% low", "95% high"]
    return Table(
        "Confused classes",
        f"Of the {judged.mistakes:,} mistakes of a {HEADS.title(verdict.head)} on "
        f"{verdict.take.backbone} over {splits_of(verdict)}, those between two classes, the most "
        "frequent first. Share: of all mistakes, and its 95% interval; a picture that is wrong in "
        "several splits is one.",
        pd.DataFrame(rows, columns=["classes", *counts, *shares]),
        {**dict.fromkeys(counts, ",d"), **dict.fromkeys(shares, ".1%")},
    )


def maps_table(results: Results, means: Means) -> Table:
    """What each map costs, how well it separates the classes, and what it keeps."""
    labels, rows = backbone_labels(results), []
    for backbone in results.backbones["backbone"]:
        for space in spaces(results):
            rows.append(
                {
                    "backbone": labels[backbone],
                    "space": space_of(space).title,
                    **map_measures(results, means, backbone, space),
                }
            )
    values = [column for column in rows[0] if column.startswith("silhouette")]
    return Table(
        "Maps",
        "Silhouette of the true classes, Euclidean, in all features and in each map to 3 "
        "dimensions: mean over pictures, and macro: mean over class means. Each map is of all "
        "pictures together; the silhouette is of all of them, or of the test pictures of split 1 "
        "among themselves: of these alone where the map learned with the labels of the others. "
        "Trustworthiness and neighbours kept compare each picture's 10 nearest "
        "neighbours in the map with those in the features (fewer under 21 pictures).",
        pd.DataFrame(rows),
        {
            "seconds": ".2f", **dict.fromkeys(values, ".3f"), "variance kept": ".1%",
            "trustworthiness": ".3f", "neighbours kept": ".1%",
        },
    )  # fmt: skip


def map_measures(results: Results, means: Means, backbone: str, space: str) -> dict[str, float]:
    """Return what was measured of one map of a backbone, or of its features; NaN where nothing."""

    def value(metric: str, split: str = "all") -> float:
        return means.get((backbone, metric, split), np.nan)

    cost = FEATURES.cost if space == FEATURES.key else f"{space}.{space_of(space).cost}"
    return {
        "seconds": float(results.seconds(cost).get(backbone, np.nan)),
        "silhouette": value(f"silhouette.{space}"),
        "silhouette macro": value(f"silhouette.{space}.macro"),
        "silhouette test": value(f"silhouette.{space}", "test"),
        "silhouette test macro": value(f"silhouette.{space}.macro", "test"),
        "trustworthiness": value(f"{space}.trustworthiness"),
        "neighbours kept": value(f"{space}.neighbors_kept"),
        "variance kept": value(f"{space}.variance_kept"),
    }


def spaces(results: Results) -> list[str]:
    """Name the features and the maps, in the order they are shown."""
    found = {name for maps in results.maps.values() for name in maps}
    return [FEATURES.key, *in_order(found)]


def silhouettes_table(results: Results, means: Means) -> Table:
    """The silhouette of each class, in the features and maps of each backbone."""
    counts = class_counts(results)
    columns: dict[str, Any] = {"class": counts.index, "pictures": counts["all"].to_numpy()}
    for backbone, label in backbone_labels(results).items():
        for space in spaces(results):
            split = space_of(space).judged_on
            of_test = " (test)" if split == "test" else ""
            columns[f"{label}: {space_of(space).title}{of_test}"] = [
                means.get((backbone, f"silhouette.{space}.class.{name}", split), np.nan)
                for name in counts.index
            ]
    return Table(
        "Silhouettes by class",
        "Mean silhouette of a class's pictures, Euclidean, of all pictures together, in the "
        "features and in each map, or of the test pictures of split 1 alone where a map learned "
        "with labels: 1 is far from every other class, below 0 is nearer to another "
        "class than to its own.",
        pd.DataFrame(columns),
        dict.fromkeys(list(columns)[2:], ".2f"),
    )


def class_counts(results: Results) -> pd.DataFrame:
    """Count pictures by class and split, and in ``all``; classes in sorted order."""
    kept = results.pictures[results.pictures["kept"]]
    counts = pd.crosstab(kept["label"], kept["split"]).reindex(columns=SPLITS, fill_value=0)
    counts["all"] = counts.sum(axis=1)
    return counts.sort_index()


def images_table(results: Results) -> Table:
    """Pictures by class and split."""
    counts = class_counts(results)
    counts.loc["all classes"] = counts.sum()
    return Table(
        "Image set",
        "Pictures by class and split, of the first repeat; the other repeats draw other pictures "
        "in the same shares, unless the splits came with the pictures.",
        counts.rename_axis(index="class", columns=None).reset_index(),
        dict.fromkeys(counts.columns, ",d"),
    )


def problems_table(results: Results) -> Table:
    """What was found wrong with pictures and classes."""
    frame = results.problems[["path", "kind", "reason", "kept"]].copy()
    frame["kept"] = np.where(frame["kept"].to_numpy(bool), "kept", "set aside")
    return Table(
        "Problems",
        "Problems found while reading the pictures, and whether the picture is in the study all "
        "the same.",
        frame.rename(columns={"kept": "in the study"}),
    )
