from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from embedlens.backbones.construction import construction
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.weights import randomize
from embedlens.images import ImageSet


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Keras on its default backend."""
    return import_keras()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of exported graphs for these tests alone."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLENS_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def difference() -> Callable[[np.ndarray, np.ndarray], float]:
    """The relative difference of two arrays, in norm."""

    def difference(given: np.ndarray, expected: np.ndarray) -> float:
        given, expected = np.asarray(given, np.float64), np.asarray(expected, np.float64)
        assert given.shape == expected.shape
        assert np.linalg.norm(expected) > 0
        return float(np.linalg.norm(given - expected) / np.linalg.norm(expected))

    return difference


@pytest.fixture(scope="session")
def draw() -> Callable[..., Path]:
    """Writes a picture of random blocks, another for each number."""

    def draw(path: Path, number: int, size: tuple[int, int] = (40, 30)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        blocks = np.random.default_rng(number).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize(size).save(path)
        return path

    return draw


@pytest.fixture
def photos(tmp_path: Path, draw: Callable[..., Path]) -> Path:
    """A folder of 12 pictures in two classes."""
    root = tmp_path / "photos"
    for number in range(12):
        draw(root / ("cat", "dog")[number % 2] / f"{number:02}.png", number)
    return root


@pytest.fixture
def images(photos: Path) -> ImageSet:
    """The 12 pictures."""
    return ImageSet.read(photos)


@pytest.fixture(scope="session")
def network_file(keras: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with what networks are made of, saved by its user.

    Augmentation, scaling, convolutions plain, strided, separable and padded, batch normalisation
    with statistics of its own, a branch, squeeze-and-excitation, a head.
    """
    layers = keras.layers
    with construction():
        inputs = keras.Input((32, 32, 3))
        x = layers.Rescaling(1 / 127.5, -1)(layers.RandomFlip()(inputs))
        x = layers.Conv2D(8, 3, strides=2, padding="same", activation="swish", name="stem")(x)
        branch = layers.ZeroPadding2D(1)(x)
        branch = layers.DepthwiseConv2D(3)(branch)
        branch = layers.BatchNormalization(name="norm")(branch)
        weight = layers.GlobalAveragePooling2D(keepdims=True)(branch)
        weight = layers.Conv2D(8, 1, activation="sigmoid")(weight)
        branch = layers.Multiply()([branch, weight])
        x = layers.Add()([x, branch])
        x = layers.Concatenate()([x, layers.MaxPooling2D(3, 1, padding="same")(x)])
        x = layers.SeparableConv2D(10, 3, activation="relu", name="last")(x)
        x = layers.GlobalAveragePooling2D()(x)
        network = keras.Model(inputs, layers.Dense(4, name="head")(x), name="small")
    randomize(network)
    rng = np.random.default_rng(0)
    for variable in network.get_layer("norm").weights:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    file = tmp_path_factory.mktemp("network") / "small.keras"
    network.save(file)
    return file


@pytest.fixture(scope="session")
def pixels() -> Callable[..., np.ndarray]:
    """Random pictures, uint8 (n, h, w, 3)."""

    def pixels(n: int, size: tuple[int, int]) -> np.ndarray:
        rng = np.random.default_rng(0)
        coarse = rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
        return np.stack([np.asarray(Image.fromarray(each).resize(size[::-1])) for each in coarse])

    return pixels


@pytest.fixture(scope="session")
def run() -> Callable[..., np.ndarray]:
    """Runs an engine over pictures and gathers the rows in order."""

    def run(engine, pictures: np.ndarray) -> np.ndarray:
        rows: dict[int, np.ndarray] = {}
        engine.run(enumerate(pictures), rows.__setitem__)
        assert sorted(rows) == list(range(len(pictures)))
        return np.stack([rows[row] for row in range(len(pictures))])

    return run


class MeanColours:
    """An engine without a network: the mean colours of a picture's 16 blocks.

    ``embedded`` names the rows it was asked for. ``values`` may change what a row gets.
    """

    size = (16, 16)
    features = 48
    frontier = 0
    feature_map = (4, 4, 3)
    parameters = 0
    vector = "mean colours of 16 blocks"

    def __init__(self) -> None:
        self.embedded: list[int] = []
        self.values: Callable[[int, np.ndarray], np.ndarray] = lambda row, values: values

    def run(self, pictures, write) -> None:
        for row, picture in pictures:
            self.embedded.append(row)
            blocks = picture.reshape(4, 4, 4, 4, 3).mean((1, 3), dtype=np.float32)
            write(row, self.values(row, blocks.ravel()))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> MeanColours:
    """The engine that `embed` gets instead of a real one; it counts what it is asked."""
    engine = MeanColours()
    # Not by its name in a string: `embedlens.features.embed` is the function.
    module = importlib.import_module("embedlens.features.embed")
    monkeypatch.setattr(module, "make_engine", lambda *_: engine)
    return engine


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """The files of a folder by name, and their bytes."""

    def contents(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    return contents
