"""Tables on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from embedlens.backbones import Backbone
    from embedlens.classify import Classifier, LabelClassifier, Predicted, PredictedLabels
    from embedlens.curation import Check, Relabelling
    from embedlens.images import Problem
    from embedlens.results import LabelStanding, LabelVerdict, Results, Standing, Verdict


FEW = 12
"""So many pictures that were asked of are told one by one."""


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Print some columns of rows; numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # A lone hyphen stands for a number that was not measured.
        numeric = all(str(row[column]).lstrip("-")[:1] in "0123456789" for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    console = Console()
    if not console.is_terminal:
        console.width = 1_000  # a pipe or a file has no edge to fold at
    console.print(table)


def backbone_rows(backbones: Sequence[Backbone]) -> list[dict[str, Any]]:
    """Return what `embedlens backbones` tells of each."""
    return [
        {
            "backbone": each.name,
            "input": each.size,
            "parameters": each.parameters,
            "MB": round((each.parameters or 0) * 4 / 2**20),
            "feature map": "x".join(map(str, each.feature_map or ())),
            "weights": _weights(each),
            "here": each.weights.here,
            "licence": each.weights.licence,
            "family": each.family.name,
            "weights_file": str(each.weights.file) if each.weights.file else None,
        }
        for each in backbones
    ]


def named(standing: Standing | LabelStanding) -> str:
    """Return a backbone's name, which says whether its weights are random."""
    return standing.backbone + ("" if standing.pretrained else " (random weights)")


def cost_columns(results: Results, standing: Standing | LabelStanding) -> dict[str, Any]:
    """Return the columns that tell what a backbone gives and costs."""
    features = results.backbones.set_index("backbone")["features"]
    return {
        "features": int(features[standing.backbone]),
        "pictures/s": rate_text(standing.pictures_per_second),
        "ms": "-" if standing.cost is None else f"{standing.cost.milliseconds:.1f}",
    }


def tested_text(verdict: Verdict | LabelVerdict) -> str:
    """Say on how many pictures of how many splits a verdict stands."""
    splits = f"the {verdict.repeats} splits" if verdict.repeats > 1 else "the one split"
    return f"{verdict.pictures:,} test pictures of {splits}"


def problems_text(results: Results) -> str:
    """Say how many problems the pictures have; empty where there is none."""
    if not len(results.problems):
        return ""
    aside = int((~results.problems["kept"]).sum())
    problems = "problem" if len(results.problems) == 1 else "problems"
    pictures = "picture" if aside == 1 else "pictures"
    found = f"{len(results.problems):,} {problems} found"
    return f"{found}, {aside:,} {pictures} set aside: see the report."


def print_results(results: Results, verdict: Verdict) -> None:
    """Print the table of a study's backbones and its verdict."""
    from embedlens.results import (
        MAPS,
        judge_learned_maps,
        judge_tuning,
        learned_map_sentence,
        tuning_sentence,
    )

    knn = results.mean("knn.accuracy", "test")
    silhouettes = {"silhouette": results.mean("silhouette.features")}
    for space in MAPS.values():
        of_map = results.mean(f"silhouette.{space.key}")
        if not space.learned and len(of_map):
            silhouettes[space.title] = of_map
    rows = [
        {
            "backbone": named(each),
            "linear probe": f"{each.accuracy:.1%} ({100 * each.low:.1f}-{100 * each.high:.1f})",
            "k-NN": f"{knn[each.backbone]:.1%}",
            **{title: f"{of[each.backbone]:.3f}" for title, of in silhouettes.items()},
            **cost_columns(results, each),
        }
        for each in verdict.standings
    ]
    print()
    print_table(rows, list(rows[0]))
    print(
        f"\nAccuracy on the {tested_text(verdict)}, all together, and its "
        "95% interval.\nSilhouette (Euclidean) of all pictures in the full feature space and in "
        "3-D maps. ms: to compute a decoded picture."
    )
    if problems := problems_text(results):
        print(problems)
    print_verdict(results, verdict)
    tuning = tuning_sentence(judge_tuning(results))
    if tuning:
        print(f"\n{tuning}")
    failed = learned_map_sentence(judge_learned_maps(results))
    if failed:
        print(f"\n{failed}")


def print_verdict(results: Results, verdict: Verdict) -> None:
    """Print what to take, why, which classes it confuses, and what else the data say."""
    from embedlens.results import further_sentences, given_weights_sentence, judge_classes

    classes = judge_classes(results, verdict.take.backbone, verdict.head)
    further = further_sentences(results, verdict.take.backbone)
    given = given_weights_sentence(results)
    for told in (verdict.sentence(), given, verdict.explanation(), classes.sentence(), *further):
        if told:
            print(f"\n{told}")


