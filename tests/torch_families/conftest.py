"""What the tests of PyTorch's networks share; they skip where the extras are not installed.

Weights are random numbers, saved to files and said to be random: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedlens.backbones import Backbone
from embedlens.images import ImageSet

try:
    import torch
except ImportError:  # each module skips, with the reason
    torch = None


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    if torch is not None:
        torch.set_num_threads(2)


@pytest.fixture(scope="session", autouse=True)
def _no_network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Caches of their own, and no hub: a test that would download fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
        patch.setenv("EMBEDLENS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        patch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures whose shapes are awkward, in two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    shapes = {
        "a/awkward.jpg": (313, 211), "a/portrait.png": (97, 401), "a/grey.png": (180, 120),
        "a/tiny.png": (5, 7), "b/strip.png": (500, 1), "b/tower.png": (3, 260),
        "b/large.jpg": (1500, 1100), "b/square.jpg": (224, 224),
    }  # fmt: skip
    for number, (name, size) in enumerate(shapes.items()):
        rng = np.random.default_rng(number)
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        picture = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float64)
        picture = np.clip(picture + rng.normal(0, 12, picture.shape), 0, 255).astype(np.uint8)
        (folder / name).parent.mkdir(exist_ok=True)
        image = Image.fromarray(picture)
        image = image.convert("L") if "grey" in name else image
        image.save(folder / name, **({"quality": 95} if name.endswith("jpg") else {}))
    return folder


@pytest.fixture(scope="session")
def images(files: Path) -> ImageSet:
    """The pictures as an image set."""
    return ImageSet.read(files)


@pytest.fixture(scope="session")
def opened(files: Path, images: ImageSet) -> list[Image.Image]:
    """The pictures as a library gets them, in the same order."""
    return [Image.open(files / str(path)).convert("RGB") for path in images.paths]


@pytest.fixture(scope="session")
def randomized() -> Callable[..., Any]:
    """Sets all numbers of a module at random, so that its features differ from picture to picture.

    Libraries begin with scales of zero or 1e-6, and statistics of 0 and 1.
    """

    def randomized(module: Any, seed: int = 0) -> Any:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, each in module.state_dict().items():
                if not each.is_floating_point():
                    continue
                if each.ndim >= 2:
                    spread = (1.5 / each[0].numel()) ** 0.5 if each[0].numel() > 3 else 0.1
                    each.copy_(torch.randn(each.shape, generator=generator) * spread)
                elif name.endswith("running_var") or name.endswith("weight"):
                    each.copy_(0.5 + torch.rand(each.shape, generator=generator))
                elif "gamma" in name or name.rpartition(".")[2].startswith("ls"):
                    each.copy_(0.2 + 0.2 * torch.rand(each.shape, generator=generator))
                else:
                    each.copy_(0.1 * torch.randn(each.shape, generator=generator))
        return module.eval()

    return randomized


@pytest.fixture(scope="session")
def embedded(images: ImageSet) -> Callable[..., np.ndarray]:
    """Features of the pictures by the graph that the OpenVINO engine would run, in this process."""
    import openvino

    def embedded(backbone: Backbone, pooling: str = "own", form: str = "openvino") -> np.ndarray:
        built = backbone.family.build(backbone, form, backbone.transform, pooling, None)
        pixels = pixels_of(images, backbone)
        if form == "torch":
            with torch.no_grad():
                return built.model(torch.from_numpy(pixels)).numpy()
        compiled = openvino.Core().compile_model(
            built.model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        return np.stack([compiled([each[None].astype(np.float32)])[0][0] for each in pixels])

    return embedded


def pixels_of(images: ImageSet, backbone: Backbone) -> np.ndarray:
    from embedlens.features.decoding import decoded

    rows = dict(decoded(images, range(len(images)), backbone.transform))
    return np.stack([rows[i] for i in range(len(images))])


@pytest.fixture(scope="session")
def cosines() -> Callable[[np.ndarray, np.ndarray], float]:
    """The least cosine of a picture's features by one way and by another.

    Of what tells the pictures apart, the features less their mean, it must be .998: features that
    hardly depend on the picture would agree whatever the transform.
    """

    def cosines(given: np.ndarray, expected: np.ndarray) -> float:
        given, expected = np.asarray(given, np.float64), np.asarray(expected, np.float64)
        assert given.shape == expected.shape
        middle = expected.mean(0)
        assert np.linalg.norm(expected - middle) > 0.02 * np.linalg.norm(expected)
        assert _cosine(given - middle, expected - middle) >= 0.998
        return _cosine(given, expected)

    return cosines


def _cosine(given: np.ndarray, expected: np.ndarray) -> float:
    lengths = np.linalg.norm(given, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((given * expected).sum(1) / lengths).min())
