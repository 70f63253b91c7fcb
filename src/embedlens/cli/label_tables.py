"""A study of several labels a picture, on the terminal and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedlens.cli.tables import cost_columns, named, print_table, problems_text, tested_text
from embedlens.results.vocabulary import KNN

if TYPE_CHECKING:
    from embedlens.results import LabelVerdict, Results

_SHOWN = 30  # labels; the others are in the report


def print_labels(results: Results, verdict: LabelVerdict) -> None:
    """Print the tables of backbones and labels, the verdict, and what search finds."""
    from embedlens.results import judge_labels
    from embedlens.results.shared_labels import shared_label_sentence

    neighbors = {each.backbone: each for each in judge_labels(results, KNN.key).standings}
    rows = [
        {
            "backbone": named(each),
            "linear probes": _told(each.mean_average_precision, each.low, each.high),
            "k-NN": f"{neighbors[each.backbone].mean_average_precision:.3f}",
            **cost_columns(results, each),
        }
        for each in verdict.standings
    ]
    print()
    print_table(rows, list(rows[0]))
    print(
        f"\nMean average precision of {len(verdict.take.labels):,} labels on the "
        f"{tested_text(verdict)}, and its 95% interval over pictures.\n"
        f"Of each label with {verdict.take.backbone}:\n"
    )
    labels = [
        {
            "label": each.label,
            "pictures": each.pictures,
            "average precision": _told(each.average_precision, each.low, each.high),
            "a guess": f"{each.share:.3f}",
        }
        for each in verdict.take.labels[:_SHOWN]
    ]
    print_table(labels, list(labels[0]))
    if len(verdict.take.labels) > _SHOWN:
        print(f"... and {len(verdict.take.labels) - _SHOWN:,} more: see the report.")
    if problems := problems_text(results):
        print(f"\n{problems}")
    found = shared_label_sentence(results, verdict.take.backbone)
    for told in (verdict.sentence(), verdict.explanation(), found):
        if told:
            print(f"\n{told}")


def label_record(results: Results, verdict: LabelVerdict) -> dict[str, Any]:
    """Return what `embedlens study --json` prints."""
    from embedlens.results import judge_labels, judge_retrieval
    from embedlens.results.shared_labels import shared_label_sentence

    return {
        "kind": "several labels a picture",
        "verdict": verdict.record(),
        "knn": judge_labels(results, KNN.key).record(),
        "retrieval": {
            "sentence": shared_label_sentence(results, verdict.take.backbone),
            "backbones": [each.record() for each in judge_retrieval(results)],
        },
    }


def _told(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f}-{high:.3f})"
