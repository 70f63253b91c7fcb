"""A study on a cluster: sums over all pictures, and a study of a sample of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.backbones import Backbone
from embedlens.cluster.connection import connected, import_ray
from embedlens.cluster.embed import StepProgress
from embedlens.cluster.embedding import FACTS, EmbedStep
from embedlens.cluster.identify import Identify, ranges_of
from embedlens.cluster.listing import SHARD_ROWS, Listing, list_pictures, write_listing
from embedlens.cluster.parts import SHARDS, write_parts
from embedlens.cluster.pool import Step, run_step
from embedlens.cluster.sample import (
    MeasureSample,
    Sample,
    TakeRows,
    matches,
    sample_table,
    store_rows,
    unpack,
)
from embedlens.cluster.shards import Shard, read_shard, undamaged, write_shard, written
from embedlens.cluster.storage import Storage
from embedlens.cluster.whole import AddUp, MeasureEach, measures_of, packed_sums
from embedlens.errors import ImageSetError, StudyError
from embedlens.files import content_key
from embedlens.given_path import given_path
from embedlens.images import ImageSet, resolved
from embedlens.metrics.stratified import SAMPLE
from embedlens.results.folder import StudyFolder
from embedlens.results.provenance import Provenance, claim
from embedlens.results.whole import Whole, read_whole, write_whole
from embedlens.study import Study
from embedlens.study.embedded import folder_name
from embedlens.study.reading import read_labelled

_ROWS = ["id", "path", "label", "split"]


def study_of(
    place: str | Path,
    backbones: Iterable[str] | None = None,
    *,
    out: str | Path,
    sample: int = SAMPLE,
    store: str | Path | None = None,
    address: str = "auto",
    cpus: int = 1,
    shard_rows: int = SHARD_ROWS,
    part_shards: int = SHARDS,
    progress: StepProgress | None = None,
    **settings: Any,
) -> Study:
    """Embed pictures on a cluster and measure them there, into a study folder.

    Of all pictures are embedded: principal components, and silhouettes by squared Euclidean and
    cosine distance, exact, of each picture and class (``Results.whole``). What grows faster than
    the pictures, which are heads, neighbours, maps and scores, is of a sample by class, and also
    computed by workers. The folder is a study of that sample, ``sample.csv``, as any other: the
    commands that take a study take it.

    Parameters
    ----------
    place : str or path
        As for `embed`, with a class each.
    backbones, **settings
        As for ``Study``; their weights must be on every node. The top and fine-tuning, groups,
        times and pictures without a label are for one machine.
    out : path
        The study folder, on this machine.
    sample : int, default 100,000
        Pictures that stand for all; all, where there are no more.
    store : str or path, optional
        A folder or URL that every node reaches, for what is made of all pictures; by default the
        folder ``cluster`` in ``out``.
    address, cpus, shard_rows, progress
        As for `embed`.
    part_shards : int, default 64
        Shards that a worker adds up at once.

    Returns
    -------
    Study
        Not yet reported; its ``run`` has nothing left to do.

    Raises
    ------
    StudyError
        If a setting is for one machine, or ``out`` holds a study of other pictures.
    EmbedlensError
        As `embed`; or if pictures lie in an archive.

    Examples
    --------
    >>> study = study_of("photos/", out="out/", address="local")  # doctest: +SKIP
    >>> print(study.results().whole.sentence())  # doctest: +SKIP
    """
    _expect_possible(settings)
    folder = StudyFolder(given_path(out))
    table = folder.path / "sample.csv"
    study = Study(table, backbones, out=folder.path, **settings)
    where, before = resolved(place), read_whole(folder)
    if before is not None and before.place != where:
        raise StudyError(
            f"{folder.path} holds a study of {before.place}, and these are other pictures, "
            f"{where}. Choose another folder with --out."
        )
    claim(folder.path, Provenance("study", study.settings.pictures))
    storage, listing = Storage(store or folder.path / "cluster"), list_pictures(where)
    if not any(listing.labels):
        raise ImageSetError(
            f"{where}: no picture has a class; a table needs a column label, one class a picture"
        )
    run = _Run(
        study, where, listing, storage, sample, cpus, shard_rows, part_shards,
        progress or (lambda *_: None),
    )  # fmt: skip
    with connected(address):
        undamaged(storage, run)
    study.run(run.progress)
    return study


def _expect_possible(settings: dict[str, Any]) -> None:
    for name in (
        "preset", "top", "finetune", "unlabelled", "group", "split_by_time", "labels", "separator",
    ):  # fmt: skip
        if settings.get(name):
            raise StudyError(
                f"{name} is for one machine: leave it out with a cluster, or run the study of "
                "the sample, OUT/sample.csv, again with it and another --out."
            )


@dataclass(frozen=True)
class _Run:
    study: Study
    place: str
    listing: Listing
    storage: Storage
    sample: int
    cpus: int
    shard_rows: int
    part_shards: int
    progress: StepProgress

    def __call__(self) -> None:
        """Leave a folder in which the study of the sample has little left to do."""
        study, folder = self.study, StudyFolder(self.study.folder)
        for backbone in study.backbones:
            backbone.weights.fetch(backbone.network)
        all_of, rows = list[_OfAll](), pd.DataFrame()
        for each, found in self._embedded():
            rows = matches(rows, found) if all_of else found
            all_of.append(each)
        if not len(rows):
            raise ImageSetError(f"{self.place}: no picture with a class can be read")
        drawn = Sample.drawn(rows, self.listing.root, self.sample, study.settings.seed)
        with folder.hold():
            drawn.write(Path(study.settings.pictures))
            measures = pd.concat([self._measured(each) for each in all_of], ignore_index=True)
            counts = drawn.of, len(drawn.rows)
            write_whole(folder, Whole(self.place, *counts, str(self.storage), measures))
            images = read_labelled(folder, study.settings, self.progress)
            self._analyse(folder, [self._taken(each, drawn) for each in all_of], images)

    def _embedded(self) -> Iterator[tuple[_OfAll, pd.DataFrame]]:
        """Embed with each backbone, and add up what it gives; tell which pictures it is of."""
        study, storage = self.study, self.storage
        listed = write_listing(self.listing, storage, self.shard_rows)
        identified = self._step(Identify(self.listing.root), listed, "reading pictures")
        shared = ranges_of(read_shard(storage, shard) for shard in identified)
        for each in study.backbones:
            title = study.titles[each.name]
            step = EmbedStep(self.listing.root, study.settings.recipe(each), shared)
            embedded = self._step(step, identified, f"{title}: embedding")
            parts = write_parts(storage, listed, embedded, self.part_shards)
            summed = self._step(AddUp(storage), parts, f"{title}: sums over all pictures")
            tables = [read_shard(storage, shard) for shard in summed]
            rows = pd.concat([table.select(_ROWS).to_pandas() for table in tables])
            facts = read_shard(storage, embedded[0]).schema.metadata[FACTS]
            of = _OfAll(each, title, parts, packed_sums(tables), facts)
            yield of, rows.reset_index(drop=True)

    def _measured(self, of: _OfAll) -> pd.DataFrame:
        """Measure all pictures by one backbone; write the table that has a row for each."""
        step = MeasureEach(self.storage, of.sums)
        made = self._step(step, of.parts, f"{of.title}: silhouettes of all pictures")
        name = f"{folder_name(of.backbone)}.parquet"
        measures = measures_of(of.sums, _written_together(self.storage, name, made))
        measures.insert(0, "backbone", of.title)
        return measures

    def _taken(self, of: _OfAll, drawn: Sample) -> Shard:
        """Put the features of the sample into one shard."""
        step = TakeRows(self.storage, frozenset(drawn.rows["id"]))
        taken = self._step(step, of.parts, f"{of.title}: features of the sample")
        key = content_key([of.title, of.facts.decode(), [shard.name for shard in taken]])
        found = written(self.storage, "sample").get(key)
        if found is not None:
            return found
        tables = [read_shard(self.storage, shard) for shard in taken]
        return write_shard(self.storage, "sample", key, sample_table(tables, of.title, of.facts))

    def _analyse(self, folder: StudyFolder, samples: Sequence[Shard], images: ImageSet) -> None:
        """Have heads, maps and scores of the sample computed by workers, a backbone each."""
        study = self.study
        backbones = {study.titles[each.name]: each for each in study.backbones}
        step = MeasureSample(backbones, study.settings, images)
        cpus, title = _processors_of_a_node(), "heads and maps of the sample"
        made = self._step(step, samples, title, cpus)
        for backbone, sample, files in zip(study.backbones, samples, made, strict=True):
            table = read_shard(self.storage, sample)
            store_rows(folder, backbone, study.settings, images, table)
            unpack(read_shard(self.storage, files), folder)

    def _step(
        self, step: Step, inputs: Sequence[Shard], title: str, cpus: int | None = None
    ) -> list[Shard]:
        progress = partial(self.progress, title)
        return run_step(step, inputs, self.storage, cpus or self.cpus, progress)


@dataclass(frozen=True)
class _OfAll:
    """What one backbone gives for all pictures: where it is, and what it adds up to."""

    backbone: Backbone
    title: str
    parts: list[Shard]
    sums: bytes
    facts: bytes


def _written_together(storage: Storage, name: str, shards: Sequence[Shard]) -> Iterator[Any]:
    """Yield the tables of shards, and write them one below the other as Parquet."""
    import pyarrow.parquet as pq

    with storage.writing(name) as file:
        writer = None
        for shard in shards:
            table = read_shard(storage, shard)
            writer = writer or pq.ParquetWriter(file, table.schema, write_page_checksum=True)
            writer.write_table(table)
            yield table
        if writer is not None:
            writer.close()


def _processors_of_a_node() -> int:
    """Return how many processors the least of the nodes has."""
    nodes = (each["Resources"].get("CPU", 0) for each in import_ray().nodes() if each["Alive"])
    return max(1, int(min((count for count in nodes if count), default=1)))
