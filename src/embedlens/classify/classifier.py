"""A classifier: an embedding, a head, a temperature, and what it takes for unknown."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones import Built, Transform, get_backbone
from embedlens.classify.heads import HEADS, Head
from embedlens.classify.unknown import Unknown, distances_to_class
from embedlens.errors import EmbedlensError, WeightsError
from embedlens.features import Recipe, Runner
from embedlens.features.engines import make_engine
from embedlens.features.engines.openvino_engine import OpenVINORunner
from embedlens.features.engines.openvino_export import export
from embedlens.files import checksum, content_key, replacing, write_json
from embedlens.given_path import absolute, given_path
from embedlens.images.levels import Levels
from embedlens.images.record import content_id
from embedlens.metrics import nearest_neighbors
from embedlens.metrics.calibration import at_temperature, conformal_sets

FACTS = "classifier.json"
_ARRAYS, _TRAINING, _GRAPH = "classifier.npz", "training.json", "network.xml"
_FORMAT = 2  # raise it when what was saved is read otherwise
NEAREST = 3
"""Training pictures that are named beside an answer."""

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Expected:
    """What a classifier is expected to get right of new pictures.

    Attributes
    ----------
    accuracy, low, high : float
        The share, and its 95% interval.
    pictures : int
        Held-out pictures that this was measured on.
    """

    accuracy: float
    low: float
    high: float
    pictures: int

    def sentence(self) -> str:
        """Say it."""
        return (
            f"Expect it to get {self.accuracy:.1%} of new pictures right (95% interval "
            f"{self.low:.1%} to {self.high:.1%}; measured on {self.pictures:,} held-out pictures, "
            "by heads that had not seen them)."
        )


@dataclass(frozen=True)
class Training:
    """The pictures that a classifier has learned from.

    Attributes
    ----------
    features : ndarray of shape (n, d), float32
    ids, paths, labels : tuple of str
        The content of each, hashed; where it was; its class.
    levels : dict of str to (float, float)
        Black and white of deep pictures that do not say them, by their format: "PNG", "TIFF".
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
        """Return the levels that a file is to have; they touch none but deep pictures."""
        return self.levels.get("PNG" if data.startswith(b"\x89PNG") else "TIFF")

    def holds(self, data: bytes) -> bool:
        """Whether a file is among the pictures, byte for byte."""
        levels = self.levels_of(data)
        return content_id(data) in self.known or (
            levels is not None and content_id(data, levels) in self.known
        )


@dataclass(frozen=True)
class Answers:
    """What a classifier says of some pictures.

    Attributes
    ----------
    probabilities : ndarray of shape (pictures, classes), float64
        Calibrated; rows sum to 1.
    sets : ndarray of shape (pictures, classes), bool
        Which classes the 90% set of each holds.
    unknown : ndarray of shape (pictures,), float64
        The higher, the less a picture is like what was learned.
    flagged : ndarray of shape (pictures,), bool
        Whether that is above the limit.
    distances, nearest : ndarray of shape (pictures, 3)
        Cosine distances and rows of the nearest training pictures.
    """

    probabilities: NDArray[np.float64]
    sets: NDArray[np.bool_]
    unknown: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    distances: NDArray[np.float64]
    nearest: NDArray[np.int64]