def verdict_record(results: Results, verdict: Verdict) -> dict[str, Any]:
    """Return what `embedlens study --json` prints."""
    from embedlens.results import (
        further_record,
        given_weights_sentence,
        judge_classes,
        judge_tuning,
    )

    classes = judge_classes(results, verdict.take.backbone, verdict.head)
    return {
        "verdict": verdict.record(),
        "given_weights": given_weights_sentence(results),
        "classes": classes.record(),
        "tuning": [asdict(each) for each in judge_tuning(results)],
        **further_record(results, verdict.take.backbone),
    }


def print_notes(notes: Iterable[Problem]) -> None:
    """Say on standard error what a set of pictures was taken for, where that is not plain."""
    for note in notes:
        print(f"{note.path}: {note.reason}", file=sys.stderr)


def print_counts(check: Check) -> None:
    """Print how many findings there are of each kind, and the first of each."""
    from embedlens.curation.finding import KINDS, expectation

    counts = check.counts()
    print()
    if not counts:
        print(f"{len(check.images):,} pictures: nothing was found.")
        return
    first = check.findings.drop_duplicates("kind").to_dict("records")
    scores = check.findings.groupby("kind")["score"]
    expected = {kind: expectation(str(kind), own.tolist()) for kind, own in scores}
    rows = [
        {
            "found": counts[each["kind"]],
            "what": "; ".join(filter(None, (KINDS[each["kind"]], expected[each["kind"]]))),
            "first": f"{each['path']}: {each['reason']}",
        }
        for each in first
    ]
    print_table(rows, ["found", "what", "first"])


def print_predicted(found: Predicted, classifier: Classifier) -> None:
    """Print the class of each of a few pictures, else how many got each, and what to believe."""
    print()
    if 0 < found.pictures <= FEW:
        rows = _answers(found)
    else:
        rows = [{"class": name, "pictures": count} for name, count in found.counts.items()]
    print_table(rows, list(rows[0]))
    are = "is" if found.unknown == 1 else "are"
    flagged = f"{found.unknown:,} of {found.pictures:,} {are} unlike all classes (unknown)"
    print(f"\n{flagged}; of pictures of known classes {classifier.unknown.rate:.0%} would be.")
    print_judged(found, classifier)


def _answers(found: Predicted) -> list[dict[str, Any]]:
    from embedlens.classify.prediction import read_predictions

    read = read_predictions(found.table).query("problem == ''")
    return [
        {
            "picture": each["path"],
            "class": each["class"],
            "probability": f"{each['probability']:.1%}",
            "or": f"{each['second_class']} ({each['second_probability']:.1%})",
            "unknown": "unlike all classes" if each["unknown"] else "no",
        }
        for each in read.to_dict("records")
    ]


def print_judged(
    found: Predicted | PredictedLabels, classifier: Classifier | LabelClassifier
) -> None:
    """Print what was not read, what was to be expected, and what came of it."""
    if found.unreadable:
        print(f"{found.unreadable:,} cannot be read; the table says why.")
    if found.note:
        print(found.note)
    if classifier.expected:
        print(f"\n{classifier.expected.sentence()}")
    if found.judged:
        print(f"\n{found.judged.sentence()}")
    elif found.seen:
        are = "is" if found.seen == 1 else "are"
        print(f"\n{found.seen:,} of the pictures {are} among those that it has learned from.")


def print_relabelling(found: Relabelling) -> None:
    """Print how many pictures get each label."""
    sure = found.proposals[found.proposals["sure"]]
    rows = [
        {
            "label": name,
            "pictures": int((sure["proposed"] == name).sum()),
            "ImageNet classes": ", ".join(meant[:6]) + (", ..." if len(meant) > 6 else ""),
        }
        for name, meant in found.meanings.items()
    ]
    print()
    print_table(rows, list(rows[0]))
    print(f"\n{len(found.unsure):,} of {len(found.proposals):,} are unsure and left out.")


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def rate_text(value: float) -> float | str:
    """Return pictures a second; a hyphen where it was not measured."""
    return "-" if value != value else round(value, 1)


def _weights(backbone: Backbone) -> str:
    if backbone.weights.kind == "random":
        return backbone.weights.origin
    if backbone.weights.kind == "file":
        return str(backbone.weights.file)
    return "here" if backbone.weights.here else "download"
