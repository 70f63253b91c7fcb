"""Claim: embedding on a CPU, against ``predict`` of Keras on TensorFlow, at 200x200.

float32 is at least 1.8 times as fast and bfloat16 at least 3.5 times, geometric mean over the
study's five backbones; and float32 features differ from Keras's by at most 1e-5, relative in norm.

Keras runs in a process of its own, on TensorFlow, in batches of 32, its default; everything else
is the same: weights, preprocessing inside the graph, average pooling, and decoded uint8 pictures
in an array, so that inference alone is timed. The peers take turns, and while one runs the other
waits idle. A ratio is the median of the rounds' ratios.

    python benchmarks/embedding.py [--tensorflow-python PYTHON] [--weights NAME=FILE ...]
        [--photos DIR] [--pictures 128] [--rounds 3] [--backbones NAME,NAME] [--json FILE]

Beside the ratio stands how near each comes to the machine's limit: the operations of the network's
convolutions, times pictures a second, over the speed of one large float32 matrix product. Where
Keras on TensorFlow is near the limit already, no float32 engine can be much faster.

Weights that are not given are random. ``--photos`` takes the pictures from a folder of classes,
and times our way from JPEG files to features as well. The other Python needs Keras and TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from embedlens.backbones import STUDY, Backbone, get_backbone
from embedlens.errors import EmbedlensError
from embedlens.features import Precision, Recipe, Runner, embed
from embedlens.features.engines import make_engine
from embedlens.images import ImageSet

SIZE = 200

KERAS = """
import sys, time
import numpy as np
from embedlens.backbones import get_backbone
name, weights, size, pictures, features = sys.argv[1:]
model = get_backbone(name, weights=weights).build(int(size), "mean")
pictures = np.load(pictures)
np.save(features, model.predict(pictures, batch_size=32, verbose=0))
import keras, tensorflow
print(keras.__version__, tensorflow.__version__, flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    model.predict(pictures, batch_size=32, verbose=0)
    print(time.perf_counter() - begun, flush=True)
"""


class KerasOnTensorFlow:
    """The peer: a process that embeds all the pictures when it is told to."""

    def __init__(self, python: str, backbone: Backbone, weights: str, folder: Path) -> None:
        self._log = folder / "log.txt"  # TensorFlow's, shown if it fails
        source = str(Path(__file__).resolve().parents[1] / "src")
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": source}
        files = [str(folder / "pictures.npy"), str(folder / "features.npy")]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [python, "-c", KERAS, backbone.name, weights, str(SIZE), *files],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.versions = self._read().split()
        self.features = np.load(folder / "features.npy")

    def seconds(self) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self._log.read_text()}\nHas --tensorflow-python Keras and TensorFlow?")
        return line


class Ours:
    """An engine, its pictures, and the features it gave them last."""

    def __init__(self, backbone: Backbone, precision: Precision, pictures: np.ndarray) -> None:
        recipe = Recipe.of(backbone, size=SIZE, precision=precision, engine="openvino")
        self._engine: Runner = make_engine(recipe)
        self._pictures = pictures
        self.features = np.zeros((len(pictures), self._engine.features), np.float32)
        self.seconds()

    def seconds(self) -> float:
        begun = time.perf_counter()
        self._engine.run(enumerate(self._pictures), self.features.__setitem__)
        return time.perf_counter() - begun


def operations(backbone: Backbone) -> float:
    """Count the multiplications and additions of the convolutions, for one picture."""
    total = 0
    for layer in backbone.load(SIZE).layers:
        if not hasattr(layer, "kernel_size"):
            continue
        height, width = layer.output.shape[1:3]
        kernels = [tuple(each.shape) for each in layer.weights if len(each.shape) == 4]
        total += sum(height * width * int(np.prod(shape)) for shape in kernels)
    return 2.0 * total


def matrix_product_speed(side: int = 4096, rounds: int = 3) -> float:
    """Return operations a second of a float32 matrix product: the machine's limit."""
    A = np.ones((side, side), np.float32)
    A @ A
    begun = time.perf_counter()
    for _ in range(rounds):
        A @ A
    return rounds * 2.0 * side**3 / (time.perf_counter() - begun)


def measure(options: argparse.Namespace, name: str, pictures: np.ndarray) -> dict[str, Any]:
    weights = options.weights.get(name, "random")
    backbone = get_backbone(name, weights=weights)
    np.save(options.folder / "pictures.npy", pictures)
    keras = KerasOnTensorFlow(options.tensorflow_python, backbone, weights, options.folder)
    peers: dict[str, Any] = {"keras": keras, "float32": Ours(backbone, "float32", pictures)}
    try:
        peers["bf16"] = Ours(backbone, "bf16", pictures)
    except EmbedlensError as error:
        print(error)
    rounds = [{peer: peers[peer].seconds() for peer in peers} for _ in range(options.rounds)]
    keras.close()
    row: dict[str, Any] = {"backbone": name, "weights": backbone.weights.origin}
    for peer in peers:
        row[peer] = len(pictures) / median(each[peer] for each in rounds)
        if peer != "keras":
            row[f"{peer} times"] = median(each["keras"] / each[peer] for each in rounds)
            row[f"{peer} difference"] = difference(peers[peer].features, keras.features)
    row["versions"] = keras.versions
    row["operations"] = operations(backbone)
    if options.photos:
        row["from files"] = embed(options.images, backbone, size=SIZE).pictures_per_second
    return row


def difference(given: np.ndarray, expected: np.ndarray) -> float:
    """Largest over the pictures, relative in norm."""
    norms = np.linalg.norm(expected, axis=1)
    return float((np.linalg.norm(given - expected, axis=1) / norms).max())


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tensorflow-python", default=sys.executable)
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--pictures", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbones", default=",".join(STUDY))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.weights = dict(each.split("=", 1) for each in options.weights)
    options.images = ImageSet.read(options.photos) if options.photos else None
    return options


