"""Tables of transferability scores, of what they go with, and of heads on maps."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pandas as pd

from embedlens.report.names import Means, backbone_labels
from embedlens.report.table import Table
from embedlens.results import Results, correlate, correlations, reduced_features
from embedlens.results.vocabulary import HEADS, LINEAR_PROBE, SCORES, STAGES, metric_title, space_of


def scores_table(results: Results, means: Means) -> Table:
    """What each score foretells of each backbone, beside the accuracy it got."""
    labels, probe = backbone_labels(results), LINEAR_PROBE
    rows = [
        {
            "backbone": labels[backbone],
            **{
                score.title: means.get((backbone, f"score.{score.key}", "train"), np.nan)
                for score in SCORES.values()
            },
            LINEAR_PROBE.title: means.get(
                (backbone, f"{LINEAR_PROBE.key}.accuracy", "test"), np.nan
            ),
        }
        for backbone in results.backbones["backbone"]
    ]
    frame = pd.DataFrame(rows).dropna(axis=1, how="all")
    shares = {probe.title, *(each.title for each in SCORES.values() if each.is_share)}
    return Table(
        "Transferability scores",
        "Guesses, without training a head, of how well features will serve; higher is better in "
        "every column, and no column is to be compared with another or with that of another image "
        "set. Of average-pooled features of the training and validation pictures of the first "
        "split. ImageNet top-1: the accuracy published with the network's ImageNet weights, the "
        "baseline that a score must beat. Linear probe: accuracy on held-out pictures of all "
        "splits, which the scores mean to foretell.",
        frame,
        {
            column: ".1%" if column in shares else ".3f"
            for column in frame.columns
            if column != "backbone"
        },
    )


def correlation_table(results: Results) -> Table:
    """Which scores and silhouettes go with accuracy across the backbones."""
    found = correlations(results, seed=results.settings.seed)
    columns = [
        "score", "backbones", "Pearson", "Pearson low", "Pearson high", "Spearman",
        "Spearman low", "Spearman high", "p",
    ]  # fmt: skip
    rows = [(metric_title(metric), *astuple(each)) for metric, each in found.items()]
    return Table(
        "Scores and accuracy across backbones",
        "How each score and silhouette goes with the accuracy of the linear probe on held-out "
        "pictures, across the pretrained backbones of this study. Low and high: 95% interval, by "
        "Fisher's transformation; a perfect order counts as half a step short of it. p: how often "
        "a random order of the backbones has a Spearman "
        "correlation as far from 0. Under 5 backbones even a perfect order is not beyond chance.",
        pd.DataFrame(rows, columns=columns),
        {**dict.fromkeys(columns[2:8], ".2f"), "p": ".3f"},
    )


def reduced_table(results: Results) -> Table:
    """How many held-out pictures a head gets right from the coordinates of a map alone."""
    labels, found = backbone_labels(results), reduced_features(results)
    frame = pd.DataFrame(
        {
            "backbone": found["backbone"].map(labels),
            "weights": found["stage"].map(STAGES.title),
            "map": found["space"].map(lambda space: space_of(space).title),
            "head": found["head"].map(HEADS.title),
            "silhouette": found["silhouette"],
            "accuracy": found["accuracy"],
            "mean": found["mean"].where(found["splits"] > 1),
            "splits": found["splits"],
        }
    )
    return Table(
        "Heads on maps",
        "Accuracy on held-out pictures of heads that get nothing but the three coordinates of a "
        "map, beside the silhouette of that map, both of the test pictures of split 1 only. Mean: "
        "the accuracy over so many splits; other splits than the first cannot judge a map that "
        "learned from the labels of their test pictures. PCA and t-SNE are made of all pictures "
        f"together, without their classes. {reduced_sentence(results)}",
        frame,
        {"silhouette": ".3f", "accuracy": ".1%", "mean": ".1%"},
    )


def reduced_sentence(results: Results) -> str:
    """Say how accuracy and silhouette of maps go together, by head."""
    found = reduced_features(results)
    told = []
    for head, points in found.groupby("head", sort=False):
        points = points[points["silhouette"].notna()]
        each = correlate(points["silhouette"], points["accuracy"], points["backbone"])
        if each.backbones >= 3:
            told.append(
                f"{HEADS.title(str(head))} {each.pearson:.2f} ({each.pearson_low:.2f} to "
                f"{each.pearson_high:.2f})"
            )
    if not told:
        return "Under 3 backbones there is no correlation to give."
    return (
        f"Pearson correlation of the two over all maps, with the 95% interval of "
        f"{found['backbone'].nunique()} backbones (Fisher): {', '.join(told)}."
    )
