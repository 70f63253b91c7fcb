"""What came of a study, as tidy tables in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.features.store import holds_features_of
from embedlens.files import replacing
from embedlens.given_path import given_path
from embedlens.results.findings import read_findings
from embedlens.results.folder import Record, StudyFolder
from embedlens.results.measurements import HISTORY, Measurements, Tuning
from embedlens.results.settings import Settings
from embedlens.results.unlabelled import Unlabelled, read_unlabelled
from embedlens.results.whole import Whole, read_whole

TABLES = (
    "backbones", "measures", "predictions", "histories", "tunings", "silhouettes", "random_splits",
    "curves", "calibrations", "retrievals", "label_scores", "label_curves",
)  # fmt: skip
# Those that a study of an earlier version lacks.
_LATER = {
    "random_splits": ["repeat", "picture", "right"],
    "curves": ["draw", "labels", "picture", "hits", "shown"],
    "calibrations": [
        "head", "repeat", "picture", "right", "confidence", "calibrated", "in_set", "set_size",
    ],
    "retrievals": ["repeat", "picture", "first", "average_precision"],
    "label_scores": ["head", "repeat", "picture", "scores"],
    "label_curves": ["draw", "labels", "picture", "scores"],
}  # fmt: skip


@dataclass(frozen=True, eq=False)  # tables do not compare; what is judged of them is kept
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
        Euclidean, of all pictures together: backbone, stage, picture (row), features, and the maps
        by their key.
        Of stage "tuned" those of repeat 0.
    costs : DataFrame or None
        What a picture costs each backbone, a row a round of all of them in turn: backbone, round,
        milliseconds, operations (multiply-adds, NaN where they cannot be counted). None where it
        was not measured.
    random_splits : DataFrame
        What a linear probe gets right on splits that know nothing of groups or time: backbone,
        stage, repeat, picture (row), right. No row where the study splits at random.
    curves : DataFrame
        Of linear probes by the number of labels: backbone, stage, draw, labels, picture (row),
        hits, shown.
    calibrations : DataFrame
        Of test pictures: backbone, stage, head, repeat, picture (row), right, confidence,
        calibrated, in_set, set_size.
    retrievals : DataFrame
        Of test pictures as queries among the others: backbone, stage, repeat, picture (row), first
        (the place of the nearest of its class, 0 for none), average_precision.
    findings : DataFrame or None
        What `embedlens.curation.check` found; None where the pictures were not checked.
    maps : dict of (backbone, stage) to dict of str to ndarray
        Coordinates, (pictures, 3), by the map's name; of stage "tuned" those of repeat 0.
    whole : Whole or None
        What was measured of all pictures, where a cluster embedded them and every other table is of
        a sample.
    unlabelled : Unlabelled or None
        Pictures without a label, where the study was given some; no other table holds them.
    label_sets : DataFrame or None
        Which labels each picture has, a column a label, bool, in the order of the pictures. None
        where a picture has one class. Tables of what takes one class a picture are empty if it is
        there.
    label_scores : DataFrame
        Of test pictures with several labels: backbone, stage, head, repeat, picture (row), scores
        (a list, one a label, NaN where a label was not learned). No row where a picture has one
        class.
    label_curves : DataFrame
        Of probes of several labels by the number of pictures that they learned from: backbone,
        stage, draw, labels (that number), picture (row), scores.
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
    random_splits: pd.DataFrame
    curves: pd.DataFrame
    calibrations: pd.DataFrame
    retrievals: pd.DataFrame
    findings: pd.DataFrame | None = None
    costs: pd.DataFrame | None = None
    whole: Whole | None = None
    unlabelled: Unlabelled | None = None
    label_sets: pd.DataFrame | None = None
    label_scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    label_curves: pd.DataFrame = field(default_factory=pd.DataFrame)

    def mean(self, metric: str, split: str = "all", stage: str = "pretrained") -> pd.Series:
        """Return a measure's mean over the repeats that measured it, by backbone."""
        rows = self.measured(metric=metric, split=split, stage=stage)
        means: pd.Series = rows.groupby("backbone", sort=False)["value"].mean()
        return means

    def first(self, metric: str, split: str = "test", stage: str = "pretrained") -> pd.Series:
        """Return a measure of the first repeat's split alone, by backbone.

        A map that learned from labels may be judged by no other: what it is compared with must be
        of the same pictures.
        """
        rows = self.measured(metric=metric, split=split, stage=stage, repeat=0)
        values: pd.Series = rows.set_index("backbone")["value"]
        return values

    def seconds(self, metric: str, stage: str = "pretrained") -> pd.Series:
        """Return the seconds that a measure took, the mean over repeats, by backbone."""
        rows = self.measured(metric=metric, stage=stage)
        rows = rows[rows["seconds"] > 0]
        means: pd.Series = rows.groupby("backbone", sort=False)["seconds"].mean()
        return means

    def measured(self, **values: object) -> pd.DataFrame:
        """Return the rows of ``measures`` that have these values in the columns of these names."""
        found = np.ones(len(self.measures), bool)
        for column, value in values.items():
            found &= (self.measures[column] == value).to_numpy(bool)
        return self.measures[found]