def take_pictures(options: argparse.Namespace) -> np.ndarray:
    """Photographs, or random blocks of colour."""
    if options.images is not None:
        rows = np.linspace(0, len(options.images) - 1, options.pictures).astype(int)
        return np.stack([options.images.pixels(row, SIZE) for row in rows])
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (options.pictures, 10, 10, 3), dtype=np.uint8)
    return blocks.repeat(SIZE // 10, axis=1).repeat(SIZE // 10, axis=2)


def show(row: dict[str, Any]) -> None:
    line = f"{row['backbone']:13} {row['keras']:7.1f}"
    for precision in ("float32", "bf16"):
        if precision in row:
            line += f" {row[precision]:8.1f} {row[f'{precision} times']:6.2f}x"
            line += f" {row[f'{precision} difference']:8.1e}"
    if "from files" in row:
        line += f" {row['from files']:9.1f}"
    print(f"{line}   {row['weights']}", flush=True)


def main() -> None:
    options = read_options()
    pictures = take_pictures(options)
    begun = os.getloadavg()[0]
    print("pictures a second, 200x200; x: times Keras on TensorFlow; difference to its features")
    files = " from files" if options.photos else ""
    print(f"backbone        Keras  float32            diff.     bf16            diff.{files}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        for name in options.backbones.split(","):
            rows.append(measure(options, name, pictures))
            show(rows[-1])
    means = {
        precision: geometric_mean(row[f"{precision} times"] for row in rows)
        for precision in ("float32", "bf16")
        if precision in rows[0]
    }
    bars = {"float32": 1.8, "bf16": 3.5}
    for precision, mean in means.items():
        print(f"{precision}: {mean:.2f} times, geometric mean; bar {bars[precision]}")
    limit = matrix_product_speed()
    print(f"a float32 matrix product runs at {limit / 1e9:.0f} G operations a second; of that")
    for row in rows:
        shares = {peer: row[peer] * row["operations"] / limit for peer in ("keras", "float32")}
        print(
            f"  {row['backbone']:13} {row['operations'] / 1e9:5.2f} G a picture: "
            f"Keras {shares['keras']:4.0%}, float32 {shares['float32']:4.0%}"
        )
    print(f"largest float32 difference {max(r['float32 difference'] for r in rows):.1e}; bar 1e-5")
    machine = {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "load before": begun,
        "load after": os.getloadavg()[0],
        "python": platform.python_version(),
        "openvino": version("openvino"),
        "keras": rows[0]["versions"][0],
        "tensorflow": rows[0]["versions"][1],
        "pictures": f"{options.pictures} from {options.photos or 'blocks drawn at random'}",
        "rounds": options.rounds,
    }
    print("; ".join(f"{name} {value}" for name, value in machine.items()))
    if options.json:
        result = {"machine": machine, "rows": rows, "geometric mean": means}
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def cpu() -> str:
    from openvino import Core

    return str(Core().get_property("CPU", "FULL_DEVICE_NAME")).strip()


if __name__ == "__main__":
    main()
