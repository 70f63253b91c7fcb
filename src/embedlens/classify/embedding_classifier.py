"""What all classifiers are made of: an embedding, and the pictures that were learned from."""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones import Built, Transform, get_backbone
from embedlens.errors import EmbedlensError, WeightsError
from embedlens.features import Recipe, Runner
from embedlens.features.engines import make_engine
from embedlens.features.engines.openvino_engine import OpenVINORunner
from embedlens.features.engines.openvino_export import export
from embedlens.files import checksum, content_key, replacing, write_json
from embedlens.given_path import absolute, given_path
from embedlens.images.decode import deep_kind
from embedlens.images.levels import Levels, kinds_of_format
from embedlens.images.record import content_id
from embedlens.metrics import nearest_neighbors

FACTS = "classifier.json"
_ARRAYS, _TRAINING, _GRAPH = "classifier.npz", "training.json", "network.xml"
_FORMAT = 2  # raise it when what was saved is read otherwise
NEAREST = 3
"""Training pictures that are named beside an answer."""

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Training:
    """The pictures that a classifier has learned from.

    Attributes
    ----------
    features : ndarray of shape (n, d), float32
    ids, paths, labels : tuple of str
        The content of each, hashed; where it was; its class.
    levels : dict of str to (float, float)
        Black and white of deep pictures that do not say them, by their kind: "16-bit TIFF".
    """

    features: Numbers
    ids: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    levels: dict[str, Levels] = field(default_factory=dict)

    @cached_property
    def known(self) -> frozenset[str]:
        """The content of all, to look up."""
        return frozenset(self.ids)

    def levels_of(self, data: bytes) -> Levels | None:
        """Return the levels that a file is to have: those of its kind, None where none has them.

        Raises
        ------
        ImageError
            If there are deep pictures to tell it from, and it is no picture.
        """
        kind = deep_kind(data) if self.levels else None
        return None if kind is None else self.levels.get(kind)

    def holds(self, data: bytes) -> bool:
        """Whether a file is among the pictures, byte for byte."""
        levels = self.levels_of(data)
        return content_id(data) in self.known or (
            levels is not None and content_id(data, levels) in self.known
        )


@dataclass(frozen=True)
class EmbeddingClassifier(ABC):
    """What embeds pictures and what was learned from: how classifiers are run, kept and read.

    Attributes
    ----------
    recipe : Recipe or None
        What embeds pictures; None where its weights were a file, which is not here: then `graph`.
    record : dict
        The recipe as plain JSON.
    transform : Transform
        What pictures are made into.
    training : Training
        What it has learned from.
    graph : Built or None
        The network as an OpenVINO graph, which came with it.
    licence : str or None
        Of the network's weights; None where their publisher does not say.
    """

    recipe: Recipe | None
    record: dict[str, Any]
    transform: Transform
    training: Training
    graph: Built | None = field(default=None, kw_only=True)
    licence: str | None = field(default=None, kw_only=True)

    @abstractmethod
    def arrays(self) -> dict[str, Numbers]:
        """Return what its head is made of, to be kept."""

    @abstractmethod
    def learned(self) -> dict[str, Any]:
        """Return what it has learned besides, as plain JSON."""

    @property
    def backbone(self) -> str:
        """The name of its network."""
        return str(self.record["backbone"]["name"])

    @cached_property
    def key(self) -> str:
        """Names all that its answers depend on."""
        told = {**self.learned(), "expected": None}
        numbers = [float(np.abs(each).sum()) for each in self.arrays().values()]
        training = self.training
        parts = [
            self.record, told, numbers, training.ids, training.labels, training.paths,
            training.levels,
        ]  # fmt: skip
        return content_key(json.loads(json.dumps(parts)))

    def runner(self) -> Runner:
        """Return its network, ready to run."""
        if self.graph is None:
            assert self.recipe is not None
            self.recipe.backbone.weights.fetch(self.recipe.backbone.network)
            return make_engine(self.recipe)
        import openvino

        return OpenVINORunner(openvino.Core(), self.graph, self.record["precision"])

    def nearest(self, features: Numbers) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return cosine distances and rows of the nearest training pictures, (pictures, 3)."""
        k = min(NEAREST, len(self.training.features))
        found: tuple[NDArray[np.float64], NDArray[np.int64]] = nearest_neighbors(
            self.training.features, k, metric="cosine", queries=features
        )
        return found

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write it to a folder, as JSON and npz; return the folder.

        The network's graph travels along where its weights are a file of the user's. Published
        weights are found again by the network's name.

        Raises
        ------
        EmbedlensError
            If the folder holds something else.
        """
        folder = absolute(folder)
        expect_own(folder, _ARRAYS)
        folder.mkdir(parents=True, exist_ok=True)
        built = self.graph or self._own_graph()
        if built is not None:
            for suffix in (".xml", ".bin"):
                source = Path(built.model).with_suffix(suffix)
                target = (folder / _GRAPH).with_suffix(suffix)
                if source != target:
                    shutil.copyfile(source, target)
        with replacing(folder / _ARRAYS) as partial, partial.open("wb") as file:
            arrays: dict[str, Any] = self.arrays()
            np.savez(file, training=self.training.features, **arrays)
        told = {name: getattr(self.training, name) for name in ("ids", "paths", "labels")}
        write_json(folder / _TRAINING, {**told, "levels": self.training.levels})
        files = [folder / _ARRAYS, folder / _TRAINING]
        write_json(folder / FACTS, {**self.facts(built), "checksum": checksum(*files)})
        return folder

    def facts(self, built: Built | None = None) -> dict[str, Any]:
        """Return what it is, as plain JSON."""
        return {
            "format": _FORMAT,
            **self.learned(),
            "transform": self.transform.record(),
            "recipe": self.record,
            "licence": self.licence,
            "graph": None if built is None else asdict(replace(built, model=_GRAPH)),
            "versions": {name: version(name) for name in ("embedlens", "numpy", "scikit-learn")},
        }

    def _own_graph(self) -> Built | None:
        """Return the graph of weights that are a file, made in the cache."""
        if self.recipe is None or self.recipe.backbone.weights.kind != "file":
            return None
        if "openvino" not in self.recipe.backbone.family.forms:
            raise EmbedlensError(
                f"{self.backbone} has weights of its own and no OpenVINO form, so that the "
                "classifier cannot be kept apart from them. Use its study instead of a folder."
            )
        return export(self.recipe)