def rows_by_backbone(results: Results, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return a table's rows of pretrained backbones, by backbone, in the order of the study."""
    rows = table[table["stage"] == "pretrained"]
    found = {str(name): own for name, own in rows.groupby("backbone")}
    return {name: found[name] for name in results.backbones["backbone"] if name in found}


def write_measurements(
    folder: StudyFolder,
    name: str,
    key: str,
    backbone: dict[str, Any],
    stage: str,
    measured: Measurements,
    features: str | None,
) -> None:
    """Write ``maps/<name>`` and ``results/<name>`` of a study, each whole or not at all.

    Parameters
    ----------
    folder : StudyFolder
        The study's.
    name : str
        What it held is replaced.
    key : str
        Names all that the results depend on.
    backbone : dict
        The row of ``Results.backbones``; its name alone where the row is told elsewhere.
    stage : {"pretrained", "tuned"}
        Which weights the features come from.
    measured : Measurements
        What was measured.
    features : str or None
        The folder of the features, where they are kept.
    """
    maps, results = folder.maps / name, folder.results / name
    if measured.maps:
        with _replaced(maps) as part:
            for key_of_map, coordinates in measured.maps.items():
                np.save(part / f"{key_of_map}.npy", coordinates)
            for key_of_map, projection in measured.projections.items():
                projection.save(part / f"{key_of_map}.npz")
    whose = {"backbone": backbone["backbone"], "stage": stage}
    with _replaced(results) as part:
        facts = pd.DataFrame([backbone] if len(backbone) > 1 else [])
        facts.to_parquet(part / "backbones.parquet", index=False)
        for table_name, table in _tables(measured).items():
            table = pd.concat([pd.DataFrame(whose, index=table.index), table], axis=1)
            table.to_parquet(part / f"{table_name}.parquet", index=False)
        checksums = folder.checksums(part, maps)
        folder.write_record(part, Record(key, **whose, features=features, checksums=checksums))


def _tables(measured: Measurements) -> dict[str, pd.DataFrame]:
    histories = measured.histories or (pd.DataFrame(columns=list(HISTORY)),)
    tunings = [asdict(each) for each in measured.tunings]
    later = {
        name: pd.concat(getattr(measured, name) or (pd.DataFrame(columns=columns),))
        for name, columns in _LATER.items()
    }
    return {
        **{name: table.reset_index(drop=True) for name, table in later.items()},
        "measures": measured.table(),
        "predictions": pd.concat(measured.predictions or (pd.DataFrame(),), ignore_index=True),
        "histories": pd.concat(histories, ignore_index=True),
        "tunings": pd.DataFrame(tunings, columns=list(Tuning.__dataclass_fields__)),
        "silhouettes": measured.silhouettes.rename_axis("picture").reset_index(),
    }


def gather(folder: StudyFolder, names: list[str]) -> None:
    """Put the results of several backbones together in ``results/<table>.parquet``."""
    for table_name, table in _together(folder, names).items():
        with replacing(folder.table(table_name)) as partial:
            table.to_parquet(partial, index=False)
    folder.note_gathered(names)


def _together(folder: StudyFolder, names: list[str]) -> dict[str, pd.DataFrame]:
    """Return the tables of several folders in ``results/``, one below the other."""
    tables = {}
    for table_name in TABLES:
        parts = [_part(folder.results / name, table_name) for name in names]
        table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        if table_name == "measures":
            table.insert(0, "study", folder.path.name)
        tables[table_name] = table
    return tables


def _part(results: Path, table_name: str) -> pd.DataFrame:
    """Return one table of one backbone; empty where an earlier version did not write it."""
    file = results / f"{table_name}.parquet"
    if table_name in _LATER and not file.is_file():
        return pd.DataFrame(columns=["backbone", "stage", *_LATER[table_name]])
    return pd.read_parquet(file)


def read_results(study: Path) -> Results:
    """Read a study's results from its folder.

    Raises
    ------
    StudyError
        If it is no study folder.
    FileNotFoundError
        If the study has not been run to its end.
    """
    folder = StudyFolder(study)
    settings = Settings.read(folder.settings)
    tables = {
        name: pd.DataFrame(columns=["backbone", "stage", *_LATER[name]])
        if name in _LATER and not folder.table(name).is_file()
        else pd.read_parquet(folder.table(name))
        for name in TABLES
    }
    return _results(folder, settings, tables, folder.gathered(), read_findings(folder.findings))


def read_some_results(folder: StudyFolder, settings: Settings, names: list[str]) -> Results:
    """Read what is there of a study that runs: of some folders in ``results/``."""
    records = {name: found for name in names if (found := folder.record(name)) is not None}
    return _results(folder, settings, _together(folder, names), records, None)


def _results(
    folder: StudyFolder,
    settings: Settings,
    tables: dict[str, pd.DataFrame],
    records: dict[str, Record],
    findings: pd.DataFrame | None,
) -> Results:
    known = set(tables["backbones"]["backbone"])
    maps = {
        (record.backbone, record.stage): found
        for name, record in records.items()
        if record.backbone in known and (found := read_maps(folder, name))
    }
    return Results(
        name=folder.path.name,
        settings=settings,
        pictures=pd.read_parquet(folder.images),
        problems=pd.read_parquet(folder.problems),
        maps=maps,
        findings=findings,
        costs=pd.read_parquet(folder.costs) if folder.costs.is_file() else None,
        whole=read_whole(folder),
        unlabelled=read_unlabelled(folder, settings.unlabelled) if settings.unlabelled else None,
        label_sets=pd.read_parquet(folder.label_sets) if folder.label_sets.is_file() else None,
        **tables,
    )


def read_maps(folder: StudyFolder, name: str) -> dict[str, NDArray[np.float32]]:
    """Return the coordinates in a folder of ``maps/`` by the map's key; none if it is absent."""
    return {path.stem: np.load(path) for path in sorted((folder.maps / name).glob("*.npy"))}


def feature_folders(study: Path, results: Results) -> dict[tuple[str, str], Path]:
    """Find the folder of features of each backbone and stage.

    Parameters
    ----------
    study : Path
        The study folder.
    results : Results
        What was read from it.

    Returns
    -------
    dict of (backbone, stage) to Path
        Without those that are gone, or are of other pictures than the results.
    """
    folder = StudyFolder(study)
    ids = results.pictures["id"][results.pictures["kept"]].to_list()
    kept = {
        (record.backbone, record.stage): folder.features / record.features
        for record in folder.gathered().values()
        if record.features is not None
    }
    return {
        stage: features
        for stage, features in kept.items()
        if stage in results.maps and holds_features_of(features, ids)
    }


def results_of_any(study: Path) -> Results:
    """Read the results of a study, whether its pictures have one class or several labels each.

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
