"""What a classifier said of pictures: a contact sheet by class, the sure ones and the doubtful."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.classify import Classifier, LabelClassifier, Predicted, PredictedLabels
from embedlens.classify.prediction import read_predictions
from embedlens.files import write_whole
from embedlens.report.label_predictions_page import write_label_predictions
from embedlens.report.table import Table
from embedlens.report.templating import environment
from embedlens.report.thumbnails import MAX_ROWS, MAX_SHEET, thumbnails


def write_predictions(
    predicted: Predicted | PredictedLabels, classifier: Classifier | LabelClassifier
) -> Path:
    """Write a page beside the table of predictions, of its name; return its path."""
    if isinstance(classifier, LabelClassifier):
        assert isinstance(predicted, PredictedLabels)
        return write_label_predictions(predicted, classifier)
    assert isinstance(predicted, Predicted)
    frame = read_predictions(predicted.table)
    read = frame[frame["problem"] == ""]
    each = max(4, MAX_SHEET // (2 * len(classifier.classes) + 1))
    flagged = read[read["unknown"]].sort_values("unknown_score", ascending=False)
    ordinary = read[~read["unknown"]].sort_values("probability", ascending=False, kind="stable")
    groups = [_group("unknown", len(flagged), flagged.head(each), flagged.head(0), predicted)]
    for name in classifier.classes:
        rows = ordinary[ordinary["class"] == name]
        if rows.empty:
            continue
        doubtful = rows[rows["set_90"] != name].tail(each)[::-1]
        sure = rows.drop(doubtful.index).head(each)
        groups.append(_group(name, len(rows), sure, doubtful, predicted))
    page = (
        environment()
        .get_template("predictions.html")
        .render(
            name=predicted.table.name,
            predicted=predicted,
            classifier=classifier,
            groups=groups,
            confusion=_confusion(predicted),
            problems=frame[frame["problem"] != ""].head(MAX_ROWS).to_dict("records"),
            max_rows=MAX_ROWS,
        )
    )
    path = predicted.table.with_suffix(".html")
    write_whole(path, page)
    return path


def _group(
    name: str, count: int, sure: pd.DataFrame, doubtful: pd.DataFrame, predicted: Predicted
) -> dict[str, Any]:
    return {
        "name": name,
        "count": count,
        "sure": _items(sure, predicted),
        "doubtful": _items(doubtful, predicted),
    }


def _items(rows: pd.DataFrame, predicted: Predicted) -> list[dict[str, Any]]:
    ids = dict(zip(rows["path"], rows["id"], strict=True))
    made = thumbnails(predicted.source, ids)
    shown = rows.assign(thumbnail=[made.get(path, "") for path in rows["path"]])
    return [{str(name): value for name, value in row.items()} for row in shown.to_dict("records")]


def _confusion(predicted: Predicted) -> Table | None:
    if predicted.judged is None or predicted.judged.confusion.empty:
        return None
    return Table(
        "Confusion matrix",
        "Pictures that the classifier had not seen, by their label (rows) and the class they were "
        "given (columns).",
        predicted.judged.confusion.rename_axis(None, axis=1).reset_index(),
    )
