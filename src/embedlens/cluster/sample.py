"""What stands for all pictures where the work grows faster than they do: a sample by class.

A study of the sample is a study as any other, in a folder that one machine can go on with. Workers
compute what takes long of it; under the keys that it would have here, so that a run here takes
what they made for its own, and makes the rest.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from embedlens.backbones import Backbone
from embedlens.cluster.assembly import features_of
from embedlens.cluster.embedding import FACTS
from embedlens.cluster.parts import rows_of
from embedlens.cluster.pool import Maker
from embedlens.cluster.storage import Storage
from embedlens.errors import EmbedlensError
from embedlens.features.store import FeatureStore
from embedlens.files import content_key, replacing
from embedlens.images import ImageSet
from embedlens.images.url import is_url
from embedlens.metrics.stratified import sample_by_content
from embedlens.results.folder import StudyFolder
from embedlens.results.settings import Settings
from embedlens.study.backbone_steps import BackboneSteps
from embedlens.study.embedded import folder_name

TITLE = b"title"  # of the backbone, in the metadata of the sample's features

_FORMAT = 1  # raise it when the same sample begins to give other files


@dataclass(frozen=True)
class Sample:
    """Some of the pictures, drawn by class.

    Attributes
    ----------
    rows : DataFrame
        id, path (in full), label, split.
    of : int
        How many it was drawn of.
    """

    rows: pd.DataFrame
    of: int

    @classmethod
    def drawn(cls, rows: pd.DataFrame, root: str, size: int, seed: int) -> Sample:
        """Draw a sample; all, where there are no more than ``size``.

        Parameters
        ----------
        rows : DataFrame
            id, path, label and split of all that have features of every backbone.
        root : str
            Where paths begin.
        size, seed : int
            As for ``sample_by_content``.

        Raises
        ------
        EmbedlensError
            If pictures lie in an archive, where a table cannot name them.
        """
        if not is_url(root) and not Path(root).is_dir():
            raise EmbedlensError(
                f"{root} is an archive: a study on a cluster needs pictures that have a path or a "
                "URL each. Unpack it where every node reaches it."
            )
        chosen = sample_by_content(rows["label"], rows["id"], size, seed)
        taken = rows.iloc[chosen].reset_index(drop=True)
        paths = [_in_full(root, path) for path in taken["path"]]
        return cls(taken.assign(path=paths), len(rows))

    def write(self, file: Path) -> None:
        """Write it as a table that is read as pictures."""
        columns = ["path", "label"]
        if (self.rows["split"] != "").all():
            columns.append("split")
        with replacing(file) as partial:
            self.rows[columns].to_csv(partial, index=False, encoding="utf-8")


def _in_full(root: str, path: str) -> str:
    if is_url(path) or Path(path).is_absolute():
        return path
    return f"{root.rstrip('/')}/{path}"


@dataclass(frozen=True)
class TakeRows:
    """Of a part the features of pictures that are in the sample: ``id`` and ``features``.

    Attributes
    ----------
    storage : Storage
        Where the shards of a part are.
    ids : frozenset of str
        The sample.
    """

    storage: Storage
    ids: frozenset[str]
    name = "taken"

    @property
    def key(self) -> str:
        """What is taken besides the part."""
        return content_key([_FORMAT, sorted(self.ids)])

    def start(self) -> Maker:
        """Return the function of a part."""

        def taken(part: Any) -> Any:
            import pyarrow as pa

            tables = []
            for rows in rows_of(self.storage, part):
                found = [row for row, each in enumerate(rows.ids) if each in self.ids]
                values = rows.features[found]
                features = pa.FixedSizeListArray.from_arrays(
                    pa.array(values.ravel()), rows.features.shape[1]
                )
                ids = pa.array([rows.ids[row] for row in found], pa.string())
                tables.append(pa.table([ids, features], ["id", "features"]))
            return pa.concat_tables(tables).combine_chunks()

        return taken


@dataclass(frozen=True)
class MeasureSample:
    """Heads, neighbours, maps and scores of a backbone on the sample: files of a study folder.

    It is made of the sample's features, whose metadata name the backbone. A row a file: its
    ``path`` in the folder, and its ``data``.

    Attributes
    ----------
    backbones : dict of str to Backbone
        What embedded the pictures, by what the study calls it.
    settings : Settings
        Of the study.
    images : ImageSet
        The sample.
    """

    backbones: dict[str, Backbone]
    settings: Settings
    images: ImageSet
    name = "analysed"

    @property
    def key(self) -> str:
        """All that the files depend on besides the backbone and its features."""
        settings = asdict(self.settings)
        for name in ("pictures", "backbones", "weights", "transforms"):
            del settings[name]
        images = self.images
        groups, times = images.groups.tolist(), images.times.tolist()
        versions = [version(name) for name in ("embedlens", "numpy", "scikit-learn")]
        return content_key([_FORMAT, versions, images.fingerprint, groups, times, settings])

    def start(self) -> Maker:
        """Return the function of a table of the sample's features."""

        def analysed(table: Any) -> Any:
            title = table.schema.metadata[TITLE].decode()
            with tempfile.TemporaryDirectory() as place:
                folder = StudyFolder(Path(place))
                store_rows(folder, self.backbones[title], self.settings, self.images, table)
                steps = BackboneSteps(
                    folder, self.settings, self.images, lambda step, done, total: None
                )
                one = steps.embed(self.backbones[title], title)
                steps.train_heads(one)
                steps.measure_rest(one)
                return _packed(folder, one.name)

        return analysed


