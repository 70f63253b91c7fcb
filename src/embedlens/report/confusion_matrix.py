"""How often each class is taken for each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from embedlens.report.table import Table
from embedlens.results import Results, Verdict, judge_classes
from embedlens.results.vocabulary import HEADS

MAX_CLASSES = 40
"""More have no room for their names in the page; the table holds all."""


def confusion_matrix(results: Results, backbone: str, head: str) -> pd.DataFrame:
    """Count predictions on held-out pictures over all splits.

    Returns
    -------
    DataFrame of int
        A row a class, a column what it was taken for; classes sorted.
    """
    rows = results.predictions.query(
        "backbone == @backbone and head == @head and stage == 'pretrained'"
    )
    kept = results.pictures[results.pictures["kept"]]
    classes = np.unique(kept["label"].to_numpy(str))
    labels = results.pictures["label"].to_numpy(str)[rows["picture"]]
    counts = pd.crosstab(labels, rows["predicted"].to_numpy(str))
    return counts.reindex(index=classes, columns=classes, fill_value=0)


def matrix_table(results: Results, verdict: Verdict) -> Table:
    """Return the counts with the backbone to take as a table."""
    name = verdict.take.backbone
    counts = confusion_matrix(results, name, verdict.head)
    return Table(
        "Confusion matrix",
        f"How often a {HEADS.title(verdict.head)} on {name} says each class, over "
        f"{verdict.repeats} {'split' if verdict.repeats == 1 else 'splits'}: a row is the class "
        "of held-out pictures, a column what they were taken for.",
        counts.rename_axis(index="class", columns=None).reset_index(),
    )


def most_confused(results: Results, verdict: Verdict) -> pd.DataFrame:
    """Return the counts among the classes that have most mistakes, as many as have room."""
    counts = confusion_matrix(results, verdict.take.backbone, verdict.head)
    if len(counts) <= MAX_CLASSES:
        return counts
    shares = judge_classes(results, verdict.take.backbone, verdict.head).shares
    worst = sorted(each.name for each in shares[:MAX_CLASSES])
    return counts.loc[worst, worst]
