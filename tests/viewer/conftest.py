"""A small study folder with everything a scene can show, and a stand-in for the built viewer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.images import ImageSet
from embedlens.results import Results, Settings, read_results
from embedlens.results.folder import StudyFolder
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.results import gather, write_measurements
from embedlens.results.vocabulary import FEATURES, MAPS

CLASSES = ("ant", "<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>")
STAGES = (("A", "pretrained"), ("A", "tuned"), ("B/2", "pretrained"))

# It does what the contract says of the viewer, as far as these tests look.
STUB = """
export const inlineSource = () => null;
export const serverSource = () => null;
export function mount(element) { element.textContent = "mounted </script> <!-- here"; }
export default { render() {} };
"""


@dataclass(frozen=True)
class Made:
    """A study folder."""

    folder: Path
    pictures: Path

    @property
    def results(self) -> Results:
        return read_results(self.folder)


def write_pictures(folder: Path, per_class: int) -> None:
    rng = np.random.default_rng(0)
    for code in range(len(CLASSES)):
        # A class may be called what no file may, so that the table names it.
        (folder / str(code)).mkdir(parents=True)
        for i in range(per_class):
            pixels = np.full((20, 24, 3), rng.integers(0, 256, 3), np.uint8)
            Image.fromarray(pixels).save(folder / str(code) / f"{i} é.png")


def invent(images: ImageSet, seed: int) -> Measurements:
    rng, count, measures, maps = np.random.default_rng(seed), len(images), [], {}
    predictions = []
    centres = 4 * rng.normal(size=(len(images.classes), 3))
    for name, space in MAPS.items():
        maps[name] = (centres[images.codes] + rng.normal(size=(count, 3))).astype("f4")
        measures += [
            Measure(f"silhouette.{name}", 0.5),
            Measure(f"silhouette.{name}", -0.25, "test"),
            Measure(f"{name}.neighbors_kept", 0.17),
            Measure(f"{name}.{space.cost}", 0.5, seconds=1.0),
        ]
    measures.append(Measure(FEATURES.cost, count, seconds=0.5))
    silhouettes = pd.DataFrame(rng.uniform(-1, 1, (count, 4)), columns=[FEATURES.key, *MAPS])
    for repeat in range(2):
        test = images.resplit(repeat).where("test")
        for head in ("linear_probe", "knn"):
            predictions.append(
                pd.DataFrame(
                    {
                        "head": head, "repeat": repeat, "picture": test,
                        "predicted": rng.choice(images.classes, len(test)),
                        "confidence": rng.uniform(0.3, 1, len(test)),
                    }
                )
            )  # fmt: skip
            measures.append(Measure(f"{head}.accuracy", 0.5, "test", repeat, 0.1))
            measures.append(Measure(f"{head}.balanced_accuracy", 0.5, "test", repeat))
    return Measurements(tuple(measures), tuple(predictions), silhouettes=silhouettes, maps=maps)


def facts(name: str, count: int) -> dict:
    return {
        "backbone": name, "network": name, "family": "keras.applications", "weights": "ImageNet",
        "pretrained": name != "B/2", "size": "200x200", "pooling": "average of the feature map",
        "resize": "squash",
        "precision": "float32", "engine": "openvino", "versions": "keras 3", "features": 8,
        "feature_map": "1x1x8", "parameters": 9, "parameters_to_cut": 9,
        "pictures_per_second": 20.0, "embedded": count, "seconds": 1.0,
    }  # fmt: skip


def make_study(parent: Path, per_class: int = 15) -> Made:
    pictures, folder = parent / "pictures", parent / "study"
    write_pictures(pictures, per_class)
    paths = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png"))
    labels = [CLASSES[int(path[0])] for path in paths]
    pd.DataFrame({"path": paths, "label": labels}).to_csv(pictures / "table.csv", index=False)
    (folder / "results").mkdir(parents=True)
    images = ImageSet.read(pictures / "table.csv")
    images.write(folder / "images.parquet")
    pd.DataFrame(
        [asdict(problem) for problem in images.problems], columns=["path", "kind", "reason", "kept"]
    ).astype({"kept": bool}).to_parquet(folder / "results" / "problems.parquet", index=False)
    names = []
    for seed, (backbone, stage) in enumerate(STAGES):
        name = backbone.replace("/", "_")
        results = name if stage == "pretrained" else f"{name}.tuned-0"
        kept = folder / "features" / (name if stage == "pretrained" else f"{name}.tuned")
        kept.mkdir(parents=True)
        values = np.random.default_rng(seed).normal(size=(len(images), 8)).astype(np.float32)
        np.save(kept / "features.npy", values + images.codes[:, None])
        (kept / "ids.txt").write_text("\n".join(images.ids))
        write_measurements(
            StudyFolder(folder), results, "key", facts(backbone, len(images)), stage,
            invent(images, seed), features=kept.name,
        )  # fmt: skip
        names.append(results)
    gather(StudyFolder(folder), names)
    table = pd.read_parquet(folder / "results" / "backbones.parquet")
    table.drop_duplicates("backbone").to_parquet(folder / "results" / "backbones.parquet")
    Settings(str(pictures / "table.csv"), ("A", "B/2"), repeats=2).write(folder / "study.toml")
    return Made(folder, pictures)


@pytest.fixture
def study(tmp_path: Path) -> Made:
    """A study that a test may change."""
    return make_study(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study that is not to be changed."""
    return make_study(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stand-in for the built viewer."""
    static = tmp_path_factory.mktemp("static")
    (static / "viewer.js").write_text(STUB)
    (static / "index.html").write_text(
        "<!doctype html><title>x</title><script>let a = 1;</script>"
        '<script type="module" src="viewer.js"></script>'
    )
    return static


@pytest.fixture
def built(static: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Puts the stand-in in the place of the built viewer; returns its module."""
    monkeypatch.setattr("embedlens.viewer.bundle.STATIC", static)
    return STUB
