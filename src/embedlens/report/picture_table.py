"""One tidy table, a row a picture, with all that a study found out about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from embedlens.errors import StudyError
from embedlens.features.store import read_features
from embedlens.files import replacing
from embedlens.given_path import given_path
from embedlens.results import Results
from embedlens.results.provenance import expect_folder
from embedlens.results.results import feature_folders, results_of_any
from embedlens.viewer.scene import backbone_key

if TYPE_CHECKING:
    import pyarrow


def export_parquet(study: Path, out: Path, *, features: bool = False) -> Path:
    """Write a study's `picture_table` as Parquet.

    Parameters
    ----------
    study : Path
        The study folder.
    out : Path
        The folder to write to.
    features : bool, default False
        Whether to add the features of each backbone, a column of lists of float32. They are most
        of the file, and lie in ``features/`` of the study already.

    Returns
    -------
    Path
        ``pictures.parquet``.

    Raises
    ------
    StudyError
        If it is no finished study, or features are asked for that are gone.
    """
    import pyarrow
    import pyarrow.parquet

    study, out = given_path(study), given_path(out)
    expect_folder(out)
    results = results_of_any(study)
    table = pyarrow.Table.from_pandas(picture_table(results), preserve_index=False)
    if features:
        table = _with_features(table, Path(study), results)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "pictures.parquet"
    with replacing(path) as partial:
        pyarrow.parquet.write_table(table, partial)
    return path


def export_csv(study: Path, out: Path) -> Path:
    """Write a study's `picture_table` as CSV, for spreadsheets.

    Parameters
    ----------
    study : Path
        The study folder.
    out : Path
        The folder to write to.

    Returns
    -------
    Path
        ``pictures.csv``, UTF-8 with a mark of it, which spreadsheets look for.

    Raises
    ------
    StudyError
        If it is no finished study.
    """
    study, out = given_path(study), given_path(out)
    expect_folder(out)
    table = picture_table(results_of_any(study))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "pictures.csv"
    with replacing(path) as partial:
        table.to_csv(partial, index=False, encoding="utf-8-sig")
    return path


def picture_table(results: Results) -> pd.DataFrame:
    """Return a row a picture.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        Columns path, id, class, split, width, height; and of each backbone B, or "B tuned":
        ``B.HEAD.predicted`` and ``B.HEAD.confidence`` (test pictures of the first split; missing
        elsewhere), ``B.MAP.x``, ``.y``, ``.z``, and ``B.silhouette.SPACE``. Of pictures with
        several labels each instead of class the list ``labels`` and a column ``label.L`` of bool
        for each label L, and of heads ``B.HEAD.score.L``.
    """
    kept = results.pictures[results.pictures["kept"]].reset_index(drop=True)
    columns = {"path": kept["path"], "id": kept["id"]}
    if results.label_sets is None:
        columns["class"] = kept["label"]
    else:
        columns["labels"] = kept["label"]
        sets = results.label_sets.reset_index(drop=True)
        columns |= {f"label.{name}": sets[name] for name in sets}
    columns |= {name: kept[name] for name in ("split", "width", "height")}
    for (backbone, stage), maps in results.maps.items():
        key = backbone_key(backbone, stage)
        told = _scores if results.label_sets is not None else _predictions
        columns |= {f"{key}.{name}": values for name, values in told(results, backbone, stage)}
        for method, points in maps.items():
            for axis, values in zip("xyz", points.T, strict=False):
                columns[f"{key}.{method}.{axis}"] = pd.Series(values)
        silhouettes = _of_backbone(results.silhouettes, backbone, stage)
        if silhouettes.empty:
            continue
        silhouettes = silhouettes.set_index("picture").reindex(kept.index)
        for space in silhouettes.columns.drop(["backbone", "stage"]):
            columns[f"{key}.silhouette.{space}"] = silhouettes[space]
    return pd.DataFrame(columns)


def _predictions(results: Results, backbone: str, stage: str) -> Iterator[tuple[str, pd.Series]]:
    """Yield what heads say of the test pictures of the first split, by row."""
    own = _of_backbone(results.predictions, backbone, stage).query("repeat == 0")
    for head, rows in own.groupby("head"):
        told = rows.set_index("picture")
        yield f"{head}.predicted", told["predicted"]
        yield f"{head}.confidence", told["confidence"]


def _scores(results: Results, backbone: str, stage: str) -> Iterator[tuple[str, pd.Series]]:
    """Yield how sure heads are of each label of those pictures, by row."""
    assert results.label_sets is not None
    own = _of_backbone(results.label_scores, backbone, stage).query("repeat == 0")
    for head, rows in own.groupby("head"):
        scores = np.stack(rows["scores"].to_list())
        for name, column in zip(results.label_sets, scores.T, strict=True):
            yield f"{head}.score.{name}", pd.Series(column, index=rows["picture"])


def _of_backbone(table: pd.DataFrame, backbone: str, stage: str) -> pd.DataFrame:
    return table[(table["backbone"] == backbone) & (table["stage"] == stage)]


def _with_features(table: pyarrow.Table, study: Path, results: Results) -> pyarrow.Table:
    import pyarrow

    found = feature_folders(study, results)
    if missing := set(results.maps) - set(found):
        names = ", ".join(sorted(backbone_key(*key) for key in missing))
        raise StudyError(f"{study} has no features of {names} any more; run the study again.")
    for key, folder in found.items():
        values = np.asarray(read_features(folder))
        flat = pyarrow.array(values.reshape(-1))
        lists = pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
        table = table.append_column(f"{backbone_key(*key)}.features", lists)
    return table
