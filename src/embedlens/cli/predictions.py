"""Commands about classifiers: asking one of new pictures."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from embedlens.cli.options import Json, filled
from embedlens.cli.table_file import suffixed
from embedlens.given_path import given_path


class HeadOption(StrEnum):
    """What answers."""

    linear_probe = "linear_probe"
    knn = "knn"
    tuned = "tuned"


Head = Annotated[
    HeadOption | None,
    typer.Option(help="Of a study: linear_probe, by which the verdict is; knn; or tuned, the "
                      "network that --finetune trained, with its top.", show_default=False),
]  # fmt: skip
OfStudy = Annotated[
    str | None,
    typer.Option("--backbone", "-b", metavar="NAME", parser=filled, show_default=False,
                 help="Of a study: one of its backbones. \\[default: the one that the verdict "
                      "takes]"),
]  # fmt: skip


def predict(
    what: Annotated[
        Path,
        typer.Argument(parser=given_path, metavar="STUDY|CLASSIFIER", show_default=False,
                       help="A study folder, or what Study.classifier().save wrote."),
    ],
    photos: Annotated[
        str,
        typer.Argument(parser=filled, metavar="PHOTOS", show_default=False,
                       help="A folder, zip or table of pictures, with labels or without; or one "
                            "picture."),
    ],
    out: Annotated[
        Path,
        typer.Option(parser=lambda text: suffixed(text, ".csv", ".tsv"), metavar="FILE",
                     help="The table to write, .csv or .tsv; a page goes beside it."),
    ] = Path("predictions.csv"),
    backbone: OfStudy = None,
    head: Head = None,
    json_: Json = False,
) -> None:  # fmt: skip
    """Classify PHOTOS by what a study has learned.

    It can be stopped at any moment; the same command goes on where it was.
    """
    from embedlens.classify import LabelClassifier, Predicted, PredictedLabels, open_classifier
    from embedlens.classify import predict as predict_all
    from embedlens.cli.label_tables import print_predicted_labels
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cli.tables import print_predicted
    from embedlens.report import write_predictions

    with TerminalProgress() as progress:
        progress("classifier", 0, 0)
        classifier = open_classifier(what, backbone, head.value if head else None)
        found = predict_all(
            classifier, photos, out, lambda done, total: progress("predicting", done, total)
        )
        progress("page", 0, 0)
        page = write_predictions(found, classifier)
    if json_:
        print(json.dumps({**found.record(), "page": str(page.resolve())}, indent=1))
        return
    if isinstance(classifier, LabelClassifier):
        assert isinstance(found, PredictedLabels)
        print_predicted_labels(found, classifier)
    else:
        assert isinstance(found, Predicted)
        print_predicted(found, classifier)
    print(f"\nTable: {found.table.resolve()}\nPage: {page.resolve()}")
