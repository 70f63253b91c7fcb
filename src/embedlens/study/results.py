"""What came of a study, as tidy tables in its folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.given_path import given_path
from embedlens.study.analysis import Analysis
from embedlens.study.findings import read_findings
from embedlens.study.gathered import gathered, note_gathered
from embedlens.study.settings import Settings

TABLES = ("backbones", "measures", "predictions", "histories", "tunings", "silhouettes")

_HISTORY = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "repeat")
_TUNING = (
    "repeat", "unfreeze", "layer", "parameters", "best_epoch", "epochs", "augment", "seconds"
)  # fmt: skip


@dataclass(frozen=True)
class Results:
    """The results of a study.

    Attributes
    ----------
    name : str
        The study folder's name.
    settings : Settings
        What it was run with.
    pictures : DataFrame
        ``images.parquet``: path, id, label, split, width, height, format, bytes, kept, problem.
        The first ``kept`` rows are the pictures in the order of every other table.
    problems : DataFrame
        Columns path, kind, reason, kept.
    backbones : DataFrame
        A row a backbone: backbone, network, family, weights (origin), pretrained, size, pooling,
        precision, engine, versions, features, feature_map, parameters, parameters_to_cut,
        pictures_per_second, embedded, seconds.
    measures : DataFrame
        Tidy: study, backbone, stage, metric, split, repeat, value, seconds.
    predictions : DataFrame
        Of test pictures: backbone, stage, head, repeat, picture (row), predicted, confidence.
    histories : DataFrame
        Of the study's top, a row an epoch: backbone, stage, epoch, loss, accuracy,
        validation_loss, validation_accuracy, repeat. Stage "tuned" is top and tail together;
        its epoch 0 is before any tuning.
    tunings : DataFrame
        A row a fine-tuning: backbone, stage, repeat, unfreeze, layer (where the tail begins),
        parameters (of the tail, trained), best_epoch (kept), epochs, augment, seconds.
    silhouettes : DataFrame
        Euclidean, of all pictures together: backbone, stage, picture (row), features, pca, tsne.
        Of stage "tuned" those of repeat 0.
    findings : DataFrame or None
        What `embedlens.curation.check` found; None where the pictures were not checked.
    maps : dict of (backbone, stage) to dict of str to ndarray
        Coordinates, (pictures, 3), by the map's name; of stage "tuned" those of repeat 0.
    """

    name: str
    settings: Settings
    pictures: pd.DataFrame
    problems: pd.DataFrame
    backbones: pd.DataFrame
    measures: pd.DataFrame
    predictions: pd.DataFrame
    histories: pd.DataFrame
    tunings: pd.DataFrame
    silhouettes: pd.DataFrame
    maps: dict[tuple[str, str], dict[str, NDArray[np.float32]]]
    findings: pd.DataFrame | None = None

    def mean(self, metric: str, split: str = "all", stage: str = "pretrained") -> pd.Series:
        """Return a measure's mean over the repeats that measured it, by backbone."""
        rows = self.measures.query("metric == @metric and split == @split and stage == @stage")
        means: pd.Series = rows.groupby("backbone", sort=False)["value"].mean()
        return means

    def first(self, metric: str, split: str = "test", stage: str = "pretrained") -> pd.Series:
        """Return a measure of the first repeat's split alone, by backbone.

        A map that learned from labels may be judged by no other: what it is compared with must be
        of the same pictures.
        """
        rows = self.measures.query(
            "metric == @metric and split == @split and stage == @stage and repeat == 0"
        )
        values: pd.Series = rows.set_index("backbone")["value"]
        return values

    def seconds(self, metric: str, stage: str = "pretrained") -> pd.Series:
        """Return the seconds that a measure took, the mean over repeats, by backbone."""
        rows = self.measures.query("metric == @metric and stage == @stage and seconds > 0")
        means: pd.Series = rows.groupby("backbone", sort=False)["seconds"].mean()
        return means


