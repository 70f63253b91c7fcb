"""The tables of a study of several labels a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.report.names import Means, backbone_labels
from embedlens.report.retrieval_table import retrieval_table
from embedlens.report.table import Table
from embedlens.report.tables import (
    SPLITS,
    backbones_table,
    map_measures,
    means_of,
    problems_table,
)
from embedlens.results import (
    LabelVerdict,
    Results,
    judge_labels,
    judge_retrieval,
)
from embedlens.results.vocabulary import FEATURES, KNN, LINEAR_PROBE, in_order, space_of


def label_tables(results: Results, verdict: LabelVerdict) -> dict[str, Table]:
    """Return every table of a study of several labels a picture, by the names of their files."""
    tables = {
        "mean_average_precision": precision_table(results, verdict),
        "average_precision": label_table(results, verdict),
        "left_out": left_out_table(verdict),
        "images": label_counts_table(results),
        "backbones": backbones_table(results, verdict.take.backbone),
        "problems": problems_table(results),
    }
    if results.maps:
        tables["maps"] = plain_maps_table(results, means_of(results))
    if len(results.retrievals):
        tables["retrieval"] = replace(
            retrieval_table(results, judge_retrieval(results)),
            caption="Test pictures that have a label as queries, training and validation pictures "
            "as gallery, ordered by the Euclidean distance in the features; all splits together. "
            "Two pictures match if they share a label or more that not all pictures have. "
            "Recall at k: share of queries with a match among the k nearest. Mean average "
            "precision: over queries; 1 if all matches "
            "are nearer than all others. Low and high: 95% interval; a picture that is a query in "
            "several splits is one.",
        )
    return tables


def precision_table(results: Results, verdict: LabelVerdict) -> Table:
    """Mean average precision of each backbone, by each head."""
    names, rows = backbone_labels(results), []
    for head in (LINEAR_PROBE, KNN):
        judged = verdict if head.key == verdict.head else judge_labels(results, head.key)
        seconds = results.seconds(f"{head.key}.labels")
        for each in judged.standings:
            first = each is judged.standings[0]
            rows.append(
                {
                    "backbone": names[each.backbone],
                    "head": f"{head.title} a label" if head is LINEAR_PROBE else head.title,
                    "group": each.group,
                    "mean average precision": each.mean_average_precision,
                    "95% low": each.low,
                    "95% high": each.high,
                    "low over labels": each.labels_low,
                    "high over labels": each.labels_high,
                    "behind best": np.nan if first else each.behind,
                    "behind low": np.nan if first else each.behind_low,
                    "behind high": np.nan if first else each.behind_high,
                    "repeats": judged.repeats,
                    "seconds": seconds.get(each.backbone, np.nan),
                }
            )
    count = len(verdict.take.labels)
    frame = pd.DataFrame(rows)
    kept = ("backbone", "head", "group", "repeats", "seconds")
    return Table(
        "Mean average precision",
        f"Mean, over {count:,} labels, of the average precision on held-out pictures: the mean, "
        "over pictures with the label, of the share that have it among all that score as much or "
        "more. "
        f"{verdict.pictures:,} different pictures were held out in all, over {verdict.repeats} "
        f"{'splits' if verdict.repeats > 1 else 'split'}. Low and high: 95% interval over "
        "pictures, of these labels; over labels: as if these were drawn from more of their kind. "
        "Group: "
        "backbones of one group cannot be told apart from the best of it. Behind: less than the "
        "best with the same head, on the same pictures, and its 95% interval; the intervals of all "
        "backbones hold together. Seconds: to train and test all labels once.",
        frame,
        {**{str(name): ".3f" for name in frame if name not in kept}, "seconds": ".2f"},
    )


def label_table(results: Results, verdict: LabelVerdict) -> Table:
    """Average precision of each label: of the backbone to take with its interval, and of others."""
    names, take = backbone_labels(results), verdict.take
    columns: dict[str, list[object]] = {
        "label": [each.label for each in take.labels],
        "pictures": [each.pictures for each in take.labels],
        "tested": [each.tested for each in take.labels],
        "a guess": [each.share for each in take.labels],
        names[take.backbone]: [each.average_precision for each in take.labels],
        "95% low": [each.low for each in take.labels],
        "95% high": [each.high for each in take.labels],
    }
    for other in verdict.standings:
        if other is not take:
            columns[names[other.backbone]] = [each.average_precision for each in other.labels]
    counts = ("label", "pictures", "tested")
    return Table(
        "Average precision of each label",
        "By a logistic regression a label on frozen features: what held-out scores of all splits "
        "say of new pictures. "
        "Low and high: "
        f"the 95% interval over pictures, of {take.backbone}. Pictures: that have the label, and "
        "of these those that were held out in a split. A guess: their share of the held-out "
        "pictures, "
        "which is what scores at random reach.",
        pd.DataFrame(columns),
        {
            **{name: ".3f" for name in columns if name not in counts},
            "pictures": ",d",
            "tested": ",d",
        },
    )


def left_out_table(verdict: LabelVerdict) -> Table:
    """Labels that are not judged."""
    rows = [(each.label, each.pictures, each.reason) for each in verdict.left_out]
    return Table(
        "Labels that are not judged",
        "They are part of no mean.",
        pd.DataFrame(rows, columns=["label", "pictures", "reason"]),
        {"pictures": ",d"},
    )


def label_counts_table(results: Results) -> Table:
    """Pictures by label and split."""
    assert results.label_sets is not None
    splits = results.pictures["split"][results.pictures["kept"]].to_numpy(str)
    members = results.label_sets.to_numpy(bool)
    rows: list[tuple[str, NDArray[np.bool_]]] = [
        ("all pictures", np.ones(len(members), bool)),
        ("without a label", np.asarray(~members.any(axis=1))),
    ]
    rows += [(str(name), members[:, place]) for place, name in enumerate(results.label_sets)]
    counts = [
        {
            "label": name,
            **{split: int((has & (splits == split)).sum()) for split in SPLITS},
            "all": int(has.sum()),
        }
        for name, has in rows
    ]
    return Table(
        "Image set",
        "Pictures by label and split, of the first repeat; the other repeats draw other pictures "
        "in about the same shares, unless the splits came with the pictures. A picture counts with "
        "each of its labels.",
        pd.DataFrame(counts),
        dict.fromkeys([*SPLITS, "all"], ",d"),
    )


def plain_maps_table(results: Results, means: Means) -> Table:
    """What each map costs and what it keeps."""
    labels, found = (
        backbone_labels(results),
        {name for own in results.maps.values() for name in own},
    )
    wanted = ("seconds", "trustworthiness", "neighbours kept", "variance kept")
    rows = [
        {
            "backbone": labels[backbone],
            "space": space_of(space).title,
            **{
                name: value
                for name, value in map_measures(results, means, backbone, space).items()
                if name in wanted
            },
        }
        for backbone in results.backbones["backbone"]
        for space in [FEATURES.key, *in_order(found)]
    ]
    return Table(
        "Maps",
        "Of all pictures together, to 3 dimensions. Trustworthiness and neighbours kept compare "
        "each picture's 10 nearest neighbours in the map with those in the features (fewer under "
        "21 pictures). Silhouettes are of one class a picture, and are left out.",
        pd.DataFrame(rows),
        {
            "seconds": ".2f", "trustworthiness": ".3f", "neighbours kept": ".1%",
            "variance kept": ".1%",
        },
    )  # fmt: skip