@dataclass(frozen=True)
class Saved:
    """What ``EmbeddingClassifier.save`` wrote.

    Attributes
    ----------
    facts : dict
        As in ``classifier.json``.
    arrays : dict of str to ndarray
        Of the head.
    training : Training
        What was learned from.
    transform : Transform
        What pictures are made into.
    graph : Built or None
        The network, where it came along.
    """

    facts: dict[str, Any]
    arrays: dict[str, Numbers]
    training: Training
    transform: Transform
    graph: Built | None

    @classmethod
    def read(cls, folder: Path, facts: dict[str, Any]) -> Saved:
        """Read a folder whose facts are these."""
        if facts["format"] != _FORMAT:
            raise ValueError(f"its format is {facts['format']}, and {_FORMAT} is read here")
        with np.load(folder / _ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        told = json.loads((folder / _TRAINING).read_text(encoding="utf-8"))
        levels: dict[str, Levels] = {
            kind: (float(black), float(white))
            for name, (black, white) in told["levels"].items()
            # Classifiers of version 0.2.0 and earlier name the format alone.
            for kind in (kinds_of_format(name) if name in ("PNG", "TIFF") else [name])
        }
        training = Training(
            arrays.pop("training"), tuple(told["ids"]), tuple(told["paths"]),
            tuple(told["labels"]), levels,
        )  # fmt: skip
        graph = facts["graph"] and _graph(folder / _GRAPH, facts["graph"])
        return cls(facts, arrays, training, read_record(facts["transform"]), graph or None)

    def embedding(self) -> dict[str, Any]:
        """Return what an ``EmbeddingClassifier`` takes, by name."""
        record = self.facts["recipe"]
        return {
            "recipe": None if self.graph else _recipe(record, self.transform),
            "record": record,
            "transform": self.transform,
            "training": self.training,
            "graph": self.graph,
            "licence": self.facts["licence"],
        }


def read_saved(folder: Path) -> Saved:
    """Read the folder of a classifier. Nothing in it is run as code.

    Raises
    ------
    FileNotFoundError, ValueError, KeyError, TypeError
        If it is none, or was damaged.
    """
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if "checksum" not in facts and (folder / "classify.py").is_file():
        raise ValueError("it is an export, which its own classify.py runs")
    if facts["checksum"] != checksum(folder / _ARRAYS, folder / _TRAINING):
        raise ValueError("its files are not those that were written together")
    return Saved.read(folder, facts)


def read_record(record: dict[str, Any]) -> Transform:
    """Return the transform that ``Transform.record`` wrote."""
    fields: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in record.items()
    }
    return Transform(**fields)


def expect_own(folder: Path, name: str) -> None:
    """Refuse to write over a folder that holds other things than what is to be written.

    Raises
    ------
    EmbedlensError
        If it is a file, or holds files and none of this name.
    """
    if folder.exists() and not folder.is_dir():
        raise EmbedlensError(f"{folder} is a file; give a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / name).is_file():
        raise EmbedlensError(
            f"{folder} holds other things, and none is a {name}; give a new folder."
        )


def _graph(path: Path, facts: dict[str, Any]) -> Built:
    if not path.is_file():
        raise ValueError(f"its network {path.name} is gone")
    return Built(
        given_path(path),
        (facts["size"][0], facts["size"][1]),
        facts["features"],
        facts["frontier"],
        tuple(facts["feature_map"]),
        facts["parameters"],
        facts["vector"],
    )


def _recipe(record: dict[str, Any], transform: Transform) -> Recipe:
    told = record["backbone"]
    kind = told["weights"]["kind"]
    backbone = get_backbone(
        told["name"], weights="random" if kind == "random" else None, transform=transform
    )
    backbone.weights.fetch(backbone.network)
    if backbone.weights.digest() != told["weights"]["digest"]:
        raise WeightsError(
            f"The weights of {told['name']} on this machine are not those that the classifier was "
            f"trained with ({told['weights']['origin']}). Train it again, or put those back."
        )
    return Recipe.of(
        backbone,
        pooling=record["pooling"],
        precision=record["precision"],
        engine=record["engine"],
    )
