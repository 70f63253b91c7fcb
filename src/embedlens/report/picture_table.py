"""One tidy table, a row a picture, with all that a study found out about it."""

from __future__ import annotations

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
from embedlens.results.results import feature_folders, finished_results
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
    results = finished_results(study)
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
    table = picture_table(finished_results(study))
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
        elsewhere), ``B.MAP.x``, ``.y``, ``.z``, and ``B.silhouette.SPACE``.
    """
    kept = results.pictures[results.pictures["kept"]].reset_index(drop=True)
    columns = {
        "path": kept["path"], "id": kept["id"], "class": kept["label"], "split": kept["split"],
        "width": kept["width"], "height": kept["height"],
    }  # fmt: skip
    first = results.predictions.query("repeat == 0")
    for (backbone, stage), maps in results.maps.items():
        key = backbone_key(backbone, stage)
        own = first.query("backbone == @backbone and stage == @stage")
        for head, rows in own.groupby("head"):
            told = rows.set_index("picture").reindex(kept.index)
            columns[f"{key}.{head}.predicted"] = told["predicted"]
            columns[f"{key}.{head}.confidence"] = told["confidence"]
        for method, points in maps.items():
            for axis, values in zip("xyz", points.T, strict=False):
                columns[f"{key}.{method}.{axis}"] = pd.Series(values)
        silhouettes = results.silhouettes.query("backbone == @backbone and stage == @stage")
        silhouettes = silhouettes.set_index("picture").reindex(kept.index)
        for space in silhouettes.columns.drop(["backbone", "stage"]):
            columns[f"{key}.silhouette.{space}"] = silhouettes[space]
    return pd.DataFrame(columns)


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
