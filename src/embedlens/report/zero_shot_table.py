"""The table of what class names alone tell."""

from __future__ import annotations

import pandas as pd

from embedlens.report.names import backbone_labels
from embedlens.report.table import Table
from embedlens.results import Results, judge_zero_shot


def zero_shot_table(results: Results) -> Table:
    """Accuracy from the names of the classes, beside that of a linear probe."""
    labels = backbone_labels(results)
    rows = [
        (labels[each.backbone], each.accuracy, each.balanced, each.probe)
        for each in judge_zero_shot(results)
    ]
    columns = ["backbone", "zero-shot", "balanced", "linear probe"]
    return Table(
        "Zero-shot baseline",
        "No part of the ranking. Zero-shot: share of the held-out pictures whose features have the "
        "greatest cosine with the text of their own class, mean over splits; no picture's label is "
        "used. The text of a class is the mean of what the network makes of seven prompts, those "
        "that CLIP's authors publish for ImageNet, with the class's name in them. Balanced: mean "
        "over classes. Linear probe: the same pictures, from labelled ones.",
        pd.DataFrame(rows, columns=columns),
        dict.fromkeys(columns[1:], ".1%"),
    )
