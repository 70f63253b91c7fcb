"""The table of what test pictures find as queries."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from embedlens.report.names import backbone_labels
from embedlens.report.table import Table
from embedlens.results import Results, Retrieval
from embedlens.results.vocabulary import RECALL_AT


def retrieval_table(results: Results, found: Sequence[Retrieval]) -> Table:
    """Recall at 1, 5 and 10, and mean average precision, of each backbone."""
    names = backbone_labels(results)
    rows = []
    for each in found:
        row: dict[str, object] = {"backbone": names[each.backbone], "queries": each.queries}
        for title, told in (
            *((f"recall at {k}", each.recall[k]) for k in RECALL_AT),
            ("mean average precision", each.average_precision),
        ):
            row |= {title: told.estimate, f"{title}: low": told.low, f"{title}: high": told.high}
        rows.append(row)
    frame = pd.DataFrame(rows)
    formats = {
        name: ".3f" if name.startswith("mean") else ".1%"
        for name in frame.columns
        if name not in ("backbone", "queries")
    }
    return Table(
        "Retrieval",
        "Test pictures as queries, training and validation pictures as gallery, ordered by the "
        "Euclidean distance in the features; all splits together. Recall at k: share of queries "
        "with a picture of their class among the k nearest. Mean average precision: over queries; "
        "1 if all pictures of the class are nearer than all others. Low and high: 95% interval; a "
        "picture that is a query in several splits is one.",
        frame,
        {"queries": ",d", **formats},
    )
