"""A study of several labels a picture, on the terminal and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedlens.cli.tables import (
    FEW,
    cost_columns,
    named,
    print_judged,
    print_table,
    problems_text,
    tested_text,
)
from embedlens.results.vocabulary import KNN

if TYPE_CHECKING:
    from embedlens.classify import LabelClassifier, PredictedLabels
    from embedlens.results import LabelVerdict, Results

_SHOWN = 30  # labels; the others are in the report


def print_labels(results: Results, verdict: LabelVerdict) -> None:
    """Print the tables of backbones and labels, the verdict, and what search finds."""
    from embedlens.results import judge_labels

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
    print_label_verdict(results, verdict)


def print_label_verdict(results: Results, verdict: LabelVerdict) -> None:
    """Print what to take and why, what more pictures would give, and what search finds."""
    from embedlens.results import given_weights_sentence, learning_curve_sentence
    from embedlens.results.shared_labels import shared_label_sentence

    take = verdict.take.backbone
    further = (learning_curve_sentence(results, take), shared_label_sentence(results, take))
    given = given_weights_sentence(results)
    for told in (verdict.sentence(), given, verdict.explanation(), *further):
        if told:
            print(f"\n{told}")


def print_predicted_labels(found: PredictedLabels, classifier: LabelClassifier) -> None:
    """Print the labels of each of a few pictures, else how many got each, and what to believe."""
    judged = {each.label: each for each in found.judged.scores.labels} if found.judged else {}
    rows = []
    for name, count in list(found.counts.items())[:_SHOWN]:
        row: dict[str, Any] = {"label": name, "pictures": count}
        if judged:
            own = judged.get(name)
            row["average precision"] = "-"
            row["a guess"] = "-"
            if own is not None:
                row["average precision"] = _told(own.average_precision, own.low, own.high)
                row["a guess"] = f"{own.share:.3f}"
        rows.append(row)
    few = 0 < found.pictures <= FEW
    if few:
        answers = _answers(found, classifier)
        print()
        print_table(answers, list(answers[0]))
    if judged or not few:
        print()
        print_table(rows, list(rows[0]))
        if len(found.counts) > _SHOWN:
            print(f"... and {len(found.counts) - _SHOWN:,} more: see the page.")
    print(
        f"\n{found.none:,} of {found.pictures:,} have none of the labels; a picture has those of "
        f"at least {classifier.rule:.0%}.\n{found.unknown:,} of {found.pictures:,} are unlike all "
        f"training pictures (unknown); of pictures like these {classifier.unknown.rate:.0%} would "
        "be."
    )
    print_judged(found, classifier)


def _answers(found: PredictedLabels, classifier: LabelClassifier) -> list[dict[str, Any]]:
    from embedlens.classify.label_prediction import probability_column, read_label_predictions

    rows = []
    for each in read_label_predictions(found.table, classifier).to_dict("records"):
        if each["problem"]:
            continue
        names = [name for name in each["found"].split(classifier.separator) if name]
        told = [f"{name} ({each[probability_column(name)]:.1%})" for name in names]
        rows.append({
            "picture": each["path"],
            "labels": ", ".join(told) or "none",
            "unknown": "unlike all pictures" if each["unknown"] else "no",
        })  # fmt: skip
    return rows


def label_record(results: Results, verdict: LabelVerdict) -> dict[str, Any]:
    """Return what `embedlens study --json` prints."""
    from embedlens.results import (
        given_weights_sentence,
        judge_labels,
        judge_retrieval,
        learning_curve_record,
    )
    from embedlens.results.shared_labels import shared_label_sentence

    return {
        "kind": "several labels a picture",
        "verdict": verdict.record(),
        "given_weights": given_weights_sentence(results),
        "knn": judge_labels(results, KNN.key).record(),
        "labels": learning_curve_record(results, verdict.take.backbone),
        "retrieval": {
            "sentence": shared_label_sentence(results, verdict.take.backbone),
            "backbones": [each.record() for each in judge_retrieval(results)],
        },
    }


def _told(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f}-{high:.3f})"
