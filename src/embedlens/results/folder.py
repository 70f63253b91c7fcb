"""The study folder: where everything of a study lies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from embedlens.files import checksum, write_json
from embedlens.results.lock import hold


@dataclass(frozen=True)
class Record:
    """What one folder in ``results/`` holds: one backbone at one stage, or a part of that.

    Attributes
    ----------
    key : str
        Names all that the results depend on.
    backbone, stage : str
        Whose results they are.
    features : str or None
        The folder in ``features/`` that holds the features they are of; None where those were not
        kept.
    checksums : dict of str to str
        Of its tables and maps, by file name.
    """

    key: str
    backbone: str
    stage: str
    features: str | None
    checksums: dict[str, str]


class StudyFolder:
    """The paths of a study.

    Parameters
    ----------
    path : Path
        The folder. Nothing is made or read yet.

    Attributes
    ----------
    settings, images : Path
        ``study.toml``, ``images.parquet``.
    features, results, maps : Path
        A folder a backbone, and more for its other stages and splits.
    problems, findings, findings_key : Path
        What was wrong with pictures, and what a check found.
    costs : Path
        What a picture costs each backbone.
    trunks, networks : Path
        What fine-tuning keeps between runs, and the networks that it made.
    classifiers : Path
        Heads that were trained on all pictures, for `embedlens predict` and its like.
    unlabelled : Path
        Pictures without a label: what they are, where they lie on the maps, what is predicted.
    labels : Path
        What was labelled in the viewer.
    label_sets : Path
        Which labels each picture has, where these are several.
    tables, figures, paper, report, thumbnails : Path
        What is made of results for people.

    Examples
    --------
    >>> StudyFolder(Path("my-study")).report
    PosixPath('my-study/report.html')
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "study.toml"
        self.images = path / "images.parquet"
        self.features = path / "features"
        self.results = path / "results"
        self.maps = path / "maps"
        self.problems = self.results / "problems.parquet"
        self.findings = self.results / "findings.parquet"
        self.findings_key = self.results / "findings.key"
        self.costs = self.results / "costs.parquet"
        self.whole = self.results / "whole.json"
        self.trunks = path / "trunks"
        self.networks = path / "tuned"
        self.classifiers = path / "classifiers"
        self.unlabelled = path / "unlabelled"
        self.labels = path / "labels.csv"
        self.label_sets = path / "label_sets.parquet"
        self.tables = path / "tables"
        self.figures = path / "figures"
        self.paper = path / "paper"
        self.report = path / "report.html"
        self.thumbnails = path / "thumbnails"
        self._records = self.results / "folders.json"

    def hold(self) -> AbstractContextManager[None]:
        """Hold the folder while a run lasts; see ``embedlens.results.lock``."""
        return hold(self.path)

    def projection(self, name: str) -> Path:
        """Return the file of what moves new points onto the silhouette projection of a folder."""
        return self.maps / name / "silhouette_projection.npz"

    def tuned_network(self, name: str, suffix: str) -> Path:
        """Return the file or folder of a backbone's fine-tuned network; see ``Family``."""
        return self.networks / f"{name}{suffix}"

    def tuned_top(self, name: str) -> Path:
        """Return the file of the top that was trained with it."""
        return self.networks / f"{name}.top.npz"

    def table(self, name: str) -> Path:
        """Return the file of a table of all backbones."""
        return self.results / f"{name}.parquet"

    def record(self, name: str) -> Record | None:
        """Return the record of ``results/<name>``, or None where there is none."""
        try:
            read = json.loads(self._record_file(name).read_text(encoding="utf-8"))
            return Record(**{"features": None, **read})
        except (OSError, ValueError, TypeError):
            return None

    def write_record(self, part: Path, record: Record) -> None:
        """Write a record into the folder that will be ``results/<name>``."""
        (part / self._record_file("").name).write_text(json.dumps(asdict(record)), encoding="utf-8")

    def holds(self, name: str, key: str) -> bool:
        """Return whether ``results/<name>`` is here under this key, undamaged."""
        record = self.record(name)
        if record is None or record.key != key:
            return False
        return record.checksums == self.checksums(self.results / name, self.maps / name)

    def checksums(self, results: Path, maps: Path) -> dict[str, str]:
        """Hash the tables and maps of a backbone: those that were damaged since are not used."""
        files = sorted([*results.glob("*.parquet"), *maps.glob("*.np[yz]")])
        return {file.name: checksum(file) for file in files}

    def note_gathered(self, names: Sequence[str]) -> None:
        """Note which folders in ``results/`` the tables of all backbones are made of."""
        write_json(self._records, list(names))

    def gathered(self) -> dict[str, Record]:
        """Return the records of what the tables show, by the name of their folder.

        Other folders are of earlier runs, perhaps of another model of the same name.
        """
        try:
            names = json.loads(self._records.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            names = sorted(file.parent.name for file in self.results.glob("*/key.json"))
        records = {name: self.record(name) for name in names}
        return {name: record for name, record in records.items() if record is not None}

    def _record_file(self, name: str) -> Path:
        return self.results / name / "key.json"