def sample_table(tables: Sequence[Any], title: str, facts: bytes) -> Any:
    """Return the features of a sample in one table that says what they are of.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        What `TakeRows` made of each part.
    title : str
        As the study calls the backbone.
    facts : bytes
        What the engine said of it.
    """
    import pyarrow as pa

    whole = pa.concat_tables(tables).combine_chunks()
    return whole.replace_schema_metadata({TITLE: title.encode(), FACTS: facts})


def store_rows(
    folder: StudyFolder,
    backbone: Backbone,
    settings: Settings,
    images: ImageSet,
    table: Any,
) -> None:
    """Write the features of a sample into a study folder, as embedding would.

    Pictures of more than eight bits have what is black and white in common, and a sample of them
    may have another than all: their ids are then others, and embedding goes on with these.

    Parameters
    ----------
    folder : StudyFolder
        The study's.
    backbone : Backbone
        What embedded the pictures.
    settings : Settings
        Of the study.
    images : ImageSet
        The sample.
    table : pyarrow.Table
        As `sample_table` returns it, of at least these pictures.
    """
    recipe, ids = settings.recipe(backbone), images.ids.tolist()
    store = FeatureStore(folder.features / folder_name(backbone), recipe.key(), ids)
    if store.load() is not None:
        return
    values = features_of(table)
    places = {each: row for row, each in enumerate(table["id"].to_pylist())}
    folder.features.mkdir(parents=True, exist_ok=True)
    writer = store.writer(values.shape[1])
    try:
        for row in writer.missing.tolist():
            if ids[row] in places:
                writer.write(row, values[places[ids[row]]])
        missing = len(writer.missing)
    finally:
        writer.close()
    if missing:
        return
    # What it took is that of all pictures, on all nodes: no speed of this machine.
    facts = json.loads(table.schema.metadata[FACTS])
    store.finish({**recipe.record(), **facts, "embedded": 0, "seconds": 0.0})


def _packed(folder: StudyFolder, name: str) -> Any:
    import pyarrow as pa

    files = sorted(_files(folder, name))
    paths = [file.relative_to(folder.path).as_posix() for file in files]
    return pa.table({
        "path": pa.array(paths, pa.string()),
        "data": pa.array([file.read_bytes() for file in files], pa.large_binary()),
    })  # fmt: skip


def _files(folder: StudyFolder, name: str) -> Iterator[Path]:
    """Yield what was measured of a backbone: results, maps, and neighbours beside features."""
    for place in (folder.results / f"{name}.heads", folder.results / name, folder.maps / name):
        yield from (file for file in place.rglob("*") if file.is_file())
    yield from (folder.features / name).glob("*.npz")


def unpack(table: Any, folder: StudyFolder) -> None:
    """Write the files that `MeasureSample` made into a study folder.

    The record of a folder of results says that it is whole, and is written last.
    """
    rows = sorted(table.to_pylist(), key=lambda row: row["path"].endswith("key.json"))
    for row in rows:
        file = folder.path / row["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(row["data"])


def matches(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose id is among others': pictures that both backbones have features of."""
    return rows[np.isin(rows["id"].to_numpy(str), others["id"].to_numpy(str))]
