"""Study folders made in a moment: real pictures and files, invented features and predictions."""

from __future__ import annotations

import html.parser
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.backbones import Transform
from embedlens.curation.finding import Finding
from embedlens.images import ImageSet
from embedlens.report import write_report
from embedlens.results import Results, Settings, read_results
from embedlens.results.cost import COST_COLUMNS
from embedlens.results.folder import StudyFolder
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.results import gather, write_measurements
from embedlens.results.vocabulary import FEATURES, KNN, LINEAR_PROBE, MAPS, PRETRAINED
from embedlens.study.retrieval import measure_retrieval

HEADS = (LINEAR_PROBE.key, KNN.key)


@dataclass(frozen=True)
class Made:
    """A study folder and its report."""

    folder: Path
    pictures: Path

    @property
    def results(self) -> Results:
        return read_results(self.folder)

    @property
    def html(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def page(self) -> Page:
        return read_page(self.html)


@dataclass
class Page(html.parser.HTMLParser):
    """What a browser makes of a page: elements with attributes, and the text that is read."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if tag == "script":
            self.elements.append(("/script", {}))

    def handle_data(self, data):
        inside = self.elements[-1][0] if self.elements else ""
        of = {"style": self.styles, "script": self.scripts}.get(inside, self.pieces)
        of.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read_page(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    return page


def write_pictures(folder: Path, names: Sequence[str], per_class: int) -> None:
    """Write distinct pictures of 24 x 20 pixels, a folder a class."""
    rng = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")


def invent(images: ImageSet, accuracy: float, repeats: int, seed: int) -> Measurements:
    """Invent measurements of the names that real ones have."""
    rng, measures, maps, predictions = np.random.default_rng(seed), [], {}, []
    retrieved = Measurements()
    count, classes = len(images), np.array(images.classes)
    centres = rng.normal(size=(len(classes), 3)) * 4
    for name, seconds in {"pca": 0.5, "tsne": 2.5}.items():
        spread = rng.normal(size=(count, 3))
        maps[name] = (centres[images.codes] + spread).astype(np.float32)
        measures.append(Measure(f"{name}.trustworthiness", rng.uniform(0.8, 1)))
        measures.append(Measure(f"{name}.continuity", rng.uniform(0.8, 1)))
        measures.append(Measure(f"{name}.neighbors_kept", rng.uniform(0.1, 0.5)))
        measures.append(Measure(f"{name}.distance_correlation", rng.uniform(0, 1)))
        cost = f"{name}.{MAPS[name].cost}"
        measures.append(Measure(cost, rng.uniform(0.1, 0.9), seconds=seconds))
    measures.append(Measure(FEATURES.cost, count, seconds=0.25))
    silhouettes = pd.DataFrame(rng.uniform(-1, 1, (count, 3)), columns=[FEATURES.key, *maps])
    for space in silhouettes:
        for split in ("all", "test"):
            of_classes = [f".class.{label}" for label in classes]
            for ending in ("", ".macro", *of_classes):
                value = rng.uniform(-1, 1)
                measures.append(Measure(f"silhouette.{space}{ending}", value, split))
    for repeat in range(repeats):
        split = images.resplit(repeat)
        test = split.where("test")
        retrieved += measure_retrieval(maps["pca"], split, repeat, seed)
        for head in HEADS:
            truth = split.labels[test]
            wrong = rng.uniform(size=len(test)) > accuracy
            predicted = np.where(wrong, classes[(split.codes[test] + 1) % len(classes)], truth)
            right = predicted == truth
            measures.append(Measure(f"{head}.accuracy", right.mean(), "test", repeat, 0.1))
            balanced = pd.Series(right).groupby(truth).mean().mean()
            measures.append(Measure(f"{head}.balanced_accuracy", balanced, "test", repeat))
            predictions.append(
                pd.DataFrame(
                    {
                        "head": head, "repeat": repeat, "picture": test, "predicted": predicted,
                        "confidence": rng.uniform(0.5, 1, len(test)),
                    }
                )
            )  # fmt: skip
    rest = Measurements(tuple(measures), tuple(predictions), silhouettes=silhouettes, maps=maps)
    return retrieved + rest


def invent_doubt(images: ImageSet, accuracy: float, repeats: int, seed: int) -> Measurements:
    """Invent how sure a probe is of test pictures, and what it learns from fewer labels."""
    rng, measures, calibrations, curves = np.random.default_rng(seed), [], [], []
    for repeat in range(repeats):
        split = images.resplit(repeat)
        test, known = split.where("test"), len(split.where(["train", "validation"]))
        confidence = rng.uniform(0.4, 1, len(test))
        right = rng.uniform(size=len(test)) < accuracy
        calibrations.append(
            pd.DataFrame(
                {
                    "head": LINEAR_PROBE.key, "repeat": repeat, "picture": test, "right": right,
                    "confidence": confidence, "calibrated": confidence**1.2, "in_set": right,
                    "set_size": 1,
                }
            )
        )  # fmt: skip
        measures.append(Measure("linear_probe.temperature", 1 + accuracy, "validation", repeat))
        for labels in (known // 8, known // 4, known // 2, known):
            hits = rng.uniform(size=len(test)) < accuracy * (1 - 1 / labels)
            of = {"draw": repeat, "labels": labels, "picture": test}
            curves.append(pd.DataFrame({**of, "hits": hits.astype(int), "shown": 1}))
    return Measurements(tuple(measures), curves=tuple(curves), calibrations=tuple(calibrations))


def facts_of(name: str, pictures: int, *, pretrained: bool, speed: float) -> dict:
    return {
        "backbone": name, "network": name, "family": "keras.applications",
        "weights": f"ImageNet ({name}.h5)" if pretrained else "random (seed 0), not pretrained",
        "pretrained": pretrained, "size": "200x200", "pooling": "average of the feature map",
        "resize": "squash",
        "transform": Transform((200, 200)).describe(),
        "precision": "float32", "engine": "openvino", "versions": "keras 3.15.1, pillow 13.0.0",
        "features": 1280, "feature_map": "7x7x1280", "parameters": 3_538_984,
        "parameters_to_cut": 2_257_984, "pictures_per_second": speed, "embedded": pictures,
        "seconds": pictures / speed,
    }  # fmt: skip


def make_study(
    parent: Path,
    *,
    classes: Sequence[str] = ("ant", "bee", "cow"),
    per_class: int = 20,
    backbones: dict[str, float] | None = None,
    random: Sequence[str] = (),
    repeats: int = 3,
    also: Sequence[Callable[[ImageSet, float, int, int], Measurements]] = (),
) -> Made:
    """Make a study folder; `backbones` gives the accuracy of each, `also` invents more of each."""
    pictures, folder = parent / "pictures", parent / "study"
    write_pictures(pictures, classes, per_class)
    (folder / "results").mkdir(parents=True)
    images = ImageSet.read(pictures)
    images.write(folder / "images.parquet")
    pd.DataFrame(
        [asdict(problem) for problem in images.problems], columns=["path", "kind", "reason", "kept"]
    ).astype({"kept": bool}).to_parquet(folder / "results" / "problems.parquet", index=False)
    chosen = backbones or {"Worse": 0.6, "Better_2": 0.9}
    for i, (name, accuracy) in enumerate(chosen.items()):
        facts = facts_of(name, len(images), pretrained=name not in random, speed=20.0 * (i + 1))
        parts = [each(images, accuracy, repeats, i) for each in (invent, *also)]
        measured, kept = sum(parts, Measurements()), name.replace("/", "_")
        write_measurements(
            StudyFolder(folder), kept, "key", facts, PRETRAINED.key, measured, features=kept
        )
        features = folder / "features" / name.replace("/", "_")
        features.mkdir(parents=True)
        values = np.random.default_rng(i).normal(size=(len(images), 5)) + images.codes[:, None]
        np.save(features / "features.npy", values.astype(np.float32))
        (features / "ids.txt").write_text("\n".join(images.ids))
    gather(StudyFolder(folder), [name.replace("/", "_") for name in chosen])
    weights = dict.fromkeys(random, "random")
    settings = Settings(str(pictures), tuple(chosen), weights=weights, repeats=repeats)
    settings.write(folder / "study.toml")
    return Made(folder, pictures)


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Made]:
    """Makes a study folder without a report."""
    return lambda **given: make_study(tmp_path, **given)


def write_costs(made: Made, milliseconds: dict[str, float]) -> None:
    """Say what a picture costs each backbone."""
    rows = [
        {"backbone": name, "round": i, "milliseconds": took, "operations": 1e8 * took}
        for name, took in milliseconds.items()
        for i in range(3)
    ]
    pd.DataFrame(rows, columns=list(COST_COLUMNS)).to_parquet(StudyFolder(made.folder).costs)


def write_findings(made: Made) -> None:
    """Say that labels are doubtful, that pictures look alike, and that every class is small."""
    images = ImageSet.read(made.pictures)
    one, two = images.classes[:2]
    found = [
        Finding("suspect label", path, "a probe says another", f"if it is {two}, move it", one,
                "train", suggested=two, score=1 - i / 10)
        for i, path in enumerate(images.paths[:8].tolist())
    ]  # fmt: skip
    found += [
        Finding("look-alike", images.paths[0], "alike", "look", one, "train", path, two, "test")
        for path in images.paths[-2:].tolist()
    ]
    found += [
        Finding("small class", name, "1 test picture of 6", "add pictures", name)
        for name in images.classes
    ]
    pd.DataFrame(map(asdict, found)).to_parquet(StudyFolder(made.folder).findings)


@pytest.fixture(scope="session")
def dear_best(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study of 21 classes with all that a report shows, which takes the cheap one of two.

    That is not the most accurate: the other is dearer and no sure gain. By the draws of these
    repeats it is ahead by less than a point.
    """
    parent = tmp_path_factory.mktemp("dear_best")
    made = make_study(
        parent,
        classes=[*(f"class {letter}" for letter in "abcdefghijklmnopqrs"),
                 "Donaudampfschifffahrtsgesellschaft", "a name of a good many words, as people do"],
        per_class=6, backbones={"Cheap": 0.74, "Dear": 0.72}, repeats=6, also=[invent_doubt],
    )  # fmt: skip
    write_costs(made, {"Cheap": 10.0, "Dear": 25.0})
    write_findings(made)
    write_report(made.folder)
    return made


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study of classes written from right to left, and of one whose name is one long word."""
    classes = ["قط", "كلب", "ثعلب", "y" * 80]
    made = make_study(tmp_path_factory.mktemp("foreign"), classes=classes, backbones={"A": 0.7})
    write_report(made.folder)
    return made


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study of two backbones with its report; not to be changed."""
    made = make_study(tmp_path_factory.mktemp("reported"))
    write_report(made.folder)
    return made
