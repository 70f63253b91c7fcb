"""A study of several labels a picture, on the terminal and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedlens.cli.tables import print_table, rate_text
from embedlens.results.vocabulary import KNN

if TYPE_CHECKING:
    from embedlens.results import LabelVerdict, Results

_SHOWN = 30  # labels; the others are in the report


def print_labels(results: Results, verdict: LabelVerdict) -> None:
    """Print the tables of backbones and labels, the verdict, and what search finds."""
    from embedlens.results import judge_labels
    from embedlens.results.shared_labels import shared_label_sentence

    neighbors = {each.backbone: each for each in judge_labels(results, KNN.key).standings}
    facts = results.backbones.set_index("backbone")
    rows = [
        {
            "backbone": each.backbone + ("" if each.pretrained else " (random weights)"),
            "linear probes": _told(each.mean_average_precision, each.low, each.high),
            "k-NN": f"{neighbors[each.backbone].mean_average_precision:.3f}",
            "features": int(facts["features"][each.backbone]),
            "pictures/s": rate_text(each.pictures_per_second),
            "ms": "-" if each.cost is None else f"{each.cost.milliseconds:.1f}",
        }
        for each in verdict.standings
    ]
    print()
    print_table(rows, list(rows[0]))
    splits = f"the {verdict.repeats} splits" if verdict.repeats > 1 else "the one split"
    print(
        f"\nMean average precision of {len(verdict.take.labels):,} labels on the "
        f"{verdict.pictures:,} test pictures of {splits}, and its 95% interval over pictures.\n"
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
    if len(results.problems):
        aside = int((~results.problems["kept"]).sum())
        print(
            f"\n{len(results.problems)} problems found, {aside} pictures set aside: see the report."
        )
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
