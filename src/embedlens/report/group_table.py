"""The table of what a random split promises."""

from __future__ import annotations

import pandas as pd

from embedlens.report.names import backbone_labels
from embedlens.report.table import Table
from embedlens.results import Results, judge_groups


def groups_table(results: Results) -> Table:
    """Accuracy on random splits and on those of the study, where these keep something apart."""
    labels = backbone_labels(results)
    effects = {each.backbone: each for each in judge_groups(results)}
    rows = [
        (labels[name], each.random, each.held, *(100 * end for end in (
            each.excess.estimate, each.excess.low, each.excess.high)))
        for name in results.backbones["backbone"]
        if (each := effects.get(name))
    ]  # fmt: skip
    columns = ["backbone", "random split", "this study", "overstated", "95% low", "95% high"]
    return Table(
        "Random splits",
        "Share of test pictures that a linear probe gets right: on splits that know nothing of "
        "groups or time, and on those of this study, in which groups are on one side, or which "
        "test later pictures. Overstated: how many points the first is larger, and the 95% "
        "interval of that, by the jackknife over groups.",
        pd.DataFrame(rows, columns=columns),
        {**dict.fromkeys(columns[1:3], ".1%"), **dict.fromkeys(columns[3:], ".1f")},
    )