@dataclass(frozen=True)
class Classifier:
    """An embedding and a head that is ready for new pictures. Make one with ``Study.classifier``.

    Attributes
    ----------
    recipe : Recipe or None
        What embeds pictures; None where its weights were a file, which is not here: then `graph`.
    record : dict
        The recipe as plain JSON.
    transform : Transform
        What pictures are made into.
    head : Head
        A linear layer, or the votes of neighbours.
    temperature : float
        What the head's scores are divided by, so that its probabilities can be believed.
    classes : tuple of str
        In the order of the head's scores.
    threshold : float
        Probability from which on a class is in the 90% set.
    unknown : Unknown
        What is flagged as unlike all classes.
    training : Training
        What it has learned from.
    expected : Expected or None
        What it is expected to get right; None where nobody measured it.
    graph : Built or None
        The network as an OpenVINO graph, which came with it.
    licence : str or None
        Of the network's weights; None where their publisher does not say.

    Examples
    --------
    >>> Study.open("my-study").classifier().save("my-classifier")  # doctest: +SKIP
    >>> Classifier.load("my-classifier").classes  # doctest: +SKIP
    ('cat', 'dog')
    """

    recipe: Recipe | None
    record: dict[str, Any]
    transform: Transform
    head: Head
    temperature: float
    classes: tuple[str, ...]
    threshold: float
    unknown: Unknown
    training: Training
    expected: Expected | None = None
    graph: Built | None = None
    licence: str | None = None

    @property
    def backbone(self) -> str:
        """The name of its network."""
        return str(self.record["backbone"]["name"])

    @cached_property
    def key(self) -> str:
        """Names all that its answers depend on."""
        numbers = [float(np.abs(each).sum()) for each in self.head.arrays().values()]
        parts = [
            self.record, self.classes, self.head.key, numbers, self.temperature, self.threshold,
            asdict(self.unknown), self.training.ids, self.training.labels, self.training.paths,
            self.training.levels,
        ]  # fmt: skip
        return content_key(json.loads(json.dumps(parts)))

    @cached_property
    def _codes(self) -> NDArray[np.int64]:
        """The classes of the training pictures, by their place; -1 for one not known."""
        place = {name: code for code, name in enumerate(self.classes)}
        return np.array([place.get(label, -1) for label in self.training.labels], np.int64)

    def runner(self) -> Runner:
        """Return its network, ready to run."""
        if self.graph is None:
            assert self.recipe is not None
            self.recipe.backbone.weights.fetch(self.recipe.backbone.network)
            return make_engine(self.recipe)
        import openvino

        return OpenVINORunner(openvino.Core(), self.graph, self.record["precision"])

    def answer(self, features: Numbers) -> Answers:
        """Classify pictures by their features, (pictures, d)."""
        features = np.asarray(features, np.float32)
        scores = self.head.scores(features)
        probabilities = at_temperature(scores, self.temperature)
        k = min(NEAREST, len(self.training.features))
        distances, nearest = nearest_neighbors(
            self.training.features, k, metric="cosine", queries=features
        )
        own = distances_to_class(
            self.training.features, self._codes, features, scores.argmax(axis=1)
        )
        strange = self.unknown.score(scores, own, distances[:, 0])
        return Answers(
            probabilities,
            conformal_sets(probabilities, self.threshold),
            strange,
            strange > self.unknown.limit,
            distances,
            nearest,
        )

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
            arrays: dict[str, Any] = {"training": self.training.features, **self.head.arrays()}
            np.savez(file, **arrays)
        told = {name: getattr(self.training, name) for name in ("ids", "paths", "labels")}
        write_json(folder / _TRAINING, {**told, "levels": self.training.levels})
        files = [folder / _ARRAYS, folder / _TRAINING]
        write_json(folder / FACTS, {**self.facts(built), "checksum": checksum(*files)})
        return folder

    def facts(self, built: Built | None = None) -> dict[str, Any]:
        """Return what it is, as plain JSON."""
        return {
            "format": _FORMAT,
            "head": self.head.key,
            "temperature": self.temperature,
            "classes": list(self.classes),
            "threshold": self.threshold,
            "unknown": asdict(self.unknown),
            "expected": None if self.expected is None else asdict(self.expected),
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

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Classifier:
        """Read what `save` wrote. Nothing in it is run as code.

        Raises
        ------
        EmbedlensError
            If the folder is no classifier, or was damaged.
        WeightsError
            If the weights are not those that it was trained with.
        """
        folder = absolute(folder)
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            if "checksum" not in facts and (folder / "classify.py").is_file():
                raise ValueError("it is an export, which its own classify.py runs")
            files = [folder / _ARRAYS, folder / _TRAINING]
            if facts["checksum"] != checksum(*files):
                raise ValueError("its files are not those that were written together")
            return cls._read(folder, facts)
        except FileNotFoundError as error:
            raise EmbedlensError(
                f"{folder} is no classifier: it has no {Path(error.filename).name}. Save one with "
                "Study.classifier().save(FOLDER)."
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbedlensError(
                f"{folder} cannot be read as a classifier ({error}); give the study, or save one "
                "with Study.classifier().save(FOLDER)."
            ) from error

    @classmethod
    def _read(cls, folder: Path, facts: dict[str, Any]) -> Classifier:
        if facts["format"] != _FORMAT:
            raise ValueError(f"its format is {facts['format']}, and {_FORMAT} is read here")
        with np.load(folder / _ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        told = json.loads((folder / _TRAINING).read_text(encoding="utf-8"))
        levels = {name: (float(b), float(w)) for name, (b, w) in told["levels"].items()}
        training = Training(
            arrays["training"], tuple(told["ids"]), tuple(told["paths"]), tuple(told["labels"]),
            levels,
        )  # fmt: skip
        transform = read_record(facts["transform"])
        graph = facts["graph"] and _graph(folder / _GRAPH, facts["graph"])
        return cls(
            None if graph else _recipe(facts["recipe"], transform),
            facts["recipe"],
            transform,
            HEADS[facts["head"]].read(arrays),
            facts["temperature"],
            tuple(facts["classes"]),
            facts["threshold"],
            Unknown(**facts["unknown"]),
            training,
            facts["expected"] and Expected(**facts["expected"]),
            graph or None,
            facts["licence"],
        )


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
