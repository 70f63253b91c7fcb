from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """The bytes of a picture in some format."""

    def encode(image: Image.Image, format: str, **options: object) -> bytes:
        file = io.BytesIO()
        image.save(file, format, **options)
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def scene() -> Callable[[int, int], Image.Image]:
    """A picture with colour gradients, an edge and no symmetry."""

    def scene(width: int, height: int) -> Image.Image:
        y, x = np.mgrid[0:height, 0:width] / max(width, height)
        red = 255 * x
        green = 127 + 120 * np.sin(9 * x + 5 * y)
        blue = np.where(x + 2 * y > 1, 220, 30)
        return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))

    return scene


@pytest.fixture(scope="session")
def noise() -> Image.Image:
    """A small picture of random pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (14, 20, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def picture(encode: Callable[..., bytes]) -> Callable[[int], bytes]:
    """The bytes of a small PNG, another for each number."""

    def picture(number: int) -> bytes:
        return encode(Image.new("RGB", (6, 4), (*divmod(number, 256), 7)), "PNG")

    return picture


@pytest.fixture
def animals(picture: Callable[[int], bytes]) -> dict[str, bytes]:
    """Ten cats and five dogs, by name."""
    names = [f"cat/{i}.png" for i in range(10)] + [f"dog/{i}.png" for i in range(5)]
    return {name: picture(i) for i, name in enumerate(names)}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Writes files by relative name into one folder of the test, and gives the folder."""

    def write(files: dict[str, bytes]) -> Path:
        root = tmp_path / "photos"
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        return root

    return write