def write_analysis(
    study: Path, name: str, key: str, backbone: dict[str, Any], stage: str, analysis: Analysis
) -> None:
    """Write ``maps/<name>`` and ``results/<name>`` of a study, each whole or not at all.

    Parameters
    ----------
    study : Path
        The study folder.
    name : str
        The folder; what it held is replaced.
    key : str
        Names all that the results depend on.
    backbone : dict
        The row of ``Results.backbones``; its name alone where the row is told elsewhere.
    stage : {"pretrained", "tuned"}
        Which weights the features come from.
    analysis : Analysis
        What was measured.
    """
    if analysis.maps:
        with _replaced(study / "maps" / name) as part:
            for map_name, coordinates in analysis.maps.items():
                np.save(part / f"{map_name}.npy", coordinates)
    head = {"backbone": backbone["backbone"], "stage": stage}
    tables = {
        "backbones": pd.DataFrame([backbone] if len(backbone) > 1 else []),
        "measures": pd.DataFrame(analysis.measures),
        "predictions": pd.concat(analysis.predictions or [pd.DataFrame()], ignore_index=True),
        "histories": pd.concat(
            analysis.histories or [pd.DataFrame(columns=_HISTORY)], ignore_index=True
        ),
        "tunings": pd.DataFrame(analysis.tunings, columns=_TUNING),
        "silhouettes": analysis.silhouettes.rename_axis("picture").reset_index(),
    }
    with _replaced(study / "results" / name) as part:
        for table_name, table in tables.items():
            if table_name != "backbones":
                table = pd.concat([pd.DataFrame(head, index=table.index), table], axis=1)
            table.to_parquet(part / f"{table_name}.parquet", index=False)
        sums = checksums(part, study / "maps" / name)
        (part / "key.json").write_text(
            json.dumps({"key": key, "checksums": sums, **head}), encoding="utf-8"
        )


def has_analysis(folder: Path, key: str) -> bool:
    """Return whether a backbone's results are here under this key."""
    try:
        found: dict[str, Any] = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    maps = folder.parent.parent / "maps" / folder.name
    return bool(found.get("key") == key and found.get("checksums") == checksums(folder, maps))


def checksums(results: Path, maps: Path) -> dict[str, str]:
    """Hash the tables and maps of a backbone: those that were damaged since are not used."""
    files = sorted([*results.glob("*.parquet"), *maps.glob("*.npy")])
    return {
        file.name: hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest() for file in files
    }


def gather(study: Path, names: list[str]) -> None:
    """Put the results of several backbones together in ``results/<table>.parquet``."""
    results = study / "results"
    for table_name in TABLES:
        parts = [pd.read_parquet(results / name / f"{table_name}.parquet") for name in names]
        table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        if table_name == "measures":
            table.insert(0, "study", study.name)
        temporary = results / f"{table_name}.tmp"
        table.to_parquet(temporary, index=False)
        temporary.replace(results / f"{table_name}.parquet")
    note_gathered(results, names)


def read_results(study: Path) -> Results:
    """Read a study's results from its folder.

    Raises
    ------
    StudyError
        If it is no study folder.
    FileNotFoundError
        If the study has not been run to its end.
    """
    settings = Settings.read(study / "study.toml")
    tables = {name: pd.read_parquet(study / "results" / f"{name}.parquet") for name in TABLES}
    known = set(tables["backbones"]["backbone"])
    maps: dict[tuple[str, str], dict[str, NDArray[np.float32]]] = {}
    for folder in gathered(study):
        head = json.loads((folder / "key.json").read_text(encoding="utf-8"))
        if head["backbone"] in known:
            found = read_maps(study, folder.name)
            if found:
                maps[head["backbone"], head["stage"]] = found
    return Results(
        name=study.name,
        settings=settings,
        pictures=pd.read_parquet(study / "images.parquet"),
        problems=pd.read_parquet(study / "results" / "problems.parquet"),
        maps=maps,
        findings=read_findings(study),
        **tables,
    )


def read_maps(study: Path, name: str) -> dict[str, NDArray[np.float32]]:
    """Return the coordinates in a folder of ``maps/`` by the map's name; none if it is absent."""
    return {path.stem: np.load(path) for path in sorted((study / "maps" / name).glob("*.npy"))}


def finished_results(study: Path) -> Results:
    """Read a study's results for somebody who wants to see them.

    Raises
    ------
    StudyError
        If it is no study folder, or the study has not been run to its end.
    """
    try:
        return read_results(given_path(study).resolve())
    except FileNotFoundError as error:
        raise StudyError(
            f"{study} has no results yet: its study did not run to the end. Run it again, "
            f"`embedlens study PHOTOS --out {study}`: what it did is kept."
        ) from error


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill, and put it in the place of ``folder`` at the end."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
